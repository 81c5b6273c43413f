/* limits: how many requests pass, and when the next one may come; and how many lines are written about the others. */
#include "ingest/hush.h"
#include "ingest/limits.h"
#include "tests/unit/test.h"

static const int64_t SECOND_NS = 1000000000;

static struct address address_of(const char *text)
{
    struct address address;
    assert_true(address_read(slice_of(text), &address));
    return address;
}

static void a_bucket_gives_its_burst_at_once_and_then_its_rate(void **state)
{
    (void)state;
    static const struct bucket_rate RATES[] = {{1, 1}, {1, 10}, {3, 1}, {10, 50}, {1000000, 1000000}};
    for (size_t i = 0; i < COUNT(RATES); i++) {
        struct bucket bucket = {0};
        int64_t now_ns = 5 * SECOND_NS;
        int64_t passed = 0;
        for (; passed <= RATES[i].burst && bucket_allows(&bucket, RATES[i], now_ns); passed++)
            bucket_take(&bucket, RATES[i], now_ns);
        assert_int_equal(passed, RATES[i].burst);
        int64_t token_ns = SECOND_NS / RATES[i].per_s;
        assert_false(bucket_allows(&bucket, RATES[i], now_ns + token_ns - 1));
        assert_true(bucket_allows(&bucket, RATES[i], now_ns + token_ns));
        bucket_take(&bucket, RATES[i], now_ns + token_ns);
        assert_false(bucket_allows(&bucket, RATES[i], now_ns + token_ns));
    }
}

/* Over ten seconds of more requests than it has tokens for: the burst and ten times the rate, neither more nor less. */
static void over_time_no_more_passes_than_the_rate(void **state)
{
    (void)state;
    static const struct bucket_rate RATE = {100, 20};
    struct bucket bucket = {0};
    int passed = 0;
    for (int64_t now_ns = SECOND_NS; now_ns < 11 * SECOND_NS; now_ns += SECOND_NS / 1000)
        if (bucket_allows(&bucket, RATE, now_ns)) {
            bucket_take(&bucket, RATE, now_ns);
            passed++;
        }
    assert_in_range(passed, 10 * 100 + 19, 10 * 100 + 20);
}

static void who_must_wait_hears_how_long(void **state)
{
    (void)state;
    static const struct bucket_rate SLOW = {1, 1};
    struct bucket bucket = {0};
    int64_t now_ns = SECOND_NS;
    assert_int_equal(bucket_wait_s(&bucket, SLOW, now_ns), 1);
    for (int i = 0; i < 3; i++)
        bucket_take(&bucket, SLOW, now_ns);
    assert_int_equal(bucket_wait_s(&bucket, SLOW, now_ns), 3);
    assert_true(bucket_allows(&bucket, SLOW, now_ns + bucket_wait_s(&bucket, SLOW, now_ns) * SECOND_NS));
    assert_int_equal(bucket_wait_s(&bucket, SLOW, now_ns + 1), 3); /* a part of a second is a whole one */
    assert_int_equal(bucket_wait_s(&bucket, SLOW, now_ns + 10 * SECOND_NS), 1);
}

static void without_a_rate_everything_passes(void **state)
{
    (void)state;
    static const struct bucket_rate NONE = {0, 0};
    struct bucket bucket = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(bucket_allows(&bucket, NONE, 1));
        bucket_take(&bucket, NONE, 1);
    }
    struct limits *limits = limits_new(&(struct limits_options){.in_flight_max = 1, .in_flight_max_bytes = 1});
    struct address one = address_of("192.0.2.1");
    int64_t wait_s = 0;
    for (int i = 0; i < 1000; i++)
        assert_true(limits_allow_address(limits, &one, 1, &wait_s));
    limits_free(limits);
}

static void each_address_has_its_own_bucket(void **state)
{
    (void)state;
    struct limits *limits = limits_new(&(struct limits_options){.address = {2, 3}, .seed = 42});
    struct address one = address_of("192.0.2.1");
    struct address other = address_of("192.0.2.2");
    struct address local = address_of("::");
    int64_t wait_s = 0;
    for (int i = 0; i < 3; i++)
        assert_true(limits_allow_address(limits, &one, SECOND_NS, &wait_s));
    assert_false(limits_allow_address(limits, &one, SECOND_NS, &wait_s));
    assert_int_equal(wait_s, 1);
    assert_true(limits_allow_address(limits, &other, SECOND_NS, &wait_s));
    assert_true(limits_allow_address(limits, &one, SECOND_NS + SECOND_NS / 2, &wait_s));
    assert_false(limits_allow_address(limits, &one, SECOND_NS + SECOND_NS / 2, &wait_s));
    for (int i = 0; i < 10; i++)
        assert_true(limits_allow_address(limits, &local, SECOND_NS, &wait_s));
    limits_free(limits);
}

