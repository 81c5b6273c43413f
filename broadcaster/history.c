/* history.c: every entry is in two lists, its line's and everyone's; the oldest of all is also the oldest of its
 * line. */
#include "broadcaster/history.h"

#include <stdlib.h>

#include "common/arena.h"

struct history_entry {
    struct history_line *line;
    struct history_entry *next_in_line, *next;
    struct history_entry *previous;
    int64_t offset;
    size_t len;
    char value[];
};

static size_t weight(const struct history_entry *entry)
{
    return sizeof *entry + entry->len;
}

static void let_go(struct history *history, struct history_entry *entry)
{
    struct history_line *line = entry->line;
    line->first = entry->next_in_line;
    if (!line->first)
        line->last = NULL;
    line->count--;
    line->complete_after = entry->offset;

    if (history->oldest == entry)
        history->oldest = entry->next;
    else
        entry->previous->next = entry->next;
    if (history->newest == entry)
        history->newest = entry->previous;
    else
        entry->next->previous = entry->previous;
    history->count--;
    history->bytes -= weight(entry);
    free(entry);
}

void history_add(struct history *history, struct history_line *line, int64_t offset, struct slice value)
{
    struct history_entry *entry = memory_new(1, sizeof *entry + value.len);
    *entry = (struct history_entry){.line = line, .previous = history->newest, .offset = offset, .len = value.len};
    memcpy(entry->value, value.ptr, value.len);

    if (line->last)
        line->last->next_in_line = entry;
    else
        line->first = entry;
    line->last = entry;
    line->count++;

    if (history->newest)
        history->newest->next = entry;
    else
        history->oldest = entry;
    history->newest = entry;
    history->count++;
    history->bytes += weight(entry);

    if (line->count > history->updates_max)
        let_go(history, line->first);
    while (history->oldest && history->bytes > history->bytes_max)
        let_go(history, history->oldest);
}

const struct history_entry *history_after(const struct history_line *line, int64_t offset)
{
    const struct history_entry *entry = line->first;
    while (entry && entry->offset <= offset)
        entry = entry->next_in_line;
    return entry;
}

const struct history_entry *history_next(const struct history_entry *entry)
{
    return entry->next_in_line;
}

int64_t history_offset(const struct history_entry *entry)
{
    return entry->offset;
}

struct slice history_value(const struct history_entry *entry)
{
    return (struct slice){entry->value, entry->len};
}

void history_free(struct history *history)
{
    while (history->oldest)
        let_go(history, history->oldest);
}
