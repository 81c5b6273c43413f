/* json.c: yyjson with an arena as its memory. A `struct json` is a yyjson_val under another name: no copy, no wrapper. */
#include "common/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "common/text.h"

static yyjson_val *raw(const struct json *value)
{
    return (yyjson_val *)(uintptr_t)value; /* yyjson's getters take non-const and change nothing */
}

static const struct json *cooked(const yyjson_val *value)
{
    return (const struct json *)value;
}

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void *reallocate(void *arena, void *old, size_t old_size, size_t size)
{
    if (size <= old_size)
        return old;
    void *copy = arena_alloc(arena, size);
    memcpy(copy, old, old_size);
    return copy;
}

static void forget(void *arena, void *memory)
{
    (void)arena;
    (void)memory; /* the arena frees everything at once */
}

/* The code unit of a \uXXXX escape at `at`, -1 if there is none. */
static int escaped_unit(struct slice text, size_t at)
{
    uint8_t unit[2];
    if (text.len - at < 6 || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u' ||
        !text_read_hex((struct slice){text.ptr + at + 2, 4}, unit, sizeof unit))
        return -1;
    return unit[0] << 8 | unit[1];
}

/* RFC 8259 (8.2) lets a lone surrogate be escaped, yyjson does not: each becomes \ufffd. Only after yyjson said no. */
static struct slice mend_lone_surrogates(struct arena *arena, struct slice text)
{
    char *mended = arena_alloc(arena, text.len);
    memcpy(mended, text.ptr, text.len);
    for (size_t at = 0; at < text.len;) {
        int unit = escaped_unit(text, at);
        bool high = unit >= 0xd800 && unit <= 0xdbff;
        int next = high && at + 6 < text.len ? escaped_unit(text, at + 6) : -1;
        if (high && next >= 0xdc00 && next <= 0xdfff) {
            at += 12;
            continue;
        }
        if (unit >= 0xd800 && unit <= 0xdfff)
            memcpy(mended + at + 2, "fffd", 4);
        at += text.ptr[at] == '\\' && at + 1 < text.len ? 2 : 1;
    }
    return (struct slice){mended, text.len};
}

static yyjson_doc *read_document(struct arena *arena, struct slice text, yyjson_read_err *error)
{
    const yyjson_alc memory = {allocate, reallocate, forget, arena};
    /* Numbers that no double holds stay text: RFC 8259 sets no range, and the sender's body is not to be refused for one. */
    return yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len,
                            YYJSON_READ_ALLOW_INVALID_UNICODE | YYJSON_READ_BIGNUM_AS_RAW, &memory, error);
}

const struct json *json_read(struct arena *arena, struct slice text, const char **problem)
{
    *problem = NULL;
    if (text.len == 0) {
        *problem = "the text is empty";
        return NULL;
    }
    yyjson_read_err error;
    yyjson_doc *document = read_document(arena, text, &error);
    if (!document && memmem(text.ptr, text.len, "\\u", 2))
        document = read_document(arena, mend_lone_surrogates(arena, text), &error);
    if (!document) {
        *problem = error.msg ? error.msg : "it is no JSON";
        return NULL;
    }
    return cooked(yyjson_doc_get_root(document));
}

const struct json *json_read_written(struct arena *arena, struct slice text, const char **problem, size_t *line,
                                     size_t *column)
{
    yyjson_read_err error = {.pos = 0};
    *line = *column = 1;
    yyjson_doc *document = text.len ? read_document(arena, text, &error) : NULL;
    *problem = document ? NULL : error.msg ? error.msg : "the text is empty";
    for (size_t i = 0; !document && i < error.pos && i < text.len; i++) {
        *column = text.ptr[i] == '\n' ? 1 : *column + 1;
        *line += text.ptr[i] == '\n';
    }
    return document ? cooked(yyjson_doc_get_root(document)) : NULL;
}

bool json_is_object(const struct json *value)
{
    return yyjson_is_obj(raw(value));
}

bool json_is_array(const struct json *value)
{
    return yyjson_is_arr(raw(value));
}

bool json_is_null(const struct json *value)
{
    return yyjson_is_null(raw(value));
}

const struct json *json_get(const struct json *value, const char *key)
{
    return cooked(yyjson_obj_get(raw(value), key));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return cooked(yyjson_arr_get(raw(array), index));
}

size_t json_length(const struct json *array_or_object)
{
    return json_is_object(array_or_object) ? yyjson_obj_size(raw(array_or_object))
                                           : yyjson_arr_size(raw(array_or_object));
}

const struct json *json_first(const struct json *array)
{
    return cooked(yyjson_arr_get_first(raw(array)));
}

const struct json *json_last(const struct json *array)
{
    return cooked(yyjson_arr_get_last(raw(array)));
}

const struct json *json_next(const struct json *array, const struct json *element)
{
    /* An array's elements lie one behind the other; the one after the last is where the array's own extent ends. */
    const yyjson_val *next = unsafe_yyjson_get_next(raw(element));
    const yyjson_val *end = unsafe_yyjson_get_next(raw(array));
    return next < end ? cooked(next) : NULL;
}

