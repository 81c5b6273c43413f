/* brake.h: when so many records fail for our own faults that going on would empty the topic into the dead letters.
 *
 * Counts a minute, second by second. Senders' faults are not counted here: nobody outside can pull it. Pure.
 */
#ifndef HOOKLINE_COMMON_BRAKE_H
#define HOOKLINE_COMMON_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BRAKE_WINDOW_S = 60,
    BRAKE_DEAD_MAX = 100,   /* a minute */
    BRAKE_DEAD_PERCENT = 1, /* of the minute's records, … */
    BRAKE_DEAD_LEAST = 10,  /* … but a share of nearly nothing is no flood: one of three is 33 % */
};

struct brake {
    struct {
        int64_t second, records, dead;
    } slots[BRAKE_WINDOW_S];
};

/* `records` were finished, `dead` are about to be set aside for a fault of ours. Zeroed memory is an empty window. */
void brake_count(struct brake *brake, int64_t now_ms, int64_t records, int64_t dead);

bool brake_pulled(const struct brake *brake, int64_t now_ms);

#endif
