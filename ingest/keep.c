/* keep.c: who waits for the brokers stands in one line, the oldest first: all wait equally long, so one timer watches the first.
 *
 *      line ──ack──> answered            line ──time-out──> row in the spool, answered; held until the producer's report
 */
#include "ingest/keep.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/keep_choice.h"
#include "ingest/silence.h"
#include "ingest/spools.h"
#include "ingest/waiting.h"

enum {
    /* librdkafka goes on trying so long after our time-out: its ack spares the spool's sending it again */
    LATE_MS = 8000,
    /* who comes in it waits in the kernel's queue; brokers that need longer are known within a second */
    WARM_UP_MS = 250,
};

static const char IN_VAIN[] = "the brokers did not acknowledge it in time";

struct keep {
    struct event_base *base;
    const struct settings *settings;
    int64_t ack_timeout_ms;
    struct producer *producer;
    const char *topics[LANE_TOPICS + 1]; /* that webhooks are written to; NULL ends */
    struct producer *retired;            /* given up by librdkafka, until its last report has come; NULL: none */
    struct spools *spools;               /* NULL: no SPOOL_DIR */
    struct waiting_rings rings;
    int64_t sequence; /* the last one given */
    struct silence silence;
    bool closing;
    enum keep_state said; /* in the log */
    struct event *timer, *drain;
    int64_t drain_at_ns; /* when `drain` is due, if it is pending */
    struct metric *late_acks, *in_flight, *replaced, *brokers_answer;
};

/* ---- the line ---- */

static bool in_line(const struct waiting *waiting)
{
    return waiting->ring == &waiting->keep->rings.line;
}

static void join_line(struct waiting *waiting)
{
    waiting_join(waiting, &waiting->keep->rings.line);
    metric_add(waiting->keep->in_flight, 1);
}

static void leave(struct waiting *waiting)
{
    if (in_line(waiting))
        metric_add(waiting->keep->in_flight, -1);
    waiting_leave(waiting);
}

static void hold(struct waiting *waiting)
{
    if (in_line(waiting))
        metric_add(waiting->keep->in_flight, -1);
    waiting_join(waiting, &waiting->keep->rings.held);
}

/* ---- time ---- */

static int64_t left_ns(const struct keep *keep, const struct waiting *waiting)
{
    return waiting->begun_ns + keep->ack_timeout_ms * 1000000 - clock_ticks_ns();
}

static void arm(struct keep *keep)
{
    const struct waiting *oldest = waiting_oldest(&keep->rings.line);
    if (!oldest || event_pending(keep->timer, EV_TIMEOUT, NULL))
        return;
    int64_t us = left_ns(keep, oldest) / 1000;
    us = us > 0 ? us : 0;
    event_add(keep->timer, &(struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000 + 1});
}

/* ---- draining ---- */

/* What is under way may still reach the brokers by itself: later rows of its lane wait for it. */
static void on_drain(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct keep *keep = context;
    int64_t below[LANES + 1];
    if (keep->closing || !producer_up(keep->producer))
        return;
    waiting_oldest_of_lanes(&keep->rings, below);
    spools_drain(keep->spools, keep->producer, below, keep->silence.all);
}

/* The own spool and the orphan's share the timer: the sooner of the two has it. */
static void on_drain_again(void *context, int64_t rest_ns)
{
    struct keep *keep = context;
    int64_t at_ns = clock_ticks_ns() + rest_ns;
    if (event_pending(keep->drain, EV_TIMEOUT, NULL) && keep->drain_at_ns <= at_ns)
        return;
    keep->drain_at_ns = at_ns;
    event_add(keep->drain, &(struct timeval){.tv_sec = rest_ns / 1000000000, .tv_usec = rest_ns % 1000000000 / 1000});
}

static enum lane_state lane_state(void *context, unsigned lane)
{
    const struct keep *keep = context;
    if (!producer_leads(keep->producer, lane_topic(lane), lane_partition(lane)))
        return LANE_LEADERLESS;
    return keep->silence.lanes.silent[lane] ? LANE_SILENT : LANE_OPEN;
}

