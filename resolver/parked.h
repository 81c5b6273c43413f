/* parked.h: events that no rule can place wait in PostgreSQL, and leave when one can.
 *
 *      no company ──INSERT──> parked_events ──a mapping or an owner appears──> claim ──> placed again ──> calls.events
 *                                  ^                                                          │ acks
 *                                  └────────────── still nobody's ── released_at = now() <────┘ commit
 *
 * Looked at when a mapping changed, and every 30 s: a mapping that committed between a batch's look-up and its INSERT was
 * announced too early, and new owners are never announced. A crash between ack and commit publishes the event again;
 * session's inbox knows its id.
 *
 * What is no call (`not_a_call`) waits for a stage that wants it, not for a mapping: no look touches it.
 */
#ifndef HOOKLINE_RESOLVER_PARKED_H
#define HOOKLINE_RESOLVER_PARKED_H

#include "common/stage.h"
#include "resolver/placement.h"

enum { PARKED_LOOK_EVERY_MS = 30000 };

/* The placements whose event has no company: one INSERT, so one transaction. An event that is parked already stays as it
 * is. `records[i]` is what `placements[i]` was made of. False: *error. */
bool parked_store(struct database *database, struct arena *arena, const struct batch_record *const *records,
                  const struct placement *placements, size_t count, struct database_error *error);

/* How far a look has come: its pages go in the order of event ids. Zeroed: at the beginning. */
struct release_cursor {
    char last[EVENT_ID_BYTES];
    size_t length; /* 0 or EVENT_ID_BYTES */
};

enum release_outcome {
    RELEASE_DONE,        /* the look is over: there was nothing after the cursor */
    RELEASE_MORE,        /* a page is done, and the cursor behind it */
    RELEASE_NO_KAFKA,    /* not acked: nothing was marked as released; again later */
    RELEASE_NO_DATABASE, /* *error says what; again later, or never */
};

struct release {
    struct database *database;
    struct producer *producer;
    struct placer placer;
};

/* One page (at most 100 events) of what may be placed now: publishes what can be, and counts in *released what was
 * committed. Live calls wait for as long as a page takes, and no longer. A page that failed is the next one again. */
enum release_outcome parked_release(const struct release *release, int64_t now_ms, struct release_cursor *cursor,
                                    size_t *released, struct database_error *error);

#endif
