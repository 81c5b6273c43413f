/* One table, read by people and by programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/table.h"

static const struct column COLUMNS[] = {{"id", COLUMN_NUMBER}, {"full_name", COLUMN_TEXT}, {"open", COLUMN_FLAG}};

static struct table *sample(struct arena *arena)
{
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    table_add(table, (struct slice[]){SLICE("7"), SLICE("Müller"), SLICE("true")});
    table_add(table, (struct slice[]){SLICE("1234"), SLICE_ABSENT, SLICE("false")});
    return table;
}

static void people_see_aligned_columns(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer out = {0};
    table_write_text(sample(arena), &out);
    assert_string_equal(out.data, "  id  full name  open\n"
                                  "   7  Müller     yes\n"
                                  "1234  -          no\n");
    buffer_free(&out);
    arena_free(arena);
}

static void programs_see_objects(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer out = {0};
    table_write_json(sample(arena), &out);
    assert_string_equal(out.data, "[{\"id\":7,\"full_name\":\"Müller\",\"open\":true},\n"
                                  "{\"id\":1234,\"full_name\":null,\"open\":false}]\n");
    buffer_free(&out);
    arena_free(arena);
}

static void a_name_cannot_move_the_cursor(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer out = {0};
    struct table *table = table_new(arena, &COLUMNS[1], 1);
    table_add(table, (struct slice[]){SLICE("a\x1b[2J\nb\xC2\x9B"
                                            "c\xff")});
    table_write_text(table, &out);
    assert_string_equal(out.data, "full name\na?[2J?b??c\xEF\xBF\xBD\n");
    buffer_free(&out);
    arena_free(arena);
}

static void no_rows_are_a_heading_and_an_empty_array(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer out = {0};
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    table_write_text(table, &out);
    table_write_json(table, &out);
    assert_string_equal(out.data, "id  full name  open\n[]\n");
    assert_int_equal(table_rows(table), 0);
    buffer_free(&out);
    arena_free(arena);
}

static void many_rows_keep_their_order(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer out = {0}, wanted = {0};
    struct table *table = table_new(arena, COLUMNS, 1);
    buffer_add_char(&wanted, '[');
    for (int i = 100; i < 200; i++) {
        table_add(table, (struct slice[]){arena_format(arena, "%d", i)});
        buffer_add_format(&wanted, "%s{\"id\":%d}", i == 100 ? "" : ",\n", i);
    }
    buffer_add_text(&wanted, "]\n");
    table_write_json(table, &out);
    assert_string_equal(out.data, wanted.data);
    buffer_free(&out);
    buffer_free(&wanted);
    arena_free(arena);
}

static void durations_have_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } CASES[] = {{-3, "0s"},        {0, "0s"},       {59, "59s"},     {60, "1m 0s"},
                 {3599, "59m 59s"}, {3600, "1h 0m"}, {93784, "1d 2h"}};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_string_equal(table_duration(arena, CASES[i].seconds).ptr, CASES[i].text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_see_aligned_columns),    cmocka_unit_test(programs_see_objects),
        cmocka_unit_test(a_name_cannot_move_the_cursor), cmocka_unit_test(no_rows_are_a_heading_and_an_empty_array),
        cmocka_unit_test(many_rows_keep_their_order),    cmocka_unit_test(durations_have_two_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
