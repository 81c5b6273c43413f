/* pace.h: when writes are worth gathering: only under load.
 *
 * One small write to a socket costs 7 to 8 µs, ten gathered in one about 1 µs each (measured, facts of 2026-09). So
 * above 10,000 writes a second, a tenth of a core, a change waits up to 20 ms for company; below, it is sent at once.
 * Pure.
 */
#ifndef HOOKLINE_BROADCASTER_PACE_H
#define HOOKLINE_BROADCASTER_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_WINDOW_MS = 20, PACE_WRITES_MAX = 200 };

struct pace {
    int64_t window_began_ms;
    unsigned writes;
    bool gather;
};

/* Counts a write at `now_ms`; true if it should wait for others, up to PACE_WINDOW_MS. */
bool pace_write(struct pace *pace, int64_t now_ms);

#endif
