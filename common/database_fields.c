/* database_fields.c: what PostgreSQL answers, in the formats that database_values.c draws. */
#include "common/database_values.h"

enum { ARRAY_HEAD_BYTES = 20, NUMERIC_HEAD_BYTES = 8, NUMERIC_NEGATIVE = 0x4000 };

static uint64_t read_unsigned(const char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

int64_t database_read_int(struct slice field)
{
    if (field.len == 2)
        return (int16_t)read_unsigned(field.ptr, 2);
    if (field.len == 4)
        return (int32_t)read_unsigned(field.ptr, 4);
    return field.len == 8 ? (int64_t)read_unsigned(field.ptr, 8) : DATABASE_NULL;
}

int64_t database_read_time(struct slice field)
{
    if (field.len != 8)
        return DATABASE_NULL;
    int64_t us = (int64_t)read_unsigned(field.ptr, 8);
    if (us == INT64_MAX || us == INT64_MIN)
        return DATABASE_NULL;
    int64_t ms = us / 1000 - (us % 1000 < 0);
    return ms + DATABASE_EPOCH_MS;
}

int64_t database_read_decimal(struct slice field, int decimals)
{
    if (field.len < NUMERIC_HEAD_BYTES)
        return DATABASE_NULL;
    size_t digits = read_unsigned(field.ptr, 2);
    int weight = (int16_t)read_unsigned(field.ptr + 2, 2);
    uint64_t sign = read_unsigned(field.ptr + 4, 2);
    if ((sign != 0 && sign != NUMERIC_NEGATIVE) || field.len != NUMERIC_HEAD_BYTES + 2 * digits)
        return DATABASE_NULL;
    int64_t scaled = 0;
    for (size_t i = 0; i < digits; i++) {
        int64_t part = (int64_t)read_unsigned(field.ptr + NUMERIC_HEAD_BYTES + 2 * i, 2);
        if (part == 0)
            continue;
        int exponent = 4 * (weight - (int)i) + decimals;
        if (exponent < 0)
            part = exponent > -4 ? part / (int64_t)database_power_of_ten(-exponent) : 0;
        else if (exponent > 18 || __builtin_mul_overflow(part, (int64_t)database_power_of_ten(exponent), &part))
            return DATABASE_NULL;
        if (__builtin_add_overflow(scaled, part, &scaled))
            return DATABASE_NULL;
    }
    return sign ? -scaled : scaled;
}

void database_array_open(struct database_array *array, struct slice field)
{
    *array = (struct database_array){.rest = SLICE_ABSENT};
    if (field.len < ARRAY_HEAD_BYTES || read_unsigned(field.ptr, 4) != 1)
        return;
    array->left = (int64_t)read_unsigned(field.ptr + 12, 4);
    array->rest = slice_from(field, ARRAY_HEAD_BYTES);
}

bool database_array_next(struct database_array *array, struct slice *element)
{
    if (array->left <= 0 || array->rest.len < 4)
        return false;
    uint32_t len = (uint32_t)read_unsigned(array->rest.ptr, 4);
    array->rest = slice_from(array->rest, 4);
    *element = SLICE_ABSENT;
    if (len != UINT32_MAX) {
        if (len > array->rest.len)
            return false;
        *element = (struct slice){array->rest.ptr, len};
        array->rest = slice_from(array->rest, len);
    }
    array->left--;
    return true;
}
