/* database_values.c: whole numbers, text, times, decimals and their arrays, in network byte order.
 *
 *      array      dimensions = 1 | has nulls | element type | length | lower bound = 1 | (length or -1, bytes) …
 *      numeric    digits | weight | sign | scale | digit of base 10000 …        value = Σ digit[i] · 10000^(weight - i)
 *      timestamp  µs since 2000-01-01
 *      jsonb      version = 1, text
 *
 * An array is measured, then written once into one piece of the arena. One of more than 1 GiB, the server's own limit for
 * a message, ends the process: batches are bounded far below it.
 */
#include "common/database_values.h"

#include <limits.h>
#include <stdlib.h>

/* Type numbers are fixed: src/include/catalog/pg_type.dat. */
enum {
    OID_BOOL = 16,
    OID_BOOLS = 1000,
    OID_BYTEA = 17,
    OID_BYTEAS = 1001,
    OID_INT8 = 20,
    OID_INT8S = 1016,
    OID_TEXT = 25,
    OID_TEXTS = 1009,
    OID_TIMESTAMPTZ = 1184,
    OID_TIMESTAMPTZS = 1185,
    OID_NUMERIC = 1700,
    OID_NUMERICS = 1231,
    OID_JSONB = 3802,
    OID_JSONBS = 3807,
};

enum {
    ARRAY_HEAD_BYTES = 20,
    NUMERIC_HEAD_BYTES = 8,
    NUMERIC_BYTES_MAX = NUMERIC_HEAD_BYTES + 2 * 8, /* 5 digits of base 10000 before the point, 3 after it */
    DECIMALS_MAX = 12,
    JSONB_VERSION = 1,
};

static char *write16(char *at, uint16_t value)
{
    *at++ = (char)(value >> 8);
    *at++ = (char)value;
    return at;
}

static char *write32(char *at, uint32_t value)
{
    return write16(write16(at, (uint16_t)(value >> 16)), (uint16_t)value);
}

