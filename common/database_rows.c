/* database_rows.c: fields of a result, by row and column. The formats are database_fields.c's. */
#include "common/database.h"

enum { OID_JSONB = 3802 };

static struct slice field(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column))
        return SLICE_ABSENT;
    return (struct slice){PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

int64_t database_int(const PGresult *rows, int row, int column)
{
    return database_read_int(field(rows, row, column));
}

struct slice database_text(const PGresult *rows, int row, int column)
{
    struct slice text = field(rows, row, column);
    bool versioned = PQftype(rows, column) == OID_JSONB && text.len > 0;
    return versioned ? slice_from(text, 1) : text;
}

int64_t database_time(const PGresult *rows, int row, int column)
{
    return database_read_time(field(rows, row, column));
}

int64_t database_decimal(const PGresult *rows, int row, int column, int decimals)
{
    return database_read_decimal(field(rows, row, column), decimals);
}

int database_flag(const PGresult *rows, int row, int column)
{
    struct slice flag = field(rows, row, column);
    return flag.len == 1 ? flag.ptr[0] != 0 : -1;
}

const struct slice *database_text_array(const PGresult *rows, int row, int column, struct arena *arena, int *count)
{
    struct slice whole = field(rows, row, column);
    if (slice_absent(whole)) {
        *count = -1;
        return NULL;
    }
    struct database_array array;
    database_array_open(&array, whole);
    /* An element takes at least its length: a count that lies cannot make this allocate much. */
    struct slice *texts = arena_zeroed(arena, whole.len / 4 + 1, sizeof *texts);
    for (*count = 0; database_array_next(&array, &texts[*count]); (*count)++)
        continue;
    return texts;
}
