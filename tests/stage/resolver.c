/* The real resolver between a broker and PostgreSQL: every webhook leaves with its company, waits, or is set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/event.h"
#include "common/text.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

enum { SOON_MS = 60000 };

static struct {
    struct postgres *postgres;
    struct broker *broker;
    struct process *resolver;
    struct arena *arena;
    char directory[64]; /* for the lock files */
} with;

/* `last`: one more line of the environment, or NULL. */
static void resolver_started(const char *last)
{
    char *url = postgres_url(with.postgres, "hookline_resolver");
    const char *environment[] = {
        arena_format(with.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(with.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker)).ptr,
        arena_format(with.arena, "HOOKLINE_LOCK_DIRECTORY=%s", with.directory).ptr,
        "HOOKLINE_SESSION_TIMEOUT_MS=6000",
        "HOOKLINE_LOG_LEVEL=debug",
        "HOOKLINE_INSTANCE=test",
        last,
        NULL,
    };
    free(url);
    with.resolver = process_start(HOOKLINE_RESOLVER, environment);
    assert_true(process_wait_ready(with.resolver, SOON_MS));
}

static void resolver_ended(int signal, int expected)
{
    if (signal)
        process_signal(with.resolver, signal);
    assert_int_equal(process_wait_end(with.resolver, SOON_MS), expected);
    process_free(with.resolver);
}

static int servers_started(void **state)
{
    (void)state;
    with.arena = arena_new();
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-resolver.XXXXXX");
    if (!mkdtemp(with.directory))
        return 1;
    with.postgres = postgres_start();
    with.broker = broker_start();
    postgres_execute(with.postgres,
                     "INSERT INTO companies (id, name, default_region) VALUES (1, 'a', 'DE'), (2, 'b', 'AT');"
                     "INSERT INTO branches (id, company_id, name) VALUES (3, 1, 'c');"
                     "INSERT INTO phone_numbers VALUES ('+493083793369', 1, 3), ('+431588580', 2, NULL);"
                     "INSERT INTO agents VALUES ('agent_2', 2, NULL, NULL)");
    resolver_started(NULL);
    return 0;
}

static int servers_stopped(void **state)
{
    (void)state;
    resolver_ended(SIGTERM, 0);
    broker_stop(with.broker);
    postgres_stop(with.postgres);
    unlink(arena_format(with.arena, "%s/hookline-resolver-test.lock", with.directory).ptr);
    rmdir(with.directory);
    arena_free(with.arena);
    return 0;
}

/* What ingest would write. */
static void send_webhook(const char *call_id, struct slice body, int64_t source_company)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(SLICE("retell"), source_company, body),
        .type = SLICE("ai.retell.call_started"),
        .source = SLICE("/retell/default"),
        .subject = slice_of(call_id),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .cost_unit = SLICE("dollars"),
        .source_company = source_company,
    };
    broker_send(with.broker, &(struct record){
                                 .topic = TOPIC_WEBHOOKS_RETELL,
                                 .partition = RECORD_PARTITION_BY_KEY,
                                 .key = slice_of(call_id ? call_id : "no call"),
                                 .value = body,
                                 .headers = headers,
                                 .header_count = event_write(&event, with.arena, headers),
                             });
}

static void send_call(const char *call_id, const char *to_number)
{
    send_webhook(call_id,
                 arena_format(with.arena,
                              "{\"event\":\"call_started\", \"call\":{\"call_id\":\"%s\",\"direction\":\"inbound\","
                              "\"from_number\":\"+4915112345678\",\"to_number\":\"%s\"}}",
                              call_id, to_number),
                 0);
}

struct wanted {
    const char *topic, *key;
    size_t times;
    struct broker_record *found; /* the last */
};

static bool arrived(void *context)
{
    struct wanted *wanted = context;
    size_t count = 0;
    size_t times = 0;
    struct broker_record *records = broker_read(with.broker, wanted->topic, with.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, wanted->key)) {
            wanted->found = &records[i];
            times++;
        }
    return times >= wanted->times;
}

static const struct broker_record *record_in(const char *topic, const char *key)
{
    struct wanted wanted = {topic, key, 1, NULL};
    if (!wait_until(arrived, &wanted, SOON_MS)) {
        process_show(with.resolver);
        fail_msg("%s never came to %s", key, topic);
    }
    return wanted.found;
}

static void assert_header(const struct broker_record *record, const char *name, const char *expected)
{
    struct slice value = broker_record_header(record, name);
    if (!slice_same(value, slice_of(expected)))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, SLICE_PRINT(value), expected ? expected : "(absent)");
}

