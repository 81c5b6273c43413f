/* spool_drain.h: what waits in one spool goes to the brokers, in the order in which it was received.
 *
 *      read a batch ──> send all ──> wait until each is reported ──> delete those that were acked ──> the next batch
 *
 * A batch is at most 200 rows or 1 MiB, so live traffic finds a short queue before it; while the brokers are silent it is one
 * row, which asks whether they are back. Rows for a lane that is closed (lanes.h), or that have to wait for an older record of
 * their lane, are passed over, and with them all that follow in the lane in one pass through the spool, so that a call's order
 * holds; of each silent lane one row at a time, beside the batches, asks whether it answers. Passing over rows takes a tenth of
 * the loop's time at most, however many there are. What was not acked stays and is in the next batch again; what Kafka refuses
 * for good is set aside and stops nobody. No batch begins before the deletions of the last one are on the disk: a disk that
 * takes no deletion would else make the same records go out again and again.
 */
#ifndef HOOKLINE_INGEST_SPOOL_DRAIN_H
#define HOOKLINE_INGEST_SPOOL_DRAIN_H

#include "ingest/lanes.h"
#include "ingest/spool_group.h"

struct spool_drain;

struct spool_drain_events {
    enum lane_state (*lane_state)(void *context, unsigned lane);
    void (*acked)(void *context, unsigned lane);                      /* the brokers have one more of it */
    void (*timed_out)(void *context, unsigned lane, int64_t sent_ns); /* they did not take it; it stays */
    void (*refused)(void *context);                                   /* one was set aside */
    void (*again)(void *context, int64_t rest_ns);                    /* after this rest spool_drain_step has work */
};

/* Borrows both. */
struct spool_drain *spool_drain_new(struct spool_slot *slot, struct spool_group *group,
                                    const struct spool_drain_events *events, void *context);
/* Not before the producer's last report. NULL is fine. */
void spool_drain_free(struct spool_drain *drain);

/* Begins a batch of rows before `below` (sequences, by lane; NULL: all), unless one is under way or cannot be yet. */
void spool_drain_step(struct spool_drain *drain, struct producer *producer, const int64_t *below, size_t rows_max);
/* A batch is under way. */
bool spool_drain_busy(const struct spool_drain *drain);

#endif
