/* spool_drain.c: see spool_drain.h. */
#include "ingest/spool_drain.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"

enum { BATCH_ROWS = 200, BATCH_BYTES = 1024 * 1024 };

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
    struct sent_row probe; /* drain NULL: none is under way */
    unsigned probed_lane;  /* last */
    int64_t passed;        /* this pass through the spool has dealt with the rows up to here; -1: it begins */
    uint64_t closed;       /* lanes whose rows it passes over */
};

_Static_assert(LANES < 64, "a lane is a bit of `closed`");

static void refuse(struct spool_drain *drain, int64_t sequence, const char *problem)
{
    log_event(LOG_ERROR, "record_set_aside", LOG_TEXT("path", spool_slot_path(drain->slot)),
              LOG_INT("sequence", sequence), LOG_TEXT("problem", problem),
              LOG_TEXT("remedy", "hookline spool set-aside shows it, hookline spool retry sends it again"));
    spool_group_set_aside(drain->group, sequence, problem);
    drain->events->refused(drain->context);
}

/* From the oldest again: what was not acked, or passed over, is older than what follows. */
static void begin_pass(struct spool_drain *drain)
{
    drain->passed = -1;
    drain->closed = 0;
}

static void settle(const struct sent_row *row, enum delivery delivery, const char *problem)
{
    struct spool_drain *drain = row->drain;
    if (delivery == DELIVERY_ACKED && !FAILPOINT("ingest.drain_acked")) {
        spool_group_delete(drain->group, row->sequence);
        drain->events->acked(drain->context, row->lane);
    } else if (delivery == DELIVERY_REFUSED) {
        refuse(drain, row->sequence, problem);
    } else {
        begin_pass(drain);
        drain->events->timed_out(drain->context, row->lane, row->sent_ns);
    }
}

static void on_report(void *opaque, enum delivery delivery, const char *problem)
{
    const struct sent_row *row = opaque;
    struct spool_drain *drain = row->drain;
    drain->unreported--;
    settle(row, delivery, problem);
    if (drain->unreported > 0)
        return;
    spool_group_commit(drain->group);
    if (!FAILPOINT("ingest.drain_deleted"))
        drain->events->ended(drain->context);
}

/* Its rows were passed over: from the oldest again, whatever came of it. */
static void on_probe_report(void *opaque, enum delivery delivery, const char *problem)
{
    struct sent_row *row = opaque;
    struct spool_drain *drain = row->drain;
    settle(row, delivery, problem);
    begin_pass(drain);
    row->drain = NULL;
    spool_group_commit(drain->group);
    if (delivery == DELIVERY_ACKED)
        drain->events->ended(drain->context);
}

/* False: the queue is full; what was not sent is in the next batch. */
static bool send_row(struct spool_drain *drain, struct producer *producer, const struct spool_row *row,
                     struct sent_row *sent, producer_report *report)
{
    const char *problem = "its headers in the spool cannot be read";
    *sent = (struct sent_row){drain, row->sequence, clock_ticks_ns(), lane_of(&row->record)};
    enum delivery delivery =
        row->record.headers ? producer_send(producer, &row->record, report, sent, &problem) : DELIVERY_REFUSED;
    if (delivery == DELIVERY_REFUSED)
        refuse(drain, row->sequence, problem);
    if (delivery == DELIVERY_ACKED && sent == &drain->probe)
        drain->probed_lane = sent->lane;
    else if (delivery == DELIVERY_ACKED)
        drain->unreported++;
    else if (sent == &drain->probe)
        sent->drain = NULL;
    return delivery != DELIVERY_FAILED;
}

/* The row is not for this batch. Of several silent lanes each is asked in its turn. */
static bool passes_over(struct spool_drain *drain, struct producer *producer, const struct spool_row *row)
{
    unsigned lane = lane_of(&row->record);
    enum lane_state state = drain->events->lane(drain->context, &row->record);
    bool first = !(drain->closed & UINT64_C(1) << lane); /* of this lane in this pass: the others stay behind it */
    if (state == LANE_OPEN && first)
        return false;
    drain->closed |= UINT64_C(1) << lane;
    if (state == LANE_SILENT && first && !drain->probe.drain && lane != drain->probed_lane)
        send_row(drain, producer, row, &drain->probe, on_probe_report);
    return true;
}

static void send_rows(struct spool_drain *drain, struct producer *producer, const struct spool_row *rows, size_t count,
                      size_t rows_max)
{
    for (size_t i = 0; i < count && drain->unreported < rows_max; i++) {
        if (!passes_over(drain, producer, &rows[i]) &&
            !send_row(drain, producer, &rows[i], &drain->sent[drain->unreported], on_report))
            return;
        drain->passed = rows[i].sequence;
    }
    if (count == 0) {
        begin_pass(drain);
        drain->probed_lane = drain->probe.drain ? drain->probed_lane : LANE_OF_NONE;
    }
}

void spool_drain_step(struct spool_drain *drain, struct producer *producer, int64_t below, size_t rows_max)
{
    struct spool *spool = spool_slot_spool(drain->slot);
    struct spool_row *rows = NULL;
    size_t count = 0;
    if (drain->unreported > 0 || spool_group_removals(drain->group) > 0 || spool_group_broken(drain->group))
        return;
    enum spool_outcome outcome =
        spool_read(spool, SPOOL_WAITING, drain->passed, below, BATCH_ROWS, BATCH_BYTES, drain->arena, &rows, &count);
    if (outcome != SPOOL_FINE)
        log_event(LOG_ERROR, "spool_not_read", LOG_TEXT("path", spool_slot_path(drain->slot)),
                  LOG_TEXT("problem", spool_problem(spool)));
    send_rows(drain, producer, rows, count, rows_max);
    arena_reset(drain->arena);
    if (outcome == SPOOL_CORRUPT)
        spool_group_corrupt(drain->group);
    if (drain->unreported > 0 && FAILPOINT("ingest.drain_sent"))
        producer_poll(producer, 0);
}

bool spool_drain_busy(const struct spool_drain *drain)
{
    return drain->unreported > 0 || drain->probe.drain;
}

struct spool_drain *spool_drain_new(struct spool_slot *slot, struct spool_group *group,
                                    const struct spool_drain_events *events, void *context)
{
    struct spool_drain *drain = memory_new(1, sizeof *drain);
    *drain = (struct spool_drain){.slot = slot,
                                  .group = group,
                                  .events = events,
                                  .context = context,
                                  .arena = arena_new(),
                                  .probed_lane = LANE_OF_NONE,
                                  .passed = -1};
    return drain;
}

void spool_drain_free(struct spool_drain *drain)
{
    if (!drain)
        return;
    arena_free(drain->arena);
    free(drain);
}
