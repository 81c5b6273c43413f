/* mapping.h: asks PostgreSQL what the cache does not know, and hears at once when a mapping changes.
 *
 *      LISTEN ──> look-up ──> cache          a change that commits after the look-up began is notified after it;
 *        ^                      │ flush      a connection that was lost may have lost notifications: flush too
 *        └── NOTIFY ────────────┘
 *
 * Single flight: a batch asks for each key once, and the next look-up begins when this one has been answered; so no key is
 * ever asked for twice at the same time. A change is in force with the first look-up after its notification came, which
 * takes a millisecond (tests/bench/mapping.c); a network that swallows both the notification and the end of the connection is
 * noticed by the next query on it, at the latest by the look at parked events, every 30 s.
 *
 * One connection does both, so that a lost one cannot go unnoticed by either. Owners of calls are asked for each time and
 * never remembered: "no owner yet" turns false whenever session commits, an owner changes when an operator assigns a call,
 * neither is notified, and only events that the mappings leave open ask at all.
 */
#ifndef HOOKLINE_RESOLVER_MAPPING_H
#define HOOKLINE_RESOLVER_MAPPING_H

#include "common/database.h"
#include "resolver/mapping_cache.h"

struct event_base;
struct mappings;

/* `key` absent: nothing is asked, the answer is nothing. */
struct mapping_question {
    enum mapping_kind kind;
    struct slice key; /* valid UTF-8 without NUL; ids in decimal */
    struct mapping answer;
};

/* Borrows the database and the loop; does not connect yet. `seed` varies how long entries live. */
struct mappings *mappings_new(struct database *database, struct event_base *base, size_t cache_entries, uint64_t seed);
void mappings_free(struct mappings *mappings);

/* Connects and LISTENs if need be, and forgets what notifications say has changed. False: *error. */
bool mappings_listen(struct mappings *mappings, struct database_error *error);

/* True once after mappings may have changed: a notification, or a new connection. */
bool mappings_changed(struct mappings *mappings);

/* Fills in every answer, at most one query per kind, all in one flight. `now_ms` is the cache's time. */
bool mappings_look_up(struct mappings *mappings, struct arena *arena, struct mapping_question *questions, size_t count,
                      int64_t now_ms, struct database_error *error);

#endif
