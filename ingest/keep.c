/* keep.c: whoever waits stands in one line, the oldest first: all wait equally long, so one timer watches the first. */
#include "ingest/keep.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

enum { LATE_MS = 8000 }; /* librdkafka goes on trying so long after our "no": it may spare the sender's repetition */

struct waiting {
    struct keep *keep;
    struct waiting *older, *newer; /* in the line, while `answer` is set */
    int64_t begun_ns;
    keep_answer *answer; /* NULL once answered; the producer's report still comes */
    void *opaque;
};

struct keep {
    struct event_base *base;
    const struct settings *settings;
    int64_t ack_timeout_ms;
    struct producer *producer;
    struct producer *retired; /* given up by librdkafka, until its last report has come; NULL: none */
    struct waiting *oldest, *newest;
    struct event *timer;
    struct metric *late_acks, *in_flight, *replaced;
};

static void line_leave(struct waiting *waiting)
{
    struct keep *keep = waiting->keep;
    *(waiting->older ? &waiting->older->newer : &keep->oldest) = waiting->newer;
    *(waiting->newer ? &waiting->newer->older : &keep->newest) = waiting->older;
    metric_add(keep->in_flight, -1);
}

static void line_join(struct waiting *waiting)
{
    struct keep *keep = waiting->keep;
    waiting->older = keep->newest;
    *(keep->newest ? &keep->newest->newer : &keep->oldest) = waiting;
    keep->newest = waiting;
    metric_add(keep->in_flight, 1);
}

static int64_t left_ns(const struct keep *keep, const struct waiting *waiting)
{
    return waiting->begun_ns + keep->ack_timeout_ms * 1000000 - clock_ticks_ns();
}

static void arm(struct keep *keep)
{
    if (!keep->oldest || event_pending(keep->timer, EV_TIMEOUT, NULL))
        return;
    int64_t us = left_ns(keep, keep->oldest) / 1000;
    us = us > 0 ? us : 0;
    event_add(keep->timer, &(struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000 + 1});
}

static void tell(struct waiting *waiting, enum kept kept, const char *problem)
{
    keep_answer *answer = waiting->answer;
    waiting->answer = NULL;
    line_leave(waiting);
    answer(waiting->opaque, kept, (double)(clock_ticks_ns() - waiting->begun_ns) / 1e9, problem);
}

/* Everyone whose time is over, or everyone. */
static void tell_no(struct keep *keep, bool everyone, const char *problem)
{
    struct waiting *newer = NULL;
    for (struct waiting *waiting = keep->oldest; waiting; waiting = newer) {
        if (!everyone && left_ns(keep, waiting) > 0)
            break;
        newer = waiting->newer;
        tell(waiting, KEPT_NOT, problem);
    }
}

static void on_time_out(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct keep *keep = context;
    tell_no(keep, false, "the brokers did not acknowledge it in time");
    arm(keep);
}

static void on_report(void *opaque, enum delivery delivery, const char *problem)
{
    struct waiting *waiting = opaque;
    if (waiting->answer)
        tell(waiting, delivery == DELIVERY_ACKED ? KEPT : KEPT_NOT, problem);
    else if (delivery == DELIVERY_ACKED)
        metric_add(waiting->keep->late_acks, 1);
    free(waiting);
}

void keep_record(struct keep *keep, const struct record *record, bool may_spool, keep_answer *answer, void *opaque)
{
    (void)may_spool; /* nothing waits anywhere yet */
    struct waiting *waiting = memory_new(1, sizeof *waiting);
    *waiting = (struct waiting){.keep = keep, .begun_ns = clock_ticks_ns(), .answer = answer, .opaque = opaque};
    line_join(waiting);
    const char *problem = NULL;
    if (producer_send(keep->producer, record, on_report, waiting, &problem) == DELIVERY_ACKED) {
        arm(keep);
        return;
    }
    tell(waiting, KEPT_NOT, problem);
    free(waiting);
}

static const char *open_producer(struct keep *keep)
{
    static const char *const WRITES[] = {TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_STRIPE, NULL};
    const char *problem =
        producer_open(&keep->producer, keep->settings, "hookline-ingest", WRITES, keep->ack_timeout_ms + LATE_MS);
    if (!problem)
        producer_attach(keep->producer, keep->base);
    return problem;
}

const char *keep_open(struct keep **result, struct event_base *base, const struct settings *settings,
                      int64_t ack_timeout_ms)
{
    struct keep *keep = memory_new(1, sizeof *keep);
    *keep = (struct keep){.base = base, .settings = settings, .ack_timeout_ms = ack_timeout_ms};
    const char *problem = open_producer(keep);
    if (problem) {
        free(keep);
        return problem;
    }
    producer_warm_up(keep->producer);
    keep->timer = evtimer_new(base, on_time_out, keep);
    keep->late_acks = metrics_counter("hookline_ingest_late_acks_total", "",
                                      "Records acknowledged after their sender had been told to come again.");
    keep->in_flight = metrics_gauge("hookline_ingest_in_flight", "", "Webhooks that wait for the brokers.");
    keep->replaced = metrics_counter("hookline_ingest_producers_replaced_total", "",
                                     "Producers that librdkafka declared fatal and that were opened anew.");
    *result = keep;
    return NULL;
}

void keep_close(struct keep *keep)
{
    producer_close(keep->producer);
    producer_close(keep->retired);
    event_free(keep->timer);
    free(keep);
}

bool keep_ready(const struct keep *keep)
{
    return producer_ready(keep->producer) && !producer_fatal(keep->producer);
}

void keep_tick(struct keep *keep)
{
    if (keep->retired && producer_idle(keep->retired)) {
        producer_close(keep->retired);
        keep->retired = NULL;
    }
    const char *fatal = producer_fatal(keep->producer);
    if (!fatal || keep->retired)
        return;
    log_event(LOG_ERROR, "producer_replaced", LOG_TEXT("problem", fatal));
    tell_no(keep, true, "the producer was given up");
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
