/* outbox.h: what a screen that cannot keep up is still owed: at most one update per call, the newest.
 *
 *      offered   A1 B1 A2 C1          owed   B1 A2 C1
 *
 * The newer update of a call takes the older one's place at the end, never in the middle: so whoever got an update has
 * got, or been spared, all before it, and its cursor is true at any moment. Bounded: beyond the limit it is full, and
 * the screen is hopeless. The frames are somebody else's, counted there; the outbox only says when it lets go of one.
 * Pure but for malloc.
 */
#ifndef HOOKLINE_BROADCASTER_OUTBOX_H
#define HOOKLINE_BROADCASTER_OUTBOX_H

#include <stdint.h>

#include "common/slice.h"

enum outbox_outcome { OUTBOX_ADDED, OUTBOX_CONFLATED, OUTBOX_FULL };

struct outbox {
    struct outbox_entry *first, *last;
    size_t count, bytes, bytes_max;
    void (*let_go)(void *frame); /* of what was replaced or thrown away */
};

void outbox_free(struct outbox *outbox);

/* Takes over one count of `frame`, which weighs `bytes`; copies the id. `conflate`: in place of an older one of the
 * call; else beside it, for who merely waits a moment. FULL: nothing was added, the count is still the caller's. */
enum outbox_outcome outbox_offer(struct outbox *outbox, struct slice call_id, void *frame, size_t bytes, bool conflate);

/* The oldest frame, now the caller's; NULL when nothing is owed. */
void *outbox_take(struct outbox *outbox);

#endif