/* Calls "PREFIX0", "PREFIX<step>", …: all of them in calls.events, for this company. */
struct flock {
    const char *prefix;
    size_t first, step, count;
    const char *company;
};

static bool flock_arrived(void *context)
{
    const struct flock *flock = context;
    bool seen[1000] = {false};
    size_t missing = 0;
    size_t count = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS, with.arena, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        if (slice_starts_with(records[i].key, flock->prefix) &&
            text_read_int(slice_from(records[i].key, strlen(flock->prefix)), &number) && number < (int64_t)COUNT(seen))
            seen[number] = slice_equals(broker_record_header(&records[i], "ce_companyid"), flock->company);
    }
    for (size_t i = flock->first; i < flock->count; i += flock->step)
        missing += !seen[i];
    return missing == 0;
}

static void wait_for_flock(struct flock flock)
{
    if (wait_until(flock_arrived, &flock, SOON_MS))
        return;
    process_show(with.resolver);
    fail_msg("not all of %s came", flock.prefix);
}

struct asked {
    const char *sql, *answer;
};

static bool answered(void *context)
{
    const struct asked *asked = context;
    char *answer = postgres_ask(with.postgres, asked->sql);
    bool same = strcmp(answer, asked->answer) == 0;
    free(answer);
    return same;
}

static void wait_for_answer(const char *sql, const char *answer)
{
    struct asked asked = {sql, answer};
    if (!wait_until(answered, &asked, SOON_MS)) {
        process_show(with.resolver);
        fail_msg("%s: never %s", sql, answer);
    }
}

static void a_webhook_leaves_with_its_company_and_every_byte(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{ \"event\":\"call_started\",\n\t\"call\":{\"call_id\":\"bytes\",\"to_number\":\"030 837 93 369\"}} ");
    send_webhook("bytes", body, 0);
    const struct broker_record *record = record_in(TOPIC_CALLS_EVENTS, "bytes");
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
        assert_header(record, headers[i][0], headers[i][1]);
}

/* "01 58858-0" is Vienna's only once the company is known to be Austrian. */
static void a_bound_sources_company_reads_numbers_in_its_region(void **state)
{
    (void)state;
    send_webhook("bound",
                 SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound\",\"to_number\":\"01 58858-0\"}}"),
                 2);
    const struct broker_record *record = record_in(TOPIC_CALLS_EVENTS, "bound");
    assert_header(record, "ce_companyid", "2");
    assert_header(record, "ce_sourcecompany", "2");
    assert_header(record, "ce_resolvedby", "source");
    assert_true(process_said(with.resolver,
                             "source=2:decides metadata=absent to_number=2:agrees agent_id=absent owner=unasked"));
}

static void metadata_and_agents_are_asked_for(void **state)
{
    (void)state;
    send_webhook(
        "metadata",
        SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"metadata\",\"metadata\":{\"company_id\":\"1\","
              "\"askproai_branch_id\":3}}}"),
        0);
    send_webhook("agent",
                 SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"agent\",\"agent_id\":\"agent_2\"}}"), 0);
    const struct broker_record *record = record_in(TOPIC_CALLS_EVENTS, "metadata");
    assert_header(record, "ce_companyid", "1");
    assert_header(record, "ce_branchid", "3");
    assert_header(record, "ce_resolvedby", "metadata");
    record = record_in(TOPIC_CALLS_EVENTS, "agent");
    assert_header(record, "ce_companyid", "2");
    assert_header(record, "ce_branchid", NULL);
    assert_header(record, "ce_resolvedby", "agent_id");
}

/* session's answer to an earlier event is enough for the later ones. */
static void the_owner_settles_what_disagrees(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"owned\",\"to_number\":\"+493083793369\","
              "\"agent_id\":\"agent_2\"}}");
    send_webhook("owned", body, 0);
    wait_for_answer("SELECT reason FROM parked_events WHERE call_id = 'owned'", "company_conflict");
    postgres_execute(with.postgres, "INSERT INTO call_owners VALUES ('owned', 2)");
    /* Owners are announced to nobody, so another event goes first; the parked one follows with the next look. */
    send_webhook("owned", arena_format(with.arena, "%.*s ", SLICE_PRINT(body)), 0);
    const struct broker_record *record = record_in(TOPIC_CALLS_EVENTS, "owned");
    assert_header(record, "ce_companyid", "2");
    assert_header(record, "ce_resolvedby", "owner");
    wait_for_answer("SELECT count(*) FROM parked_events WHERE call_id = 'owned' AND released_at IS NOT NULL", "1");
}

