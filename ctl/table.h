/* table.h: rows for people and for programs, from the same cells.
 *
 *      people:  aligned columns, numbers to the right, control characters as "?" (a name must not move the cursor)
 *      --json:  an array of objects with the columns' names as keys
 *
 * Pure. A cell that is absent is "-" for people and null in JSON.
 */
#ifndef HOOKLINE_CTL_TABLE_H
#define HOOKLINE_CTL_TABLE_H

#include "common/arena.h"
#include "common/buffer.h"

enum column_kind {
    COLUMN_TEXT,
    COLUMN_NUMBER, /* the cell is written as JSON writes a number */
    COLUMN_FLAG,   /* "true" or "false"; people read yes and no */
};

struct column {
    const char *name; /* the JSON key; people see it with blanks for underscores */
    enum column_kind kind;
};

struct table;

/* `columns` is borrowed; rows are copied into the arena. */
struct table *table_new(struct arena *arena, const struct column *columns, size_t count);
/* `cells` has as many as there are columns. */
void table_add(struct table *table, const struct slice *cells);
size_t table_rows(const struct table *table);

void table_write_text(const struct table *table, struct buffer *out);
void table_write_json(const struct table *table, struct buffer *out);

/* 93784 s -> "1d 2h"; two units at most. For people only. */
struct slice table_duration(struct arena *arena, int64_t seconds);

#endif
