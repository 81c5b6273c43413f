/* However hookline-sync ends, and whatever goes away meanwhile: what is missing is asked for again, and arrives. */
#include "tests/support/sync_world.h"

#include <signal.h>

#include "tests/support/wait.h"

enum { INVALID_REQUIRED_ACKS = 21 /* librdkafka neither repeats nor refuses it */ };

static bool fetched_was_said(void *context)
{
    return process_said(context, "call_id=killed reason=missing outcome=answered");
}

/* It dies with the answer in its hands: the lease runs out, and the call is asked for again. */
static void killed_between_answer_and_ack_it_asks_again(void **state)
{
    (void)state;
    platform_script(world.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"killed\"}", .held = true}, 1);
    struct process *first = world_sync();
    world_tell_of("killed", "ended", MISSING_COST);
    world_wait_asked("killed", 1);
    broker_set_down(world.broker, true);
    platform_release(world.platform);
    assert_true(wait_until(fetched_was_said, first, WORLD_SOON_MS));
    process_signal(first, SIGKILL);
    assert_int_equal(process_wait_end(first, WORLD_SOON_MS), -SIGKILL);
    world_forget(0);
    broker_set_down(world.broker, false);
    size_t count = 0;
    world_event_about("killed", &count);
    assert_int_equal(count, 0);

    world_sync();
    world_wait_asked("killed", 2);
    world_wait_event("killed");
    world_wait_job("killed", "attempts > 0 AND last_code = '200'");
}

/* The answer is in the topic, the job does not say so: asked again, and the merge takes both. */
static void killed_between_ack_and_settling_it_asks_again(void **state)
{
    (void)state;
#ifdef HOOKLINE_FAILPOINTS
    static const char *const DIES[] = {"HOOKLINE_RETELL_API_KEY=" WORLD_KEY, "HOOKLINE_FAILPOINT=sync.acked:kill:1",
                                       NULL};
    world_answers(200, "{\"call_id\":\"acked\"}");
    world_forget(0);
    struct process *first = world_start_sync(0, DIES);
    world_tell_of("acked", "ended", MISSING_COST);
    assert_int_equal(process_wait_end(first, WORLD_SOON_MS), -SIGKILL);
    world_wait_job("acked", "attempts = 0 AND lease_token IS NOT NULL");
    size_t count = 0;
    world_event_about("acked", &count);
    assert_int_equal(count, 1);
    world_forget(0);
    world_sync();
    world_wait_job("acked", "attempts > 0 AND last_code = '200'");
    world_event_about("acked", &count);
    assert_true(count > 1);
#else
    skip();
#endif
}

/* Kafka did not take the answer: that was no attempt of the call's, and it is asked for again soon. */
static void an_answer_that_kafka_did_not_take_is_no_attempt(void **state)
{
    (void)state;
    static const struct platform_answer HELD = {.status = 200, .body = "{\"call_id\":\"untaken\"}", .held = true};
    const struct platform_answer script[] = {HELD, HELD};
    platform_script(world.platform, script, COUNT(script));
    world_sync();
    world_tell_of("untaken", "ended", MISSING_COST);
    world_wait_asked("untaken", 1);
    broker_fail_produces(world.broker, INVALID_REQUIRED_ACKS, 1);
    platform_release(world.platform);
    world_wait_asked("untaken", 2);
    world_wait_job("untaken", "attempts = 0 AND last_code = 'unpublished'");
    platform_release(world.platform);
    world_wait_event("untaken");
}

static void asked_to_stop_it_gives_its_leases_back(void **state)
{
    (void)state;
    platform_script(world.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"stop\"}", .held = true}, 1);
    struct process *process = world_sync();
    world_tell_of("stop", "ended", MISSING_COST);
    world_wait_asked("stop", 1);
    world_wait_job("stop", "lease_token IS NOT NULL");
    process_signal(process, SIGTERM);
    assert_int_equal(process_wait_end(process, WORLD_SOON_MS), 0);
    world_wait_job("stop", "lease_token IS NULL AND attempts = 0 AND done_at IS NULL AND due_at <= now()");
    world_forget(0);
    platform_release(world.platform);
}

static bool is_ready(void *context)
{
    return process_ready(context);
}

static bool is_not_ready(void *context)
{
    return !process_ready(context);
}

static void postgresql_may_go_and_come_back(void **state)
{
    (void)state;
    platform_script(world.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"crash\"}", .held = true}, 1);
    struct process *process = world_sync();
    world_tell_of("crash", "ended", MISSING_COST);
    world_wait_asked("crash", 1);
    postgres_crash(world.server);
    platform_release(world.platform);
    world_wait_event("crash"); /* needs no PostgreSQL */
    /* Red although no update comes that would need it. */
    assert_true(wait_until(is_not_ready, process, WORLD_SOON_MS));
    postgres_resume(world.server);
    world_wait_job("crash", "attempts > 0 AND last_code = '200'");
    assert_true(wait_until(is_ready, process, WORLD_SOON_MS));
}

static int start(void **state)
{
    world.lease_ms = 3000; /* of those who died */
    return world_start(state);
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(postgresql_may_go_and_come_back, world_empty),
        cmocka_unit_test_setup(killed_between_answer_and_ack_it_asks_again, world_empty),
        cmocka_unit_test_setup(killed_between_ack_and_settling_it_asks_again, world_empty),
        cmocka_unit_test_setup(an_answer_that_kafka_did_not_take_is_no_attempt, world_empty),
        cmocka_unit_test_setup(asked_to_stop_it_gives_its_leases_back, world_empty),
    };
    return cmocka_run_group_tests(TESTS, start, world_stop);
}
