/* A call moves to another company, and session is killed at every step of it: at the end it has moved once, and at no moment
 * do both companies have it, or neither. */
#include "tests/support/session_world.h"

#include <signal.h>
#include <stdlib.h>

#include "tests/support/wait.h"

static void assign(const char *call_id, int from, int to)
{
    struct slice body =
        arena_format(world.arena,
                     "{\"event\":\"call_assigned\",\"event_timestamp\":1763718600123,\"call\":{\"call_id\":"
                     "\"%s\"},\"from\":%d,\"to\":%d}",
                     call_id, from, to);
    world_send_event(
        (struct world_event){.type = "ai.hookline.call_assigned", .call_id = call_id, .company = to, .body = body});
}

/* The company that has the row, the inbox and the call; fails if they do not agree on one. */
static int64_t company_of(const char *call_id)
{
    char *answer = postgres_ask(
        world.postgres,
        arena_format(
            world.arena,
            "SELECT string_agg(DISTINCT company_id::text, ' ') || CASE count(*) WHEN 4 THEN '' ELSE ' ?' END FROM "
            "(SELECT company_id FROM calls WHERE call_id = '%s' UNION ALL SELECT company_id FROM call_owners WHERE "
            "call_id = '%s' UNION ALL SELECT company_id FROM sync_jobs WHERE call_id = '%s' UNION ALL SELECT "
            "DISTINCT company_id FROM webhook_events WHERE call_id = '%s' AND event_type <> 'call_assigned') t",
            call_id, call_id, call_id, call_id)
            .ptr);
    int64_t company = 0;
    if (!text_read_int(slice_of(answer), &company))
        fail_msg("%s is company %s's", call_id, answer);
    free(answer);
    return company;
}

/* What screens end up with: company 2 the state that PostgreSQL has, company 1 that it is gone, and nothing after that. */
static void assert_screens_agree(const char *call_id)
{
    char *version = postgres_ask(
        world.postgres, arena_format(world.arena, "SELECT version FROM calls WHERE call_id = '%s'", call_id).ptr);
    int64_t stored = strtoll(version, NULL, 10);
    free(version);
    struct world_updates left = world_updates_of(arena_format(world.arena, "1/%s", call_id).ptr, 2);
    struct world_updates got = world_updates_of(arena_format(world.arena, "2/%s", call_id).ptr, 1);
    assert_int_equal(world_version_of(got.records[got.count - 1]), stored);
    assert_false(world_holds(got.records[got.count - 1]->value, "\"gone\":true"));
    assert_true(world_holds(left.records[left.count - 1]->value, "\"gone\":true"));
    int64_t seen = 0;
    for (size_t i = 0; i < left.count; i++) {
        bool gone = world_holds(left.records[i]->value, "\"gone\":true");
        int64_t newer = world_version_of(left.records[i]);
        assert_true(gone || newer < stored); /* never a state of what is company 2's by then */
        assert_true(newer >= seen);
        seen = newer;
    }
}

static void session_dies(const char *place)
{
    world_start_session(place);
    if (process_wait_end(world.session, WORLD_SOON_MS) != -SIGKILL) {
        process_show(world.session);
        fail_msg("not killed at %s", place);
    }
    process_free(world.session);
}

static void killed_at_every_step_it_moves_once(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    /* Of the statements: 1-3 begin, inbox, owner; 4 the rows; 5-6 the customer; 7-12 owner, delete, insert, inbox, job,
     * commit. A flight is `sent` before its first is `answered`. The places
     * outside of it are crossed with everything by tests/chaos. */
    static const char *const PLACES[] = {
        "session.answered:kill:2", "session.sent:kill:4",     "session.answered:kill:8",
        "session.decided:kill:1",  "session.reported:kill:1", "session.published:kill:1",
    };
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        const char *call_id = arena_format(world.arena, "killed-%zu", i).ptr;
        world_tell("ai.retell.call_started", call_id, "\"direction\":\"inbound\",\"from_number\":\"+493083793369\"");
        world_updates_of(arena_format(world.arena, "1/%s", call_id).ptr, 1);
        postgres_execute(world.postgres,
                         arena_format(world.arena,
                                      "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) "
                                      "VALUES (1, '%s', 'default', 'live', now())",
                                      call_id)
                             .ptr);
    }
    process_signal(world.session, SIGTERM);
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), 0);
    process_free(world.session);

    /* Each finds what the ones before it left half done, and its own call. */
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        assign(arena_format(world.arena, "killed-%zu", i).ptr, 1, 2);
        session_dies(PLACES[i]);
        for (size_t j = 0; j < COUNT(PLACES); j++)
            assert_in_range(company_of(arena_format(world.arena, "killed-%zu", j).ptr), 1, 2);
    }
    world_start_session(NULL);
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        const char *call_id = arena_format(world.arena, "killed-%zu", i).ptr;
        world_wait_answer(
            arena_format(world.arena, "SELECT company_id || ' ' || version FROM calls WHERE call_id = '%s'", call_id)
                .ptr,
            "2 2");
        assert_int_equal(company_of(call_id), 2);
        assert_screens_agree(call_id);
    }
}

