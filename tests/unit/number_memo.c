/* The memo says what the library says, and never grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/number_memo.h"

static void assert_as_the_library(struct number_memo *memo, struct arena *arena, struct slice number,
                                  const char *region)
{
    struct slice normal;
    struct slice expected;
    enum phone_kind kind = phone_normalize(arena, number, region, &expected);
    assert_int_equal(number_memo_normalize(memo, arena, number, region, &normal), kind);
    assert_true(slice_same(normal, expected));
}

static void asked_again_it_answers_the_same(void **state)
{
    (void)state;
    static const char *const SPELLINGS[] = {
        "030 23125001", "+493023125001", " anonymous ", "110", " \t", "0\xFF", "", "(030) 23 12 50 01"};
    static const char *const REGIONS[] = {"DE", "AT", "US", NULL, "XX", "DEU"};
    struct arena *arena = arena_new();
    struct number_memo *memo = number_memo_new();
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT(SPELLINGS); i++)
            for (size_t j = 0; j < COUNT(REGIONS); j++)
                assert_as_the_library(memo, arena, slice_of(SPELLINGS[i]), REGIONS[j]);
    number_memo_free(memo);
    arena_free(arena);
}

static void the_library_is_asked_once(void **state)
{
    (void)state;
    uint64_t hits = 0;
    uint64_t misses = 0;
    struct arena *arena = arena_new();
    struct number_memo *memo = number_memo_new();
    struct slice normal;
    for (int i = 0; i < 100; i++)
        number_memo_normalize(memo, arena, SLICE("030 23125001"), "DE", &normal);
    number_memo_normalize(memo, arena, SLICE("030 23125001"), "AT", &normal); /* another country's number */
    number_memo_counts(memo, &hits, &misses);
    assert_int_equal(hits, 99);
    assert_int_equal(misses, 2);
    number_memo_normalize(memo, arena, SLICE("+493023125001"), "DE", &normal); /* needs neither */
    number_memo_counts(memo, &hits, &misses);
    assert_int_equal(hits + misses, 101);
    number_memo_free(memo);
    arena_free(arena);
}

/* More spellings than there are places, each twice: the later one takes the place, and both are right. */
static void a_flood_of_spellings_is_answered_right(void **state)
{
    (void)state;
    char text[32];
    struct arena *arena = arena_new();
    struct number_memo *memo = number_memo_new();
    for (int i = 0; i < 3 * NUMBER_MEMO_PLACES; i++) {
        snprintf(text, sizeof text, "030 23%06d", i / 2);
        assert_as_the_library(memo, arena, slice_of(text), "DE");
    }
    number_memo_free(memo);
    arena_free(arena);
}

/* What is too long for a place goes past it: nothing is cut that the library would not cut. */
static void long_text_is_not_kept(void **state)
{
    (void)state;
    static char digits[64 * 1024];
    memset(digits, '7', sizeof digits);
    static const size_t LENGTHS[] = {62, 63, 64, 65, 255, 256, sizeof digits};
    uint64_t hits = 0;
    uint64_t misses = 0;
    struct arena *arena = arena_new();
    struct number_memo *memo = number_memo_new();
    for (size_t i = 0; i < COUNT(LENGTHS); i++)
        for (int round = 0; round < 2; round++)
            assert_as_the_library(memo, arena, (struct slice){digits, LENGTHS[i]}, "DE");
    number_memo_counts(memo, &hits, &misses);
    assert_int_equal(hits, 2);
    assert_int_equal(misses, 2);
    number_memo_free(memo);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_again_it_answers_the_same),
        cmocka_unit_test(the_library_is_asked_once),
        cmocka_unit_test(a_flood_of_spellings_is_answered_right),
        cmocka_unit_test(long_text_is_not_kept),
    };
    return cmocka_run_group_tests_name("number_memo", tests, NULL, NULL);
}
