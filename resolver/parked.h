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

/* The placements whose event has no company: one INSERT, so one transaction. An event that is parked already stays as it
 * is. `records[i]` is what `placements[i]` was made of. False: *error. */
bool parked_store(struct database *database, struct arena *arena, const struct batch_record *const *records,
                  const struct placement *placements, size_t count, struct database_error *error);

#endif
