/* subscriber.h: one screen's connection: what is sent at once, what waits, and when there is no more hope.
 *
 *      offered ──> sent at once                       while the screen keeps up
 *             └──> outbox (newest per call) ──> sent  when the kernel has taken what was sent before
 *             └──> hopeless                           when even the newest states exceed the buffer, or nothing was
 *                                                     taken for half a minute
 *
 * Knows bytes, calls and connections, not what the bytes say: SSE today, WebSocket frames as well.
 */
#ifndef HOOKLINE_BROADCASTER_SUBSCRIBER_H
#define HOOKLINE_BROADCASTER_SUBSCRIBER_H

#include <stdint.h>

#include "broadcaster/outbox.h"

struct http_bytes;
struct http_stream;

enum { SUBSCRIBER_STALLED_MS = 30 * 1000 };

struct subscriber {
    struct http_stream *stream; /* NULL once it has gone */
    struct outbox outbox;
    int64_t behind_since_ms; /* 0: keeps up; by clock_ticks_ms */
};

enum subscriber_outcome { SUBSCRIBER_SENT, SUBSCRIBER_WAITS, SUBSCRIBER_CONFLATED, SUBSCRIBER_HOPELESS };

void subscriber_init(struct subscriber *subscriber, size_t buffer_bytes);
void subscriber_free(struct subscriber *subscriber);

/* Sent whatever else: what the screen begins with, signs of life, the last word. */
void subscriber_send(struct subscriber *subscriber, struct http_bytes *frame);

/* A new state of a call. `wait`: let more gather before it is sent (subscriber_flush sends). */
enum subscriber_outcome subscriber_offer(struct subscriber *subscriber, struct slice call_id, struct http_bytes *frame,
                                         bool wait, int64_t now_ms);

/* Sends what waits, unless the screen is behind. */
void subscriber_flush(struct subscriber *subscriber);
/* The kernel has taken all that was sent. */
void subscriber_drained(struct subscriber *subscriber);

/* Nothing waits and nothing is under way. */
bool subscriber_idle(const struct subscriber *subscriber);
bool subscriber_stalled(const struct subscriber *subscriber, int64_t now_ms);

#endif