static void an_unmapped_number_waits_and_leaves_by_itself(void **state)
{
    (void)state;
    send_call("unmapped", "+4940123456");
    wait_for_answer("SELECT reason || ' ' || number FROM parked_events WHERE call_id = 'unmapped'",
                    "unresolved +4940123456");
    assert_true(process_said(with.resolver, "number=\"+49…456\""));
    assert_false(process_said(with.resolver, "40123456"));
    postgres_execute(with.postgres, "INSERT INTO phone_numbers VALUES ('+4940123456', 1, NULL)");
    assert_header(record_in(TOPIC_CALLS_EVENTS, "unmapped"), "ce_companyid", "1");
    wait_for_answer("SELECT count(*) FROM parked_events WHERE call_id = 'unmapped' AND released_at IS NOT NULL", "1");
}

struct next_call {
    const char *prefix, *number, *company;
    int calls;
};

static bool next_call_is_the_companys(void *context)
{
    struct next_call *next = context;
    const char *call_id = arena_format(with.arena, "%s%d", next->prefix, next->calls++).ptr;
    send_call(call_id, next->number);
    return slice_equals(broker_record_header(record_in(TOPIC_CALLS_EVENTS, call_id), "ce_companyid"), next->company);
}

/* Believed for five minutes otherwise, which is longer than SOON_MS. */
static void a_changed_mapping_counts_at_once(void **state)
{
    (void)state;
    struct next_call before = {"moving_", "+4989123456", "1", 0};
    struct next_call after = {"moved_", "+4989123456", "2", 0};
    postgres_execute(with.postgres, "INSERT INTO phone_numbers VALUES ('+4989123456', 1, NULL)");
    assert_true(next_call_is_the_companys(&before));
    postgres_execute(with.postgres, "UPDATE phone_numbers SET company_id = 2 WHERE number = '+4989123456'");
    assert_true(wait_until(next_call_is_the_companys, &after, SOON_MS));
}

static void what_can_never_be_a_call_is_a_dead_letter(void **state)
{
    (void)state;
    send_webhook("broken", SLICE("{\"event\":"), 0);
    assert_header(record_in(TOPIC_WEBHOOKS_RETELL ".dlq", "broken"), "dlq.code", "not_json");

    char id[200];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    send_webhook(NULL, arena_format(with.arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"%s\"}}", id), 0);
    const struct broker_record *record = record_in(TOPIC_WEBHOOKS_RETELL ".dlq", "no call");
    assert_header(record, "dlq.code", "call_id_too_long");
    assert_header(record, "ce_type", "ai.retell.call_started");
}

static void chats_are_parked(void **state)
{
    (void)state;
    send_webhook(NULL, SLICE("{\"event\":\"chat_started\",\"chat\":{\"chat_id\":\"chat_1\"}}"), 0);
    wait_for_answer("SELECT reason FROM parked_events WHERE convert_from(payload, 'UTF8') LIKE '%chat_1%'",
                    "not_a_call");
}

/* The envelope that ingest gives to the webhooks of another provider; `provider` is also the end of its topic's name. */
static void send_other(const char *provider, const char *key, struct slice body)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(slice_of(provider), 0, body),
        .type = SLICE("com.example.created"),
        .source = arena_format(with.arena, "/%s/default", provider),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
    };
    broker_send(with.broker, &(struct record){
                                 .topic = arena_format(with.arena, "webhooks.%s", provider).ptr,
                                 .partition = RECORD_PARTITION_BY_KEY,
                                 .key = slice_of(key),
                                 .value = body,
                                 .headers = headers,
                                 .header_count = event_write(&event, with.arena, headers),
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
    wait_for_answer("SELECT topic || ' ' || reason || ' ' || coalesce(call_id, '-') FROM parked_events "
                    "WHERE convert_from(payload, 'UTF8') LIKE '%cal_1%'",
                    "webhooks.calcom not_a_call -");
    wait_for_answer("SELECT topic || ' ' || reason FROM parked_events "
                    "WHERE convert_from(payload, 'UTF8') LIKE '%evt_1%'",
                    "webhooks.stripe not_a_call");
    send_other("stripe", "torn", SLICE("{\"type\":"));
    send_other("calcom", "torn", SLICE("[]"));
    const struct broker_record *record = record_in(TOPIC_WEBHOOKS_STRIPE ".dlq", "torn");
    assert_header(record, "dlq.code", "not_json");
    assert_header(record, "dlq.topic", "hookline.webhooks.stripe");
    assert_header(record_in(TOPIC_WEBHOOKS_CALCOM ".dlq", "torn"), "dlq.code", "not_json");
}

static void a_call_keeps_the_order_of_its_events(void **state)
{
    (void)state;
    enum { EVENTS = 60 };
    for (int i = 0; i < EVENTS; i++)
        send_webhook("ordered",
                     arena_format(with.arena,
                                  "{\"event\":\"call_started\",\"number\":%d,\"call\":{\"call_id\":\"ordered\","
                                  "\"to_number\":\"+493083793369\"}}",
                                  i),
                     0);
    struct wanted wanted = {TOPIC_CALLS_EVENTS, "ordered", EVENTS, NULL};
    assert_true(wait_until(arrived, &wanted, SOON_MS));
    size_t count = 0;
    int next = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS, with.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, "ordered"))
            assert_non_null(strstr(arena_copy(with.arena, records[i].value).ptr,
                                   arena_format(with.arena, "\"number\":%d,", next++).ptr));
    assert_int_equal(next, EVENTS);
}

