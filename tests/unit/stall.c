/* A partition that has records and gives none is found after the time that was set, not before, and no other one is. */
#include "tests/unit/test.h"

#include "common/stall.h"

enum { AFTER_MS = 60000, LOOK_MS = 20000, BEGUN_MS = 5000000 };

/* Looks every 20 s; '.': level with the end, 'b': behind, 'm': it moved and is behind, ' ': Kafka did not answer. Returns the
 * number of the look that found it standing still, -1: none did. */
static int found_at(const char *looks)
{
    struct stall stall;
    int64_t now_ms = BEGUN_MS;
    stall_moved(&stall, now_ms);
    for (int i = 0; looks[i]; i++) {
        now_ms += LOOK_MS;
        if (looks[i] == 'm')
            stall_moved(&stall, now_ms);
        if (looks[i] == ' ' || !stall_worth_asking(&stall, now_ms, AFTER_MS))
            continue;
        if (stall_seen(&stall, looks[i] == 'b', now_ms, AFTER_MS))
            return i;
    }
    return -1;
}

static const struct {
    const char *looks;
    int found;
} CASES[] = {
    {"................", -1}, /* idle */
    {"bbbb", 3},              /* the first look begins the minute */
    {"bbb", -1},              /* 40 s */
    {"bb.bbb", -1},           /* it was level in between */
    {"bb.bbbb", 6},           /* … and then was not */
    {"bbbmbbb", -1},          /* a record came */
    {"mmmmmmmmmmmmmmmm", -1}, /* always behind, always moving: a backlog, no stall */
    {"b  b", 3},              /* Kafka was away, the partition as far behind afterwards */
    {"    b", -1},            /* Kafka was away: nothing is known */
    {"b m bbb", -1},
    {"b m bbbb", 7},
};

static void only_what_stands_still_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(found_at(CASES[i].looks), CASES[i].found);
}

/* Between two looks nobody is asked: a question costs a journey to the brokers. */
static void a_partition_that_moves_is_not_asked_about(void **state)
{
    (void)state;
    struct stall stall;
    stall_moved(&stall, BEGUN_MS);
    assert_false(stall_worth_asking(&stall, BEGUN_MS + LOOK_MS - 1, AFTER_MS));
    assert_true(stall_worth_asking(&stall, BEGUN_MS + LOOK_MS, AFTER_MS));
    assert_int_equal(stall_look_every_ms(AFTER_MS), LOOK_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_stands_still_is_found),
        cmocka_unit_test(a_partition_that_moves_is_not_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
