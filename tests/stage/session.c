/* The real session between a broker and PostgreSQL: each event takes effect once, every change is told, a call is one
 * company's. What it does when something breaks: session_ends.c. */
#include "tests/support/session_world.h"

#include <stdlib.h>

static void three_events_are_one_call(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "three",
               "\"direction\":\"inbound\",\"from_number\":\"+493083793369\",\"to_number\":\"+4989123456\",\"start_"
               "timestamp\":1703302407333");
    world_updates_of("1/three", 1);
    world_tell("ai.retell.call_ended", "three",
               "\"end_timestamp\":1703302428855,\"duration_ms\":21522,\"disconnection_reason\":\"user_hangup\","
               "\"transcript\":\"words\"");
    world_updates_of("1/three", 2);
    world_tell(
        "ai.retell.call_analyzed", "three",
        "\"end_timestamp\":1703302428855,\"call_cost\":{\"combined_cost\":15.215},\"call_analysis\":{\"call_summary\":"
        "\"sum\"},"
        "\"latency\":{\"e2e\":{\"p50\":800.25}},\"recording_url\":\"https://r\"");
    struct world_updates updates = world_updates_of("1/three", 3);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(world_version_of(updates.records[i]), i + 1);
        assert_int_equal(updates.records[i]->partition, partition_of_key(SLICE("1"), TOPIC_PARTITIONS));
    }
    assert_true(world_holds(updates.records[0]->value, "\"status\":\"ongoing\""));
    assert_true(world_holds(updates.records[1]->value, "\"missing\":[\"cost\",\"summary\",\"latency\",\"recording\"]"));
    struct slice last = updates.records[2]->value;
    assert_true(world_holds(last, "\"status\":\"ended\"") && world_holds(last, "\"missing\":[]") &&
                world_holds(last, "\"cost_cents\":15.215"));
    assert_true(world_holds(last, "\"type\":\"ai.retell.call_analyzed\",\"received_at\":\"2025-11-21T09:50:00.123Z\""));
    world_wait_answer(
        "SELECT concat_ws('|', status, analyzed, version, transcript, summary, cost_cents, latency_e2e_p50_ms, "
        "customer_id = (SELECT id FROM customers WHERE number = '+493083793369'), missing) "
        "FROM calls WHERE call_id = 'three'",
        "ended|t|3|words|sum|15.215000|800.250|t|{}");
    world_wait_answer(
        "SELECT string_agg(event_type || ' ' || status || ' ' || resolved_by, ',' ORDER BY processed_at) "
        "FROM webhook_events WHERE call_id = 'three'",
        "call_started processed to_number,call_ended processed to_number,call_analyzed processed to_number");
}

/* A repeat is answered with the state as it is: the same version, the same call. */
static void a_repeat_changes_nothing_and_says_the_state_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        world_tell("ai.retell.call_started", "repeat", "\"agent_id\":\"a\"");
    struct world_updates updates = world_updates_of("1/repeat", 1);
    world_tell("ai.retell.call_started", "repeat", "\"agent_id\":\"a\"");
    updates = world_updates_of("1/repeat", updates.count + 1);
    for (size_t i = 0; i < updates.count; i++)
        assert_true(slice_same(updates.records[i]->value, updates.records[0]->value));
    world_wait_answer("SELECT version || ' ' || updated_at = (SELECT version || ' ' || first_seen_at FROM calls WHERE "
                      "call_id = 'repeat') "
                      "FROM calls WHERE call_id = 'repeat'",
                      "t");
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'repeat'", "1");
}

static void the_payload_is_kept_byte_for_byte(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{ \"event\":\"call_ended\",\n\t\"call\":{\"call_id\":\"bytes\",\"agent_id\":\"\xff\\u0000\", \"x\" : "
              "1e400 }} ");
    world_send_event(
        (struct world_event){.type = "ai.retell.call_ended", .call_id = "bytes", .company = 1, .body = body});
    world_updates_of("1/bytes", 1);
    struct buffer sql = {0};
    buffer_add_text(&sql, "SELECT payload = decode('");
    buffer_add_hex(&sql, body.ptr, body.len);
    buffer_add_text(&sql, "', 'hex') FROM webhook_events WHERE call_id = 'bytes'");
    world_wait_answer(sql.data, "t");
    buffer_free(&sql);
    world_wait_answer("SELECT agent_id = U&'\\fffd\\fffd' FROM calls WHERE call_id = 'bytes'", "t");
    assert_true(process_wait_metric(world.session, "hookline_session_odd_values_total{what=\"repaired\"}", 1));
}

