/* wait.c: a condition and a deadline. */
#include "tests/support/wait.h"

#include <poll.h>

#include "common/clock.h"

enum { ASK_EVERY_MS = 20 };

bool wait_until(bool (*condition)(void *context), void *context, int64_t deadline_ms)
{
    int64_t end_ms = clock_ticks_ms() + deadline_ms;
    while (!condition(context)) {
        if (clock_ticks_ms() >= end_ms)
            return false;
        poll(NULL, 0, ASK_EVERY_MS);
    }
    return true;
}
