/* start_offset.h: where a partition is read from when Kafka does not take the offset that was asked for. */
#ifndef HOOKLINE_COMMON_START_OFFSET_H
#define HOOKLINE_COMMON_START_OFFSET_H

#include <stdint.h>

enum start_reason {
    START_CONTINUES,    /* the wanted offset is there after all: an error on the way had made it look lost */
    START_NEVER_READ,   /* nothing was ever committed: the beginning */
    START_OUT_OF_RANGE, /* what was to be read next is gone, or was never there: the beginning, and an alarm */
};

/* `wanted` is the offset after the last one taken, else the committed one, negative if there is neither; the topic holds
 * [low, high). `high` itself is fine: the next record to come. Never answers "the end": that would lose in silence. */
enum start_reason start_offset_decide(int64_t wanted, int64_t low, int64_t high, int64_t *start);

#endif
