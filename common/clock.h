/* clock.h: what time it is, for those that may ask. Deciding code never includes this: time is passed to it. */
#ifndef HOOKLINE_COMMON_CLOCK_H
#define HOOKLINE_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since the epoch, UTC. Steps when the machine's clock is set. */
static inline int64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nanoseconds that only rise: for durations and deadlines. */
static inline int64_t clock_ticks_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_ticks_ms(void)
{
    return clock_ticks_ns() / 1000000;
}

#endif
