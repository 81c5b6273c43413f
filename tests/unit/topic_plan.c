/* What hookline's topics must be, and what is said of one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/producer.h"
#include "ctl/topic_plan.h"

static const char *value_of(const struct topic_property *properties, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(properties[i].name, name) == 0)
            return properties[i].value;
    fail_msg("%s is not planned", name);
    return NULL;
}

static void replication_follows_the_brokers(void **state)
{
    (void)state;
    static const struct {
        int brokers, replication;
        const char *in_sync;
    } CASES[] = {{1, 1, "1"}, {2, 2, "1"}, {3, 3, "2"}, {7, 3, "2"}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct topic_property properties[TOPIC_PROPERTIES_MAX];
        size_t count = topic_properties(&TOPIC_PLANS[0], CASES[i].brokers, properties);
        assert_int_equal(topic_replication(CASES[i].brokers), CASES[i].replication);
        assert_string_equal(value_of(properties, count, "min.insync.replicas"), CASES[i].in_sync);
    }
}

/* A body may have 10 MiB; a producer that may send more than the topic takes would lose it. */
static void every_topic_takes_what_producers_may_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
        struct topic_property properties[TOPIC_PROPERTIES_MAX];
        size_t count = topic_properties(&TOPIC_PLANS[i], 3, properties);
        assert_int_equal(strtol(value_of(properties, count, "max.message.bytes"), NULL, 10), MESSAGE_MAX_BYTES);
        assert_string_equal(value_of(properties, count, "unclean.leader.election.enable"), "false");
        assert_string_equal(value_of(properties, count, "cleanup.policy"), "delete");
        long days = strtol(value_of(properties, count, "retention.ms"), NULL, 10) / 86400000;
        assert_int_equal(days, TOPIC_PLANS[i].is_dead_letters ? 30 : 7);
        assert_int_equal(strstr(TOPIC_PLANS[i].topic, ".dlq") != NULL, TOPIC_PLANS[i].is_dead_letters);
    }
}

static void what_differs_is_said(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct topic_property properties[TOPIC_PROPERTIES_MAX];
    size_t count = topic_properties(&TOPIC_PLANS[1], 3, properties);
    struct topic_found found = {TOPIC_PARTITIONS, 3, properties, count};
    assert_true(slice_absent(topic_differences(arena, &TOPIC_PLANS[1], 3, &found)));

    found.partitions = 1;
    found.replication = 2;
    properties[1].value = "1000";
    assert_string_equal(topic_differences(arena, &TOPIC_PLANS[1], 3, &found).ptr,
                        "partitions 1, not 12; replication 2, not 3; retention.ms 1000, not 604800000");
    found = (struct topic_found){TOPIC_PARTITIONS, 3, properties, 1};
    assert_non_null(strstr(topic_differences(arena, &TOPIC_PLANS[1], 3, &found).ptr, "retention.ms unknown"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replication_follows_the_brokers),
        cmocka_unit_test(every_topic_takes_what_producers_may_send),
        cmocka_unit_test(what_differs_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
