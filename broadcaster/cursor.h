/* cursor.h: where in calls.updates a screen is: "epoch:partition:offset", the id of an SSE event.
 *
 * The epoch names one life of the topic (PostgreSQL, topic_epochs), so that a cursor holds across restarts and
 * instances and means nothing after the topic was made anew. The offset is that of the last record the screen knows of,
 * -1 before the first. Pure.
 */
#ifndef HOOKLINE_BROADCASTER_CURSOR_H
#define HOOKLINE_BROADCASTER_CURSOR_H

#include "common/buffer.h"

enum { CURSOR_EPOCH_MAX = 64 };

struct cursor {
    struct slice epoch;
    int32_t partition;
    int64_t offset;
};

/* False if the text is none. The epoch borrows from it. */
bool cursor_read(struct slice text, struct cursor *cursor);
void cursor_write(struct buffer *out, const struct cursor *cursor);

/* An epoch may stand in a cursor: 1 to 64 letters, digits, '-' or '_'. */
bool cursor_epoch_valid(struct slice epoch);

#endif