static void on_lane_acked(void *context, unsigned lane)
{
    struct keep *keep = context;
    silence_acked(&keep->silence, lane);
}

/* Without a spool there is nowhere else to go, whoever is silent. */
static void on_lane_timed_out(void *context, unsigned lane, int64_t sent_ns)
{
    struct keep *keep = context;
    if (keep->spools)
        silence_timed_out(&keep->silence, lane, sent_ns);
}

/* ---- answers ---- */

static void tell(struct waiting *waiting, enum kept kept, const char *problem)
{
    keep_answer *answer = waiting->answer;
    waiting->answer = NULL;
    if (in_line(waiting))
        leave(waiting);
    answer(waiting->opaque, kept, (double)(clock_ticks_ns() - waiting->begun_ns) / 1e9, problem);
}

static void on_committed(void *opaque, const char *problem)
{
    struct waiting *waiting = opaque;
    waiting->in_group = false;
    if (problem) {
        waiting->has_row = false;
        leave(waiting);
    }
    if (waiting->answer)
        tell(waiting, problem ? KEPT_NOT : KEPT_SPOOLED, problem);
    waiting_free_if_over(waiting);
}

static void put_into_spool(struct waiting *waiting)
{
    struct keep *keep = waiting->keep;
    if (waiting->under_way)
        hold(waiting);
    else
        leave(waiting);
    waiting->in_group = waiting->has_row = true;
    spools_append(keep->spools,
                  &(struct spool_row){
                      .sequence = waiting->sequence, .received_ms = waiting->received_ms, .record = waiting->record},
                  on_committed, waiting);
}

/* NULL: the spool takes it. */
static const char *spool_refuses(const struct waiting *waiting)
{
    return waiting->may_spool
               ? spools_problem(waiting->keep->spools, waiting->record.key.len + waiting->record.value.len)
               : "is not for this source: it says \"spool\": \"never\"";
}

static void tell_both(struct waiting *waiting, const char *problem, const char *refusal)
{
    char both[512];
    snprintf(both, sizeof both, "%s; the spool %s", problem, refusal);
    tell(waiting, KEPT_NOT, both);
}

/* The brokers do not have it, as far as we know: the spool, or "no". What they refused for good is kept all the same, where an
 * operator finds it: the sender can do nothing about it. */
static void fall_back(struct waiting *waiting, enum delivery delivery, const char *problem)
{
    const char *refusal = spool_refuses(waiting);
    if (refusal) {
        tell_both(waiting, problem, refusal);
        return;
    }
    put_into_spool(waiting);
    if (delivery == DELIVERY_REFUSED)
        spools_set_aside(waiting->keep->spools, waiting->sequence, problem);
}

/* Everyone whose time is over, or everyone. */
static void fall_back_all(struct keep *keep, bool everyone, const char *problem)
{
    for (struct waiting *waiting = waiting_oldest(&keep->rings.line); waiting;
         waiting = waiting_oldest(&keep->rings.line)) {
        if (!everyone && left_ns(keep, waiting) > 0)
            break;
        if (!everyone)
            on_lane_timed_out(keep, waiting->lane, waiting->begun_ns);
        fall_back(waiting, DELIVERY_FAILED, problem);
        waiting_free_if_over(waiting);
    }
}

static void on_time_out(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct keep *keep = context;
    fall_back_all(keep, false, IN_VAIN);
    arm(keep);
}

/* ---- what the producer reports ---- */

static void report_ack(struct waiting *waiting)
{
    struct keep *keep = waiting->keep;
    on_lane_acked(keep, waiting->lane);
    if (waiting->has_row)
        spools_delete(keep->spools, waiting->sequence);
    if (waiting->answer)
        tell(waiting, KEPT, NULL);
    else if (!waiting->has_row)
        metric_add(keep->late_acks, 1);
}

