/* database_values.h: parameters as PostgreSQL's binary protocol wants them, and fields as it answers them.
 *
 * Arrays are one-dimensional. Formats: PostgreSQL's src/backend/utils/adt/ (array_send, numeric_send, timestamptz_send,
 * jsonb_send). Pure.
 */
#ifndef HOOKLINE_COMMON_DATABASE_VALUES_H
#define HOOKLINE_COMMON_DATABASE_VALUES_H

#include <stdint.h>

#include "common/arena.h"

enum { DATABASE_VALUES_MAX = 64 };

/* PostgreSQL's times count from 2000-01-01, in µs. */
#define DATABASE_EPOCH_MS INT64_C(946684800000)

static inline uint64_t database_power_of_ten(int exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* The parameters of one statement. */
struct database_values {
    struct arena *arena;
    int count;
    unsigned types[DATABASE_VALUES_MAX]; /* OIDs */
    const char *data[DATABASE_VALUES_MAX];
    int lengths[DATABASE_VALUES_MAX];
};

/* The null of a whole number or a time. */
#define DATABASE_NULL INT64_MIN

/* All of these copy into the arena; absent slices and DATABASE_NULL become null, in arrays too. */
void database_values_init(struct database_values *values, struct arena *arena);
void database_add_int(struct database_values *values, int64_t number); /* bigint */
void database_add_text(struct database_values *values, struct slice text);
void database_add_bytes(struct database_values *values, struct slice bytes); /* bytea */
void database_add_json(struct database_values *values, struct slice json);   /* jsonb */
void database_add_time(struct database_values *values, int64_t ms);          /* timestamptz from ms since 1970 */
void database_add_flag(struct database_values *values, bool flag);
void database_add_ints(struct database_values *values, const int64_t *numbers, size_t count);
void database_add_texts(struct database_values *values, const struct slice *texts, size_t count);
void database_add_bytes_array(struct database_values *values, const struct slice *bytes, size_t count);
void database_add_jsons(struct database_values *values, const struct slice *jsons, size_t count);
void database_add_times(struct database_values *values, const int64_t *ms, size_t count);
/* numeric[] from whole numbers of 10^-decimals: 15215000 with 6 is 15.215000. */
void database_add_decimals(struct database_values *values, const int64_t *scaled, int decimals, size_t count);
/* boolean[]; -1 is null. */
void database_add_flags(struct database_values *values, const int8_t *flags, size_t count);

/* One field in binary, as database.h's readers find it in a result; absent is null. */
int64_t database_read_int(struct slice field);  /* int2, int4, int8; DATABASE_NULL */
int64_t database_read_time(struct slice field); /* ms; DATABASE_NULL, also for ±infinity */
int64_t database_read_decimal(struct slice field,
                              int decimals); /* truncated; DATABASE_NULL also for NaN and overflow */
/* Walks a one-dimensional array: opened, then one element at a time. A field that is null, or no such array, has none. */
struct database_array {
    struct slice rest;
    int64_t left; /* elements to come */
};
void database_array_open(struct database_array *array, struct slice field);
bool database_array_next(struct database_array *array, struct slice *element);

#endif
