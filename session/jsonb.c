/* jsonb.c: one pass over the text; strings are stepped over, for brackets and digits in them mean nothing. */
#include "session/jsonb.h"

#include <stdlib.h>

/* The first character behind the string that starts at `at`. */
static size_t skip_string(struct slice json, size_t at)
{
    for (at++; at < json.len && json.ptr[at] != '"'; at++)
        if (json.ptr[at] == '\\')
            at++;
    return at + 1;
}

static bool of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* The first character behind the number that starts at `at`; 0 if jsonb does not take it. */
static size_t skip_number(struct slice json, size_t at)
{
    size_t start = at;
    size_t exponent_digits = 0;
    bool exponent = false;
    for (; at < json.len && of_number(json.ptr[at]); at++) {
        exponent_digits += exponent && json.ptr[at] >= '0' && json.ptr[at] <= '9';
        exponent = exponent || json.ptr[at] == 'e' || json.ptr[at] == 'E';
    }
    return at - start <= JSONB_NUMBER_MAX && exponent_digits <= JSONB_EXPONENT_DIGITS_MAX ? at : 0;
}

bool jsonb_takes(struct slice json)
{
    int depth = 0;
    for (size_t at = 0; at < json.len;) {
        char c = json.ptr[at];
        if (c == '"') {
            at = skip_string(json, at);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            at = skip_number(json, at);
            if (at == 0)
                return false;
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            if (depth > JSONB_DEPTH_MAX)
                return false;
            at++;
        }
    }
    return true;
}

/* duplicate keys ---------------------------------------------------------------------------------------------------- */

/* One member of an object: its key, and the text that goes when it goes: from the comma before it to its end. */
struct member {
    struct slice key;
    size_t from, to;
};

struct frame {
    bool object;
    size_t first; /* of its members, in the list of those that are open */
};

struct walk {
    struct arena *arena;
    struct frame frames[JSONB_DEPTH_MAX + 1];
    size_t depth;
    struct member *open; /* members of the objects that the walk is in, the innermost last */
    size_t open_count, open_capacity;
    struct member *gone; /* repeats, in no order */
    size_t gone_count, gone_capacity;
};

static void add(struct arena *arena, struct member **list, size_t *count, size_t *capacity, struct member member)
{
    if (!*list || *count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 32;
        struct member *grown = arena_zeroed(arena, *capacity, sizeof *grown);
        if (*list)
            memcpy(grown, *list, *count * sizeof *grown);
        *list = grown;
    }
    (*list)[(*count)++] = member;
}

static int by_key(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    int order = slice_compare(left->key, right->key);
    return order ? order : left->from < right->from ? -1 : left->from > right->from;
}

static int by_place(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    return left->from < right->from ? -1 : left->from > right->from;
}

/* The walk leaves an object or an array. Members of one object are sorted by key: repeats stand behind their first. */
static void leave(struct walk *walk, size_t at)
{
    const struct frame *frame = &walk->frames[--walk->depth];
    size_t count = walk->open_count - frame->first;
    walk->open_count = frame->first;
    if (!frame->object || count == 0)
        return;
    struct member *members = walk->open + frame->first;
    members[count - 1].to = at;
    qsort(members, count, sizeof *members, by_key);
    for (size_t i = 1; i < count; i++)
        if (slice_same(members[i].key, members[i - 1].key))
            add(walk->arena, &walk->gone, &walk->gone_count, &walk->gone_capacity, members[i]);
}

static void find_repeats(struct walk *walk, struct slice json)
{
    bool key_next = false;
    for (size_t at = 0; at < json.len;) {
        char c = json.ptr[at];
        size_t next = c == '"' ? skip_string(json, at) : at + 1;
        bool in_object = walk->depth > 0 && walk->frames[walk->depth - 1].object;
        if (c == '{' || c == '[') {
            walk->frames[walk->depth++] = (struct frame){c == '{', walk->open_count};
            key_next = c == '{';
        } else if (c == '}' || c == ']') {
            leave(walk, at);
            key_next = false;
        } else if (c == ',' && in_object && walk->open) {
            walk->open[walk->open_count - 1].to = at;
            key_next = true;
        } else if (c == '"' && key_next) {
            const struct member member = {.key = {json.ptr + at, next - at}, .from = at - 1};
            add(walk->arena, &walk->open, &walk->open_count, &walk->open_capacity, member);
            key_next = false;
        }
        at = next;
    }
}

struct slice jsonb_first_keys(struct arena *arena, struct slice json, uint64_t *dropped)
{
    struct walk walk = {.arena = arena};
    find_repeats(&walk, json);
    if (walk.gone_count == 0)
        return json;
    qsort(walk.gone, walk.gone_count, sizeof *walk.gone, by_place);
    char *copy = arena_alloc(arena, json.len + 1);
    size_t len = 0;
    size_t at = 0;
    for (size_t i = 0; i < walk.gone_count; i++) {
        if (walk.gone[i].from < at) /* within one that is gone already */
            continue;
        memcpy(copy + len, json.ptr + at, walk.gone[i].from - at);
        len += walk.gone[i].from - at;
        at = walk.gone[i].to;
        ++*dropped;
    }
    memcpy(copy + len, json.ptr + at, json.len - at);
    len += json.len - at;
    copy[len] = '\0';
    return (struct slice){copy, len};
}