/* The first company keeps the call; a later event that was resolved otherwise follows it, without its branch. */
static void the_first_owner_keeps_the_call(void **state)
{
    (void)state;
    struct slice started = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"owned\"}}");
    struct slice ended = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"owned\"}}");
    world_send_event(
        (struct world_event){.type = "ai.retell.call_started", .call_id = "owned", .company = 1, .body = started});
    world_updates_of("1/owned", 1);
    world_send_event((struct world_event){
        .type = "ai.retell.call_ended", .call_id = "owned", .company = 2, .branch = 9, .body = ended});
    struct world_updates updates = world_updates_of("1/owned", 2);
    assert_true(world_holds(updates.records[1]->value, "\"status\":\"ended\"") &&
                world_holds(updates.records[1]->value, "\"branch_id\":null"));
    world_wait_answer(
        "SELECT string_agg(concat_ws(' ', company_id, branch_id, resolved_by), ',' ORDER BY processed_at) "
        "FROM webhook_events WHERE call_id = 'owned'",
        "1 to_number,1 owner");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'owned'", "1");
    world_send_event((struct world_event){
        .type = "ai.retell.call_ended", .call_id = "owned", .company = 2, .branch = 9, .body = ended});
    updates = world_updates_of("1/owned", 3);
    assert_int_equal(world_version_of(updates.records[2]), 2);
}

/* The number is given to another company while calls are under way: each call stays where it began, in whatever batch its
 * later events come; a bound source's call of the same id is another call all along. */
static void a_changed_mapping_moves_no_call(void **state)
{
    (void)state;
    static const char *const LATER[] = {"ai.retell.transcript_updated", "ai.retell.call_ended",
                                        "ai.retell.call_analyzed"};
    for (int call = 0; call < 10; call++) {
        const char *name = arena_format(world.arena, "mapped-%d", call).ptr;
        struct slice started = arena_format(world.arena, "{\"call\":{\"call_id\":\"%s\"}}", name);
        world_send_event(
            (struct world_event){.type = "ai.retell.call_started", .call_id = name, .company = 4, .body = started});
        world_send_event((struct world_event){
            .type = "ai.retell.call_started", .call_id = name, .company = 5, .source_company = 5, .body = started});
        for (size_t i = 0; i < COUNT(LATER); i++)
            world_send_event((struct world_event){
                .type = LATER[i],
                .call_id = name,
                .company = 5,
                .branch = 9,
                .body = arena_format(world.arena, "{\"n\":%zu,\"call\":{\"call_id\":\"%s\"}}", i, name)});
    }
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id LIKE 'mapped-%'", "50");
    world_wait_answer("SELECT string_agg(DISTINCT concat_ws(' ', company_id, status, branch_id), ',') FROM calls WHERE "
                      "call_id LIKE 'mapped-%'",
                      "4 ended,5 ongoing");
    world_wait_answer("SELECT string_agg(DISTINCT company_id || ' ' || resolved_by, ',') FROM webhook_events WHERE "
                      "call_id LIKE 'mapped-%'",
                      "4 owner,4 to_number,5 source");
    world_wait_answer(
        "SELECT string_agg(DISTINCT company_id::text, ',') FROM call_owners WHERE call_id LIKE 'mapped-%'", "4");
}

/* Both companies' first events in one batch: one of them owns the call, and only one. */
static void two_claims_at_once_have_one_owner(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        world_send_event((struct world_event){
            .type = "ai.retell.transcript_updated",
            .call_id = "claimed",
            .company = 4 + i % 2,
            .branch = 9,
            .body = arena_format(world.arena, "{\"n\":%d,\"call\":{\"call_id\":\"claimed\"}}", i)});
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'claimed' AND company_id = 4", "20");
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'claimed'", "4");
}

/* A source that belongs to a company says whose call it is, whatever else a record claims: the same id at two companies is
 * two calls, and owners do not matter. */
static void bound_sources_keep_to_their_company(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound\"}}");
    world_send_event((struct world_event){
        .type = "ai.retell.call_started", .call_id = "bound", .company = 1, .source_company = 1, .body = body});
    world_send_event((struct world_event){
        .type = "ai.retell.call_started", .call_id = "bound", .company = 2, .source_company = 2, .body = body});
    world_send_event(
        (struct world_event){.type = "ai.retell.call_ended",
                             .call_id = "bound",
                             .company = 1,
                             .source_company = 2,
                             .body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"bound\"}}")});
    world_updates_of("1/bound", 1);
    world_updates_of("2/bound", 1);
    world_wait_answer(
        "SELECT string_agg(company_id || ' ' || status, ',' ORDER BY company_id) FROM calls WHERE call_id = 'bound'",
        "1 ongoing,2 ended");
    world_wait_answer("SELECT count(*) FROM call_owners WHERE call_id = 'bound'", "0");
}

