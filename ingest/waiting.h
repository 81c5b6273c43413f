/* waiting.h: a record from the moment it is handed over until it is answered and the producer has said its last word. Pure.
 *
 *      line   unanswered, under way to the brokers
 *      held   in the spool and answered, still under way: their rows wait for the report
 *
 * It is in one of these rings or in none; each has the oldest first.
 */
#ifndef HOOKLINE_INGEST_WAITING_H
#define HOOKLINE_INGEST_WAITING_H

#include "ingest/keep.h"

struct waiting {
    struct keep *keep;
    struct waiting *older, *newer; /* NULL: in no ring */
    struct waiting *ring;
    int64_t begun_ns, received_ms, sequence;
    unsigned lane;        /* lanes.h */
    struct record record; /* what it points to is there until the answer */
    bool may_spool, under_way, in_group, has_row;
    keep_answer *answer; /* NULL once answered */
    void *opaque;
};

/* A ring's end. */
void waiting_ring_init(struct waiting *ring);
/* NULL: nobody is in it. */
struct waiting *waiting_oldest(const struct waiting *ring);
/* Becomes the newest; leaves the ring that it is in. */
void waiting_join(struct waiting *waiting, struct waiting *ring);
void waiting_leave(struct waiting *waiting);

/* Frees it, if nobody will hear or speak of it any more. */
void waiting_free_if_over(struct waiting *waiting);

#endif
