/* dead_letter.h: the headers of a record that is set aside: its own, byte for byte, and why.
 *
 * A record that was replayed and died again carries the dlq.* headers of its first death: those are replaced, but for
 * dlq.replays, which whoever replays counts up. Pure.
 */
#ifndef HOOKLINE_COMMON_DEAD_LETTER_H
#define HOOKLINE_COMMON_DEAD_LETTER_H

#include <stdint.h>

#include "common/event.h"

enum { DEAD_LETTER_DETAIL_MAX_BYTES = 200, DEAD_LETTER_HEADERS = 10 };

struct dead_letter {
    struct slice topic; /* where it came from, full name */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* Kafka's */
    const char *stage;
    struct slice code;   /* a stable word */
    struct slice detail; /* cut at 200 bytes, between characters; nothing of the payload */
    int64_t attempts;
    int64_t first_failed_ms;
};

/* Headers in `arena`: `original` without dlq.*, then the ten of DEAD_LETTER_HEADERS. Values borrow or lie in the arena. */
struct header *dead_letter_headers(struct arena *arena, const struct header *original, size_t count,
                                   const struct dead_letter *letter, size_t *result_count);

#endif
