/* A dead letter says why, and keeps all that it was. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "common/dead_letter_cut.h"

static const struct dead_letter LETTER = {
    .topic = {"hookline.calls.events", 21},
    .partition = 7,
    .offset = 4711,
    .timestamp_ms = 1795262400123,
    .stage = "session",
    .code = {"sql_22021", 9},
    .detail = {"invalid byte sequence", 21},
    .attempts = 10,
    .first_failed_ms = 1795262401000,
};

static struct slice value_of(const struct header *headers, size_t count, const char *name)
{
    struct slice value = SLICE_ABSENT;
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0) {
            assert_true(slice_absent(value)); /* once */
            value = headers[i].value;
        }
    return value;
}

static void the_reason_comes_after_what_was_there(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct header original[] = {{"ce_id", {"abc", 3}}, {"x", {"\0\xff", 2}}, {"x", {NULL, 0}}};
    size_t count = 0;
    struct header *headers = dead_letter_headers(arena, original, COUNT(original), &LETTER, &count);
    assert_int_equal(count, COUNT(original) + DEAD_LETTER_HEADERS);
    for (size_t i = 0; i < COUNT(original); i++) {
        assert_string_equal(headers[i].name, original[i].name);
        assert_true(slice_same(headers[i].value, original[i].value));
    }
    assert_slice(value_of(headers, count, "dlq.topic"), "hookline.calls.events");
    assert_slice(value_of(headers, count, "dlq.partition"), "7");
    assert_slice(value_of(headers, count, "dlq.offset"), "4711");
    assert_slice(value_of(headers, count, "dlq.timestamp"), "2026-11-21T12:00:00.123Z");
    assert_slice(value_of(headers, count, "dlq.stage"), "session");
    assert_slice(value_of(headers, count, "dlq.code"), "sql_22021");
    assert_slice(value_of(headers, count, "dlq.detail"), "invalid byte sequence");
    assert_slice(value_of(headers, count, "dlq.attempts"), "10");
    assert_slice(value_of(headers, count, "dlq.first-failed-at"), "2026-11-21T12:00:01.000Z");
    assert_slice(value_of(headers, count, "dlq.replays"), "0");
    arena_free(arena);
}

static void who_died_again_keeps_the_count_of_replays_only(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct header original[] = {{"dlq.code", {"older", 5}}, {"ce_id", {"abc", 3}}, {"dlq.replays", {"2", 1}}};
    size_t count = 0;
    struct header *headers = dead_letter_headers(arena, original, COUNT(original), &LETTER, &count);
    assert_int_equal(count, 1 + DEAD_LETTER_HEADERS);
    assert_slice(value_of(headers, count, "dlq.code"), "sql_22021");
    assert_slice(value_of(headers, count, "dlq.replays"), "2");
    arena_free(arena);
}

/* The letter's own headers are kept whole when the rest is cut: none of them may be as long as somebody likes. */
static void a_count_of_replays_that_is_none_is_cut(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *bytes = calloc(MESSAGE_MAX_BYTES, 1);
    const struct header original[] = {{"ce_id", {"abc", 3}}, {"dlq.replays", {bytes, MESSAGE_MAX_BYTES - 300}}};
    struct record letter = {.key = {"abc", 3}, .value = {bytes, 10}};
    letter.headers = dead_letter_headers(arena, original, COUNT(original), &LETTER, &letter.header_count);
    dead_letter_cut(arena, &letter);
    assert_true(record_fits(&letter));
    assert_int_equal(letter.value.len, 10);
    free(bytes);
    arena_free(arena);
}

static void the_detail_is_cut_between_characters(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char detail[201 + 1];
    memset(detail, 'x', sizeof detail);
    memcpy(detail + 199, "\xc3\xa4", 3); /* ä: bytes 200 and 201 */
    struct dead_letter letter = LETTER;
    letter.detail = (struct slice){detail, 201};
    size_t count = 0;
    struct header *headers = dead_letter_headers(arena, NULL, 0, &letter, &count);
    assert_int_equal(value_of(headers, count, "dlq.detail").len, 199);
    arena_free(arena);
}

/* A record as large as its topic takes is dead, and its letter has ten headers more. */
static void what_does_not_fit_is_cut_and_says_so(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *bytes = calloc(MESSAGE_MAX_BYTES + 1, 1);
    const struct header id = {"ce_id", {"abc", 3}}, huge = {"x", {bytes, MESSAGE_MAX_BYTES - 100}};
    const struct header code = {"dlq.code", {"envelope", 8}};
    const struct {
        size_t key_len, value_len;
        struct header own;
        const char *cut; /* NULL: whole */
        size_t kept_headers;
    } CASES[] = {
        {4, 0, id, NULL, 2},
        {4, MESSAGE_MAX_BYTES - 4096, id, NULL, 2},
        {4, MESSAGE_MAX_BYTES - 100, id, "value", 2},
        {4, MESSAGE_MAX_BYTES, id, "value", 2},
        {4, 10, huge, "all", 1},
        {MESSAGE_MAX_BYTES - 100, 10, id, "all", 1},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct header headers[] = {CASES[i].own, code};
        struct record letter = {.key = {bytes, CASES[i].key_len},
                                .value = {bytes, CASES[i].value_len},
                                .headers = headers,
                                .header_count = COUNT(headers)};
        dead_letter_cut(arena, &letter);
        assert_true(record_fits(&letter));
        assert_int_equal(letter.header_count, CASES[i].kept_headers + (CASES[i].cut ? 3 : 0));
        assert_slice(value_of(letter.headers, letter.header_count, "dlq.code"), "envelope");
        if (!CASES[i].cut) {
            assert_int_equal(letter.value.len, CASES[i].value_len);
            continue;
        }
        assert_slice(value_of(letter.headers, letter.header_count, "dlq.cut"), CASES[i].cut);
        assert_slice(value_of(letter.headers, letter.header_count, "dlq.value-bytes"),
                     arena_format(arena, "%zu", CASES[i].value_len).ptr);
        assert_int_equal(value_of(letter.headers, letter.header_count, "dlq.value-sha256").len, 64);
        if (CASES[i].value_len == 10) /* SHA-256 of ten zero bytes */
            assert_slice(value_of(letter.headers, letter.header_count, "dlq.value-sha256"),
                         "01d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca");
        assert_true(letter.value.len >= 10);
    }
    free(bytes);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_comes_after_what_was_there),
        cmocka_unit_test(who_died_again_keeps_the_count_of_replays_only),
        cmocka_unit_test(a_count_of_replays_that_is_none_is_cut),
        cmocka_unit_test(the_detail_is_cut_between_characters),
        cmocka_unit_test(what_does_not_fit_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
