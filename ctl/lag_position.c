/* lag_position.c: see lag_position.h. Pure. */
#include "ctl/lag_position.h"

#include "common/start_offset.h"

struct lag_position lag_position_of(int64_t committed, int64_t low, int64_t high)
{
    struct lag_position position = {0};
    if (start_offset_decide(committed, low, high, &position.next) == START_OUT_OF_RANGE)
        position.note = committed > high
                            ? "the commit is beyond the end (was the topic made anew?): counted from the start"
                            : "records were deleted unread: counted from the oldest that is left";
    position.unread = high - position.next;
    return position;
}
