/* The brake holds when too many records fail for our faults, and only then. */
#include "tests/unit/test.h"

#include "common/brake.h"

static const int64_t NOON_MS = 1795262400000;

static void a_hundred_a_minute_may_pass_one_more_may_not(void **state)
{
    (void)state;
    struct brake brake = {0};
    brake_count(&brake, NOON_MS, 1000000, 100);
    assert_false(brake_pulled(&brake, NOON_MS + 30000));
    brake_count(&brake, NOON_MS + 30000, 0, 1);
    assert_true(brake_pulled(&brake, NOON_MS + 30000));
}

static void more_than_one_percent_holds(void **state)
{
    (void)state;
    struct brake brake = {0};
    brake_count(&brake, NOON_MS, 1980, 20);
    assert_false(brake_pulled(&brake, NOON_MS));
    brake_count(&brake, NOON_MS + 1000, 0, 1);
    assert_true(brake_pulled(&brake, NOON_MS + 1000));
}

static void a_few_bad_records_in_a_quiet_minute_do_not(void **state)
{
    (void)state;
    struct brake brake = {0};
    brake_count(&brake, NOON_MS, 1, BRAKE_DEAD_LEAST - 1);
    assert_false(brake_pulled(&brake, NOON_MS));
    brake_count(&brake, NOON_MS, 0, 1);
    assert_true(brake_pulled(&brake, NOON_MS));
}

static void a_minute_later_it_is_forgotten(void **state)
{
    (void)state;
    struct brake brake = {0};
    brake_count(&brake, NOON_MS, 0, 500);
    assert_true(brake_pulled(&brake, NOON_MS + 59000));
    assert_false(brake_pulled(&brake, NOON_MS + 60000));
    brake_count(&brake, NOON_MS + 60000, 0, 1); /* the same slot, another minute */
    assert_false(brake_pulled(&brake, NOON_MS + 60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_a_minute_may_pass_one_more_may_not),
        cmocka_unit_test(more_than_one_percent_holds),
        cmocka_unit_test(a_few_bad_records_in_a_quiet_minute_do_not),
        cmocka_unit_test(a_minute_later_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
