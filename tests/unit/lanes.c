/* Which lane a record goes to, and when one counts as silent. */
#include "ingest/lanes.h"
#include "tests/unit/test.h"

static const char *const TOPICS[LANE_TOPICS] = {TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_STRIPE};

static void every_partition_of_every_topic_has_a_lane_of_its_own(void **state)
{
    (void)state;
    bool seen[LANES] = {false};
    for (int i = 0; i < LANES; i++) {
        struct record record = {.topic = TOPICS[i / TOPIC_PARTITIONS], .partition = i % TOPIC_PARTITIONS};
        unsigned lane = lane_of(&record);
        assert_in_range(lane, 0, LANES - 1);
        assert_false(seen[lane]);
        seen[lane] = true;
        assert_string_equal(lane_topic(lane), record.topic);
        assert_int_equal(lane_partition(lane), record.partition);
    }
}

static void a_key_leads_to_its_partition(void **state)
{
    (void)state;
    struct record record = {.topic = TOPIC_WEBHOOKS_CALCOM, .partition = RECORD_PARTITION_BY_KEY, .key = SLICE("a")};
    unsigned lane = lane_of(&record);
    assert_string_equal(lane_topic(lane), TOPIC_WEBHOOKS_CALCOM);
    assert_int_equal(lane_partition(lane), partition_of_key(record.key, TOPIC_PARTITIONS));
}

static void what_goes_elsewhere_has_the_lane_of_none(void **state)
{
    (void)state;
    static const struct record RECORDS[] = {
        {.topic = TOPIC_CALLS_EVENTS, .partition = 0},
        {.topic = TOPIC_WEBHOOKS_RETELL, .partition = TOPIC_PARTITIONS},
        {.topic = TOPIC_WEBHOOKS_RETELL, .partition = -2},
    };
    for (size_t i = 0; i < COUNT(RECORDS); i++)
        assert_int_equal(lane_of(&RECORDS[i]), LANE_OF_NONE);
    assert_string_equal(lane_topic(LANE_OF_NONE), "");
    assert_int_equal(lane_partition(LANE_OF_NONE), -1);
}

static void silence_is_no_ack_since_it_was_sent(void **state)
{
    (void)state;
    struct lanes lanes = {0};
    lanes_acked(&lanes, 3, 100);
    lanes_timed_out(&lanes, 3, 99); /* another one was acknowledged after it was sent */
    assert_false(lanes.silent[3]);
    lanes_timed_out(&lanes, 3, 101);
    assert_true(lanes.silent[3]);
    assert_false(lanes.silent[2]);
    lanes_acked(&lanes, 3, 102);
    assert_false(lanes.silent[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_of_every_topic_has_a_lane_of_its_own),
        cmocka_unit_test(a_key_leads_to_its_partition),
        cmocka_unit_test(what_goes_elsewhere_has_the_lane_of_none),
        cmocka_unit_test(silence_is_no_ack_since_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
