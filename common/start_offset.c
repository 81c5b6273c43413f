/* start_offset.c: three cases. Pure. */
#include "common/start_offset.h"

enum start_reason start_offset_decide(int64_t wanted, int64_t low, int64_t high, int64_t *start)
{
    *start = low;
    if (wanted < 0)
        return START_NEVER_READ;
    if (wanted < low || wanted > high)
        return START_OUT_OF_RANGE;
    *start = wanted;
    return START_CONTINUES;
}
