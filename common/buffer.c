/* buffer.c: doubles when full. Text for JSON is repaired while it is written, so no writer can produce invalid JSON. */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/arena.h"
#include "common/text.h"

static void buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->len + more + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){buffer->data ? buffer->data : "", buffer->len};
}

void buffer_add(struct buffer *buffer, struct slice bytes)
{
    buffer_reserve(buffer, bytes.len);
    if (bytes.len)
        memcpy(buffer->data + buffer->len, bytes.ptr, bytes.len);
    buffer->len += bytes.len;
    buffer->data[buffer->len] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, slice_of(text));
}

void buffer_add_char(struct buffer *buffer, char c)
{
    buffer_add(buffer, (struct slice){&c, 1});
}

void buffer_add_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t len = length > 0 ? (size_t)length : 0;
    buffer_reserve(buffer, len);
    vsnprintf(buffer->data + buffer->len, len + 1, format, again);
    va_end(again);
    buffer->len += len;
}

/* The two-character escapes of RFC 8259, 7; other control characters are \u00XX. */
static void add_json_escape(struct buffer *buffer, char c)
{
    static const char SHORT[] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if ((unsigned char)c < sizeof SHORT && SHORT[(unsigned char)c]) {
        buffer_add_char(buffer, '\\');
        buffer_add_char(buffer, SHORT[(unsigned char)c]);
    } else {
        buffer_add_format(buffer, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

static bool json_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

void buffer_add_json_string(struct buffer *buffer, struct slice text)
{
    buffer_add_char(buffer, '"');
    for (size_t at = 0; at < text.len;) {
        size_t run = 0;
        while (at + run < text.len && json_plain(text.ptr[at + run]))
            run++;
        buffer_add(buffer, (struct slice){text.ptr + at, run});
        at += run;
        if (at == text.len)
            break;
        size_t length = text_utf8_length(slice_from(text, at));
        if (length > 1 || text.ptr[at] == 0x7f)
            buffer_add(buffer, (struct slice){text.ptr + at, length});
        else if (length == 1)
            add_json_escape(buffer, text.ptr[at]);
        else
            buffer_add_text(buffer, TEXT_REPLACEMENT);
        at += length ? length : 1;
    }
    buffer_add_char(buffer, '"');
}

void buffer_add_time(struct buffer *buffer, int64_t ms)
{
    int64_t fraction = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - fraction) / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    buffer_add_format(buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                      utc.tm_hour, utc.tm_min, utc.tm_sec, (int)fraction);
}

void buffer_add_hex(struct buffer *buffer, const void *bytes, size_t len)
{
    static const char DIGITS[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    buffer_reserve(buffer, 2 * len);
    for (size_t i = 0; i < len; i++) {
        buffer->data[buffer->len++] = DIGITS[at[i] >> 4];
        buffer->data[buffer->len++] = DIGITS[at[i] & 15];
    }
    buffer->data[buffer->len] = '\0';
}
