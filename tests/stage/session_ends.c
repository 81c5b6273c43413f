/* When something breaks around the real session: what it cannot store is set aside alone, an outage is waited out, and what
 * a crash left unsaid is said by the next process. */
#include "tests/support/session_world.h"

#include <signal.h>

#include "tests/support/wait.h"

struct letters {
    const char *key, *code;
};

static bool letter_arrived(void *context)
{
    const struct letters *wanted = context;
    size_t count = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS ".dlq", world.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, wanted->key) &&
            slice_equals(broker_record_header(&records[i], "dlq.code"), wanted->code))
            return true;
    return false;
}

static void wait_for_letter(const char *key, const char *code)
{
    struct letters wanted = {key, code};
    if (wait_until(letter_arrived, &wanted, WORLD_SOON_MS))
        return;
    process_show(world.session);
    fail_msg("%s never became a dead letter with the code %s", key, code);
}

static size_t letters(void)
{
    size_t count = 0;
    broker_read(world.broker, TOPIC_CALLS_EVENTS ".dlq", world.arena, &count);
    return count;
}

/* One record that PostgreSQL refuses, and two that cannot be read, among 200: the others are stored. */
static void a_poison_record_is_alone_in_the_dead_letters(void **state)
{
    (void)state;
    size_t before = letters();
    postgres_execute(world.postgres, "ALTER TABLE calls ADD CONSTRAINT no_poison CHECK (agent_id <> 'poison')");
    for (int i = 0; i < 200; i++) {
        if (i == 70)
            world_tell("ai.retell.call_started", "poison", "\"agent_id\":\"poison\"");
        if (i == 140)
            world_send_event((struct world_event){
                .type = "ai.retell.call_started", .call_id = "broken", .company = 1, .body = SLICE("{\"call\":")});
        if (i == 150)
            world_send_event((struct world_event){
                .type = "ai.retell.call_started", .call_id = NULL, .company = 1, .body = SLICE("{}")});
        world_tell("ai.retell.call_started", arena_format(world.arena, "flock-%d", i).ptr, "");
    }
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'flock-%'", "200");
    wait_for_letter("poison", "sql_23514");
    wait_for_letter("broken", "not_json");
    wait_for_letter("no call", "no_call_id");
    assert_int_equal(letters(), before + 3);
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id IN ('poison', 'broken')", "0");
    postgres_execute(world.postgres, "ALTER TABLE calls DROP CONSTRAINT no_poison");
}

/* After the sixth the waits add up to 3 s (attempts.h). */
static bool tried_for_seconds(void)
{
    return process_metric(world.session, "hookline_session_retries_total{reason=\"database_away\"}") >= 6;
}

/* Nothing is lost and nothing set aside while PostgreSQL is away for seconds, however many events come meanwhile; the process
 * is the same afterwards. */
static void an_outage_of_postgresql_is_waited_out(void **state)
{
    (void)state;
    size_t before = letters();
    int sent = 0;
    for (; sent < 20; sent++)
        world_tell("ai.retell.call_started", arena_format(world.arena, "outage-%d", sent).ptr, "");
    postgres_crash(world.postgres);
    while (sent < 2000 || !tried_for_seconds())
        if (sent < 3000) /* the mock broker keeps 5 MiB of a partition, and all these updates go to one */
            world_tell("ai.retell.call_started", arena_format(world.arena, "outage-%d", sent++).ptr, "");
    assert_false(process_ready(world.session));
    postgres_resume(world.postgres);
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'outage-%'",
                      arena_format(world.arena, "%d", sent).ptr);
    for (int i = 0; i < sent; i += sent - 1)
        world_updates_of(arena_format(world.arena, "1/outage-%d", i).ptr, 1);
    assert_int_equal(letters(), before);
    assert_true(process_ready(world.session));
}

static void session_ended(int signal)
{
    if (signal)
        process_signal(world.session, signal);
    int expected = signal == SIGTERM ? 0 : -SIGKILL;
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), expected);
    process_free(world.session);
}

/* Random kills miss this window of a millisecond; the failpoint does not. */
static void a_crash_between_commit_and_publishing_heals(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    session_ended(SIGTERM);
    world_tell("ai.retell.call_started", "crashed", "");
    world_start_session("session.decided:kill:1");
    session_ended(0);
    world_wait_answer("SELECT status || ' ' || version FROM calls WHERE call_id = 'crashed'", "ongoing 1");
    assert_int_equal(world_updates_of("1/crashed", 0).count, 0);
    world_start_session(NULL);
    struct world_updates updates = world_updates_of("1/crashed", 1);
    assert_int_equal(world_version_of(updates.records[0]), 1);
    world_wait_answer("SELECT version FROM calls WHERE call_id = 'crashed'", "1");
}

/* Between the locks and the writes: nothing has happened, and it happens once. */
static void a_crash_before_the_writes_repeats_the_batch(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    session_ended(SIGTERM);
    world_tell("ai.retell.call_started", "halfway", "");
    world_start_session("session.merged:kill:1");
    session_ended(0);
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'halfway'", "0");
    world_start_session(NULL);
    world_updates_of("1/halfway", 1);
    world_wait_answer("SELECT version FROM calls WHERE call_id = 'halfway'", "1");
}

/* A schema that does not fit is nobody's poison: the process says so and ends; Kafka keeps the records. */
static void a_schema_that_does_not_fit_ends_the_process(void **state)
{
    (void)state;
    size_t before = letters();
    postgres_execute(world.postgres, "ALTER TABLE calls RENAME COLUMN sentiment TO mood");
    world_tell("ai.retell.call_started", "schema", "");
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), 70);
    assert_true(process_says(world.session, "event=cannot_go_on code=sql_42703"));
    assert_true(process_says(world.session, "sentiment")); /* which column */
    process_free(world.session);
    postgres_execute(world.postgres, "ALTER TABLE calls RENAME COLUMN mood TO sentiment");
    world_start_session(NULL);
    world_updates_of("1/schema", 1);
    assert_int_equal(letters(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_poison_record_is_alone_in_the_dead_letters),
        cmocka_unit_test(an_outage_of_postgresql_is_waited_out),
        cmocka_unit_test(a_crash_between_commit_and_publishing_heals),
        cmocka_unit_test(a_crash_before_the_writes_repeats_the_batch),
        cmocka_unit_test(a_schema_that_does_not_fit_ends_the_process),
    };
    return cmocka_run_group_tests_name("session_ends", tests, world_start, world_stop);
}
