/* buffer.c: doubles when full. Text for JSON is repaired while it is written, so no writer can produce invalid JSON. */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/arena.h"
#include "common/text.h"

enum { FORMATTED_BYTES = 64 }; /* room before the first try: most of what is formatted is short */

void buffer_grow(struct buffer *buffer, size_t more)
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

void buffer_add_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    buffer_grow(buffer, FORMATTED_BYTES);
    size_t room = buffer->capacity - buffer->len;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(buffer->data + buffer->len, room, format, arguments);
    va_end(arguments);
    size_t len = length > 0 ? (size_t)length : 0;
    if (len >= room) {
        buffer_grow(buffer, len);
        vsnprintf(buffer->data + buffer->len, len + 1, format, again);
    }
    va_end(again);
    buffer->len += len;
}

void buffer_add_int(struct buffer *buffer, int64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        digits[--at] = '-';
    buffer_add(buffer, (struct slice){digits + at, sizeof digits - at});
}

/* printf("%g") was a twentieth of what ingest computes for a webhook. */
void buffer_add_real(struct buffer *buffer, double number)
{
    enum { MILLION = 1000000 };
    if (!(number > -1e12 && number < 1e12)) {
        buffer_add_format(buffer, "%g", number);
        return;
    }
    int64_t millionths = (int64_t)(number < 0 ? number * MILLION - 0.5 : number * MILLION + 0.5);
    if (millionths < 0)
        buffer_add_char(buffer, '-');
    uint64_t size = millionths < 0 ? -(uint64_t)millionths : (uint64_t)millionths;
    buffer_add_int(buffer, (int64_t)(size / MILLION));
    uint64_t behind = size % MILLION;
    if (behind == 0)
        return;
    char digits[7] = ".";
    for (int i = 6; i > 0; i--, behind /= 10)
        digits[i] = (char)('0' + behind % 10);
    size_t len = sizeof digits;
    while (digits[len - 1] == '0')
        len--;
    buffer_add(buffer, (struct slice){digits, len});
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

static char *write_digits(char *at, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

/* Every log line and record has one: printf took a tenth of what ingest needs for a webhook. */
void buffer_add_time(struct buffer *buffer, int64_t ms)
{
    int64_t fraction = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - fraction) / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    const int values[] = {utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,  utc.tm_hour,
                          utc.tm_min,         utc.tm_sec,     (int)fraction};
    static const char AFTER[] = "--T::.Z";
    char text[32];
    char *at = text;
    for (size_t i = 0; i < COUNT(values); i++) {
        at = write_digits(at, values[i], i == 0 ? 4 : i == COUNT(values) - 1 ? 3 : 2);
        *at++ = AFTER[i];
    }
    buffer_add(buffer, (struct slice){text, (size_t)(at - text)});
}

void buffer_add_hex(struct buffer *buffer, const void *bytes, size_t len)
{
    buffer_grow(buffer, 2 * len);
    text_write_hex(bytes, len, buffer->data + buffer->len);
    buffer->len += 2 * len;
    buffer->data[buffer->len] = '\0';
}
