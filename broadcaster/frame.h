/* frame.h: what screens are told, as bytes that many share: server-sent events. A screen of another protocol gets its
 * frames from another file like this one; who is told what (stream.c) stays as it is.
 *
 * Each returns a frame with count 1, to be released by the caller.
 */
#ifndef HOOKLINE_BROADCASTER_FRAME_H
#define HOOKLINE_BROADCASTER_FRAME_H

#include "broadcaster/board.h"
#include "common/http_server.h"

struct http_bytes *frame_of_call(const struct cursor *cursor, struct slice value);
/* {"calls":[…]} of the company's live calls, with its cursor. */
struct http_bytes *frame_of_snapshot(struct board *board, int64_t company_id);
/* All that the history holds after `offset`, one event after another; NULL if that is nothing. */
struct http_bytes *frame_of_history(struct board *board, int64_t company_id, int64_t offset);
/* `event` with {"reason":reason}. */
struct http_bytes *frame_of_reason(const char *event, const char *reason);
/* A sign of life; with the cursor if it is not NULL. */
struct http_bytes *frame_of_heartbeat(const struct cursor *cursor);
struct http_bytes *frame_of_retry(int delay_ms);

#endif
