/* json.h: read access to JSON, the same for all programs.
 *
 * RFC 8259 over yyjson, with what senders really send admitted: invalid UTF-8 and bare control characters inside
 * strings (kept as bytes; text.h repairs), lone surrogates, numbers beyond double's range, any depth. Of duplicate keys the first counts. Every getter takes NULL and
 * values of another type and answers "absent", so a chain needs no checks. Pure: memory comes from the arena.
 */
#ifndef HOOKLINE_COMMON_JSON_H
#define HOOKLINE_COMMON_JSON_H

#include <stdint.h>

#include "common/arena.h"

struct json; /* a value; lives as long as the arena */

/* The root value of `text`, or NULL with *problem set to a sentence (static text). */
const struct json *json_read(struct arena *arena, struct slice text, const char **problem);
/* The same for what a person wrote: *line and *column (from 1) say where the problem is. */
const struct json *json_read_written(struct arena *arena, struct slice text, const char **problem, size_t *line,
                                     size_t *column);

bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_null(const struct json *value);

/* The first member of that name, NULL if absent or `value` is no object. */
const struct json *json_get(const struct json *value, const char *key);
/* The element, NULL past the end. O(1) for index 0 and flat arrays, O(n) otherwise: iterate with json_first/next. */
const struct json *json_at(const struct json *array, size_t index);
size_t json_length(const struct json *array_or_object);
/* Elements of an array, in order; NULL ends. */
const struct json *json_first(const struct json *array);
const struct json *json_last(const struct json *array);
const struct json *json_next(const struct json *array, const struct json *element);

/* The name of an object's member, in order from 0, and *member; absent past the end. O(index). */
struct slice json_name(const struct json *object, size_t index, const struct json **member);

struct slice json_text(const struct json *value); /* absent unless it is a string */
bool json_int(const struct json *value,
              int64_t *number); /* a number without fraction (1e3 and 3.0 count) in int64's range */
bool json_real(const struct json *value, double *number); /* any finite number */
bool json_bool(const struct json *value, bool *answer);
/* A number's decimal value times 10^decimals, rounded half away from zero; false if it is none or does not fit. Read from
 * the shortest text that denotes the double, so 15.215 is 15215000 with 6 decimals and nothing else. */
bool json_decimal(const struct json *value, int decimals, int64_t *scaled);

/* The value written again as compact JSON in `arena`, valid UTF-8, without U+0000 (which jsonb refuses): repairs are counted
 * in *repaired. Absent for NULL. */
struct slice json_write(struct arena *arena, const struct json *value, uint64_t *repaired);

#endif
