/* The spool's column of headers: what is written is read again, and what was cut or changed is refused, not believed. */
#include "ingest/spool_headers.h"
#include "tests/unit/test.h"

static const struct header HEADERS[] = {
    {"ce_id", {"0123", 4}},
    {"empty", {"", 0}},
    {"absent", {NULL, 0}},
    {"bytes", {"a\0b\xff", 4}},
};

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (size_t count = 0; count <= COUNT(HEADERS); count++) {
        struct buffer bytes = {0};
        struct arena *arena = arena_new();
        struct header *headers = NULL;
        size_t read = SIZE_MAX;
        spool_headers_write(&bytes, HEADERS, count);
        assert_true(spool_headers_read(buffer_slice(&bytes), arena, &headers, &read));
        assert_int_equal(read, count);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(headers[i].name, HEADERS[i].name);
            assert_true(slice_same(headers[i].value, HEADERS[i].value));
        }
        arena_free(arena);
        buffer_free(&bytes);
    }
}

static void what_was_cut_is_refused(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    struct arena *arena = arena_new();
    struct header *headers = NULL;
    size_t count = 0;
    spool_headers_write(&bytes, HEADERS, COUNT(HEADERS));
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(spool_headers_read((struct slice){bytes.data, len}, arena, &headers, &count));
    buffer_add_char(&bytes, 'x');
    assert_false(spool_headers_read(buffer_slice(&bytes), arena, &headers, &count));
    arena_free(arena);
    buffer_free(&bytes);
}

static void counts_and_lengths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct slice NONSENSE[] = {
        {NULL, 0},
        {"\xff\xff\xff\xff", 4},                    /* 4 billion headers */
        {"\1\0\0\0\xff\xff\xff\xff\0\0\0\0", 12},   /* a header without a name */
        {"\1\0\0\0\xf0\xff\xff\xff\0\0\0\0", 12},   /* a name of 4 GB */
        {"\1\0\0\0\1\0\0\0a\2\0\0\0b", 14},         /* a value longer than what is there */
        {"\2\0\0\0\1\0\0\0a\1\0\0\0b\1\0\0\0", 18}, /* the second one is cut */
    };
    struct arena *arena = arena_new();
    struct header *headers = NULL;
    size_t count = 0;
    for (size_t i = 0; i < COUNT(NONSENSE); i++)
        assert_false(spool_headers_read(NONSENSE[i], arena, &headers, &count));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_was_cut_is_refused),
        cmocka_unit_test(counts_and_lengths_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
