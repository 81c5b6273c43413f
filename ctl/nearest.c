/* nearest.c: see nearest.h. Pure. */
#include "ctl/nearest.h"

enum { CHANGES_MAX = 2, LETTERS_MAX = 64 /* nobody's option is longer; what is, is near to none */ };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One row of the table at a time: row[i] is the distance between the first i letters of `a` and what was seen of `b`. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[LETTERS_MAX + 1];
    for (size_t i = 0; i <= a.len; i++)
        row[i] = i;
    for (size_t j = 1; j <= b.len; j++) {
        size_t diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= a.len; i++) {
            size_t replaced = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[i];
            row[i] = least(replaced, least(row[i], row[i - 1]) + 1);
        }
    }
    return row[a.len];
}

const char *nearest_word(struct slice written, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t best = CHANGES_MAX + 1;
    for (size_t i = 0; i < count && written.len <= LETTERS_MAX; i++) {
        size_t changes = distance(written, slice_of(words[i]));
        if (changes >= best || 2 * changes > written.len)
            continue;
        best = changes;
        nearest = words[i];
    }
    return nearest;
}
