/* The right to be forgotten: what `hookline forget` erases is nowhere in PostgreSQL and does not come back, however often
 * Kafka or the platform says it again. */
#include "tests/support/session_world.h"

#include <signal.h>

static void forget_call(const char *call_id, int64_t company)
{
    world_send_event((struct world_event){
        .type = "ai.hookline.call_forgotten",
        .call_id = call_id,
        .company = company,
        .body = arena_format(world.arena, "{\"event\":\"call_forgotten\",\"call\":{\"call_id\":\"%s\"}}", call_id)});
}

/* Rows that name the call. */
static void wait_rows_about(const char *call_id, const char *count)
{
    world_wait_answer(
        arena_format(world.arena,
                     "SELECT count(*) FROM (SELECT call_id FROM calls UNION ALL SELECT call_id FROM webhook_events "
                     "UNION ALL SELECT call_id FROM call_owners UNION ALL SELECT call_id FROM sync_jobs) t "
                     "WHERE call_id = '%s'",
                     call_id)
            .ptr,
        count);
}

static void tell_life(const char *call_id)
{
    world_tell("ai.retell.call_started", call_id, "\"direction\":\"inbound\",\"from_number\":\"+493083793369\"");
    world_tell("ai.retell.call_ended", call_id, "\"duration_ms\":21522,\"transcript\":\"words\"");
}

/* Everything of a call whose story ended before this moment has been taken: its partition is read in order. */
static void session_has_read(const char *call_id)
{
    static int turn;
    struct slice body = arena_format(world.arena, "{\"call\":{\"call_id\":\"%s\"},\"n\":%d}", call_id, ++turn);
    world_send_event((struct world_event){
        .type = "ai.retell.probe", .call_id = call_id, .company = 9, .source_company = 9, .body = body});
    world_wait_answer(
        arena_format(world.arena, "SELECT count(*) >= %d FROM webhook_events WHERE event_type = 'probe'", turn).ptr,
        "t");
}

static void a_forgotten_call_leaves_the_screens_and_stays_away(void **state)
{
    (void)state;
    tell_life("erased");
    world_updates_of("1/erased", 2);
    postgres_execute(world.postgres, "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) VALUES (1, "
                                     "'erased', 'default', 'live', now())");
    forget_call("erased", 1);
    struct world_updates updates = world_updates_of("1/erased", 3);
    assert_true(world_holds(updates.records[2]->value, "\"gone\":true"));
    assert_int_equal(world_version_of(updates.records[2]), 3);
    wait_rows_about("erased", "0");

    tell_life("erased");                                 /* the same webhooks again */
    world_tell("ai.retell.call_analyzed", "erased", ""); /* one that was still on its way */
    world_tell("ai.hookline.call_synced", "erased", "\"call_status\":\"ended\"");
    session_has_read("erased");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'erased'", "0");
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'erased' AND company_id = 1", "0");
    world_wait_answer("SELECT count(*) FROM call_owners WHERE call_id = 'erased'", "0");
    assert_int_equal(world_updates_of("1/erased", 3).count, 3);
    assert_true(process_metric(world.session, "hookline_session_events_total{outcome=\"forgotten\"}") >= 4);
}

/* A crash before the update was sent repeats the event: the same `gone` again. */
static void forgetting_again_says_gone_again(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "again", "");
    world_updates_of("1/again", 1);
    forget_call("again", 1);
    forget_call("again", 1);
    struct world_updates updates = world_updates_of("1/again", 3);
    assert_true(slice_same(updates.records[1]->value, updates.records[2]->value));
    wait_rows_about("again", "0");
}

/* The same id at two companies, each by a source of its own: only the one that was named. */
static void another_companys_call_of_that_id_stays(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"both\"}}");
    for (int64_t company = 1; company <= 2; company++)
        world_send_event((struct world_event){.type = "ai.retell.call_started",
                                              .call_id = "both",
                                              .company = company,
                                              .source_company = company,
                                              .body = body});
    world_updates_of("1/both", 1);
    world_updates_of("2/both", 1);
    forget_call("both", 1);
    world_updates_of("1/both", 2);
    world_send_event((struct world_event){.type = "ai.retell.call_ended",
                                          .call_id = "both",
                                          .company = 2,
                                          .source_company = 2,
                                          .body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"both\"}}")});
    assert_true(world_holds(world_updates_of("2/both", 2).records[1]->value, "\"status\":\"ended\""));
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'both'", "2");
}

/* Whatever came before in the same batch is erased with the rest. */
static void a_whole_life_and_its_end_in_one_batch(void **state)
{
    (void)state;
    process_signal(world.session, SIGSTOP);
    tell_life("batch");
    forget_call("batch", 1);
    tell_life("batch");
    process_signal(world.session, SIGCONT);
    session_has_read("batch");
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'batch' AND company_id = 1", "0");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'batch'", "0");
    world_wait_answer("SELECT count(*) FROM forgotten_calls WHERE call_hash = sha256('batch')", "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forgotten_call_leaves_the_screens_and_stays_away),
        cmocka_unit_test(forgetting_again_says_gone_again),
        cmocka_unit_test(another_companys_call_of_that_id_stays),
        cmocka_unit_test(a_whole_life_and_its_end_in_one_batch),
    };
    return cmocka_run_group_tests_name("forget", tests, world_start, world_stop);
}
