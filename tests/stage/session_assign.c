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
    /* Of the statements: 1-4 begin, alone, inbox, owner; 5 the rows; 6-7 the customer; 8-16 owner, delete, insert, old
     * customer's name, old customer, version, inbox, job, commit. A flight is `sent` before its first is `answered`. The places
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
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM customers WHERE number = '+493083793369'", "2");
}

static void tell_name(const char *call_id, const char *number, int64_t started_at, const char *name)
{
    const char *variables = arena_format(world.arena,
                                         "\"direction\":\"inbound\",\"from_number\":\"%s\",\"start_timestamp\":%lld,"
                                         "\"retell_llm_dynamic_variables\":{\"customer_name\":\"%s\"}",
                                         number, (long long)started_at, name)
                                .ptr;
    world_tell("ai.retell.call_started", call_id, variables);
    world_updates_of(arena_format(world.arena, "1/%s", call_id).ptr, 1);
}

/* Who never called company 1 is not among its customers, and what a call said that was not theirs is not known there. */
static void the_company_that_loses_a_call_loses_its_customer(void **state)
{
    (void)state;
    static const char CUSTOMERS[] =
        "SELECT string_agg(number || ' ' || coalesce(name, '-'), ', ' ORDER BY number) FROM "
        "customers WHERE company_id = 1 AND number LIKE '+49301111111%'";
    tell_name("only", "+493011111111", 1763718600000, "Anna");
    tell_name("first", "+493011111112", 1763718600000, "Berta");
    tell_name("second", "+493011111112", 1763718700000, "Cora");
    tell_name("by-hand", "+493011111113", 1763718600000, "Dora");
    postgres_execute(world.postgres, "UPDATE customers SET name = 'Emma', name_said_at = NULL, name_collected = NULL "
                                     "WHERE number = '+493011111113'");
    world_wait_answer(CUSTOMERS, "+493011111111 Anna, +493011111112 Cora, +493011111113 Emma");
    assign("only", 1, 2);
    assign("second", 1, 2);
    assign("by-hand", 1, 2);
    world_wait_answer(CUSTOMERS, "+493011111112 -, +493011111113 Emma");
    world_tell("ai.retell.call_ended", "first",
               "\"direction\":\"inbound\",\"from_number\":\"+493011111112\",\"start_timestamp\":1763718600000,"
               "\"retell_llm_dynamic_variables\":{\"customer_name\":\"Berta\"}");
    world_wait_answer(CUSTOMERS, "+493011111112 Berta, +493011111113 Emma");
    assign("first", 1, 2);
    world_wait_answer(CUSTOMERS, "+493011111113 Emma");
    world_wait_answer("SELECT string_agg(c.call_id, ',' ORDER BY c.call_id) FROM calls c JOIN customers u ON u.id = "
                      "c.customer_id AND u.company_id = c.company_id WHERE u.number LIKE '+49301111111%'",
                      "by-hand,first,only,second");
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
    struct world_updates told = world_updates_of("1/twin", 3);
    assert_int_equal(world_version_of(told.records[1]), 2); /* gone */
    assert_int_equal(world_version_of(told.records[2]), 3); /* once it began with 1 again, and screens passed it over */
    size_t before = told.count;
    assign("twin", 1, 2);
    struct world_updates updates = world_updates_of("1/twin", before + 1);
    assert_false(world_holds(updates.records[updates.count - 1]->value, "\"gone\":true"));
    world_wait_answer("SELECT string_agg(company_id::text, ',' ORDER BY company_id) FROM calls WHERE call_id = 'twin'",
                      "1,2");
}

/* A repeat says "gone" with the version that the call has by then: what comes later is newer than that, too. */
static void no_version_comes_twice_however_often_it_is_said(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "often", "");
    world_updates_of("1/often", 1);
    assign("often", 1, 2);
    world_updates_of("2/often", 1);
    world_send_event(
        (struct world_event){.type = "ai.retell.call_ended",
                             .call_id = "often",
                             .company = 1,
                             .body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"often\"}}")});
    assert_int_equal(world_version_of(world_updates_of("2/often", 2).records[1]), 3);
    assign("often", 1, 2);
    world_send_event(
        (struct world_event){.type = "ai.retell.call_started",
                             .call_id = "often",
                             .company = 1,
                             .source_company = 1,
                             .body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"often\"} }")});
    struct world_updates updates = world_updates_of("1/often", 4);
    int64_t newest = 0;
    for (size_t i = 0; i < updates.count; i++) {
        assert_true(world_version_of(updates.records[i]) > newest);
        newest = world_version_of(updates.records[i]);
    }
    assert_int_equal(newest, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_step_it_moves_once),
        cmocka_unit_test(a_repeat_of_an_old_assignment_moves_nothing),
        cmocka_unit_test(a_bound_sources_call_is_not_given_away),
        cmocka_unit_test(the_company_that_loses_a_call_loses_its_customer),
        cmocka_unit_test(what_a_bound_source_says_later_is_not_taken_off_the_screens),
        cmocka_unit_test(no_version_comes_twice_however_often_it_is_said),
    };
    return cmocka_run_group_tests_name("session_assign", tests, world_start, world_stop);
}