static void on_report(void *opaque, enum delivery delivery, const char *problem)
{
    struct waiting *waiting = opaque;
    waiting->under_way = false;
    if (!in_line(waiting))
        leave(waiting);
    if (delivery == DELIVERY_ACKED && !FAILPOINT("ingest.acked"))
        report_ack(waiting);
    else if (in_line(waiting))
        fall_back(waiting, delivery, problem ? problem : IN_VAIN);
    else if (waiting->has_row && delivery == DELIVERY_REFUSED)
        spools_set_aside(waiting->keep->spools, waiting->sequence, problem);
    waiting_free_if_over(waiting);
}

/* ---- a record comes ---- */

static void send_to_brokers(struct waiting *waiting)
{
    struct keep *keep = waiting->keep;
    const char *problem = NULL;
    join_line(waiting);
    enum delivery delivery = producer_send(keep->producer, &waiting->record, on_report, waiting, &problem);
    waiting->under_way = delivery == DELIVERY_ACKED;
    if (waiting->under_way)
        arm(keep);
    else
        fall_back(waiting, delivery, problem);
}

/* A spool that could not be opened at the start may come with rows of its own later. */
static int64_t next_sequence(struct keep *keep)
{
    int64_t last = spools_last_sequence(keep->spools);
    keep->sequence = (last > keep->sequence ? last : keep->sequence) + 1;
    return keep->sequence;
}

void keep_record(struct keep *keep, const struct record *record, bool may_spool, keep_answer *answer, void *opaque)
{
    struct waiting *waiting = memory_new(1, sizeof *waiting);
    *waiting = (struct waiting){.keep = keep,
                                .rings = &keep->rings,
                                .begun_ns = clock_ticks_ns(),
                                .received_ms = clock_now_ms(),
                                .sequence = next_sequence(keep),
                                .record = *record,
                                .lane = lane_of(record),
                                .may_spool = may_spool,
                                .answer = answer,
                                .opaque = opaque};
    bool failing = FAILPOINT("ingest.received");
    enum keep_choice choice = keep_choose((struct keep_facts){
        .may_spool = may_spool,
        .spool_takes = !spool_refuses(waiting),
        .key_waits = may_spool && spools_key_waits(keep->spools, record->key),
        .brokers_up = producer_up(keep->producer),
        .brokers_silent = keep->silence.all || lane_state(keep, waiting->lane) != LANE_OPEN,
    });
    if (failing)
        tell(waiting, KEPT_NOT, "the failpoint said so");
    else if (choice == CHOICE_SPOOL)
        put_into_spool(waiting);
    else
        send_to_brokers(waiting);
    waiting_free_if_over(waiting);
}

/* ---- opening, closing, looking after ---- */

static const char *open_producer(struct keep *keep)
{
    const char *problem =
        producer_open(&keep->producer, keep->settings, "hookline-ingest", keep->topics, keep->ack_timeout_ms + LATE_MS);
    if (!problem)
        producer_attach(keep->producer, keep->base);
    return problem;
}

static const char *open_spools(struct keep *keep)
{
    const struct settings *settings = keep->settings;
    const char *problem = spools_open(&keep->spools, keep->base,
                                      &(struct spools_options){
                                          .directory = settings_text(settings, "SPOOL_DIR"),
                                          .bytes_max = settings_count(settings, "SPOOL_MAX_BYTES"),
                                          .age_max_ms = settings_count(settings, "SPOOL_MAX_AGE_MS"),
                                          .lane_state = lane_state,
                                          .acked = on_lane_acked,
                                          .timed_out = on_lane_timed_out,
                                          .again = on_drain_again,
                                          .context = keep,
                                      });
    return problem;
}

static void make_metrics(struct keep *keep)
{
    keep->late_acks = metrics_counter("hookline_ingest_late_acks_total", "",
                                      "Records acknowledged after their sender had been told to come again.");
    keep->in_flight = metrics_gauge("hookline_ingest_in_flight", "", "Webhooks that wait for the brokers.");
    keep->brokers_answer = metrics_gauge("hookline_ingest_brokers_answer", "",
                                         "1 while new webhooks go to the brokers, 0 while they go to the spool.");
    keep->replaced = metrics_counter("hookline_ingest_producers_replaced_total", "",
                                     "Producers that librdkafka declared fatal and that were opened anew.");
}