/* What is no phone number is no customer; the same number is one customer. */
static void customers_are_counted_by_number(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "from-1", "\"direction\":\"inbound\",\"from_number\":\"+4915112345678\"");
    world_tell("ai.retell.call_started", "from-2", "\"direction\":\"inbound\",\"from_number\":\"+4915112345678\"");
    world_tell("ai.retell.call_started", "from-3",
               "\"direction\":\"outbound\",\"from_number\":\"+1\",\"to_number\":\"+4915112345678\"");
    world_tell("ai.retell.call_started", "from-4", "\"direction\":\"inbound\",\"from_number\":\"anonymous\"");
    for (int i = 0; i < 4; i++)
        world_updates_of(arena_format(world.arena, "1/from-%d", i + 1).ptr, 1);
    world_wait_answer("SELECT calls FROM customer_calls WHERE number = '+4915112345678'", "3");
    world_wait_answer("SELECT customer_id IS NULL FROM calls WHERE call_id = 'from-4'", "t");
    world_tell("ai.retell.call_ended", "from-4", "\"from_number\":\"+4915112345678\""); /* known after all */
    world_updates_of("1/from-4", 2);
    world_wait_answer("SELECT calls FROM customer_calls WHERE number = '+4915112345678'", "4");
}

/* The variables' word for the caller, whatever order the calls are told in: the newest call's, and what was collected in it. */
static void customers_are_called_what_their_newest_call_says(void **state)
{
    (void)state;
    static const char CALLER[] = "\"direction\":\"inbound\",\"from_number\":\"+4915198765432\"";
    world_tell("ai.retell.call_started", "name-2",
               arena_format(world.arena,
                            "%s,\"start_timestamp\":1703302500000,\"retell_llm_dynamic_variables\":{\"customer_name\":"
                            "\"Given\"}",
                            CALLER)
                   .ptr);
    world_wait_answer("SELECT name FROM customers WHERE number = '+4915198765432'", "Given");
    world_tell("ai.retell.call_ended", "name-1",
               arena_format(world.arena,
                            "%s,\"start_timestamp\":1703302400000,\"collected_dynamic_variables\":{\"name\":"
                            "\"Older\"}",
                            CALLER)
                   .ptr);
    world_updates_of("1/name-1", 1);
    world_wait_answer("SELECT name FROM customers WHERE number = '+4915198765432'", "Given");
    world_tell("ai.retell.call_ended", "name-2",
               arena_format(world.arena,
                            "%s,\"start_timestamp\":1703302500000,\"retell_llm_dynamic_variables\":{\"customer_name\":"
                            "\"Given\"},\"collected_dynamic_variables\":{\"name\":\"Said\"}",
                            CALLER)
                   .ptr);
    world_wait_answer("SELECT name || ' ' || calls FROM customer_calls WHERE number = '+4915198765432'", "Said 2");
    postgres_execute(world.postgres, "UPDATE customers SET name = 'By Hand', name_said_at = NULL WHERE number = "
                                     "'+4915198765432'");
    world_tell("ai.retell.call_ended", "name-3",
               arena_format(world.arena,
                            "%s,\"start_timestamp\":1703302600000,\"collected_dynamic_variables\":{\"name\":\"New\"}",
                            CALLER)
                   .ptr);
    world_updates_of("1/name-3", 1);
    world_wait_answer("SELECT name FROM customers WHERE number = '+4915198765432'", "By Hand");
}

static void an_unknown_event_is_kept_and_says_nothing(void **state)
{
    (void)state;
    world_tell("ai.retell.call_dreamt", "dreamt", "");
    world_wait_answer("SELECT status FROM webhook_events WHERE call_id = 'dreamt'", "ignored");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'dreamt'", "0");
    world_tell("ai.retell.call_started", "dreamt", "");
    struct world_updates updates = world_updates_of("1/dreamt", 1);
    assert_true(world_holds(updates.records[0]->value, "call_started"));
}

static void gone_is_an_error_until_an_end_is_known(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "gone", "");
    world_updates_of("1/gone", 1);
    world_tell("ai.hookline.call_gone", "gone", "");
    assert_true(world_holds(world_updates_of("1/gone", 2).records[1]->value, "\"status\":\"error\""));
    world_tell("ai.retell.call_ended", "gone", "\"disconnection_reason\":\"user_hangup\"");
    assert_true(world_holds(world_updates_of("1/gone", 3).records[2]->value, "\"status\":\"ended\""));
}

