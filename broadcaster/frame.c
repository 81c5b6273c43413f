/* frame.c: sse.c's text, made once. */
#include "broadcaster/frame.h"

#include "broadcaster/sse.h"

static struct http_bytes *frame_of(struct buffer *text)
{
    struct http_bytes *frame = http_bytes_new(buffer_slice(text));
    buffer_free(text);
    return frame;
}

static void write_event(struct buffer *out, const char *name, const struct cursor *cursor, struct slice data)
{
    struct buffer id = {0};
    cursor_write(&id, cursor);
    sse_write_event(out, &(struct sse_event){name, buffer_slice(&id), data});
    buffer_free(&id);
}

struct http_bytes *frame_of_call(const struct cursor *cursor, struct slice value)
{
    struct buffer text = {0};
    write_event(&text, "call", cursor, value);
    return frame_of(&text);
}

struct http_bytes *frame_of_snapshot(struct board *board, int64_t company_id)
{
    struct cursor cursor = board_cursor(board, company_id);
    struct buffer data = {0};
    struct buffer text = {0};
    board_write_live(board, company_id, &data);
    write_event(&text, "snapshot", &cursor, buffer_slice(&data));
    buffer_free(&data);
    return frame_of(&text);
}

static void add_past_event(const struct cursor *cursor, struct slice value, void *context)
{
    write_event(context, "call", cursor, value);
}

struct http_bytes *frame_of_history(struct board *board, int64_t company_id, int64_t offset)
{
    struct buffer text = {0};
    board_history(board, company_id, offset, add_past_event, &text);
    return text.len ? frame_of(&text) : NULL;
}

struct http_bytes *frame_of_reason(const char *event, const char *reason)
{
    struct buffer data = {0};
    struct buffer text = {0};
    buffer_add_format(&data, "{\"reason\":\"%s\"}", reason);
    sse_write_event(&text, &(struct sse_event){event, SLICE_ABSENT, buffer_slice(&data)});
    buffer_free(&data);
    return frame_of(&text);
}

struct http_bytes *frame_of_heartbeat(const struct cursor *cursor)
{
    struct buffer id = {0};
    struct buffer text = {0};
    if (cursor)
        cursor_write(&id, cursor);
    sse_write_heartbeat(&text, cursor ? buffer_slice(&id) : SLICE_ABSENT);
    buffer_free(&id);
    return frame_of(&text);
}

struct http_bytes *frame_of_retry(int delay_ms)
{
    struct buffer text = {0};
    sse_write_retry(&text, delay_ms);
    return frame_of(&text);
}
