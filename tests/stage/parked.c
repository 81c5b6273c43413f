/* Who waits, waits until somebody is responsible for him, and then goes exactly as he came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/text.h"
#include "resolver/parked_release.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"

enum {
    MESSAGE_TOO_LARGE = 10, /* Kafka's codes; neither is retried, and the second says nothing about the record */
    INVALID_REQUIRED_ACKS = 21,
    PAGE_EVENTS = 100, /* parked_release.c's */
};

static const char LOCKS_OF_OTHERS[] =
    "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'parked_events' "
    "AND l.pid <> pg_backend_pid()";

static const struct setting TABLE[] = {SETTINGS_OF_KAFKA};

static struct {
    struct postgres *postgres;
    struct broker *broker;
    struct settings *settings;
    struct producer *producer;
    struct event_base *base;
    struct database *database;
    struct release release;
    struct arena *arena;
} with;

static int servers_started(void **state)
{
    (void)state;
    log_open("test", "logfmt", "error");
    int exit_code = 0;
    char *arguments[] = {(char[]){"test"}, NULL};
    with.postgres = postgres_start();
    with.broker = broker_start();
    setenv("HOOKLINE_KAFKA_BOOTSTRAP", broker_address(with.broker), 1);
    if (settings_load("test", "A test.", TABLE, COUNT(TABLE), 1, arguments, &with.settings, &exit_code) != SETTINGS_RUN)
        return 1;
    with.base = event_base_new();
    static const char *const WRITES[] = {TOPIC_CALLS_EVENTS, NULL};
    if (producer_open(&with.producer, with.settings, "test", WRITES, 30000))
        return 1;
    producer_warm_up(with.producer, PRODUCER_WARM_UP_MS);
    return 0;
}

static int servers_stopped(void **state)
{
    (void)state;
    producer_close(with.producer);
    settings_free(with.settings);
    broker_stop(with.broker);
    postgres_stop(with.postgres);
    event_base_free(with.base);
    return 0;
}

static int begun(void **state)
{
    (void)state;
    postgres_execute(with.postgres,
                     "TRUNCATE companies, branches, phone_numbers, agents, parked_events, call_owners CASCADE");
    char *url = postgres_url(with.postgres, "hookline_resolver");
    with.database = database_open(url, "test");
    free(url);
    struct mappings *mappings = mappings_new(with.database, with.base, 1000, 1);
    with.release = (struct release){
        .database = with.database,
        .producer = with.producer,
        .placer = {mappings, number_memo_new(), "DE"},
    };
    with.arena = arena_new();
    return 0;
}

static int ended(void **state)
{
    (void)state;
    mappings_free(with.release.placer.mappings);
    number_memo_free(with.release.placer.numbers);
    database_close(with.database);
    arena_free(with.arena);
    return 0;
}

/* One event as ingest would write it, parked. */
static void park(struct slice body, const char *key)
{
    struct event *event = arena_zeroed(with.arena, 1, sizeof *event);
    struct header *headers = arena_zeroed(with.arena, EVENT_HEADERS_MAX, sizeof *headers);
    struct batch_record *record = arena_zeroed(with.arena, 1, sizeof *record);
    *event = (struct event){
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = SLICE("ai.retell.call_ended"),
        .source = SLICE("/retell/default"),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .body = body,
    };
    *record = (struct batch_record){
        .event = *event,
        .key = slice_of(key),
        .headers = headers,
        .header_count = event_write(event, with.arena, headers),
        .topic = TOPIC_WEBHOOKS_RETELL,
    };
    struct placement placement = {.event = &record->event};
    struct database_error error;
    const struct batch_record *records[] = {record};
    assert_true(placements_find(&with.release.placer, with.arena, &placement, 1, 0, &error));
    assert_int_equal(placement.resolution.rule, RULE_NONE);
    assert_true(parked_store(with.database, with.arena, records, &placement, 1, &error));
}

static void assert_asked(const char *sql, const char *expected)
{
    char *answer = postgres_ask(with.postgres, sql);
    assert_string_equal(answer, expected);
    free(answer);
}

/* A whole look, page after page. */
static size_t release_all(void)
{
    struct release_cursor cursor = {0};
    struct database_error error;
    enum release_outcome outcome = RELEASE_MORE;
    size_t all = 0;
    while (outcome == RELEASE_MORE) {
        struct release_counts counts;
        outcome = parked_release(&with.release, 0, &cursor, &counts, &error);
        all += counts.released;
    }
    assert_int_equal(outcome, RELEASE_DONE);
    return all;
}

