/* A partition is read on where it was left, or from its beginning; never from its end. */
#include "tests/unit/test.h"

#include "common/start_offset.h"

static const struct {
    int64_t wanted, low, high;
    enum start_reason reason;
    int64_t start;
} CASES[] = {
    {-1, 0, 100, START_NEVER_READ, 0},      /* a new group */
    {-1001, 40, 100, START_NEVER_READ, 40}, /* RD_KAFKA_OFFSET_INVALID, old records gone already */
    {50, 0, 100, START_CONTINUES, 50},      /* an error on the way only looked like a lost offset */
    {0, 0, 0, START_CONTINUES, 0},          /* an empty topic */
    {100, 0, 100, START_CONTINUES, 100},    /* the next record to come */
    {40, 40, 100, START_CONTINUES, 40},     /* the oldest that is left */
    {39, 40, 100, START_OUT_OF_RANGE, 40},  /* stopped for longer than the topic keeps records */
    {101, 0, 100, START_OUT_OF_RANGE, 0},   /* the topic was made anew */
    {7000, 0, 0, START_OUT_OF_RANGE, 0},
};

static void every_case_has_its_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int64_t start = -1;
        assert_int_equal(start_offset_decide(CASES[i].wanted, CASES[i].low, CASES[i].high, &start), CASES[i].reason);
        assert_int_equal(start, CASES[i].start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case_has_its_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
