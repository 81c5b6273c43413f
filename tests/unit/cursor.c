/* A cursor is read exactly as it was written; whatever else a browser sends back is none. */
#include "tests/unit/test.h"

#include "broadcaster/cursor.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const struct cursor CURSORS[] = {
        {{"a1b2", 4}, 0, -1},
        {{"a1b2", 4}, 11, 0},
        {{"0f8fad5b-d9cb-469f-a165-70867728950e", 36}, 3, INT64_MAX},
        {{"x", 1}, INT32_MAX, 7},
    };
    for (size_t i = 0; i < COUNT(CURSORS); i++) {
        struct buffer text = {0};
        struct cursor read;
        cursor_write(&text, &CURSORS[i]);
        assert_true(cursor_read(buffer_slice(&text), &read));
        assert_true(slice_same(read.epoch, CURSORS[i].epoch));
        assert_int_equal(read.partition, CURSORS[i].partition);
        assert_int_equal(read.offset, CURSORS[i].offset);
        buffer_free(&text);
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        ":",
        "::",
        "a",
        "a:1",
        "a:1:",
        "a::1",
        ":1:1",
        "a:1:-2",
        "a:-1:1",
        "a:01:1",
        "a:1:01",
        "a:1:1 ",
        " a:1:1",
        "a:+1:1",
        "a:1:9223372036854775808",
        "a:2147483648:1",
        "a:b:1:1",
        "a\"b:1:1",
        "a b:1:1",
        "a:1:1:x",
        "a:1:0x1",
        "0123456789012345678901234567890123456789012345678901234567890123x:1:1",
    };
    struct cursor cursor;
    assert_false(cursor_read(SLICE_ABSENT, &cursor));
    for (size_t i = 0; i < COUNT(TEXTS); i++)
        if (cursor_read(slice_of(TEXTS[i]), &cursor))
            fail_msg("\"%s\" was read as a cursor", TEXTS[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(everything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