/* There and back: what is said again later does not undo it. */
static void a_repeat_of_an_old_assignment_moves_nothing(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "back", "");
    world_updates_of("1/back", 1);
    assign("back", 1, 2);
    assign("back", 2, 1);
    world_wait_answer("SELECT company_id || ' ' || version FROM calls WHERE call_id = 'back'", "1 3");
    size_t before = world_updates_of("1/back", 3).count;
    assign("back", 1, 2);
    struct world_updates updates = world_updates_of("1/back", before + 1);
    assert_false(world_holds(updates.records[updates.count - 1]->value, "\"gone\":true"));
    assert_int_equal(world_version_of(updates.records[updates.count - 1]), 3);
    assign("back", 2, 1);
    struct world_updates gone = world_updates_of("2/back", 3);
    assert_true(world_holds(gone.records[gone.count - 1]->value, "\"gone\":true"));
    world_wait_answer("SELECT company_id || ' ' || version FROM calls WHERE call_id = 'back'", "1 3");
}

/* A bound source's call has no owner who could give it away. It once stopped the whole partition (found 2026-11-21). */
static void a_bound_sources_call_is_not_given_away(void **state)
{
    (void)state;
    world_send_event(
        (struct world_event){.type = "ai.retell.call_started",
                             .call_id = "bound-move",
                             .company = 1,
                             .source_company = 1,
                             .body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound-move\"}}")});
    world_updates_of("1/bound-move", 1);
    assign("bound-move", 1, 2);
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'bound-move'", "2");
    world_send_event(
        (struct world_event){.type = "ai.retell.call_ended",
                             .call_id = "bound-move",
                             .company = 1,
                             .source_company = 1,
                             .body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"bound-move\"}}")});
    struct world_updates updates = world_updates_of("1/bound-move", 2);
    assert_true(world_holds(updates.records[1]->value, "\"status\":\"ended\""));
    assert_int_equal(world_updates_of("2/bound-move", 0).count, 0);
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'bound-move'", "1");
}

/* Company 1 has two calls of that id: one of a source of its own, one that is company 2's by now. */
static void what_a_bound_source_says_later_is_not_taken_off_the_screens(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "twin", "");
    world_updates_of("1/twin", 1);
    assign("twin", 1, 2);
    world_updates_of("2/twin", 1);
    world_send_event(
        (struct world_event){.type = "ai.retell.call_started",
                             .call_id = "twin",
                             .company = 1,
                             .source_company = 1,
                             .body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"twin\"} }")});
    size_t before = world_updates_of("1/twin", 3).count;
    assign("twin", 1, 2);
    struct world_updates updates = world_updates_of("1/twin", before + 1);
    assert_false(world_holds(updates.records[updates.count - 1]->value, "\"gone\":true"));
    world_wait_answer("SELECT string_agg(company_id::text, ',' ORDER BY company_id) FROM calls WHERE call_id = 'twin'",
                      "1,2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_step_it_moves_once),
        cmocka_unit_test(a_repeat_of_an_old_assignment_moves_nothing),
        cmocka_unit_test(a_bound_sources_call_is_not_given_away),
        cmocka_unit_test(what_a_bound_source_says_later_is_not_taken_off_the_screens),
    };
    return cmocka_run_group_tests_name("session_assign", tests, world_start, world_stop);
}