static void a_network_of_ipv6_shares_one_bucket(void **state)
{
    (void)state;
    struct limits *limits = limits_new(&(struct limits_options){.address = {1, 1}, .seed = 42});
    struct address inside = address_of("2001:db8:1:2::1");
    struct address beside = address_of("2001:db8:1:2:ffff::9");
    struct address outside = address_of("2001:db8:1:3::1");
    int64_t wait_s = 0;
    assert_true(limits_allow_address(limits, &inside, SECOND_NS, &wait_s));
    assert_false(limits_allow_address(limits, &beside, SECOND_NS, &wait_s));
    assert_true(limits_allow_address(limits, &outside, SECOND_NS, &wait_s));
    limits_free(limits);
}

/* A million addresses that come once cannot make room for one that comes all the time: its bucket is the emptiest. */
static void who_passes_by_does_not_free_who_presses(void **state)
{
    (void)state;
    struct limits *limits = limits_new(&(struct limits_options){.address = {1, 5}, .seed = 42});
    struct address pressing = address_of("192.0.2.1");
    int64_t wait_s = 0;
    int passed = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        struct address passing = address_of("10.0.0.0");
        memcpy(passing.bytes + 13, &i, 3);
        limits_allow_address(limits, &passing, SECOND_NS + i, &wait_s);
        passed += limits_allow_address(limits, &pressing, SECOND_NS + i, &wait_s);
    }
    assert_int_equal(passed, 5);
    limits_free(limits);
}

static void what_waits_is_bounded_in_number_and_in_bytes(void **state)
{
    (void)state;
    struct limits *limits = limits_new(&(struct limits_options){.in_flight_max = 3, .in_flight_max_bytes = 100});
    assert_true(limits_enter(limits, 1) && limits_enter(limits, 1) && !limits_full(limits));
    assert_true(limits_enter(limits, 1));
    assert_true(limits_full(limits) && !limits_enter(limits, 1));
    limits_leave(limits, 1);
    assert_true(!limits_full(limits) && limits_enter(limits, 98));
    for (int i = 0; i < 2; i++)
        limits_leave(limits, 1);
    assert_false(limits_full(limits)); /* 98 bytes */
    assert_true(limits_enter(limits, 1000));
    assert_true(limits_full(limits) && !limits_enter(limits, 0));
    limits_leave(limits, 98);
    limits_leave(limits, 1000);
    assert_int_equal(limits_in_flight_bytes(limits), 0);
    assert_true(limits_enter(limits, 1000)); /* larger than all may be: alone it passes, or it never would */
    limits_free(limits);
}

static void a_flood_is_told_in_one_line(void **state)
{
    (void)state;
    struct hush hush = {0};
    const char *cause = NULL;
    int written = 0;
    for (int i = 0; i < 500; i++)
        written += hush_allows(&hush, "signature_digest", 7000 + i);
    assert_int_equal(written, HUSH_LINES_PER_S);
    assert_true(hush_allows(&hush, "not_found", 7999)); /* each cause for itself */
    assert_int_equal(hush_over(&hush, 7999, &cause), 0);
    assert_int_equal(hush_over(&hush, 8000, &cause), 500 - HUSH_LINES_PER_S);
    assert_string_equal(cause, "signature_digest");
    assert_int_equal(hush_over(&hush, 8000, &cause), 0);
    assert_true(hush_allows(&hush, "signature_digest", 8000));
}

/* Nothing is forgotten when the next second's lines come before somebody asked. */
static void what_was_withheld_is_told_however_late(void **state)
{
    (void)state;
    struct hush hush = {0};
    const char *cause = NULL;
    for (int i = 0; i < HUSH_LINES_PER_S + 3; i++)
        hush_allows(&hush, "x", 1000);
    for (int i = 0; i < HUSH_LINES_PER_S + 2; i++)
        hush_allows(&hush, "x", 2000);
    assert_int_equal(hush_over(&hush, 2999, &cause), 0);
    assert_int_equal(hush_over(&hush, 3000, &cause), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_burst_at_once_and_then_its_rate),
        cmocka_unit_test(over_time_no_more_passes_than_the_rate),
        cmocka_unit_test(who_must_wait_hears_how_long),
        cmocka_unit_test(without_a_rate_everything_passes),
        cmocka_unit_test(each_address_has_its_own_bucket),
        cmocka_unit_test(a_network_of_ipv6_shares_one_bucket),
        cmocka_unit_test(who_passes_by_does_not_free_who_presses),
        cmocka_unit_test(what_waits_is_bounded_in_number_and_in_bytes),
        cmocka_unit_test(a_flood_is_told_in_one_line),
        cmocka_unit_test(what_was_withheld_is_told_however_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
