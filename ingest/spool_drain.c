/* spool_drain.c: see spool_drain.h. */
#include "ingest/spool_drain.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"

enum {
    BATCH_ROWS = 200,
    BATCH_BYTES = 1024 * 1024,
    REST_NS = 2000000, /* between two batches: live traffic has its turn */
    REST_FACTOR = 10,  /* after a batch that was only passed over: so many times what it took */
};

struct sent_row {
    struct spool_drain *drain;
    int64_t sequence, sent_ns;
    unsigned lane;
};

struct spool_drain {
    struct spool_slot *slot;
    struct spool_group *group;
    const struct spool_drain_events *events;
    void *context;
    struct arena *arena; /* of the batch that is read */
    struct sent_row sent[BATCH_ROWS];
    size_t unreported;
    bool stayed;                       /* one of those that were sent */
    struct sent_row asking[LANES + 1]; /* by lane: the row that asks whether it answers; drain NULL: none does */
    size_t asking_count;
    /* The pass through the spool that goes on. `end` is the last row there was when it began: what comes meanwhile would keep
     * it from an end, and what it passed over from the next one. `below` is the lowest that was said since: a record that was
     * under way may have become a row behind it. */
    int64_t passed; /* it has dealt with the rows up to here; -1: it begins */
    int64_t end;
    int64_t below[LANES + 1];
    uint64_t closed;       /* lanes whose rows it passes over */
    int64_t rest_until_ns; /* monotonic */
};

_Static_assert(LANES < 64, "a lane is a bit of `closed`");

static void refuse(struct spool_drain *drain, int64_t sequence, const char *problem)
{
    spool_group_set_aside(drain->group, sequence, problem);
    drain->events->refused(drain->context);
}

/* From the oldest again: what was not acked, or passed over, is older than what follows. */
static void begin_pass(struct spool_drain *drain)
{
    drain->passed = -1;
    drain->closed = 0;
    for (unsigned lane = 0; lane <= LANES; lane++)
        drain->below[lane] = INT64_MAX;
}

static void lower_bounds(struct spool_drain *drain, const int64_t *below)
{
    for (unsigned lane = 0; below && lane <= LANES; lane++)
        if (below[lane] < drain->below[lane])
            drain->below[lane] = below[lane];
}

/* False: it stays. */
static bool settle(const struct sent_row *row, enum delivery delivery, const char *problem)
{
    struct spool_drain *drain = row->drain;
    if (delivery == DELIVERY_ACKED && !FAILPOINT("ingest.drain_acked")) {
        spool_group_delete(drain->group, row->sequence);
        drain->events->acked(drain->context, row->lane);
        return true;
    }
    if (delivery == DELIVERY_REFUSED) {
        refuse(drain, row->sequence, problem);
        return true;
    }
    drain->events->timed_out(drain->context, row->lane, row->sent_ns);
    return false;
}

static void on_report(void *opaque, enum delivery delivery, const char *problem)
{
    const struct sent_row *row = opaque;
    struct spool_drain *drain = row->drain;
    drain->unreported--;
    if (!settle(row, delivery, problem)) {
        begin_pass(drain);
        drain->stayed = true;
    }
    if (drain->unreported > 0)
        return;
    bool stayed = drain->stayed;
    drain->stayed = false;
    spool_group_commit(drain->group);
    if (!FAILPOINT("ingest.drain_deleted") && !stayed) /* a broker that says no at once would be asked without end */
        drain->events->again(drain->context, REST_NS);
}

/* Acked: its lane is open, whose rows were passed over. Not: the pass goes on, or, with a lane that never answers, it would not
 * come to an end in a long spool; the next one asks again. */
static void on_asking_report(void *opaque, enum delivery delivery, const char *problem)
{
    struct sent_row *row = opaque;
    struct spool_drain *drain = row->drain;
    settle(row, delivery, problem);
    row->drain = NULL;
    drain->asking_count--;
    spool_group_commit(drain->group);
    if (delivery != DELIVERY_ACKED)
        return;
    begin_pass(drain);
    drain->rest_until_ns = 0;
    drain->events->again(drain->context, REST_NS);
}

/* False: the queue is full; what was not sent is in the next batch. */
static bool send_row(struct spool_drain *drain, struct producer *producer, const struct spool_row *row, unsigned lane,
                     struct sent_row *sent)
{
    const char *problem = "its headers in the spool cannot be read";
    bool asks = sent == &drain->asking[lane];
    *sent = (struct sent_row){drain, row->sequence, clock_ticks_ns(), lane};
    enum delivery delivery =
        row->record.headers ? producer_send(producer, &row->record, asks ? on_asking_report : on_report, sent, &problem)
                            : DELIVERY_REFUSED;
    if (delivery == DELIVERY_ACKED)
        *(asks ? &drain->asking_count : &drain->unreported) += 1;
    else
        sent->drain = NULL;
    if (delivery == DELIVERY_REFUSED)
        refuse(drain, row->sequence, problem);
    return delivery != DELIVERY_FAILED;
}