static bool not_ready(void *context)
{
    (void)context;
    return !process_ready(with.resolver);
}

/* Nothing is lost, nothing becomes a dead letter, and the resolver hears again what changes. */
static void an_outage_of_postgresql_loses_nothing(void **state)
{
    (void)state;
    enum { CALLS = 200 };
    size_t dead_before = 0;
    size_t dead_after = 0;
    broker_read(with.broker, TOPIC_WEBHOOKS_RETELL ".dlq", with.arena, &dead_before);
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            postgres_crash(with.postgres);
        send_call(arena_format(with.arena, "outage_%d", i).ptr, i % 2 ? "+493083793369" : "+4969123456");
    }
    assert_true(wait_until(not_ready, NULL, SOON_MS));
    postgres_resume(with.postgres);
    wait_for_flock((struct flock){"outage_", 1, 2, CALLS, "1"});
    wait_for_answer("SELECT count(*) FROM parked_events WHERE number = '+4969123456' AND released_at IS NULL", "100");
    assert_true(process_wait_ready(with.resolver, SOON_MS));

    postgres_execute(with.postgres, "INSERT INTO phone_numbers VALUES ('+4969123456', 2, NULL)");
    wait_for_flock((struct flock){"outage_", 0, 2, CALLS, "2"});
    struct next_call after = {"after_outage_", "+4969123456", "1", 0};
    postgres_execute(with.postgres, "UPDATE phone_numbers SET company_id = 1 WHERE number = '+4969123456'");
    assert_true(wait_until(next_call_is_the_companys, &after, SOON_MS));
    broker_read(with.broker, TOPIC_WEBHOOKS_RETELL ".dlq", with.arena, &dead_after);
    assert_int_equal(dead_after, dead_before);
}

static void killed_in_the_middle_it_goes_on_where_it_was(void **state)
{
    (void)state;
    enum { CALLS = 300 };
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            process_signal(with.resolver, SIGKILL);
        send_call(arena_format(with.arena, "killed_%d", i).ptr, "+493083793369");
    }
    resolver_ended(0, -SIGKILL);
    resolver_started(NULL);
    wait_for_flock((struct flock){"killed_", 0, 1, CALLS, "1"});
}

#ifdef HOOKLINE_FAILPOINTS
/* Published and acked, then dead before the commit: it comes again, with the same id, and session's inbox knows it. */
static void killed_between_ack_and_commit_it_releases_again(void **state)
{
    (void)state;
    resolver_ended(SIGTERM, 0);
    resolver_started("HOOKLINE_FAILPOINT=resolver.released:kill:1");
    send_call("twice", "+4970123456");
    wait_for_answer("SELECT count(*) FROM parked_events WHERE call_id = 'twice'", "1");
    postgres_execute(with.postgres, "INSERT INTO phone_numbers VALUES ('+4970123456', 1, NULL)");
    resolver_ended(0, -SIGKILL);
    assert_true(answered(
        &(struct asked){"SELECT count(*) FROM parked_events WHERE call_id = 'twice' AND released_at IS NULL", "1"}));

    resolver_started(NULL);
    wait_for_answer("SELECT count(*) FROM parked_events WHERE call_id = 'twice' AND released_at IS NOT NULL", "1");
    struct wanted wanted = {TOPIC_CALLS_EVENTS, "twice", 2, NULL};
    assert_true(wait_until(arrived, &wanted, SOON_MS));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_leaves_with_its_company_and_every_byte),
        cmocka_unit_test(a_bound_sources_company_reads_numbers_in_its_region),
        cmocka_unit_test(metadata_and_agents_are_asked_for),
        cmocka_unit_test(an_unmapped_number_waits_and_leaves_by_itself),
        cmocka_unit_test(a_changed_mapping_counts_at_once),
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
    return cmocka_run_group_tests_name("resolver", tests, servers_started, servers_stopped);
}
