/* stall.h: whether a partition stands still: it has records, gives none, and nobody has paused it. Pure: time is passed in.
 *
 * librdkafka 2.0.2 stopped fetching three partitions in one of about 20 runs of chaos (2026-09); nothing was lost, but
 * nothing moved until a fresh client came. A restart mends it, so whoever sees it ends with 75. All times are
 * clock_ticks_ms.
 */
#ifndef HOOKLINE_COMMON_STALL_H
#define HOOKLINE_COMMON_STALL_H

#include <stdbool.h>
#include <stdint.h>

struct stall {
    int64_t moved_ms;        /* when it last gave a record, or was assigned or resumed */
    int64_t behind_since_ms; /* 0: not behind, as far as we know */
};

/* It moves, or may move from now on. */
void stall_moved(struct stall *stall, int64_t now_ms);

/* So often the ends of quiet partitions are asked for, when one that stands still for `after_ms` is to be found. */
int64_t stall_look_every_ms(int64_t after_ms);

/* Quiet for so long that asking for its end is worth it. */
bool stall_worth_asking(const struct stall *stall, int64_t now_ms, int64_t after_ms);

/* Takes in whether there are records beyond what was read. True: it has been behind for `after_ms` and gave nothing. */
bool stall_seen(struct stall *stall, bool behind, int64_t now_ms, int64_t after_ms);

#endif
