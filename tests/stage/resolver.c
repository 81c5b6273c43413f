/* The real resolver between a broker and PostgreSQL: every webhook leaves with its company, waits, or is set aside. What
 * follows from a change of the mappings: resolver_mappings.c. */
#include "tests/support/resolver_world.h"

#include <signal.h>
#include <stdlib.h>

static void a_webhook_leaves_with_its_company_and_every_byte(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{ \"event\":\"call_started\",\n\t\"call\":{\"call_id\":\"bytes\",\"to_number\":\"030 837 93 369\"}} ");
    world_send("bytes", body, 0);
    const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, "bytes");
    assert_true(slice_same(record->value, body));
    assert_int_equal(record->partition, partition_of_key(SLICE("bytes"), TOPIC_PARTITIONS));
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 0, body), id);
    const char *const headers[][2] = {
        {"ce_specversion", "1.0"},
        {"ce_id", id},
        {"ce_source", "/retell/default"},
        {"ce_sourcecompany", NULL},
        {"ce_type", "ai.retell.call_started"},
        {"ce_subject", "bytes"},
        {"ce_time", "2025-11-21T09:50:00.123Z"},
        {"ce_correlationid", "01993b0e-7a5b-7c31-8000-0123456789ab"},
        {"ce_costunit", "dollars"},
        {"content-type", "application/json"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"ce_companyid", "1"},
        {"ce_branchid", "3"},
        {"ce_resolvedby", "to_number"},
    };
    for (size_t i = 0; i < COUNT(headers); i++)
        world_assert_header(record, headers[i][0], headers[i][1]);
}

/* "01 58858-0" is Vienna's only once the company is known to be Austrian. */
static void a_bound_sources_company_reads_numbers_in_its_region(void **state)
{
    (void)state;
    world_send("bound",
               SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound\",\"to_number\":\"01 58858-0\"}}"), 2);
    const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, "bound");
    world_assert_header(record, "ce_companyid", "2");
    world_assert_header(record, "ce_sourcecompany", "2");
    world_assert_header(record, "ce_resolvedby", "source");
    assert_true(process_says(world.resolver,
                             "source=2:decides metadata=absent to_number=2:agrees agent_id=absent owner=unasked"));
}

static void metadata_and_agents_are_asked_for(void **state)
{
    (void)state;
    world_send(
        "metadata",
        SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"metadata\",\"metadata\":{\"company_id\":\"1\","
              "\"askproai_branch_id\":3}}}"),
        0);
    world_send("agent", SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"agent\",\"agent_id\":\"agent_2\"}}"),
               0);
    const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, "metadata");
    world_assert_header(record, "ce_companyid", "1");
    world_assert_header(record, "ce_branchid", "3");
    world_assert_header(record, "ce_resolvedby", "metadata");
    record = world_record_in(TOPIC_CALLS_EVENTS, "agent");
    world_assert_header(record, "ce_companyid", "2");
    world_assert_header(record, "ce_branchid", NULL);
    world_assert_header(record, "ce_resolvedby", "agent_id");
}

/* session's answer to an earlier event is enough for the later ones. */
static void the_owner_settles_what_disagrees(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"owned\",\"to_number\":\"+493083793369\","
              "\"agent_id\":\"agent_2\"}}");
    world_send("owned", body, 0);
    world_wait_answer("SELECT reason FROM parked_events WHERE call_id = 'owned'", "company_conflict");
    postgres_execute(world.postgres, "INSERT INTO call_owners VALUES ('owned', 2)");
    /* Owners are announced to nobody, so another event goes first; the parked one follows with the next look. */
    world_send("owned", arena_format(world.arena, "%.*s ", SLICE_PRINT(body)), 0);
    const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, "owned");
    world_assert_header(record, "ce_companyid", "2");
    world_assert_header(record, "ce_resolvedby", "owner");
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'owned' AND released_at IS NOT NULL", "1");
}

static void an_unmapped_number_waits_and_leaves_by_itself(void **state)
{
    (void)state;
    world_send_call("unmapped", "+4940123456");
    world_wait_answer("SELECT reason || ' ' || number FROM parked_events WHERE call_id = 'unmapped'",
                      "unresolved +4940123456");
    assert_true(process_says(world.resolver, "number=\"+49…456\""));
    assert_false(process_said(world.resolver, "40123456"));
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4940123456', 1, NULL)");
    world_assert_header(world_record_in(TOPIC_CALLS_EVENTS, "unmapped"), "ce_companyid", "1");
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'unmapped' AND released_at IS NOT NULL", "1");
}