static struct broker_record *published_with_key(const char *key)
{
    size_t count = 0;
    struct broker_record *found = NULL;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS, with.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, key)) {
            assert_null(found);
            found = &records[i];
        }
    return found;
}

static void a_parked_event_leaves_as_it_came(void **state)
{
    (void)state;
    const char *body =
        "{\"event\" : \"call_ended\",\n\"call\":{\"call_id\":\"leaves\",\"to_number\":\"030 837 93 369\"} }";
    park(slice_of(body), "leaves");
    assert_asked("SELECT topic || ' ' || reason || ' ' || number || ' ' || call_id || ' ' || convert_from(key, 'UTF8') "
                 "|| ' ' || "
                 "(convert_from(payload, 'UTF8') LIKE '{\"event\" : %') FROM parked_events",
                 "webhooks.retell unresolved +493083793369 leaves leaves true");
    assert_int_equal(release_all(), 0);
    assert_null(published_with_key("leaves"));

    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO branches (id, company_id, name) VALUES (3, 1, 'b');"
                                    "INSERT INTO phone_numbers VALUES ('+493083793369', 1, 3)");
    assert_int_equal(release_all(), 1);
    const struct broker_record *record = published_with_key("leaves");
    assert_non_null(record);
    assert_true(slice_same(record->value, slice_of(body)));
    static const char *const HEADERS[][2] = {
        {"ce_specversion", "1.0"},
        {"ce_type", "ai.retell.call_ended"},
        {"ce_source", "/retell/default"},
        {"ce_subject", "leaves"},
        {"ce_time", "2025-11-21T09:50:00.123Z"},
        {"ce_correlationid", "01993b0e-7a5b-7c31-8000-0123456789ab"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"ce_companyid", "1"},
        {"ce_branchid", "3"},
        {"ce_resolvedby", "to_number"},
    };
    for (size_t i = 0; i < COUNT(HEADERS); i++)
        assert_true(slice_equals(broker_record_header(record, HEADERS[i][0]), HEADERS[i][1]));
    assert_asked("SELECT count(*) FROM parked_events WHERE released_at IS NULL", "0");
    assert_int_equal(release_all(), 0);
    assert_non_null(published_with_key("leaves")); /* once */
}

static void an_event_is_parked_once(void **state)
{
    (void)state;
    park(SLICE("{\"call\":{\"call_id\":\"once\"}}"), "once");
    park(SLICE("{\"call\":{\"call_id\":\"once\"}}"), "once");
    assert_asked("SELECT count(*) FROM parked_events", "1");
}

static void what_is_no_call_waits_for_no_mapping(void **state)
{
    (void)state;
    park(SLICE("{\"event\":\"call_inbound\",\"call_inbound\":{\"to_number\":\"+493083793369\"}}"), "inbound");
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO phone_numbers VALUES ('+493083793369', 1, NULL)");
    assert_asked("SELECT reason FROM parked_events WHERE number IS NULL AND call_id IS NULL", "not_a_call");
    assert_int_equal(release_all(), 0);
}

/* A small world: each of these says nothing, company 1, company 2, or something that does not exist. */
struct world {
    int company, branch, number, agent, owner;
};

static struct world world_of(int index)
{
    return (struct world){index % 4, index / 4 % 4, index / 16 % 4, index / 64 % 4, index / 256};
}

enum { WORLDS = 4 * 4 * 4 * 4 * 3 };

static struct mapping known(int says, bool with_branch)
{
    bool exists = says == 1 || says == 2;
    return (struct mapping){.company_id = exists ? says : 0, .branch_id = exists && with_branch ? says * 10 : 0};
}

static int64_t company_by_the_rules(struct world world)
{
    struct evidence evidence = {
        .metadata_company = world.company,
        .company_named = known(world.company, false),
        .branch_named = known(world.branch, true),
        .number = known(world.number, false),
        .agent = known(world.agent, false),
        .owner_asked = true,
        .owner = world.owner,
    };
    return resolve(&evidence).company_id;
}

/* An id in metadata; 0 is nobody's, and says nothing only as null: a 0 speaks of another system. */
static const char *said(int id)
{
    return id ? arena_format(with.arena, "%d", id).ptr : "null";
}

