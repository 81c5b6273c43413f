/* spool_drain.c: see spool_drain.h. */
#include "ingest/spool_drain.h"

#include <stdlib.h>

#include "common/failpoint.h"
#include "common/log.h"

enum { BATCH_ROWS = 200, BATCH_BYTES = 1024 * 1024 };

struct sent_row {
    struct spool_drain *drain;
    int64_t sequence;
};

struct spool_drain {
    struct spool_slot *slot;
    struct spool_group *group;
    const struct spool_drain_events *events;
    void *context;
    struct arena *arena; /* of the batch that is read */
    struct sent_row sent[BATCH_ROWS];
    size_t unreported;
};

static void refuse(struct spool_drain *drain, int64_t sequence, const char *problem)
{
    log_event(LOG_ERROR, "record_set_aside", LOG_TEXT("path", spool_slot_path(drain->slot)),
              LOG_INT("sequence", sequence), LOG_TEXT("problem", problem),
              LOG_TEXT("remedy", "hookline spool set-aside shows it, hookline spool retry sends it again"));
    spool_group_set_aside(drain->group, sequence, problem);
    drain->events->refused(drain->context);
}

static void on_report(void *opaque, enum delivery delivery, const char *problem)
{
    const struct sent_row *row = opaque;
    struct spool_drain *drain = row->drain;
    drain->unreported--;
    if (delivery == DELIVERY_ACKED && !FAILPOINT("ingest.drain_acked")) {
        spool_group_delete(drain->group, row->sequence);
        drain->events->acked(drain->context);
    } else if (delivery == DELIVERY_REFUSED) {
        refuse(drain, row->sequence, problem);
    }
    if (drain->unreported > 0)
        return;
    spool_group_commit(drain->group);
    if (!FAILPOINT("ingest.drain_deleted"))
        drain->events->ended(drain->context);
}

static void send_row(struct spool_drain *drain, struct producer *producer, const struct spool_row *row, bool *stop)
{
    const char *problem = "its headers in the spool cannot be read";
    struct sent_row *sent = &drain->sent[drain->unreported];
    *sent = (struct sent_row){drain, row->sequence};
    enum delivery delivery =
        row->record.headers ? producer_send(producer, &row->record, on_report, sent, &problem) : DELIVERY_REFUSED;
    if (delivery == DELIVERY_ACKED)
        drain->unreported++;
    else if (delivery == DELIVERY_REFUSED)
        refuse(drain, row->sequence, problem);
    else
        *stop = true; /* the queue is full: what was not sent is in the next batch */
}

void spool_drain_step(struct spool_drain *drain, struct producer *producer, int64_t below, size_t rows_max)
{
    struct spool *spool = spool_slot_spool(drain->slot);
    struct spool_row *rows = NULL;
    size_t count = 0;
    bool stop = false;
    if (drain->unreported > 0 || spool_group_removals(drain->group) > 0 || spool_group_broken(drain->group))
        return;
    enum spool_outcome outcome =
        spool_read(spool, SPOOL_WAITING, -1, below, rows_max < BATCH_ROWS ? rows_max : BATCH_ROWS, BATCH_BYTES,
                   drain->arena, &rows, &count);
    if (outcome != SPOOL_FINE)
        log_event(LOG_ERROR, "spool_not_read", LOG_TEXT("path", spool_slot_path(drain->slot)),
                  LOG_TEXT("problem", spool_problem(spool)));
    for (size_t i = 0; i < count && !stop; i++)
        send_row(drain, producer, &rows[i], &stop);
    arena_reset(drain->arena);
    if (outcome == SPOOL_CORRUPT)
        spool_group_corrupt(drain->group);
    if (drain->unreported > 0 && FAILPOINT("ingest.drain_sent"))
        producer_poll(producer, 0);
}

bool spool_drain_busy(const struct spool_drain *drain)
{
    return drain->unreported > 0;
}

struct spool_drain *spool_drain_new(struct spool_slot *slot, struct spool_group *group,
                                    const struct spool_drain_events *events, void *context)
{
    struct spool_drain *drain = memory_new(1, sizeof *drain);
    *drain =
        (struct spool_drain){.slot = slot, .group = group, .events = events, .context = context, .arena = arena_new()};
    return drain;
}

void spool_drain_free(struct spool_drain *drain)
{
    if (!drain)
        return;
    arena_free(drain->arena);
    free(drain);
}
