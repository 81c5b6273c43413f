/* What is parked keeps its envelope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/parked_headers.h"

static void an_envelope_comes_back_as_it_was(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct event event = {
        .id = {"0123456789abcde"},
        .type = SLICE("ai.retell.call_started"),
        .source = SLICE("/retell/Zentrale \"Süd\"\\1"),
        .subject = SLICE("call_1"),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .cost_unit = SLICE("dollars"),
    };
    struct header headers[EVENT_HEADERS_MAX];
    size_t count = event_write(&event, arena, headers);
    size_t read = 0;
    const struct header *back = parked_headers_read(arena, parked_headers_write(arena, headers, count), &read);
    assert_int_equal(read, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(back[i].name, headers[i].name);
        assert_true(slice_same(back[i].value, headers[i].value));
    }
    arena_free(arena);
}

static void odd_bytes_become_text_that_jsonb_takes(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct header headers[] = {{"ce_subject", SLICE("a\0b\xFF")}, {"empty", SLICE("")}, {"absent", {NULL, 0}}};
    struct slice json = parked_headers_write(arena, headers, COUNT(headers));
    assert_string_equal(json.ptr, "[[\"ce_subject\",\"a\xEF\xBF\xBD"
                                  "b\xEF\xBF\xBD\"],[\"empty\",\"\"],[\"absent\",\"\"]]");
    arena_free(arena);
}

static void what_is_no_list_of_pairs_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",     "{}",           "null",           "[1]",
                                        "[[]]", "[[\"name\"]]", "[[\"name\",1]]", "[[1,\"value\"]]"};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        size_t count = 7;
        if (parked_headers_read(arena, slice_of(TEXTS[i]), &count) || count)
            fail_msg("%s was read", TEXTS[i]);
    }
    arena_free(arena);
}

static void only_so_many_headers_are_read(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct header headers[EVENT_HEADERS_MAX + 5];
    for (size_t i = 0; i < COUNT(headers); i++)
        headers[i] = (struct header){"name", SLICE("value")};
    size_t count = 0;
    assert_non_null(parked_headers_read(arena, parked_headers_write(arena, headers, COUNT(headers)), &count));
    assert_int_equal(count, EVENT_HEADERS_MAX);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_comes_back_as_it_was),
        cmocka_unit_test(odd_bytes_become_text_that_jsonb_takes),
        cmocka_unit_test(what_is_no_list_of_pairs_is_refused),
        cmocka_unit_test(only_so_many_headers_are_read),
    };
    return cmocka_run_group_tests_name("parked_headers", tests, NULL, NULL);
}
