/* A row leaves the spool for an ack, and not for having been sent. */
#include "tests/support/spool_world.h"
#include "tests/unit/test.h"

#include <stdio.h>

enum { INVALID_REQUIRED_ACKS = 21 /* librdkafka neither repeats nor refuses it */, EVENTS = 5, REFUSALS = 2 };

/* Kafka's first answers to what is drained are "no": all of it arrives all the same. */
static void a_row_that_the_brokers_did_not_take_stays(void **state)
{
    (void)state;
    char event[16];
    spool_ingest_begin(NULL);
    spool_broker_away();
    for (int i = 0; i < EVENTS; i++) {
        snprintf(event, sizeof event, "e%d", i);
        assert_int_equal(spool_deliver(spool_body(event, "refused")), 200);
    }
    broker_fail_produces(spool_world.broker, INVALID_REQUIRED_ACKS, REFUSALS);
    spool_broker_back();
    spool_await_empty();
    spool_judge();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_that_the_brokers_did_not_take_stays, spool_world_clean, spool_world_stop),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
