/* What a slow screen is owed: each call once, its newest state, in an order in which a cursor is always true. */
#include "tests/unit/test.h"

#include "broadcaster/outbox.h"
#include "broadcaster/pace.h"

static int let_go_count;

static void let_go(void *frame)
{
    (void)frame;
    let_go_count++;
}

static enum outbox_outcome offer(struct outbox *outbox, const char *call_id, const char *frame, size_t bytes)
{
    return outbox_offer(outbox, slice_of(call_id), (void *)(uintptr_t)frame, bytes, true);
}

static void the_newer_state_of_a_call_goes_to_the_end(void **state)
{
    (void)state;
    struct outbox outbox = {.bytes_max = 10000, .let_go = let_go};
    let_go_count = 0;
    assert_int_equal(offer(&outbox, "a", "a1", 10), OUTBOX_ADDED);
    assert_int_equal(offer(&outbox, "b", "b1", 10), OUTBOX_ADDED);
    assert_int_equal(offer(&outbox, "a", "a2", 10), OUTBOX_CONFLATED);
    assert_int_equal(offer(&outbox, "c", "c1", 10), OUTBOX_ADDED);
    assert_int_equal(offer(&outbox, "c", "c2", 10), OUTBOX_CONFLATED);
    assert_int_equal(let_go_count, 2);
    assert_string_equal(outbox_take(&outbox), "b1");
    assert_string_equal(outbox_take(&outbox), "a2");
    assert_string_equal(outbox_take(&outbox), "c2");
    assert_null(outbox_take(&outbox));
    assert_int_equal(outbox.bytes, 0);
}

static void who_only_waits_a_moment_is_owed_every_state(void **state)
{
    (void)state;
    struct outbox outbox = {.bytes_max = 10000, .let_go = let_go};
    static char frames[][3] = {"a1", "a2", "a3"};
    assert_int_equal(outbox_offer(&outbox, SLICE("a"), frames[0], 10, false), OUTBOX_ADDED);
    assert_int_equal(outbox_offer(&outbox, SLICE("a"), frames[1], 10, false), OUTBOX_ADDED);
    assert_int_equal(outbox_offer(&outbox, SLICE("a"), frames[2], 10, true), OUTBOX_CONFLATED);
    assert_string_equal(outbox_take(&outbox), "a2");
    assert_string_equal(outbox_take(&outbox), "a3");
    assert_null(outbox_take(&outbox));
}

static void what_does_not_fit_is_not_taken(void **state)
{
    (void)state;
    struct outbox outbox = {.bytes_max = 1000, .let_go = let_go};
    let_go_count = 0;
    assert_int_equal(offer(&outbox, "a", "a1", 800), OUTBOX_ADDED);
    assert_int_equal(offer(&outbox, "b", "b1", 800), OUTBOX_FULL);
    assert_int_equal(offer(&outbox, "a", "a2", 900), OUTBOX_CONFLATED);
    assert_int_equal(offer(&outbox, "a", "a3", 1000), OUTBOX_FULL);
    assert_int_equal(outbox.count, 1);
    outbox_free(&outbox);
    assert_int_equal(let_go_count, 2);
    assert_int_equal(outbox.count, 0);
}

static void writes_are_gathered_only_under_load(void **state)
{
    (void)state;
    struct pace pace = {0};
    for (int64_t ms = 1000; ms < 2000; ms++)
        assert_false(pace_write(&pace, ms)); /* 1,000 a second */
    bool gathered = false;
    for (int i = 0; i < 20 * (PACE_WINDOW_MS + 5); i++)
        gathered = pace_write(&pace, 2000 + i / 20); /* 20,000 a second */
    assert_true(gathered);
    assert_false(pace_write(&pace, 5000)); /* the storm is over */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newer_state_of_a_call_goes_to_the_end),
        cmocka_unit_test(who_only_waits_a_moment_is_owed_every_state),
        cmocka_unit_test(what_does_not_fit_is_not_taken),
        cmocka_unit_test(writes_are_gathered_only_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
