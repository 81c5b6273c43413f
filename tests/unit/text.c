/* text.c: UTF-8 by RFC 3629, times by RFC 3339, numbers, masks; and the buffer that writes them. */
#include "tests/unit/test.h"

#include "common/buffer.h"
#include "common/text.h"

static void only_valid_utf8_counts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } CASES[] = {
        {"a", 1},
        {"\xc3\xbc", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xc0\x80", 0},         /* over-long NUL */
        {"\xe0\x80\x80", 0},     /* over-long */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\x80", 0},
        {"\xc3", 0},
        {"\xe2\x82", 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(text_utf8_length(slice_of(CASES[i].bytes)), CASES[i].length);
    assert_int_equal(text_utf8_length(SLICE("")), 0);
}

static void repair_touches_only_what_is_broken(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    uint64_t repaired = 0;
    struct slice sound = SLICE("Müller");
    assert_ptr_equal(text_repair(arena, sound, &repaired).ptr, sound.ptr);
    assert_int_equal(repaired, 0);
    assert_slice(text_repair(arena, (struct slice){"a\0b", 3}, &repaired), "a\xef\xbf\xbd"
                                                                           "b");
    assert_slice(text_repair(arena, SLICE("\xff\xfe"), &repaired), "\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(repaired, 2);
    arena_free(arena);
}

/* Eight bytes are looked at together where they are plain: a broken one is found at every place among them. */
static void a_broken_byte_is_found_wherever_it_is(void **state)
{
    (void)state;
    static const char BROKEN[] = {'\0', '\x80', '\x81', '\xff'};
    struct arena *arena = arena_new();
    for (size_t at = 0; at < 20; at++)
        for (size_t i = 0; i < COUNT(BROKEN); i++) {
            char text[20];
            char expected[23];
            uint64_t repaired = 0;
            memset(text, '\x01', sizeof text);
            memset(expected, '\x01', sizeof expected - 1);
            text[at] = BROKEN[i];
            memcpy(expected + at, TEXT_REPLACEMENT, 3);
            expected[22] = '\0';
            assert_slice(text_repair(arena, (struct slice){text, sizeof text}, &repaired), expected);
            assert_int_equal(repaired, 1);
        }
    arena_free(arena);
}

static void times_are_read_and_written_alike(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t ms;
        const char *written;
    } CASES[] = {
        {"1970-01-01T00:00:00.000Z", true, 0, "1970-01-01T00:00:00.000Z"},
        {"2026-11-21T09:30:00.123Z", true, 1795253400123, "2026-11-21T09:30:00.123Z"},
        {"2026-11-21T10:30:00.123456+01:00", true, 1795253400123, "2026-11-21T09:30:00.123Z"},
        {"2024-02-29T23:59:59Z", true, 1709251199000, "2024-02-29T23:59:59.000Z"},
        {"1969-12-31T23:59:59.999Z", true, -1, "1969-12-31T23:59:59.999Z"},
        {"2023-02-29T00:00:00Z", false, 0, NULL},
        {"2026-13-01T00:00:00Z", false, 0, NULL},
        {"2026-11-21 09:30:00Z", false, 0, NULL},
        {"2026-11-21T09:30:00", false, 0, NULL},
        {"2026-11-21T09:30:00.Z", false, 0, NULL},
        {"2026-11-21T24:00:00Z", false, 0, NULL},
        {"2026-11-21T09:30:00+1:00", false, 0, NULL},
        {"", false, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int64_t ms = 0;
        if (text_read_time(slice_of(CASES[i].text), &ms) != CASES[i].valid)
            fail_msg("%s", CASES[i].text);
        if (!CASES[i].valid)
            continue;
        assert_int_equal(ms, CASES[i].ms);
        struct arena *arena = arena_new();
        assert_slice(text_write_time(arena, ms), CASES[i].written);
        arena_free(arena);
    }
}

static void blanks_around_a_text_are_cut_off(void **state)
{
    (void)state;
    static const struct {
        const char *text, *trimmed;
    } CASES[] = {{"", ""},    {" \t ", ""}, {"a", "a"}, {"\t a b\t", "a b"}, {"\na\r ", "\na\r"},
                 {"a ", "a"}, {" a", "a"}};
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_slice(text_trimmed(slice_of(CASES[i].text)), CASES[i].trimmed);
}

static void whole_numbers_are_read_to_the_last_digit(void **state)
{
    (void)state;
    int64_t number = 0;
    assert_true(text_read_int(SLICE("9223372036854775807"), &number));
    assert_int_equal(number, INT64_MAX);
    assert_true(text_read_int(SLICE("-9223372036854775808"), &number));
    assert_int_equal(number, INT64_MIN);
    static const char *const NONE[] = {"",    "-",  "9223372036854775808", "-9223372036854775809", "1 ", "+1",
                                       "0x1", "1.0"};
    for (size_t i = 0; i < COUNT(NONE); i++)
        assert_false(text_read_int(slice_of(NONE[i]), &number));
}

static void hex_has_exactly_the_right_length(void **state)
{
    (void)state;
    uint8_t bytes[2];
    assert_true(text_read_hex(SLICE("0aFf"), bytes, 2));
    assert_int_equal(bytes[0], 0x0a);
    assert_int_equal(bytes[1], 0xff);
    assert_false(text_read_hex(SLICE("0aF"), bytes, 2));
    assert_false(text_read_hex(SLICE("0aFg"), bytes, 2));
    assert_false(text_read_hex(SLICE("0aFf0"), bytes, 2));
}

static void no_log_shows_a_whole_number(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_slice(text_mask_number(arena, SLICE("+493083793369")), "+49…369");
    assert_slice(text_mask_number(arena, SLICE("112")), "…");
    assert_slice(text_mask_number(arena, SLICE_ABSENT), "…");
    arena_free(arena);
}

static void json_strings_are_always_valid(void **state)
{
    (void)state;
    struct buffer out = {0};
    buffer_add_json_string(&out, (struct slice){"\"\\/\b\f\n\r\t\x01\0ü\xff\x7f", 14});
    assert_slice(buffer_slice(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u0000ü\xef\xbf\xbd\x7f\"");
    buffer_free(&out);
}

static void numbers_are_written_to_the_last_digit(void **state)
{
    (void)state;
    struct buffer out = {0};
    buffer_add_int(&out, 0);
    buffer_add_char(&out, ' ');
    buffer_add_int(&out, INT64_MIN);
    buffer_add_char(&out, ' ');
    buffer_add_int(&out, INT64_MAX);
    assert_slice(buffer_slice(&out), "0 -9223372036854775808 9223372036854775807");
    buffer_free(&out);
}

/* What is formatted goes into the room that is left, and once more where there is too little. */
static void what_is_formatted_is_whole_whatever_room_there_was(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (int width = 1; width < 200; width++) {
        struct buffer out = {0};
        buffer_add_format(&out, "<%*d>", width, 7);
        assert_int_equal(out.len, width + 2);
        assert_int_equal(out.data[out.len - 1], '>');
        assert_slice(arena_format(arena, "%s", out.data), out.data);
        buffer_free(&out);
    }
    struct slice large = arena_format(arena, "%*d", 200000, 7);
    assert_int_equal(large.len, 200000);
    assert_int_equal(large.ptr[large.len - 1], '7');
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_valid_utf8_counts),
        cmocka_unit_test(repair_touches_only_what_is_broken),
        cmocka_unit_test(a_broken_byte_is_found_wherever_it_is),
        cmocka_unit_test(times_are_read_and_written_alike),
        cmocka_unit_test(blanks_around_a_text_are_cut_off),
        cmocka_unit_test(whole_numbers_are_read_to_the_last_digit),
        cmocka_unit_test(hex_has_exactly_the_right_length),
        cmocka_unit_test(no_log_shows_a_whole_number),
        cmocka_unit_test(json_strings_are_always_valid),
        cmocka_unit_test(numbers_are_written_to_the_last_digit),
        cmocka_unit_test(what_is_formatted_is_whole_whatever_room_there_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