static void park_world(int index)
{
    struct world world = world_of(index);
    static const char *const NUMBERS[] = {"", "+49301111111", "+49302222222", "+49303333333"};
    struct slice body = arena_format(with.arena,
                                     "{\"call\":{\"call_id\":\"world_%d\",\"to_number\":\"%s\",\"agent_id\":\"%.*s\","
                                     "\"metadata\":{\"company_id\":%s,\"branch_id\":%s}}}",
                                     index, NUMBERS[world.number], world.agent ? 7 : 0,
                                     &"agent_1agent_2agent_3"[world.agent ? 7 * (world.agent - 1) : 0],
                                     said(world.company), said(world.branch * 10));
    park(body, arena_format(with.arena, "world_%d", index).ptr);
}

/* The look's SQL only chooses candidates, but whom it forgets waits for ever. So all worlds, against the rules themselves. */
static void exactly_those_leave_whom_the_rules_can_place(void **state)
{
    (void)state;
    size_t expected = 0;
    for (int i = 0; i < WORLDS; i++) {
        park_world(i);
        expected += company_by_the_rules(world_of(i)) != 0;
    }
    postgres_execute(with.postgres,
                     "INSERT INTO companies (id, name) VALUES (1, 'a'), (2, 'b');"
                     "INSERT INTO branches (id, company_id, name) VALUES (10, 1, 'a'), (20, 2, 'b');"
                     "INSERT INTO phone_numbers (number, company_id) VALUES ('+49301111111', 1), ('+49302222222', 2);"
                     "INSERT INTO agents (agent_id, company_id) VALUES ('agent_1', 1), ('agent_2', 2);"
                     "INSERT INTO call_owners SELECT 'world_' || i, i / 256 FROM generate_series(256, 767) i");
    assert_int_equal(release_all(), expected);

    size_t count = 0;
    size_t seen = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS, with.arena, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t index = 0;
        if (!slice_starts_with(records[i].key, "world_") || !text_read_int(slice_from(records[i].key, 6), &index))
            continue;
        struct slice company = arena_format(with.arena, "%lld", (long long)company_by_the_rules(world_of((int)index)));
        assert_true(slice_same(broker_record_header(&records[i], "ce_companyid"), company));
        seen++;
    }
    assert_int_equal(seen, expected);
    assert_int_equal(release_all(), 0);
}

static void large_events_leave_too(void **state)
{
    (void)state;
    static char padding[1536 * 1024];
    memset(padding, 'x', sizeof padding - 1);
    for (int i = 0; i < 6; i++)
        park(arena_format(with.arena, "{\"call\":{\"call_id\":\"large_%d\",\"agent_id\":\"a\",\"transcript\":\"%s\"}}",
                          i, padding),
             arena_format(with.arena, "large_%d", i).ptr);
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO agents (agent_id, company_id) VALUES ('a', 1)");
    assert_int_equal(release_all(), 6);
}

/* Between two pages the harness takes live calls; so nothing is held there, and nobody is told twice. */
static void a_long_look_goes_page_by_page(void **state)
{
    (void)state;
    for (int i = 0; i < PAGE_EVENTS + 50; i++) {
        struct slice key = arena_format(with.arena, "page_%d", i);
        park(arena_format(with.arena, "{\"call\":{\"call_id\":\"%s\",\"agent_id\":\"a\"}}", key.ptr), key.ptr);
    }
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO agents (agent_id, company_id) VALUES ('a', 1)");
    struct release_counts counts;
    struct release_cursor cursor = {0};
    struct database_error error;
    assert_int_equal(parked_release(&with.release, 0, &cursor, &counts, &error), RELEASE_MORE);
    assert_int_equal(counts.released, PAGE_EVENTS);
    assert_asked("SELECT count(*) FROM parked_events WHERE released_at IS NULL", "50");
    assert_asked(LOCKS_OF_OTHERS, "0");
    assert_int_equal(parked_release(&with.release, 0, &cursor, &counts, &error), RELEASE_MORE);
    assert_int_equal(counts.released, 50);
    assert_int_equal(parked_release(&with.release, 0, &cursor, &counts, &error), RELEASE_DONE);
    assert_int_equal(counts.released, 0);
}