struct slice json_name(const struct json *object, size_t index, const struct json **member)
{
    yyjson_obj_iter iterator;
    yyjson_val *name = NULL;
    if (!yyjson_obj_iter_init(raw(object), &iterator))
        return SLICE_ABSENT;
    for (size_t i = 0; i <= index; i++)
        name = yyjson_obj_iter_next(&iterator);
    *member = name ? cooked(yyjson_obj_iter_get_val(name)) : NULL;
    return name ? (struct slice){yyjson_get_str(name), yyjson_get_len(name)} : SLICE_ABSENT;
}

struct slice json_text(const struct json *value)
{
    const char *text = yyjson_get_str(raw(value));
    return text ? (struct slice){text, yyjson_get_len(raw(value))} : SLICE_ABSENT;
}

bool json_real(const struct json *value, double *number)
{
    if (!yyjson_is_num(raw(value)))
        return false;
    *number = yyjson_get_num(raw(value));
    return isfinite(*number);
}

bool json_int(const struct json *value, int64_t *number)
{
    if (yyjson_is_uint(raw(value))) {
        uint64_t positive = yyjson_get_uint(raw(value));
        *number = (int64_t)positive;
        return positive <= INT64_MAX;
    }
    if (yyjson_is_sint(raw(value))) {
        *number = yyjson_get_sint(raw(value));
        return true;
    }
    double real = 0;
    if (!json_real(value, &real) || real != trunc(real) || real < -9223372036854775808.0 ||
        real >= 9223372036854775808.0)
        return false;
    *number = (int64_t)real;
    return true;
}

bool json_bool(const struct json *value, bool *answer)
{
    if (!yyjson_is_bool(raw(value)))
        return false;
    *answer = yyjson_get_bool(raw(value));
    return true;
}

/* "-123.4567e-3" as digits and a power of ten -> scaled by 10^decimals, half away from zero. */
static bool scale_decimal(const char *text, int decimals, int64_t *scaled)
{
    bool negative = *text == '-';
    const char *at = negative ? text + 1 : text;
    char digits[32];
    int count = 0;
    int exponent = 0;
    for (bool fraction = false; *at && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (count < (int)sizeof digits)
            digits[count++] = *at;
        exponent -= fraction;
    }
    if (*at)
        exponent += (int)strtol(at + 1, NULL, 10);
    int64_t value = 0;
    int keep = count + exponent + decimals; /* so many of the digits stand before the rounding place */
    for (int i = 0; i < keep; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, i < count ? digits[i] - '0' : 0, &value))
            return false;
    if (keep >= 0 && keep < count && digits[keep] >= '5')
        value++;
    *scaled = negative ? -value : value;
    return true;
}

bool json_decimal(const struct json *value, int decimals, int64_t *scaled)
{
    double real = 0;
    if (!json_real(value, &real))
        return false;
    char text[40];
    for (int precision = 1; precision <= 17; precision++) { /* the shortest text that reads back as the same double */
        snprintf(text, sizeof text, "%.*e", precision - 1, real);
        if (strtod(text, NULL) == real)
            break;
    }
    return scale_decimal(text, decimals, scaled);
}

/* yyjson writes a string's NUL as the escape \u0000, which jsonb refuses; each becomes U+FFFD. An escape is one only if an
 * even number of backslashes stands before its own. */
static struct slice replace_escaped_nul(struct arena *arena, struct slice text, uint64_t *repaired)
{
    static const char ESCAPE[] = "\\u0000";
    if (!memmem(text.ptr, text.len, ESCAPE, sizeof ESCAPE - 1))
        return text;
    char *copy = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        if (text.len - at >= sizeof ESCAPE - 1 && memcmp(text.ptr + at, ESCAPE, sizeof ESCAPE - 1) == 0) {
            memcpy(copy + len, TEXT_REPLACEMENT, 3);
            len += 3;
            at += sizeof ESCAPE - 1;
            ++*repaired;
        } else {
            size_t unit = text.ptr[at] == '\\' && at + 1 < text.len ? 2 : 1;
            memcpy(copy + len, text.ptr + at, unit);
            len += unit;
            at += unit;
        }
    }
    copy[len] = '\0';
    return (struct slice){copy, len};
}

struct slice json_write(struct arena *arena, const struct json *value, uint64_t *repaired)
{
    if (!value)
        return SLICE_ABSENT;
    const yyjson_alc memory = {allocate, reallocate, forget, arena};
    size_t len = 0;
    char *text = yyjson_val_write_opts(raw(value), YYJSON_WRITE_ALLOW_INVALID_UNICODE, &memory, &len, NULL);
    if (!text)
        return SLICE_ABSENT;
    return text_repair(arena, replace_escaped_nul(arena, (struct slice){text, len}, repaired), repaired);
}
