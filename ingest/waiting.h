/* waiting.h: a record from the moment it is handed over until it is answered and the producer has said its last word. Pure.
 *
 *      line   unanswered, under way to the brokers
 *      held   in the spool and answered, still under way: their rows wait for the report
 *
 * It is in one of these rings or in none; each has the oldest first. Those that are in a ring also stand in the line of their
 * lane, in the order of their sequence, so that the oldest of each lane is known without a look at the others.
 */
#ifndef HOOKLINE_INGEST_WAITING_H
#define HOOKLINE_INGEST_WAITING_H

#include "ingest/keep.h"
#include "ingest/lanes.h"

struct waiting_rings;

struct waiting {
    struct keep *keep;
    struct waiting_rings *rings;
    struct waiting *older, *newer; /* NULL: in no ring */
    struct waiting *ring;
    struct waiting *lane_older, *lane_newer; /* NULL: it is its lane's first, its last */
    int64_t begun_ns, received_ms, sequence;
    unsigned lane;        /* lanes.h */
    struct record record; /* what it points to is there until the answer */
    bool may_spool, under_way, in_group, has_row;
    keep_answer *answer; /* NULL once answered */
    void *opaque;
};

struct waiting_rings {
    struct waiting line, held; /* their ends */
    struct waiting *lane_oldest[LANES + 1], *lane_newest[LANES + 1];
};

void waiting_rings_init(struct waiting_rings *rings);
/* NULL: nobody is in it. */
struct waiting *waiting_oldest(const struct waiting *ring);
/* Becomes the ring's newest; leaves the ring that it is in. Its lane's newest, too, unless it stands there already. */
void waiting_join(struct waiting *waiting, struct waiting *ring);
void waiting_leave(struct waiting *waiting);
/* The sequence of each lane's oldest; INT64_MAX: none. */
void waiting_oldest_of_lanes(const struct waiting_rings *rings, int64_t sequences[LANES + 1]);

/* Frees it, if nobody will hear or speak of it any more. */
void waiting_free_if_over(struct waiting *waiting);

#endif