static void what_can_never_be_a_call_is_a_dead_letter(void **state)
{
    (void)state;
    world_send("broken", SLICE("{\"event\":"), 0);
    world_assert_header(world_record_in(TOPIC_WEBHOOKS_RETELL ".dlq", "broken"), "dlq.code", "not_json");

    char id[200];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    world_send(NULL, arena_format(world.arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"%s\"}}", id), 0);
    const struct broker_record *record = world_record_in(TOPIC_WEBHOOKS_RETELL ".dlq", "no call");
    world_assert_header(record, "dlq.code", "call_id_too_long");
    world_assert_header(record, "ce_type", "ai.retell.call_started");
}

static void chats_are_parked(void **state)
{
    (void)state;
    world_send(NULL, SLICE("{\"event\":\"chat_started\",\"chat\":{\"chat_id\":\"chat_1\"}}"), 0);
    world_wait_answer("SELECT reason FROM parked_events WHERE convert_from(payload, 'UTF8') LIKE '%chat_1%'",
                      "not_a_call");
}

/* The envelope that ingest gives to the webhooks of another provider; `provider` is also the end of its topic's name. */
static void send_other(const char *provider, const char *key, struct slice body)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(slice_of(provider), 0, body),
        .type = SLICE("com.example.created"),
        .source = arena_format(world.arena, "/%s/default", provider),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
    };
    broker_send(world.broker, &(struct record){
                                  .topic = arena_format(world.arena, "webhooks.%s", provider).ptr,
                                  .partition = RECORD_PARTITION_BY_KEY,
                                  .key = slice_of(key),
                                  .value = body,
                                  .headers = headers,
                                  .header_count = event_write(&event, world.arena, headers),
                              });
}

/* Until a stage wants them. Not even a number that is somebody's makes a call of them. */
static void other_providers_webhooks_are_parked_each_with_its_topic(void **state)
{
    (void)state;
    send_other("calcom", "cal",
               SLICE("{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{\"uid\":\"cal_1\"},\"call\":{\"call_id\":"
                     "\"cal_1\",\"to_number\":\"+493083793369\"}}"));
    send_other("stripe", "stripe", SLICE("{\"type\":\"invoice.paid\",\"id\":\"evt_1\"}"));
    world_wait_answer("SELECT topic || ' ' || reason || ' ' || coalesce(call_id, '-') FROM parked_events "
                      "WHERE convert_from(payload, 'UTF8') LIKE '%cal_1%'",
                      "webhooks.calcom not_a_call -");
    world_wait_answer("SELECT topic || ' ' || reason FROM parked_events "
                      "WHERE convert_from(payload, 'UTF8') LIKE '%evt_1%'",
                      "webhooks.stripe not_a_call");
    send_other("stripe", "torn", SLICE("{\"type\":"));
    send_other("calcom", "torn", SLICE("[]"));
    const struct broker_record *record = world_record_in(TOPIC_WEBHOOKS_STRIPE ".dlq", "torn");
    world_assert_header(record, "dlq.code", "not_json");
    world_assert_header(record, "dlq.topic", "hookline.webhooks.stripe");
    world_assert_header(world_record_in(TOPIC_WEBHOOKS_CALCOM ".dlq", "torn"), "dlq.code", "not_json");
}

static void a_call_keeps_the_order_of_its_events(void **state)
{
    (void)state;
    enum { EVENTS = 60 };
    for (int i = 0; i < EVENTS; i++)
        world_send("ordered",
                   arena_format(world.arena,
                                "{\"event\":\"call_started\",\"number\":%d,\"call\":{\"call_id\":\"ordered\","
                                "\"to_number\":\"+493083793369\"}}",
                                i),
                   0);
    struct world_wanted wanted = {TOPIC_CALLS_EVENTS, "ordered", EVENTS, NULL};
    assert_true(wait_until(world_arrived, &wanted, WORLD_SOON_MS));
    size_t count = 0;
    int next = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS, world.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, "ordered"))
            assert_non_null(strstr(arena_copy(world.arena, records[i].value).ptr,
                                   arena_format(world.arena, "\"number\":%d,", next++).ptr));
    assert_int_equal(next, EVENTS);
}