static void an_operator_moves_a_call(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "moved",
               "\"direction\":\"inbound\",\"from_number\":\"+493083793369\",\"transcript\":\"words\"");
    world_updates_of("1/moved", 1);
    postgres_execute(world.postgres, "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) VALUES (1, "
                                     "'moved', 'default', 'live', now())");
    struct slice move = SLICE("{\"event\":\"call_assigned\",\"call\":{\"call_id\":\"moved\"},\"from\":1,\"to\":2}");
    world_send_event(
        (struct world_event){.type = "ai.hookline.call_assigned", .call_id = "moved", .company = 2, .body = move});
    struct world_updates stayed = world_updates_of("2/moved", 1);
    struct world_updates gone = world_updates_of("1/moved", 2);
    assert_true(world_holds(gone.records[1]->value, "\"gone\":true") && world_version_of(gone.records[1]) == 2);
    assert_true(world_holds(stayed.records[0]->value, "\"company_id\":2") && world_version_of(stayed.records[0]) == 2);
    world_wait_answer("SELECT concat_ws(' ', c.company_id, c.version, c.transcript, u.company_id, u.number) "
                      "FROM calls c JOIN customers u ON u.id = c.customer_id WHERE call_id = 'moved'",
                      "2 2 words 2 +493083793369");
    world_wait_answer("SELECT string_agg(DISTINCT company_id::text, ',') FROM (SELECT company_id FROM webhook_events "
                      "WHERE call_id = 'moved' "
                      "UNION ALL SELECT company_id FROM sync_jobs WHERE call_id = 'moved' UNION ALL SELECT company_id "
                      "FROM call_owners "
                      "WHERE call_id = 'moved') t",
                      "2");
    world_send_event(
        (struct world_event){.type = "ai.hookline.call_assigned", .call_id = "moved", .company = 2, .body = move});
    assert_int_equal(world_version_of(world_updates_of("2/moved", 2).records[1]), 2);
    assert_int_equal(world_version_of(world_updates_of("1/moved", 3).records[2]), 2);
    world_tell("ai.retell.call_ended", "moved", ""); /* the mapping still says company 1 */
    assert_true(world_holds(world_updates_of("2/moved", 3).records[2]->value, "\"status\":\"ended\""));
}

/* Company 2 has that call already, from a source of its own: one row is made of the two. */
static void a_moved_call_is_merged_into_the_one_that_is_there(void **state)
{
    (void)state;
    world_tell("ai.retell.call_ended", "joined", "\"transcript\":\"the end\",\"agent_id\":\"late\"");
    world_updates_of("1/joined", 1);
    for (int i = 0; i < 3; i++)
        world_send_event((struct world_event){
            .type = "ai.retell.call_started",
            .call_id = "joined",
            .company = 2,
            .source_company = 2,
            .branch = 8,
            .body = arena_format(world.arena, "{\"call\":{\"agent_id\":\"early %d\",\"metadata\":{\"k\":1}}}", i)});
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'joined'", "4");
    char *version = postgres_ask(world.postgres, "SELECT max(version) + 1 FROM calls WHERE call_id = 'joined'");
    world_send_event((struct world_event){
        .type = "ai.hookline.call_assigned",
        .call_id = "joined",
        .company = 2,
        .body = SLICE("{\"event\":\"call_assigned\",\"call\":{\"call_id\":\"joined\"},\"from\":1,\"to\":2}")});
    world_wait_answer("SELECT string_agg(concat_ws(' ', company_id, status, transcript, agent_id, metadata ->> 'k', "
                      "branch_id, version), ',') "
                      "FROM calls WHERE call_id = 'joined'",
                      arena_format(world.arena, "2 ended the end late 1 8 %s", version).ptr);
    free(version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_events_are_one_call),
        cmocka_unit_test(a_repeat_changes_nothing_and_says_the_state_again),
        cmocka_unit_test(the_payload_is_kept_byte_for_byte),
        cmocka_unit_test(the_first_owner_keeps_the_call),
        cmocka_unit_test(a_changed_mapping_moves_no_call),
        cmocka_unit_test(two_claims_at_once_have_one_owner),
        cmocka_unit_test(bound_sources_keep_to_their_company),
        cmocka_unit_test(customers_are_counted_by_number),
        cmocka_unit_test(customers_are_called_what_their_newest_call_says),
        cmocka_unit_test(an_unknown_event_is_kept_and_says_nothing),
        cmocka_unit_test(gone_is_an_error_until_an_end_is_known),
        cmocka_unit_test(an_operator_moves_a_call),
        cmocka_unit_test(a_moved_call_is_merged_into_the_one_that_is_there),
    };
    return cmocka_run_group_tests_name("session", tests, world_start, world_stop);
}
