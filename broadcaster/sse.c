/* sse.c: fields, one a line. */
#include "broadcaster/sse.h"

static void write_id(struct buffer *out, struct slice id)
{
    if (slice_absent(id))
        return;
    buffer_add_text(out, "id: ");
    buffer_add(out, id);
    buffer_add_char(out, '\n');
}

/* The length of the line at the start of `text`, without its end; *taken includes it. CR, LF and CRLF end a line. */
static size_t line_length(struct slice text, size_t *taken)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '\n' && text.ptr[len] != '\r')
        len++;
    *taken = len;
    if (len < text.len)
        *taken += text.ptr[len] == '\r' && len + 1 < text.len && text.ptr[len + 1] == '\n' ? 2 : 1;
    return len;
}

void sse_write_event(struct buffer *out, const struct sse_event *event)
{
    write_id(out, event->id);
    buffer_add_format(out, "event: %s\n", event->name);
    struct slice rest = event->data;
    size_t taken = 0;
    size_t len = 0;
    do {
        len = line_length(rest, &taken);
        buffer_add_text(out, "data: ");
        buffer_add(out, (struct slice){rest.ptr, len});
        buffer_add_char(out, '\n');
        rest = slice_from(rest, taken);
    } while (rest.len || taken > len);
    buffer_add_char(out, '\n');
}

void sse_write_retry(struct buffer *out, int delay_ms)
{
    buffer_add_format(out, "retry: %d\n\n", delay_ms);
}

void sse_write_heartbeat(struct buffer *out, struct slice id)
{
    buffer_add_text(out, ": still here\n");
    write_id(out, id);
    buffer_add_text(out, "event: heartbeat\ndata: {}\n\n");
}
