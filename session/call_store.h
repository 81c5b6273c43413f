/* call_store.h: the transaction in which a batch of events takes effect, once.
 *
 *      flight 1   BEGIN, inbox, owners, lock ──> which events are fresh, whose the calls are, their rows
 *                 merge (pure)
 *      (flight)   customers, only if a call has a new number
 *      flight 2   INSERT new calls, UPDATE changed ones, COMMIT
 *      publish    the state of every call that the batch touched, changed or not: a repeat heals what a crash between
 *                 COMMIT and the acks left unsaid
 */
#ifndef HOOKLINE_SESSION_CALL_STORE_H
#define HOOKLINE_SESSION_CALL_STORE_H

#include "common/stage.h"
#include "session/call_batch.h"

/* Added up; true only of what was committed. */
struct call_store_counts {
    uint64_t fresh, duplicate, forgotten, ignored, overridden, inserted, updated;
};

/* STAGE_DONE: committed, updates handed to `batch`. `calls` has entries (none of them to be stored alone) and an arena that
 * lives as long as the batch. */
enum stage_outcome call_store(struct database *database, struct batch *batch, struct call_batch *calls,
                              const char *topic, struct call_store_counts *counts);

/* Hands one call's update to the batch. */
void call_publish(struct batch *batch, const struct call *call, const struct event *last, bool gone);

#endif
