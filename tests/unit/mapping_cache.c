/* What the cache believes, for how long, and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/mapping_cache.h"

static const struct mapping NOTHING = {0};
static const struct mapping SEVEN = {.company_id = 7, .branch_id = 70};

static bool known(struct mapping_cache *cache, struct slice key, int64_t now_ms)
{
    struct mapping found;
    return mapping_cache_find(cache, MAPPING_NUMBER, key, now_ms, &found);
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(16, 1);
    struct mapping found;
    struct mapping company = {.company_id = 7, .region = "AT"};
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("7"), &SEVEN, 0);
    mapping_cache_put(cache, MAPPING_COMPANY, SLICE("7"), &company, 0);
    mapping_cache_put(cache, MAPPING_AGENT, SLICE("7"), &NOTHING, 0);
    assert_int_equal(mapping_cache_count(cache), 3);

    assert_true(mapping_cache_find(cache, MAPPING_NUMBER, SLICE("7"), 0, &found));
    assert_int_equal(found.company_id, 7);
    assert_int_equal(found.branch_id, 70);
    assert_true(mapping_cache_find(cache, MAPPING_COMPANY, SLICE("7"), 0, &found));
    assert_string_equal(found.region, "AT");
    assert_true(mapping_cache_find(cache, MAPPING_AGENT, SLICE("7"), 0, &found)); /* known not to exist */
    assert_int_equal(found.company_id, 0);
    assert_false(mapping_cache_find(cache, MAPPING_BRANCH, SLICE("7"), 0, &found));
    assert_false(known(cache, SLICE("70"), 0));
    assert_false(known(cache, SLICE(""), 0));
    mapping_cache_free(cache);
}

static void a_key_is_known_once(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(16, 1);
    struct mapping found;
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("+4930"), &NOTHING, 0);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("+4930"), &SEVEN, 0);
    assert_int_equal(mapping_cache_count(cache), 1);
    assert_true(mapping_cache_find(cache, MAPPING_NUMBER, SLICE("+4930"), 0, &found));
    assert_int_equal(found.company_id, 7);
    mapping_cache_free(cache);
}

static void existing_things_are_believed_for_five_minutes_others_for_ten_seconds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct mapping_cache *cache = mapping_cache_new(16, seed);
        mapping_cache_put(cache, MAPPING_NUMBER, SLICE("there"), &SEVEN, 1000);
        mapping_cache_put(cache, MAPPING_NUMBER, SLICE("not there"), &NOTHING, 1000);
        assert_true(known(cache, SLICE("there"), 1000 + 269999));
        assert_true(known(cache, SLICE("not there"), 1000 + 8999));
        assert_false(known(cache, SLICE("there"), 1000 + 300000));
        assert_false(known(cache, SLICE("not there"), 1000 + 10000));
        assert_int_equal(mapping_cache_count(cache), 0); /* what expired makes room at once */
        mapping_cache_free(cache);
    }
}

/* The moment at which it is forgotten, found by bisection: looking does not prolong. */
static int64_t forgotten_at(uint64_t seed)
{
    int64_t known_at = 0;
    int64_t unknown_at = MAPPING_TTL_MS;
    while (unknown_at - known_at > 1) {
        struct mapping_cache *cache = mapping_cache_new(1, seed);
        mapping_cache_put(cache, MAPPING_NUMBER, SLICE("n"), &SEVEN, 0);
        int64_t middle = (known_at + unknown_at) / 2;
        *(known(cache, SLICE("n"), middle) ? &known_at : &unknown_at) = middle;
        mapping_cache_free(cache);
    }
    return unknown_at;
}

static void times_vary_and_a_seed_repeats_them(void **state)
{
    (void)state;
    assert_int_equal(forgotten_at(1), forgotten_at(1));
    size_t different = 0;
    for (uint64_t seed = 2; seed < 22; seed++)
        different += forgotten_at(seed) != forgotten_at(1);
    assert_true(different >= 18);
}

static void the_least_recently_used_makes_room(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(3, 1);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("a"), &SEVEN, 0);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("b"), &SEVEN, 0);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("c"), &SEVEN, 0);
    assert_true(known(cache, SLICE("a"), 1)); /* used: b is the oldest now */
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("d"), &SEVEN, 1);
    assert_int_equal(mapping_cache_count(cache), 3);
    assert_true(known(cache, SLICE("a"), 1));
    assert_false(known(cache, SLICE("b"), 1));
    assert_true(known(cache, SLICE("c"), 1));
    assert_true(known(cache, SLICE("d"), 1));
    mapping_cache_free(cache);
}

static void a_flood_of_keys_is_bounded(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(100, 42);
    char text[24];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "+49%d", i);
        mapping_cache_put(cache, MAPPING_NUMBER, slice_of(text), &SEVEN, 0);
        assert_true(mapping_cache_count(cache) <= 100);
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "+49%d", i);
        assert_int_equal(known(cache, slice_of(text), 0), i >= 9900);
    }
    mapping_cache_free(cache);
}

static void after_a_flush_nothing_is_known(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(16, 1);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("a"), &SEVEN, 0);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("b"), &NOTHING, 0);
    mapping_cache_flush(cache);
    assert_int_equal(mapping_cache_count(cache), 0);
    assert_false(known(cache, SLICE("a"), 0));
    assert_false(known(cache, SLICE("b"), 0));
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("a"), &SEVEN, 0);
    assert_true(known(cache, SLICE("a"), 0));
    mapping_cache_free(cache);
}

static void keys_may_hold_anything(void **state)
{
    (void)state;
    struct mapping_cache *cache = mapping_cache_new(16, 1);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("a\0b"), &SEVEN, 0);
    mapping_cache_put(cache, MAPPING_NUMBER, SLICE("a\0c"), &NOTHING, 0);
    assert_int_equal(mapping_cache_count(cache), 2);
    assert_true(known(cache, SLICE("a\0b"), 0));
    assert_false(known(cache, SLICE("a"), 0));
    assert_false(known(cache, SLICE("a\0\0"), 0));
    mapping_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(a_key_is_known_once),
        cmocka_unit_test(existing_things_are_believed_for_five_minutes_others_for_ten_seconds),
        cmocka_unit_test(times_vary_and_a_seed_repeats_them),
        cmocka_unit_test(the_least_recently_used_makes_room),
        cmocka_unit_test(a_flood_of_keys_is_bounded),
        cmocka_unit_test(after_a_flush_nothing_is_known),
        cmocka_unit_test(keys_may_hold_anything),
    };
    return cmocka_run_group_tests_name("mapping_cache", tests, NULL, NULL);
}
