/* A librdkafka that stands still is noticed: the process says which partition, ends with 75, and the next one goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/event.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

enum { SOON_MS = 60000, RECORDS = 20 };

static struct {
    struct broker *broker;
    struct process *demo;
    char directory[64];
    int serial;
} with;

/* A process that must go on may be slow for longer than one that must be caught stands still. */
static void start_demo(const char *failpoint, const char *stall_after)
{
    char bootstrap[96];
    char locks[96];
    char fails[96];
    snprintf(bootstrap, sizeof bootstrap, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker));
    snprintf(locks, sizeof locks, "HOOKLINE_LOCK_DIRECTORY=%s", with.directory);
    snprintf(fails, sizeof fails, "HOOKLINE_FAILPOINT=%s", failpoint);
    const char *const environment[] = {
        bootstrap, locks, fails, "HOOKLINE_INSTANCE=stall", "HOOKLINE_SESSION_TIMEOUT_MS=6000", stall_after, NULL,
    };
    with.demo = process_start(HOOKLINE_DEMO, environment);
}

static void send_records(int count)
{
    for (int i = 0; i < count; i++) {
        char id[33];
        snprintf(id, sizeof id, "%032x", ++with.serial);
        const struct header headers[] = {
            {"ce_specversion", {"1.0", 3}},
            {"ce_id", slice_of(id)},
            {"ce_type", {"ai.retell.call_ended", 20}},
            {"ce_source", {"/retell/default", 15}},
        };
        broker_send(with.broker, &(struct record){.topic = TOPIC_CALLS_EVENTS,
                                                  .partition = RECORD_PARTITION_BY_KEY,
                                                  .key = slice_of(id),
                                                  .value = slice_of("body"),
                                                  .headers = headers,
                                                  .header_count = COUNT(headers)});
    }
}

static bool all_committed(void *context)
{
    (void)context;
    return broker_committed(with.broker, "hookline-demo", TOPIC_CALLS_EVENTS) == with.serial;
}

/* Assigned, behind, and nothing comes: 75, with a sentence; what it did not take is taken by the next process. */
static void a_standstill_ends_the_process_and_the_next_one_goes_on(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    send_records(RECORDS);
    start_demo("demo.assigned:error:1", "HOOKLINE_STALL_AFTER_MS=3000");
    int exit_code = process_wait_end(with.demo, SOON_MS);
    bool said = process_said(with.demo, "has records and gave none for 3 s: librdkafka stands still");
    process_free(with.demo);
    with.demo = NULL;
    assert_int_equal(exit_code, 75);
    assert_true(said);
    assert_int_equal(broker_committed(with.broker, "hookline-demo", TOPIC_CALLS_EVENTS), 0);

    start_demo("", "HOOKLINE_STALL_AFTER_MS=60000");
    assert_true(wait_until(all_committed, NULL, SOON_MS));
    process_signal(with.demo, SIGTERM);
    assert_int_equal(process_wait_end(with.demo, SOON_MS), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-stall.XXXXXX");
    if (!mkdtemp(with.directory))
        return 1;
    with.broker = broker_start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char lock[128];
    process_free(with.demo);
    broker_stop(with.broker);
    snprintf(lock, sizeof lock, "%s/hookline-demo-stall.lock", with.directory);
    unlink(lock);
    rmdir(with.directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standstill_ends_the_process_and_the_next_one_goes_on),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