static bool not_ready(void *context)
{
    (void)context;
    return !process_ready(world.resolver);
}

/* Nothing is lost, nothing becomes a dead letter, and the resolver hears again what changes. */
static void an_outage_of_postgresql_loses_nothing(void **state)
{
    (void)state;
    enum { CALLS = 200 };
    size_t dead_before = 0;
    size_t dead_after = 0;
    broker_read(world.broker, TOPIC_WEBHOOKS_RETELL ".dlq", world.arena, &dead_before);
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            postgres_crash(world.postgres);
        world_send_call(arena_format(world.arena, "outage_%d", i).ptr, i % 2 ? "+493083793369" : "+4969123456");
    }
    assert_true(wait_until(not_ready, NULL, WORLD_SOON_MS));
    postgres_resume(world.postgres);
    world_wait_flock((struct world_flock){"outage_", 1, 2, CALLS, "1"});
    world_wait_answer("SELECT count(*) FROM parked_events WHERE number = '+4969123456' AND released_at IS NULL", "100");
    assert_true(process_wait_ready(world.resolver, WORLD_SOON_MS));

    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4969123456', 2, NULL)");
    world_wait_flock((struct world_flock){"outage_", 0, 2, CALLS, "2"});
    struct world_next_call after = {"after_outage_", "+4969123456", "1", 0};
    postgres_execute(world.postgres, "UPDATE phone_numbers SET company_id = 1 WHERE number = '+4969123456'");
    assert_true(wait_until(world_next_call_is_the_companys, &after, WORLD_SOON_MS));
    broker_read(world.broker, TOPIC_WEBHOOKS_RETELL ".dlq", world.arena, &dead_after);
    assert_int_equal(dead_after, dead_before);
}

static void killed_in_the_middle_it_goes_on_where_it_was(void **state)
{
    (void)state;
    enum { CALLS = 300 };
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            process_signal(world.resolver, SIGKILL);
        world_send_call(arena_format(world.arena, "killed_%d", i).ptr, "+493083793369");
    }
    world_end_resolver(0, -SIGKILL);
    world_start_resolver(NULL);
    world_wait_flock((struct world_flock){"killed_", 0, 1, CALLS, "1"});
}

#ifdef HOOKLINE_FAILPOINTS
/* Published and acked, then dead before the commit: it comes again, with the same id, and session's inbox knows it. */
static void killed_between_ack_and_commit_it_releases_again(void **state)
{
    (void)state;
    world_end_resolver(SIGTERM, 0);
    world_start_resolver("HOOKLINE_FAILPOINT=resolver.released:kill:1");
    world_send_call("twice", "+4970123456");
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'twice'", "1");
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4970123456', 1, NULL)");
    world_end_resolver(0, -SIGKILL);
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'twice' AND released_at IS NULL", "1");

    world_start_resolver(NULL);
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'twice' AND released_at IS NOT NULL", "1");
    struct world_wanted wanted = {TOPIC_CALLS_EVENTS, "twice", 2, NULL};
    assert_true(wait_until(world_arrived, &wanted, WORLD_SOON_MS));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_leaves_with_its_company_and_every_byte),
        cmocka_unit_test(a_bound_sources_company_reads_numbers_in_its_region),
        cmocka_unit_test(metadata_and_agents_are_asked_for),
        cmocka_unit_test(an_unmapped_number_waits_and_leaves_by_itself),
        cmocka_unit_test(what_can_never_be_a_call_is_a_dead_letter),
        cmocka_unit_test(chats_are_parked),
        cmocka_unit_test(other_providers_webhooks_are_parked_each_with_its_topic),
        cmocka_unit_test(a_call_keeps_the_order_of_its_events),
        cmocka_unit_test(an_outage_of_postgresql_loses_nothing),
        cmocka_unit_test(killed_in_the_middle_it_goes_on_where_it_was),
#ifdef HOOKLINE_FAILPOINTS
        cmocka_unit_test(killed_between_ack_and_commit_it_releases_again),
#endif
        cmocka_unit_test(the_owner_settles_what_disagrees),
    };
    return cmocka_run_group_tests_name("resolver", tests, world_start, world_stop);
}
