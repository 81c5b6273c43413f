/* slice.h: a run of bytes that belongs to someone else.
 *
 * Borrows: whoever made the bytes (an arena, a Kafka message, a PGresult) keeps them alive. Not terminated by NUL, may
 * hold NUL. `ptr == NULL` is "absent", which is not the same as empty. The functions are C++ too, for phone.cc.
 */
#ifndef HOOKLINE_COMMON_SLICE_H
#define HOOKLINE_COMMON_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define SLICE_ABSENT  ((struct slice){NULL, 0})
#define SLICE(string) ((struct slice){"" string "", sizeof(string) - 1})
/* For printf's "%.*s". */
#define SLICE_PRINT(slice) (int)(slice).len, (slice).ptr ? (slice).ptr : ""

struct slice {
    const char *ptr;
    size_t len;
};

static inline struct slice slice_of(const char *string)
{
    struct slice s = {string, string ? strlen(string) : 0};
    return s;
}

static inline bool slice_absent(struct slice s)
{
    return s.ptr == NULL;
}

static inline bool slice_same(struct slice a, struct slice b)
{
    if (a.len != b.len || (a.ptr == NULL) != (b.ptr == NULL))
        return false;
    return !a.ptr || !b.ptr || memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline bool slice_equals(struct slice s, const char *string)
{
    return s.ptr && s.len == strlen(string) && memcmp(s.ptr, string, s.len) == 0;
}

static inline bool slice_starts_with(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.ptr && s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

/* Orders bytewise, the shorter first; absent before everything. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0)
        return order;
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return (a.ptr != NULL) - (b.ptr != NULL);
}

/* The rest of `s` from `at` on; empty if `at` is past the end. */
static inline struct slice slice_from(struct slice s, size_t at)
{
    size_t skipped = at < s.len ? at : s.len;
    struct slice rest = {s.ptr ? s.ptr + skipped : NULL, s.len - skipped};
    return rest;
}

#endif
