/* Who waits, and who is the oldest of each lane among them. */
#include "ingest/waiting.h"
#include "tests/unit/test.h"

enum { RECORDS = 6, A = 0, B = LANES - 1 };

static struct waiting_rings rings;
static struct waiting records[RECORDS];

/* Sequences 1, 2, … in the lanes A, B, A, B, …, all in the line. */
static int begin(void **state)
{
    (void)state;
    waiting_rings_init(&rings);
    for (int i = 0; i < RECORDS; i++) {
        records[i] = (struct waiting){.rings = &rings, .sequence = i + 1, .lane = i % 2 == 0 ? A : B};
        waiting_join(&records[i], &rings.line);
    }
    return 0;
}

static void assert_oldest(int64_t a, int64_t b)
{
    int64_t sequences[LANES + 1];
    waiting_oldest_of_lanes(&rings, sequences);
    for (unsigned lane = 0; lane <= LANES; lane++)
        assert_true(sequences[lane] == (lane == A ? a : lane == B ? b : INT64_MAX));
}

static void each_lane_has_its_own_oldest(void **state)
{
    (void)state;
    assert_oldest(1, 2);
    waiting_leave(&records[0]);
    assert_oldest(3, 2);
    waiting_leave(&records[4]);
    waiting_leave(&records[2]);
    assert_oldest(INT64_MAX, 2);
    waiting_leave(&records[5]);
    waiting_leave(&records[1]);
    assert_oldest(INT64_MAX, 4);
}

/* From the line to those that are held: there it is the newest, in its lane it stays where it was. */
static void who_changes_the_ring_keeps_his_place_in_the_lane(void **state)
{
    (void)state;
    waiting_join(&records[0], &rings.held);
    assert_ptr_equal(waiting_oldest(&rings.line), &records[1]);
    assert_ptr_equal(waiting_oldest(&rings.held), &records[0]);
    assert_oldest(1, 2);
    waiting_join(&records[2], &rings.held);
    waiting_leave(&records[0]);
    assert_ptr_equal(waiting_oldest(&rings.held), &records[2]);
    assert_oldest(3, 2);
}

static void who_left_may_leave_again_and_come_back(void **state)
{
    (void)state;
    waiting_leave(&records[0]);
    waiting_leave(&records[0]);
    assert_oldest(3, 2);
    for (int i = 1; i < RECORDS; i++)
        waiting_leave(&records[i]);
    assert_oldest(INT64_MAX, INT64_MAX);
    assert_null(waiting_oldest(&rings.line));
    waiting_join(&records[3], &rings.line);
    assert_oldest(INT64_MAX, 4);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        STORY(each_lane_has_its_own_oldest),
        STORY(who_changes_the_ring_keeps_his_place_in_the_lane),
        STORY(who_left_may_leave_again_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
