/* history.h: the last updates of each company, from which a screen resumes.
 *
 *      company 1   101 ─ 104 ─ 105        each line: at most so many updates
 *      company 2   102 ─ 103              all lines: at most so many bytes; the oldest of all goes first
 *
 * A line remembers the offset of the newest update that it has let go: from there on it is complete. Pure but for
 * malloc.
 */
#ifndef HOOKLINE_BROADCASTER_HISTORY_H
#define HOOKLINE_BROADCASTER_HISTORY_H

#include <stdint.h>

#include "common/slice.h"

struct history_entry;

struct history_line {
    struct history_entry *first, *last;
    size_t count;
    int64_t complete_after; /* every update of a greater offset is here */
};

struct history {
    struct history_entry *oldest, *newest; /* of all lines, in the order in which they were added */
    size_t count, bytes, updates_max, bytes_max;
};

/* Copies the value. Offsets of a line rise. */
void history_add(struct history *history, struct history_line *line, int64_t offset, struct slice value);

/* The line's first entry above `offset`, then the one after it; NULL ends. */
const struct history_entry *history_after(const struct history_line *line, int64_t offset);
const struct history_entry *history_next(const struct history_entry *entry);
int64_t history_offset(const struct history_entry *entry);
struct slice history_value(const struct history_entry *entry);

void history_free(struct history *history);

#endif
