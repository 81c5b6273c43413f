/* lag_position.h: what a group has yet to read of one partition.
 *
 * Begins where the stage itself would begin (start_offset.h), so that a commit that is not in the topic any more, or never
 * was, does not pass for "all is read".
 */
#ifndef HOOKLINE_CTL_LAG_POSITION_H
#define HOOKLINE_CTL_LAG_POSITION_H

#include <stdint.h>

struct lag_position {
    int64_t next;     /* the offset that the group reads next */
    int64_t unread;   /* records from there to the end */
    const char *note; /* a sentence when `next` is not what was committed, else NULL */
};

/* `committed` is negative if nothing was; the partition holds [low, high), read after `committed` was. */
struct lag_position lag_position_of(int64_t committed, int64_t low, int64_t high);

#endif
