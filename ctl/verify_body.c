/* verify_body.c: JSON written in the ways of the usual writers, and the ends of a text. */
#include "ctl/verify_body.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/json.h"
#include "common/text.h"

#define BOM "\xef\xbb\xbf"

enum { DEPTH_MAX = 64 };

struct style {
    const char *how;
    bool escapes_unicode; /* ü as \u00fc */
    bool escapes_slashes; /* / as \/ */
    bool spaced;          /* ", " and ": " */
    int indent;           /* spaces a level; 0: one line */
};

static const struct style STYLES[] = {
    {.how = "is re-serialised as JSON.stringify does (compact)"},
    {.how = "is re-serialised with \\u escapes (compact)", .escapes_unicode = true},
    {.how = "is re-serialised as PHP's json_encode does (\\u and \\/ escapes)",
     .escapes_unicode = true,
     .escapes_slashes = true},
    {.how = "is re-serialised with \\/ escapes", .escapes_slashes = true},
    {.how = "is re-serialised as Python's json.dumps does (blanks and \\u escapes)",
     .escapes_unicode = true,
     .spaced = true},
    {.how = "is re-serialised with a blank behind each comma and colon", .spaced = true},
    {.how = "is re-serialised with an indent of 2", .indent = 2},
    {.how = "is re-serialised with an indent of 4", .indent = 4},
};

static uint32_t decode(struct slice text, size_t len)
{
    static const unsigned char FIRST[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = (unsigned char)text.ptr[0] & FIRST[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    return point;
}

static void write_escaped(struct buffer *out, uint32_t point)
{
    if (point > 0xffff) /* as two surrogates: RFC 8259, 7 */
        buffer_add_format(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
    else
        buffer_add_format(out, "\\u%04x", point);
}

static void write_text(struct buffer *out, const struct style *style, struct slice text)
{
    static const char SHORT[] = "\b\f\n\r\t\"\\", LETTERS[] = "bfnrt\"\\";
    buffer_add_char(out, '"');
    while (text.len) {
        size_t len = text_utf8_length(text);
        const char *letter = text.ptr[0] ? strchr(SHORT, text.ptr[0]) : NULL;
        if (letter)
            buffer_add_format(out, "\\%c", LETTERS[letter - SHORT]);
        else if (text.ptr[0] == '/' && style->escapes_slashes)
            buffer_add_text(out, "\\/");
        else if (len && ((len > 1 && style->escapes_unicode) || (unsigned char)text.ptr[0] < ' '))
            write_escaped(out, decode(text, len));
        else
            buffer_add(out, (struct slice){text.ptr, len ? len : 1});
        text = slice_from(text, len ? len : 1);
    }
    buffer_add_char(out, '"');
}

/* The fewest digits that denote the number; JavaScript's exponents have no leading zero. False: it is no number. */
static bool write_number(struct buffer *out, const struct json *value)
{
    enum { DIGITS_MAX = 17 };
    char text[64];
    int64_t whole = 0;
    double real = 0;
    if (json_int(value, &whole)) {
        buffer_add_format(out, "%lld", (long long)whole);
        return true;
    }
    if (!json_real(value, &real) || !isfinite(real))
        return false;
    for (int precision = 1; precision <= DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, real);
        if (strtod(text, NULL) == real)
            break;
    }
    char *exponent = strchr(text, 'e');
    if (exponent && exponent[2] == '0')
        memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
    buffer_add_text(out, text);
    return true;
}

static void write_break(struct buffer *out, const struct style *style, int depth)
{
    if (style->indent)
        buffer_add_format(out, "\n%*s", style->indent * depth, "");
}

static bool write_value(struct buffer *out, const struct style *style, const struct json *value, int depth);

static bool write_members(struct buffer *out, const struct style *style, const struct json *value, int depth)
{
    bool object = json_is_object(value);
    size_t count = json_length(value);
    const struct json *member = json_first(value);
    buffer_add_char(out, object ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_add_text(out, style->spaced ? ", " : ",");
        write_break(out, style, depth + 1);
        if (object) {
            write_text(out, style, json_name(value, i, &member));
            buffer_add_text(out, style->spaced || style->indent ? ": " : ":");
        }
        if (!write_value(out, style, member, depth + 1))
            return false;
        member = object ? NULL : json_next(value, member);
    }
    if (count)
        write_break(out, style, depth);
    buffer_add_char(out, object ? '}' : ']');
    return true;
}

/* False: it has what cannot be written as it was (a number that no double holds), or is too deep. */
static bool write_value(struct buffer *out, const struct style *style, const struct json *value, int depth)
{
    bool flag = false;
    struct slice text = json_text(value);
    if (depth > DEPTH_MAX)
        return false;
    if (json_is_object(value) || json_is_array(value))
        return write_members(out, style, value, depth);
    if (!slice_absent(text))
        write_text(out, style, text);
    else if (json_bool(value, &flag))
        buffer_add_text(out, flag ? "true" : "false");
    else if (json_is_null(value))
        buffer_add_text(out, "null");
    else
        return write_number(out, value);
    return true;
}

/* ---- all of them ---- */

static void add(struct body_variant *variants, size_t *count, struct slice original, struct slice body, const char *how)
{
    if (!slice_absent(body) && !slice_same(body, original))
        variants[(*count)++] = (struct body_variant){body, how};
}

static struct slice styled(struct arena *arena, const struct json *root, const struct style *style)
{
    struct buffer out = {0};
    struct slice body = SLICE_ABSENT;
    if (write_value(&out, style, root, 0))
        body = arena_copy(arena, buffer_slice(&out));
    buffer_free(&out);
    return body;
}

static struct slice without_carriage_returns(struct arena *arena, struct slice body)
{
    char *text = arena_alloc(arena, body.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] != '\r')
            text[len++] = body.ptr[i];
    return (struct slice){text, len};
}

static struct slice joined(struct arena *arena, const char *before, struct slice body, const char *after)
{
    struct buffer out = {0};
    buffer_add_text(&out, before);
    buffer_add(&out, body);
    buffer_add_text(&out, after);
    struct slice text = arena_copy(arena, buffer_slice(&out));
    buffer_free(&out);
    return text;
}

size_t body_variants(struct arena *arena, struct slice body, struct body_variant variants[BODY_VARIANTS_MAX])
{
    const char *problem = NULL;
    size_t count = 0, end = body.len;
    while (end && (body.ptr[end - 1] == '\n' || body.ptr[end - 1] == '\r'))
        end--;
    bool has_bom = slice_starts_with(body, BOM);
    struct slice bare = has_bom ? slice_from(body, sizeof BOM - 1) : body;
    const struct json *root = json_read(arena, bare, &problem);
    add(variants, &count, body, (struct slice){body.ptr, end}, "has no newline at its end");
    add(variants, &count, body, joined(arena, "", body, "\n"), "has a newline at its end");
    add(variants, &count, body, joined(arena, "", body, "\r\n"), "has CR LF at its end");
    add(variants, &count, body, without_carriage_returns(arena, body), "has LF where it has CR LF");
    add(variants, &count, body, bare, "has no byte order mark before it");
    if (!has_bom)
        add(variants, &count, body, joined(arena, BOM, body, ""), "has a byte order mark before it");
    for (size_t i = 0; root && i < COUNT(STYLES); i++)
        add(variants, &count, body, styled(arena, root, &STYLES[i]), STYLES[i].how);
    return count;
}
