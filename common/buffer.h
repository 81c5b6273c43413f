/* buffer.h: text and bytes that grow while they are written.
 *
 * One writer for JSON, metrics, HTTP heads and log lines. Pure but for malloc; never fails (arena.h).
 */
#ifndef HOOKLINE_COMMON_BUFFER_H
#define HOOKLINE_COMMON_BUFFER_H

#include <stdint.h>

#include "common/slice.h"

struct buffer {
    char *data; /* NULL until something is added; always followed by a NUL that is not counted */
    size_t len, capacity;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
struct slice buffer_slice(const struct buffer *buffer);

/* Room for `more` bytes and the NUL. */
void buffer_grow(struct buffer *buffer, size_t more);

/* Inline: an answer and its log line are a hundred of these. */
static inline void buffer_add(struct buffer *buffer, struct slice bytes)
{
    if (bytes.len >= buffer->capacity - buffer->len)
        buffer_grow(buffer, bytes.len);
    if (bytes.len)
        memcpy(buffer->data + buffer->len, bytes.ptr, bytes.len);
    buffer->len += bytes.len;
    buffer->data[buffer->len] = '\0';
}

static inline void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, slice_of(text));
}

static inline void buffer_add_char(struct buffer *buffer, char c)
{
    buffer_add(buffer, (struct slice){&c, 1});
}

void buffer_add_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_add_int(struct buffer *buffer, int64_t number);

/* At most six digits behind the point, rounded, and no zeros at their end: 2.123457, 17. */
void buffer_add_real(struct buffer *buffer, double number);

/* A JSON string with its quotes: RFC 8259 escapes, invalid UTF-8 as U+FFFD, control characters as \u00XX. */
void buffer_add_json_string(struct buffer *buffer, struct slice text);

/* RFC 3339, UTC, milliseconds: 2026-11-21T09:30:00.123Z. `ms` since the epoch. */
void buffer_add_time(struct buffer *buffer, int64_t ms);

/* Lower-case hex. */
void buffer_add_hex(struct buffer *buffer, const void *bytes, size_t len);

#endif
