/* The real session between a broker and PostgreSQL: each event takes effect once, every change is told, what it cannot
 * store is set aside alone, and what a crash left unsaid is said by the next process. */
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
    struct process *session;
    struct arena *arena;
} with;

static void session_started(const char *failpoint)
{
    char *url = postgres_url(with.postgres, "hookline_session");
    const char *environment[] = {
        arena_format(with.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(with.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker)).ptr,
        "HOOKLINE_LOCK_DIRECTORY=/tmp",
        "HOOKLINE_SESSION_TIMEOUT_MS=6000",
        "HOOKLINE_LOG_LEVEL=debug",
        arena_format(with.arena, "HOOKLINE_INSTANCE=test-%d", (int)getpid()).ptr,
        failpoint ? arena_format(with.arena, "HOOKLINE_FAILPOINT=%s", failpoint).ptr : NULL,
        NULL,
    };
    free(url);
    with.session = process_start(HOOKLINE_SESSION, environment);
    assert_true(process_wait_ready(with.session, SOON_MS));
}

static int servers_started(void **state)
{
    (void)state;
    with.arena = arena_new();
    with.postgres = postgres_start();
    with.broker = broker_start();
    session_started(NULL);
    return 0;
}

static int servers_stopped(void **state)
{
    (void)state;
    process_signal(with.session, SIGTERM);
    int exit_code = process_wait_end(with.session, SOON_MS);
    process_free(with.session);
    broker_stop(with.broker);
    postgres_stop(with.postgres);
    arena_free(with.arena);
    return exit_code;
}

/* An event as resolver would write it. */
struct sent {
    const char *type, *call_id;
    int64_t company;
    int64_t source_company, branch;
    struct slice body;
};

static void send_event(struct sent sent)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(SLICE("retell"), sent.source_company, sent.body),
        .type = slice_of(sent.type),
        .source = SLICE("/retell/default"),
        .subject = slice_of(sent.call_id),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .source_company = sent.source_company,
        .company_id = sent.company,
        .branch_id = sent.branch,
        .resolved_by = sent.source_company ? SLICE("source") : SLICE("to_number"),
        .body = sent.body,
    };
    broker_send(with.broker, &(struct record){
                                 .topic = TOPIC_CALLS_EVENTS,
                                 .partition = RECORD_PARTITION_BY_KEY,
                                 .key = slice_of(sent.call_id ? sent.call_id : "no call"),
                                 .value = sent.body,
                                 .headers = headers,
                                 .header_count = event_write(&event, with.arena, headers),
                             });
}

/* An event of company 1 with these members of `call`. */
static void tell(const char *type, const char *call_id, const char *members)
{
    struct slice body = arena_format(with.arena, "{\"event\":\"%s\",\"call\":{\"call_id\":\"%s\"%s%s}}", type, call_id,
                                     *members ? "," : "", members);
    send_event((struct sent){.type = type, .call_id = call_id, .company = 1, .body = body});
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
    if (wait_until(answered, &asked, SOON_MS))
        return;
    char *last = postgres_ask(with.postgres, sql);
    process_show(with.session);
    fail_msg("%s: %s, not %s", sql, last, answer);
}

/* The updates of one call, in order; they are one partition's. */
struct updates {
    const char *key;
    size_t wanted, count;
    struct broker_record *records[64];
};

static bool updates_arrived(void *context)
{
    struct updates *updates = context;
    size_t count = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_UPDATES, with.arena, &count);
    updates->count = 0;
    for (size_t i = 0; i < count && updates->count < COUNT(updates->records); i++)
        if (slice_equals(records[i].key, updates->key))
            updates->records[updates->count++] = &records[i];
    return updates->count >= updates->wanted;
}

static struct updates updates_of(const char *key, size_t wanted)
{
    struct updates updates = {.key = key, .wanted = wanted};
    if (!wait_until(updates_arrived, &updates, SOON_MS)) {
        process_show(with.session);
        fail_msg("%zu of %zu updates of %s", updates.count, wanted, key);
    }
    return updates;
}

static bool holds(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static int64_t version_of(const struct broker_record *update)
{
    static const char NAME[] = "\"version\":";
    const char *at = memmem(update->value.ptr, update->value.len, NAME, sizeof NAME - 1);
    assert_non_null(at);
    return strtoll(at + sizeof NAME - 1, NULL, 10);
}

static void three_events_are_one_call(void **state)
{
    (void)state;
    tell("ai.retell.call_started", "three",
         "\"direction\":\"inbound\",\"from_number\":\"+493083793369\",\"to_number\":\"+4989123456\",\"start_"
         "timestamp\":1703302407333");
    updates_of("1/three", 1);
    tell("ai.retell.call_ended", "three",
         "\"end_timestamp\":1703302428855,\"duration_ms\":21522,\"disconnection_reason\":\"user_hangup\","
         "\"transcript\":\"words\"");
    updates_of("1/three", 2);
    tell("ai.retell.call_analyzed", "three",
         "\"end_timestamp\":1703302428855,\"call_cost\":{\"combined_cost\":15.215},\"call_analysis\":{\"call_summary\":"
         "\"sum\"},"
         "\"latency\":{\"e2e\":{\"p50\":800.25}},\"recording_url\":\"https://r\"");
    struct updates updates = updates_of("1/three", 3);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(version_of(updates.records[i]), i + 1);
        assert_int_equal(updates.records[i]->partition, partition_of_key(SLICE("1"), TOPIC_PARTITIONS));
    }
    assert_true(holds(updates.records[0]->value, "\"status\":\"ongoing\""));
    assert_true(holds(updates.records[1]->value, "\"missing\":[\"cost\",\"summary\",\"latency\",\"recording\"]"));
    struct slice last = updates.records[2]->value;
    assert_true(holds(last, "\"status\":\"ended\"") && holds(last, "\"missing\":[]") &&
                holds(last, "\"cost_cents\":15.215"));
    assert_true(holds(last, "\"type\":\"ai.retell.call_analyzed\",\"received_at\":\"2025-11-21T09:50:00.123Z\""));
    wait_for_answer(
        "SELECT concat_ws('|', status, analyzed, version, transcript, summary, cost_cents, latency_e2e_p50_ms, "
        "customer_id = (SELECT id FROM customers WHERE number = '+493083793369'), missing) "
        "FROM calls WHERE call_id = 'three'",
        "ended|t|3|words|sum|15.215000|800.250|t|{}");
    wait_for_answer(
        "SELECT string_agg(event_type || ' ' || status || ' ' || resolved_by, ',' ORDER BY processed_at) "
        "FROM webhook_events WHERE call_id = 'three'",
        "call_started processed to_number,call_ended processed to_number,call_analyzed processed to_number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_events_are_one_call),
    };
    return cmocka_run_group_tests_name("session", tests, servers_started, servers_stopped);
}
