/* table.c: see table.h. */
#include "ctl/table.h"

#include "common/text.h"

struct table {
    struct arena *arena;
    const struct column *columns;
    size_t column_count;
    struct slice *cells;
    size_t row_count, row_capacity;
};

struct table *table_new(struct arena *arena, const struct column *columns, size_t count)
{
    struct table *table = arena_zeroed(arena, 1, sizeof *table);
    table->arena = arena;
    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_add(struct table *table, const struct slice *cells)
{
    if (table->row_count == table->row_capacity) {
        size_t capacity = table->row_capacity ? table->row_capacity * 2 : 16;
        struct slice *grown = arena_zeroed(table->arena, capacity * table->column_count, sizeof *grown);
        if (table->row_count > 0)
            memcpy(grown, table->cells, table->row_count * table->column_count * sizeof *grown);
        table->cells = grown;
        table->row_capacity = capacity;
    }
    for (size_t i = 0; i < table->column_count; i++)
        table->cells[table->row_count * table->column_count + i] = arena_copy(table->arena, cells[i]);
    table->row_count++;
}

size_t table_rows(const struct table *table)
{
    return table->row_count;
}

/* What people see of a cell: its bytes if they are harmless, else a copy in which each control character is "?". */
static struct slice shown(const struct table *table, size_t row, size_t column)
{
    struct slice cell = table->cells[row * table->column_count + column];
    if (slice_absent(cell))
        return SLICE("-");
    if (table->columns[column].kind == COLUMN_FLAG)
        return slice_equals(cell, "true") ? SLICE("yes") : SLICE("no");
    uint64_t repaired = 0;
    struct slice text = text_repair(table->arena, cell, &repaired);
    char *bytes = arena_alloc(table->arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool c1_control = c == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;
        bytes[i] = (c < 0x20 || c == 0x7F || c1_control) ? '?' : (char)c;
        if (c1_control)
            bytes[++i] = '?'; /* U+0080 … U+009F are two bytes in UTF-8 */
    }
    return (struct slice){bytes, text.len};
}

/* Columns of a terminal, taken as characters: good for the scripts that names here are written in. */
static size_t width_of(struct slice text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return width;
}

static void add_blanks(struct buffer *out, size_t count)
{
    while (count-- > 0)
        buffer_add_char(out, ' ');
}

static void add_cell(struct buffer *out, struct slice text, size_t width, bool right, bool last)
{
    size_t blanks = width - width_of(text);
    if (right)
        add_blanks(out, blanks);
    buffer_add(out, text);
    if (!right && !last)
        add_blanks(out, blanks);
    buffer_add_text(out, last ? "\n" : "  ");
}

static struct slice heading(const struct table *table, size_t column)
{
    struct slice name = slice_of(table->columns[column].name);
    char *text = arena_alloc(table->arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.ptr[i] == '_' ? ' ' : name.ptr[i];
    return (struct slice){text, name.len};
}

void table_write_text(const struct table *table, struct buffer *out)
{
    size_t columns = table->column_count;
    size_t *widths = arena_zeroed(table->arena, columns + 1, sizeof *widths);
    struct slice *texts = arena_zeroed(table->arena, (table->row_count + 1) * columns, sizeof *texts);
    for (size_t row = 0; row <= table->row_count; row++) {
        for (size_t i = 0; i < columns; i++) {
            struct slice text = row == 0 ? heading(table, i) : shown(table, row - 1, i);
            texts[row * columns + i] = text;
            size_t width = width_of(text);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t row = 0; row <= table->row_count; row++)
        for (size_t i = 0; i < columns; i++)
            add_cell(out, texts[row * columns + i], widths[i], table->columns[i].kind == COLUMN_NUMBER,
                     i + 1 == columns);
}

void table_write_json(const struct table *table, struct buffer *out)
{
    buffer_add_char(out, '[');
    for (size_t row = 0; row < table->row_count; row++) {
        buffer_add_text(out, row == 0 ? "{" : ",\n{");
        for (size_t i = 0; i < table->column_count; i++) {
            struct slice cell = table->cells[row * table->column_count + i];
            buffer_add_text(out, i == 0 ? "" : ",");
            buffer_add_json_string(out, slice_of(table->columns[i].name));
            buffer_add_char(out, ':');
            if (slice_absent(cell))
                buffer_add_text(out, "null");
            else if (table->columns[i].kind == COLUMN_TEXT)
                buffer_add_json_string(out, cell);
            else
                buffer_add(out, cell);
        }
        buffer_add_char(out, '}');
    }
    buffer_add_text(out, "]\n");
}

struct slice table_duration(struct arena *arena, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } UNITS[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    if (seconds < 0)
        seconds = 0;
    for (size_t i = 0; i + 1 < COUNT(UNITS); i++)
        if (seconds >= UNITS[i].seconds)
            return arena_format(arena, "%lld%c %lld%c", (long long)(seconds / UNITS[i].seconds), UNITS[i].letter,
                                (long long)(seconds % UNITS[i].seconds / UNITS[i + 1].seconds), UNITS[i + 1].letter);
    return arena_format(arena, "%llds", (long long)seconds);
}