static char *write64(char *at, uint64_t value)
{
    return write32(write32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static char *write_bytes(char *at, struct slice bytes)
{
    if (bytes.len)
        memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static int64_t time_to_postgres(int64_t ms)
{
    int64_t us;
    if (__builtin_mul_overflow(ms - DATABASE_EPOCH_MS, 1000, &us))
        abort(); /* call_read.c admits no time beyond the year 9999 */
    return us;
}

void database_values_init(struct database_values *values, struct arena *arena)
{
    values->arena = arena;
    values->count = 0;
}

static void add(struct database_values *values, unsigned type, const char *data, size_t size)
{
    if (values->count == DATABASE_VALUES_MAX || size > INT_MAX)
        abort();
    values->types[values->count] = type;
    values->data[values->count] = data;
    values->lengths[values->count] = (int)size;
    values->count++;
}

void database_add_int(struct database_values *values, int64_t number)
{
    if (number == DATABASE_NULL) {
        add(values, OID_INT8, NULL, 0);
        return;
    }
    char *data = arena_alloc(values->arena, sizeof number);
    write64(data, (uint64_t)number);
    add(values, OID_INT8, data, sizeof number);
}

void database_add_text(struct database_values *values, struct slice text)
{
    add(values, OID_TEXT, arena_copy(values->arena, text).ptr, text.len);
}

void database_add_bytes(struct database_values *values, struct slice bytes)
{
    add(values, OID_BYTEA, arena_copy(values->arena, bytes).ptr, bytes.len);
}

void database_add_json(struct database_values *values, struct slice json)
{
    if (slice_absent(json)) {
        add(values, OID_JSONB, NULL, 0);
        return;
    }
    char *data = arena_alloc(values->arena, json.len + 1);
    data[0] = JSONB_VERSION;
    write_bytes(data + 1, json);
    add(values, OID_JSONB, data, json.len + 1);
}

void database_add_time(struct database_values *values, int64_t ms)
{
    if (ms == DATABASE_NULL) {
        add(values, OID_TIMESTAMPTZ, NULL, 0);
        return;
    }
    char *data = arena_alloc(values->arena, sizeof ms);
    write64(data, (uint64_t)time_to_postgres(ms));
    add(values, OID_TIMESTAMPTZ, data, sizeof ms);
}

void database_add_flag(struct database_values *values, bool flag)
{
    char *data = arena_alloc(values->arena, 1);
    data[0] = (char)flag;
    add(values, OID_BOOL, data, 1);
}

/* `payload` is what all elements take, lengths included. Returns where the first one goes. */
static char *array_begin(struct database_values *values, unsigned type, unsigned element_type, size_t count, bool nulls,
                         size_t payload)
{
    size_t size = count ? ARRAY_HEAD_BYTES + payload : 12;
    char *data = arena_alloc(values->arena, size);
    char *at = write32(data, count > 0);
    at = write32(at, nulls);
    at = write32(at, element_type);
    if (count) {
        at = write32(at, (uint32_t)count);
        at = write32(at, 1);
    }
    add(values, type, data, size);
    return at;
}

/* Numbers of eight bytes, null where they are DATABASE_NULL. */
static void add_numbers(struct database_values *values, unsigned type, unsigned element_type, const int64_t *numbers,
                        size_t count, int64_t (*convert)(int64_t))
{
    size_t nulls = 0;
    for (size_t i = 0; i < count; i++)
        nulls += numbers[i] == DATABASE_NULL;
    char *at = array_begin(values, type, element_type, count, nulls > 0, 4 * count + 8 * (count - nulls));
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == DATABASE_NULL) {
            at = write32(at, UINT32_MAX);
            continue;
        }
        at = write32(at, 8);
        at = write64(at, (uint64_t)(convert ? convert(numbers[i]) : numbers[i]));
    }
}

/* Elements of any length, each after `prefix` (a jsonb's version; NULL: none). */
static void add_slices(struct database_values *values, unsigned type, unsigned element_type, const struct slice *slices,
                       size_t count, const char *prefix)
{
    size_t nulls = 0;
    size_t payload = 4 * count;
    for (size_t i = 0; i < count; i++) {
        nulls += slice_absent(slices[i]);
        payload += slice_absent(slices[i]) ? 0 : slices[i].len + (prefix != NULL);
    }
    char *at = array_begin(values, type, element_type, count, nulls > 0, payload);
    for (size_t i = 0; i < count; i++) {
        if (slice_absent(slices[i])) {
            at = write32(at, UINT32_MAX);
            continue;
        }
        at = write32(at, (uint32_t)(slices[i].len + (prefix != NULL)));
        if (prefix)
            *at++ = *prefix;
        at = write_bytes(at, slices[i]);
    }
}

void database_add_ints(struct database_values *values, const int64_t *numbers, size_t count)
{
    add_numbers(values, OID_INT8S, OID_INT8, numbers, count, NULL);
}

void database_add_times(struct database_values *values, const int64_t *ms, size_t count)
{
    add_numbers(values, OID_TIMESTAMPTZS, OID_TIMESTAMPTZ, ms, count, time_to_postgres);
}

void database_add_texts(struct database_values *values, const struct slice *texts, size_t count)
{
    add_slices(values, OID_TEXTS, OID_TEXT, texts, count, NULL);
}

void database_add_bytes_array(struct database_values *values, const struct slice *bytes, size_t count)
{
    add_slices(values, OID_BYTEAS, OID_BYTEA, bytes, count, NULL);
}

void database_add_jsons(struct database_values *values, const struct slice *jsons, size_t count)
{
    add_slices(values, OID_JSONBS, OID_JSONB, jsons, count, "\x01");
}

void database_add_flags(struct database_values *values, const int8_t *flags, size_t count)
{
    size_t nulls = 0;
    for (size_t i = 0; i < count; i++)
        nulls += flags[i] < 0;
    char *at = array_begin(values, OID_BOOLS, OID_BOOL, count, nulls > 0, 4 * count + (count - nulls));
    for (size_t i = 0; i < count; i++) {
        at = write32(at, flags[i] < 0 ? UINT32_MAX : 1);
        if (flags[i] >= 0)
            *at++ = (char)(flags[i] > 0);
    }
}

/* One numeric with all its zeros, which the server drops (numeric_recv). */
static char *write_numeric(char *at, int64_t scaled, int decimals)
{
    int fraction_digits = (decimals + 3) / 4;
    uint64_t magnitude = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    uint64_t unit = database_power_of_ten(decimals);
    uint64_t whole = magnitude / unit;
    uint64_t fraction = magnitude % unit * database_power_of_ten(4 * fraction_digits - decimals);
    uint16_t digits[8];
    for (int i = 4; i >= 0; i--, whole /= 10000)
        digits[i] = (uint16_t)(whole % 10000);
    for (int i = 4 + fraction_digits; i > 4; i--, fraction /= 10000)
        digits[i] = (uint16_t)(fraction % 10000);
    at = write16(at, (uint16_t)(5 + fraction_digits));
    at = write16(at, 4);
    at = write16(at, scaled < 0 ? 0x4000 : 0);
    at = write16(at, (uint16_t)decimals);
    for (int i = 0; i < 5 + fraction_digits; i++)
        at = write16(at, digits[i]);
    return at;
}

void database_add_decimals(struct database_values *values, const int64_t *scaled, int decimals, size_t count)
{
    if (decimals < 0 || decimals > DECIMALS_MAX)
        abort();
    size_t size = NUMERIC_HEAD_BYTES + 2 * (size_t)(5 + (decimals + 3) / 4);
    size_t nulls = 0;
    for (size_t i = 0; i < count; i++)
        nulls += scaled[i] == DATABASE_NULL;
    char *at = array_begin(values, OID_NUMERICS, OID_NUMERIC, count, nulls > 0, 4 * count + size * (count - nulls));
    for (size_t i = 0; i < count; i++) {
        at = write32(at, scaled[i] == DATABASE_NULL ? UINT32_MAX : (uint32_t)size);
        if (scaled[i] != DATABASE_NULL)
            at = write_numeric(at, scaled[i], decimals);
    }
}