static void what_kafka_did_not_take_stays(void **state)
{
    (void)state;
    park(SLICE("{\"call\":{\"call_id\":\"not_now\",\"agent_id\":\"a\"}}"), "not_now");
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO agents (agent_id, company_id) VALUES ('a', 1)");
    struct release_counts counts;
    struct release_cursor cursor = {0};
    struct database_error error;
    broker_fail_produces(with.broker, INVALID_REQUIRED_ACKS, 1);
    assert_int_equal(parked_release(&with.release, 0, &cursor, &counts, &error), RELEASE_NO_KAFKA);
    assert_int_equal(counts.released, 0);
    assert_int_equal(cursor.length, 0); /* the page is the next one again */
    assert_asked("SELECT count(*) FROM parked_events WHERE released_at IS NULL AND refused_at IS NULL", "1");
    assert_asked(LOCKS_OF_OTHERS, "0"); /* nothing is held while it waits */
    assert_int_equal(release_all(), 1);
}

/* It kept its page, and all that came behind it, from being released: each second it was refused again. */
static void what_kafka_refuses_for_good_is_set_aside(void **state)
{
    (void)state;
    static const char ALL[] = "SELECT string_agg(call_id || ' ' || CASE WHEN released_at IS NOT NULL THEN 'released' "
                              "WHEN refused_at IS NOT NULL THEN 'refused: ' || refused_because ELSE 'waits' END, '; ' "
                              "ORDER BY call_id) FROM parked_events";
    park(SLICE("{\"call\":{\"call_id\":\"refused\",\"agent_id\":\"a\"}}"), "refused");
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO agents (agent_id, company_id) VALUES ('a', 1)");
    struct release_counts counts;
    struct release_cursor cursor = {0};
    struct database_error error;
    broker_fail_produces(with.broker, MESSAGE_TOO_LARGE, 1);
    assert_int_equal(parked_release(&with.release, 0, &cursor, &counts, &error), RELEASE_MORE);
    assert_int_equal(counts.released, 0);
    assert_int_equal(counts.refused, 1);
    assert_asked(ALL, "refused refused: Broker: Message size too large");

    park(SLICE("{\"call\":{\"call_id\":\"next\",\"agent_id\":\"b\"}}"), "next");
    postgres_execute(with.postgres, "INSERT INTO agents (agent_id, company_id) VALUES ('b', 1)");
    assert_int_equal(release_all(), 1);
    assert_non_null(published_with_key("next"));
    assert_null(published_with_key("refused"));

    postgres_execute(with.postgres, "UPDATE parked_events SET refused_at = NULL, refused_because = NULL");
    assert_int_equal(release_all(), 1);
    assert_asked(ALL, "next released; refused released");
}

static void what_another_process_holds_is_left_to_it(void **state)
{
    (void)state;
    park(SLICE("{\"call\":{\"call_id\":\"held\",\"agent_id\":\"a\"}}"), "held");
    park(SLICE("{\"call\":{\"call_id\":\"free\",\"agent_id\":\"a\"}}"), "free");
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'a');"
                                    "INSERT INTO agents (agent_id, company_id) VALUES ('a', 1)");
    char *url = postgres_url(with.postgres, "hookline_resolver");
    struct database *other = database_open(url, "other");
    struct database_error error;
    free(url);
    assert_true(database_execute(other, "BEGIN; SELECT FROM parked_events WHERE call_id = 'held' FOR UPDATE", &error));
    assert_int_equal(release_all(), 1);
    assert_non_null(published_with_key("free"));
    assert_null(published_with_key("held"));
    database_close(other);
    while (release_all() == 0) /* the server needs a moment to see that the other one is gone */
        ;
    assert_non_null(published_with_key("held"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_parked_event_leaves_as_it_came, begun, ended),
        cmocka_unit_test_setup_teardown(an_event_is_parked_once, begun, ended),
        cmocka_unit_test_setup_teardown(what_is_no_call_waits_for_no_mapping, begun, ended),
        cmocka_unit_test_setup_teardown(exactly_those_leave_whom_the_rules_can_place, begun, ended),
        cmocka_unit_test_setup_teardown(large_events_leave_too, begun, ended),
        cmocka_unit_test_setup_teardown(a_long_look_goes_page_by_page, begun, ended),
        cmocka_unit_test_setup_teardown(what_kafka_did_not_take_stays, begun, ended),
        cmocka_unit_test_setup_teardown(what_kafka_refuses_for_good_is_set_aside, begun, ended),
        cmocka_unit_test_setup_teardown(what_another_process_holds_is_left_to_it, begun, ended),
    };
    return cmocka_run_group_tests_name("parked", tests, servers_started, servers_stopped);
}
