/* stall.c: see stall.h. A look that finds the partition level with its end begins the count anew. */
#include "common/stall.h"

enum { LOOKS = 3 /* within the time after which it counts as standing still */ };

void stall_moved(struct stall *stall, int64_t now_ms)
{
    *stall = (struct stall){.moved_ms = now_ms};
}

int64_t stall_look_every_ms(int64_t after_ms)
{
    return after_ms / LOOKS;
}

bool stall_worth_asking(const struct stall *stall, int64_t now_ms, int64_t after_ms)
{
    return now_ms - stall->moved_ms >= stall_look_every_ms(after_ms);
}

bool stall_seen(struct stall *stall, bool behind, int64_t now_ms, int64_t after_ms)
{
    if (!behind)
        stall->behind_since_ms = 0;
    else if (!stall->behind_since_ms)
        stall->behind_since_ms = now_ms;
    return behind && now_ms - stall->behind_since_ms >= after_ms;
}
