/* subscriber.c: behind means that the kernel's send buffer is full and we hold the rest. */
#include "broadcaster/subscriber.h"

#include "common/http_server.h"

/* More than this not yet taken by the kernel: what comes next is held back and conflated. About ten updates. */
enum { BEHIND_BYTES = 16 * 1024 };

static void let_go(void *frame)
{
    http_bytes_release(frame);
}

void subscriber_init(struct subscriber *subscriber, size_t buffer_bytes)
{
    *subscriber = (struct subscriber){.outbox = {.bytes_max = buffer_bytes, .let_go = let_go}};
}

void subscriber_free(struct subscriber *subscriber)
{
    outbox_free(&subscriber->outbox);
}

static bool is_behind(const struct subscriber *subscriber)
{
    return http_stream_pending(subscriber->stream) > BEHIND_BYTES;
}

void subscriber_send(struct subscriber *subscriber, struct http_bytes *frame)
{
    if (subscriber->stream)
        http_stream_write(subscriber->stream, frame);
}

void subscriber_flush(struct subscriber *subscriber)
{
    while (subscriber->stream && subscriber->outbox.count && !is_behind(subscriber)) {
        struct http_bytes *frame = outbox_take(&subscriber->outbox);
        http_stream_write(subscriber->stream, frame);
        http_bytes_release(frame);
    }
}

enum subscriber_outcome subscriber_offer(struct subscriber *subscriber, struct slice call_id, struct http_bytes *frame,
                                         bool wait, int64_t now_ms)
{
    if (!subscriber->stream)
        return SUBSCRIBER_WAITS;
    bool behind = is_behind(subscriber);
    if (!wait && !behind && subscriber->outbox.count == 0) {
        http_stream_write(subscriber->stream, frame);
        return SUBSCRIBER_SENT;
    }
    if (behind && !subscriber->behind_since_ms)
        subscriber->behind_since_ms = now_ms;
    switch (outbox_offer(&subscriber->outbox, call_id, http_bytes_share(frame), http_bytes_slice(frame).len, behind)) {
    case OUTBOX_ADDED:
        if (!behind && subscriber->outbox.bytes > BEHIND_BYTES)
            subscriber_flush(subscriber); /* enough has gathered */
        return SUBSCRIBER_WAITS;
    case OUTBOX_CONFLATED:
        return SUBSCRIBER_CONFLATED;
    case OUTBOX_FULL:
        break;
    }
    http_bytes_release(frame);
    return SUBSCRIBER_HOPELESS;
}

void subscriber_drained(struct subscriber *subscriber)
{
    subscriber->behind_since_ms = 0;
    subscriber_flush(subscriber);
}

bool subscriber_idle(const struct subscriber *subscriber)
{
    return subscriber->stream && subscriber->outbox.count == 0 && http_stream_pending(subscriber->stream) == 0;
}

bool subscriber_stalled(const struct subscriber *subscriber, int64_t now_ms)
{
    return subscriber->behind_since_ms && now_ms - subscriber->behind_since_ms > SUBSCRIBER_STALLED_MS;
}
