/* What librdkafka's statistics say of the topics: ready when all are there that are written to, and who has no leader. */
#include <stdio.h>
#include <stdlib.h>

#include "common/producer_topics.h"
#include "tests/unit/test.h"

static const struct setting TABLE[] = {SETTINGS_OF_KAFKA};

static struct {
    rd_kafka_t *kafka; /* knows no broker, and nobody asks it to */
    struct settings *settings;
    struct producer_topics topics;
} with;

static int setup(void **state)
{
    (void)state;
    int exit_code = 0;
    char why[128];
    char *arguments[] = {(char[]){"test"}, NULL};
    setenv("HOOKLINE_KAFKA_BOOTSTRAP", "127.0.0.1:1", 1);
    setenv("HOOKLINE_TOPIC_PREFIX", "t.", 1);
    if (settings_load("test", "A test.", TABLE, COUNT(TABLE), 1, arguments, &with.settings, &exit_code) != SETTINGS_RUN)
        return 1;
    with.kafka = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    with.topics.count = 0;
    return with.kafka ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    producer_topics_close(&with.topics);
    rd_kafka_destroy(with.kafka);
    settings_free(with.settings);
    return 0;
}

static struct producer_topic *take(const char *name)
{
    struct producer_topic *topic = producer_topics_take(&with.topics, with.kafka, with.settings, name);
    assert_non_null(topic);
    return topic;
}

static bool hear(const char *statistics)
{
    bool up = producer_topics_hear_statistics(&with.topics, statistics, strlen(statistics));
    return up && producer_topics_complete(&with.topics);
}

#define UP              "\"brokers\":{\"b\":{\"state\":\"UP\"}}"
#define EVENTS(leaders) "\"t.calls.events\":{\"partitions\":{" leaders "}}"
#define LED             "\"-1\":{\"leader\":-1},\"0\":{\"leader\":1},\"1\":{\"leader\":-1}"

static void ready_is_a_broker_and_every_topic_that_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *statistics;
        bool ready;
    } CASES[] = {
        {"{" UP ",\"topics\":{" EVENTS(LED) "}}", true},
        {"{\"brokers\":{\"a\":{\"state\":\"CONNECT\"},\"b\":{\"state\":\"UP\"}},\"topics\":{" EVENTS(LED) "}}", true},
        {"{\"brokers\":{\"b\":{\"state\":\"DOWN\"}},\"topics\":{" EVENTS(LED) "}}", false},
        {"{\"brokers\":{},\"topics\":{" EVENTS(LED) "}}", false},
        {"{" UP ",\"topics\":{}}", false},
        {"{" UP ",\"topics\":{" EVENTS("\"-1\":{\"leader\":-1}") "}}", false},
        {"{" UP ",\"topics\":{" EVENTS("\"0\":{\"leader\":-1}") "}}", false},
        {"{" UP ",\"topics\":{\"calls.events\":{\"partitions\":{" LED "}}}}",
         false}, /* without the prefix: another's */
        {"{}", false},
        {"no JSON", false},
    };
    take(TOPIC_CALLS_EVENTS)->written = true;
    take(TOPIC_CALLS_UPDATES); /* only sent to */
    for (size_t i = 0; i < COUNT(CASES); i++)
        if (hear(CASES[i].statistics) != CASES[i].ready)
            fail_msg("%s", CASES[i].statistics);
}

static void a_partition_without_a_leader_is_known(void **state)
{
    (void)state;
    take(TOPIC_CALLS_EVENTS);
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 1)); /* nothing is known of it yet */
    hear("{" UP ",\"topics\":{" EVENTS(LED) "}}");
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 0));
    assert_false(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 1));
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 2));
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, -1));
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, TOPIC_PARTITIONS));
    assert_true(producer_topics_lead(&with.topics, "elsewhere", 1));
    hear("{" UP ",\"topics\":{" EVENTS("\"1\":{\"leader\":1}") "}}");
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 1));
}

static void a_topic_that_is_missing_keeps_only_its_own_partitions(void **state)
{
    (void)state;
    take(TOPIC_CALLS_EVENTS)->written = true;
    take(TOPIC_CALLS_UPDATES)->written = true;
    assert_false(hear("{" UP ",\"topics\":{" EVENTS(LED) "}}"));
    assert_true(producer_topics_lead(&with.topics, TOPIC_CALLS_EVENTS, 0));
    for (int i = 0; i < TOPIC_PARTITIONS; i++)
        assert_false(producer_topics_lead(&with.topics, TOPIC_CALLS_UPDATES, i));
}

static void one_that_comes_later_has_a_while(void **state)
{
    (void)state;
    static const char NOT_YET[] = "{" UP ",\"topics\":{}}";
    take(TOPIC_CALLS_EVENTS)->written = true;
    take(TOPIC_CALLS_EVENTS)->patience = 2;
    assert_int_equal(with.topics.count, 1);
    assert_true(hear(NOT_YET));
    assert_true(hear(NOT_YET));
    assert_false(hear(NOT_YET));
    assert_true(hear("{" UP ",\"topics\":{" EVENTS(LED) "}}"));

    take(TOPIC_CALLS_EVENTS)->patience = 2;
    assert_true(hear("{" UP ",\"topics\":{" EVENTS(LED) "}}"));
    assert_false(hear(NOT_YET)); /* it was there: the while is over */
}

static void there_is_room_for_so_many(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < PRODUCER_TOPICS_MAX; i++) {
        snprintf(name, sizeof name, "topic-%d", i);
        take(name);
    }
    assert_null(producer_topics_take(&with.topics, with.kafka, with.settings, "one-more"));
    assert_string_equal(take("topic-3")->name, "topic-3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ready_is_a_broker_and_every_topic_that_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partition_without_a_leader_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_topic_that_is_missing_keeps_only_its_own_partitions, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_later_has_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_room_for_so_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