/* The row is not for this batch: its lane is closed, or an older record is under way, or so it was when this pass found the
 * first of the lane, behind which the others stay. */
static bool passes_over(struct spool_drain *drain, struct producer *producer, const struct spool_row *row,
                        unsigned lane)
{
    enum lane_state state = drain->events->lane_state(drain->context, lane);
    bool next =
        !(drain->closed & UINT64_C(1) << lane) && !drain->asking[lane].drain && row->sequence < drain->below[lane];
    if (state == LANE_OPEN && next)
        return false;
    drain->closed |= UINT64_C(1) << lane;
    if (state == LANE_SILENT && next)
        send_row(drain, producer, row, lane, &drain->asking[lane]);
    return true;
}

/* False: the queue is full. */
static bool send_rows(struct spool_drain *drain, struct producer *producer, const struct spool_row *rows, size_t count,
                      size_t rows_max)
{
    for (size_t i = 0; i < count && drain->unreported < rows_max; i++) {
        unsigned lane = lane_of(&rows[i].record);
        if (!passes_over(drain, producer, &rows[i], lane) &&
            !send_row(drain, producer, &rows[i], lane, &drain->sent[drain->unreported]))
            return false;
        drain->passed = rows[i].sequence;
    }
    return true;
}

/* What only passes over rows is not waited for by an ack: it takes its rest by itself. */
static void rest(struct spool_drain *drain, int64_t begun_ns)
{
    int64_t now_ns = clock_ticks_ns();
    int64_t rest_ns = (now_ns - begun_ns) * REST_FACTOR;
    rest_ns = rest_ns > REST_NS ? rest_ns : REST_NS;
    drain->rest_until_ns = now_ns + rest_ns;
    drain->events->again(drain->context, rest_ns);
}

static bool rests(struct spool_drain *drain)
{
    int64_t left_ns = drain->rest_until_ns - clock_ticks_ns();
    if (left_ns > 0)
        drain->events->again(drain->context, left_ns);
    return left_ns > 0;
}

void spool_drain_step(struct spool_drain *drain, struct producer *producer, const int64_t *below, size_t rows_max)
{
    struct spool *spool = spool_slot_spool(drain->slot);
    struct spool_row *rows = NULL;
    size_t count = 0;
    if (drain->unreported > 0 || spool_group_removals(drain->group) > 0 || spool_group_broken(drain->group) ||
        rests(drain))
        return;
    int64_t begun_ns = clock_ticks_ns();
    if (drain->passed < 0)
        drain->end = spool_stat(spool).last_sequence;
    lower_bounds(drain, below);
    enum spool_outcome outcome = spool_read(spool, SPOOL_WAITING, drain->passed, drain->end + 1, BATCH_ROWS,
                                            BATCH_BYTES, drain->arena, &rows, &count);
    if (outcome != SPOOL_FINE)
        log_event(LOG_ERROR, "spool_not_read", LOG_TEXT("path", spool_slot_path(drain->slot)),
                  LOG_TEXT("problem", spool_problem(spool)));
    bool passed = send_rows(drain, producer, rows, count, rows_max) && drain->unreported == 0;
    arena_reset(drain->arena);
    if (count == 0)
        begin_pass(drain);
    else if (passed)
        rest(drain, begun_ns);
    if (outcome == SPOOL_CORRUPT)
        spool_group_corrupt(drain->group);
    if (drain->unreported > 0 && FAILPOINT("ingest.drain_sent"))
        producer_poll(producer, 0);
}

bool spool_drain_busy(const struct spool_drain *drain)
{
    return drain->unreported > 0 || drain->asking_count > 0;
}

struct spool_drain *spool_drain_new(struct spool_slot *slot, struct spool_group *group,
                                    const struct spool_drain_events *events, void *context)
{
    struct spool_drain *drain = memory_new(1, sizeof *drain);
    *drain =
        (struct spool_drain){.slot = slot, .group = group, .events = events, .context = context, .arena = arena_new()};
    begin_pass(drain);
    return drain;
}

void spool_drain_free(struct spool_drain *drain)
{
    if (!drain)
        return;
    arena_free(drain->arena);
    free(drain);
}
