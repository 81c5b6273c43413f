/* snapshot.h: the calls as PostgreSQL has them at one moment, put on the board.
 *
 * One REPEATABLE READ transaction, begun after the watermarks of calls.updates were read: whatever lies below them was
 * committed before it was published, hence is in here. Reads the live calls whole, of those that changed in the last
 * quarter of an hour the version (ten minutes matter, board.h; the rest is for clocks that differ), and the topic's
 * epoch.
 */
#ifndef HOOKLINE_BROADCASTER_SNAPSHOT_H
#define HOOKLINE_BROADCASTER_SNAPSHOT_H

#include "broadcaster/board.h"
#include "broadcaster/query.h"

struct snapshot_result {
    struct database_error error;
    struct slice epoch; /* absent: `hookline topics create` has written none. Gone after `done` */
    size_t live, recent;
};

/* Loads into the board, then calls `done`. Nothing was loaded if the result has an error. */
void snapshot_take(struct queries *queries, struct board *board, const char *topic,
                   void (*done)(const struct snapshot_result *result, void *context), void *context);

/* The epoch alone, for looking whether the topic was made anew. */
void snapshot_ask_epoch(struct queries *queries, const char *topic,
                        void (*done)(const struct snapshot_result *result, void *context), void *context);

#endif