const char *keep_open(struct keep **result, struct event_base *base, const struct settings *settings)
{
    struct keep *keep = memory_new(1, sizeof *keep);
    *keep =
        (struct keep){.base = base, .settings = settings, .ack_timeout_ms = settings_count(settings, "ACK_TIMEOUT_MS")};
    waiting_rings_init(&keep->rings);
    silence_begin(&keep->silence, keep->ack_timeout_ms);
    make_metrics(keep);
    keep->timer = evtimer_new(base, on_time_out, keep);
    keep->drain = evtimer_new(base, on_drain, keep);
    *result = keep;
    const char *problem = open_spools(keep);
    return problem ? problem : open_producer(keep);
}

void keep_write_to(struct keep *keep, const char *topic)
{
    size_t count = 0;
    for (; keep->topics[count]; count++)
        if (strcmp(keep->topics[count], topic) == 0)
            return;
    keep->topics[count] = topic;
    producer_write_to(keep->producer, topic);
}

void keep_warm_up(struct keep *keep)
{
    producer_warm_up(keep->producer, WARM_UP_MS);
}

void keep_close(struct keep *keep)
{
    keep->closing = true;
    fall_back_all(keep, true, "ingest ends before the brokers acknowledged it");
    spools_commit(keep->spools);
    producer_close(keep->producer);
    producer_close(keep->retired);
    spools_close(keep->spools);
    event_free(keep->timer);
    event_free(keep->drain);
    free(keep);
}

enum keep_state keep_state(const struct keep *keep)
{
    if (producer_ready(keep->producer) && !keep->silence.all)
        return KEEP_TO_BROKERS;
    return spools_take(keep->spools, 0) ? KEEP_TO_SPOOL : KEEP_NOWHERE;
}

const char *keep_spool_problem(const struct keep *keep)
{
    return spools_problem(keep->spools, 0);
}

static void replace_producer(struct keep *keep, const char *why)
{
    log_event(LOG_ERROR, "producer_replaced", LOG_TEXT("problem", why));
    fall_back_all(keep, true, "the producer was given up");
    struct producer *old = keep->producer;
    const char *problem = open_producer(keep);
    if (problem) {
        log_event(LOG_ERROR, "producer_not_replaced", LOG_TEXT("problem", problem));
        keep->producer = old;
        return;
    }
    keep->retired = old;
    producer_abandon(old); /* so that its end blocks nobody: closing it earlier would wait for what is under way */
    metric_add(keep->replaced, 1);
}

static void say_state(struct keep *keep)
{
    static const struct {
        enum log_level level;
        const char *event;
    } SAYINGS[] = {
        [KEEP_TO_BROKERS] = {LOG_INFO, "keeping_with_brokers"},
        [KEEP_TO_SPOOL] = {LOG_WARN, "keeping_in_spool"},
        [KEEP_NOWHERE] = {LOG_ERROR, "keeping_nowhere"},
    };
    enum keep_state state = keep_state(keep);
    const char *spool_problem = keep_spool_problem(keep);
    metric_set(keep->brokers_answer, state == KEEP_TO_BROKERS);
    if (state != keep->said)
        log_event(SAYINGS[state].level, SAYINGS[state].event,
                  LOG_TEXT("brokers", !producer_up(keep->producer)      ? "away"
                                      : !producer_ready(keep->producer) ? "without a topic, or a right to it"
                                      : keep->silence.all               ? "silent"
                                                                        : "up"),
                  LOG_TEXT("spool", spool_problem ? spool_problem : "takes"));
    keep->said = state;
}

void keep_tick(struct keep *keep)
{
    if (keep->retired && producer_idle(keep->retired)) {
        producer_close(keep->retired);
        keep->retired = NULL;
    }
    const char *fatal = producer_fatal(keep->producer);
    if (fatal && !keep->retired)
        replace_producer(keep, fatal);
    spools_tick(keep->spools);
    on_drain(-1, 0, keep);
    say_state(keep);
}
