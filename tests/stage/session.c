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
    if (!failpoint) /* with one it may be gone before anybody sees it ready */
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

/* A repeat is answered with the state as it is: the same version, the same call. */
static void a_repeat_changes_nothing_and_says_the_state_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        tell("ai.retell.call_started", "repeat", "\"agent_id\":\"a\"");
    struct updates updates = updates_of("1/repeat", 1);
    tell("ai.retell.call_started", "repeat", "\"agent_id\":\"a\"");
    updates = updates_of("1/repeat", updates.count + 1);
    for (size_t i = 0; i < updates.count; i++)
        assert_true(slice_same(updates.records[i]->value, updates.records[0]->value));
    wait_for_answer("SELECT version || ' ' || updated_at = (SELECT version || ' ' || first_seen_at FROM calls WHERE "
                    "call_id = 'repeat') "
                    "FROM calls WHERE call_id = 'repeat'",
                    "t");
    wait_for_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'repeat'", "1");
}

static void the_payload_is_kept_byte_for_byte(void **state)
{
    (void)state;
    struct slice body =
        SLICE("{ \"event\":\"call_ended\",\n\t\"call\":{\"call_id\":\"bytes\",\"agent_id\":\"\xff\\u0000\", \"x\" : "
              "1e400 }} ");
    send_event((struct sent){.type = "ai.retell.call_ended", .call_id = "bytes", .company = 1, .body = body});
    updates_of("1/bytes", 1);
    struct buffer sql = {0};
    buffer_add_text(&sql, "SELECT payload = decode('");
    buffer_add_hex(&sql, body.ptr, body.len);
    buffer_add_text(&sql, "', 'hex') FROM webhook_events WHERE call_id = 'bytes'");
    wait_for_answer(sql.data, "t");
    buffer_free(&sql);
    wait_for_answer("SELECT agent_id = U&'\\fffd\\fffd' FROM calls WHERE call_id = 'bytes'", "t");
    assert_true(process_metric(with.session, "hookline_session_odd_values_total{what=\"repaired\"}") >= 1);
}

/* The first company keeps the call; a later event that was resolved otherwise follows it, without its branch. */
static void the_first_owner_keeps_the_call(void **state)
{
    (void)state;
    struct slice started = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"owned\"}}");
    struct slice ended = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"owned\"}}");
    send_event((struct sent){.type = "ai.retell.call_started", .call_id = "owned", .company = 1, .body = started});
    updates_of("1/owned", 1);
    send_event(
        (struct sent){.type = "ai.retell.call_ended", .call_id = "owned", .company = 2, .branch = 9, .body = ended});
    struct updates updates = updates_of("1/owned", 2);
    assert_true(holds(updates.records[1]->value, "\"status\":\"ended\"") &&
                holds(updates.records[1]->value, "\"branch_id\":null"));
    wait_for_answer("SELECT string_agg(concat_ws(' ', company_id, branch_id, resolved_by), ',' ORDER BY processed_at) "
                    "FROM webhook_events WHERE call_id = 'owned'",
                    "1 to_number,1 owner");
    wait_for_answer("SELECT count(*) FROM calls WHERE call_id = 'owned'", "1");
    send_event(
        (struct sent){.type = "ai.retell.call_ended", .call_id = "owned", .company = 2, .branch = 9, .body = ended});
    updates = updates_of("1/owned", 3);
    assert_int_equal(version_of(updates.records[2]), 2);
}

/* Both companies' first events in one batch: one of them owns the call, and only one. */
static void two_claims_at_once_have_one_owner(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        send_event((struct sent){.type = "ai.retell.transcript_updated",
                                 .call_id = "claimed",
                                 .company = 4 + i % 2,
                                 .branch = 9,
                                 .body = arena_format(with.arena, "{\"n\":%d,\"call\":{\"call_id\":\"claimed\"}}", i)});
    wait_for_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'claimed' AND company_id = 4", "20");
    wait_for_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'claimed'", "4");
}

/* A source that belongs to a company says whose call it is: the same id at two companies is two calls, and owners do not
 * matter. */
static void bound_sources_keep_to_their_company(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound\"}}");
    send_event((struct sent){
        .type = "ai.retell.call_started", .call_id = "bound", .company = 1, .source_company = 1, .body = body});
    send_event((struct sent){
        .type = "ai.retell.call_started", .call_id = "bound", .company = 2, .source_company = 2, .body = body});
    updates_of("1/bound", 1);
    updates_of("2/bound", 1);
    wait_for_answer(
        "SELECT string_agg(company_id || ' ' || version, ',' ORDER BY company_id) FROM calls WHERE call_id = 'bound'",
        "1 1,2 1");
    wait_for_answer("SELECT count(*) FROM call_owners WHERE call_id = 'bound'", "0");
}

/* What is no phone number is no customer; the same number is one customer. */
static void customers_are_counted_by_number(void **state)
{
    (void)state;
    tell("ai.retell.call_started", "from-1", "\"direction\":\"inbound\",\"from_number\":\"+4915112345678\"");
    tell("ai.retell.call_started", "from-2", "\"direction\":\"inbound\",\"from_number\":\"+4915112345678\"");
    tell("ai.retell.call_started", "from-3",
         "\"direction\":\"outbound\",\"from_number\":\"+1\",\"to_number\":\"+4915112345678\"");
    tell("ai.retell.call_started", "from-4", "\"direction\":\"inbound\",\"from_number\":\"anonymous\"");
    for (int i = 0; i < 4; i++)
        updates_of(arena_format(with.arena, "1/from-%d", i + 1).ptr, 1);
    wait_for_answer("SELECT calls FROM customer_calls WHERE number = '+4915112345678'", "3");
    wait_for_answer("SELECT customer_id IS NULL FROM calls WHERE call_id = 'from-4'", "t");
    tell("ai.retell.call_ended", "from-4", "\"from_number\":\"+4915112345678\""); /* known after all */
    updates_of("1/from-4", 2);
    wait_for_answer("SELECT calls FROM customer_calls WHERE number = '+4915112345678'", "4");
}

static void an_unknown_event_is_kept_and_says_nothing(void **state)
{
    (void)state;
    tell("ai.retell.call_dreamt", "dreamt", "");
    wait_for_answer("SELECT status FROM webhook_events WHERE call_id = 'dreamt'", "ignored");
    wait_for_answer("SELECT count(*) FROM calls WHERE call_id = 'dreamt'", "0");
    tell("ai.retell.call_started", "dreamt", "");
    struct updates updates = updates_of("1/dreamt", 1);
    assert_true(holds(updates.records[0]->value, "call_started"));
}

static void gone_is_an_error_until_an_end_is_known(void **state)
{
    (void)state;
    tell("ai.retell.call_started", "gone", "");
    updates_of("1/gone", 1);
    tell("ai.hookline.call_gone", "gone", "");
    assert_true(holds(updates_of("1/gone", 2).records[1]->value, "\"status\":\"error\""));
    tell("ai.retell.call_ended", "gone", "\"disconnection_reason\":\"user_hangup\"");
    assert_true(holds(updates_of("1/gone", 3).records[2]->value, "\"status\":\"ended\""));
}

struct letters {
    const char *key, *code;
};

static bool letter_arrived(void *context)
{
    const struct letters *wanted = context;
    size_t count = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS ".dlq", with.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, wanted->key) &&
            slice_equals(broker_record_header(&records[i], "dlq.code"), wanted->code))
            return true;
    return false;
}

static void wait_for_letter(const char *key, const char *code)
{
    struct letters wanted = {key, code};
    if (wait_until(letter_arrived, &wanted, SOON_MS))
        return;
    process_show(with.session);
    fail_msg("%s never became a dead letter with the code %s", key, code);
}

static size_t letters(void)
{
    size_t count = 0;
    broker_read(with.broker, TOPIC_CALLS_EVENTS ".dlq", with.arena, &count);
    return count;
}

/* One record that PostgreSQL refuses, and two that cannot be read, among 200: the others are stored. */
static void a_poison_record_is_alone_in_the_dead_letters(void **state)
{
    (void)state;
    size_t before = letters();
    postgres_execute(with.postgres, "ALTER TABLE calls ADD CONSTRAINT no_poison CHECK (agent_id <> 'poison')");
    for (int i = 0; i < 200; i++) {
        if (i == 70)
            tell("ai.retell.call_started", "poison", "\"agent_id\":\"poison\"");
        if (i == 140)
            send_event((struct sent){
                .type = "ai.retell.call_started", .call_id = "broken", .company = 1, .body = SLICE("{\"call\":")});
        if (i == 150)
            send_event(
                (struct sent){.type = "ai.retell.call_started", .call_id = NULL, .company = 1, .body = SLICE("{}")});
        tell("ai.retell.call_started", arena_format(with.arena, "flock-%d", i).ptr, "");
    }
    wait_for_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'flock-%'", "200");
    wait_for_letter("poison", "sql_23514");
    wait_for_letter("broken", "not_json");
    wait_for_letter("no call", "no_call_id");
    assert_int_equal(letters(), before + 3);
    wait_for_answer("SELECT count(*) FROM webhook_events WHERE call_id IN ('poison', 'broken')", "0");
    postgres_execute(with.postgres, "ALTER TABLE calls DROP CONSTRAINT no_poison");
}

static void an_operator_moves_a_call(void **state)
{
    (void)state;
    tell("ai.retell.call_started", "moved",
         "\"direction\":\"inbound\",\"from_number\":\"+493083793369\",\"transcript\":\"words\"");
    updates_of("1/moved", 1);
    postgres_execute(with.postgres, "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) VALUES (1, "
                                    "'moved', 'default', 'live', now())");
    struct slice move = SLICE("{\"event\":\"call_assigned\",\"call\":{\"call_id\":\"moved\"},\"from\":1,\"to\":2}");
    send_event((struct sent){.type = "ai.hookline.call_assigned", .call_id = "moved", .company = 2, .body = move});
    struct updates stayed = updates_of("2/moved", 1);
    struct updates gone = updates_of("1/moved", 2);
    assert_true(holds(gone.records[1]->value, "\"gone\":true") && version_of(gone.records[1]) == 2);
    assert_true(holds(stayed.records[0]->value, "\"company_id\":2") && version_of(stayed.records[0]) == 2);
    wait_for_answer("SELECT concat_ws(' ', c.company_id, c.version, c.transcript, u.company_id, u.number) "
                    "FROM calls c JOIN customers u ON u.id = c.customer_id WHERE call_id = 'moved'",
                    "2 2 words 2 +493083793369");
    wait_for_answer("SELECT string_agg(DISTINCT company_id::text, ',') FROM (SELECT company_id FROM webhook_events "
                    "WHERE call_id = 'moved' "
                    "UNION ALL SELECT company_id FROM sync_jobs WHERE call_id = 'moved' UNION ALL SELECT company_id "
                    "FROM call_owners "
                    "WHERE call_id = 'moved') t",
                    "2");
    send_event((struct sent){.type = "ai.hookline.call_assigned", .call_id = "moved", .company = 2, .body = move});
    assert_int_equal(version_of(updates_of("2/moved", 2).records[1]), 2);
    assert_int_equal(version_of(updates_of("1/moved", 3).records[2]), 2);
    tell("ai.retell.call_ended", "moved", ""); /* the mapping still says company 1 */
    assert_true(holds(updates_of("2/moved", 3).records[2]->value, "\"status\":\"ended\""));
}

/* Company 2 has that call already, from a source of its own: one row is made of the two. */
static void a_moved_call_is_merged_into_the_one_that_is_there(void **state)
{
    (void)state;
    tell("ai.retell.call_ended", "joined", "\"transcript\":\"the end\",\"agent_id\":\"late\"");
    updates_of("1/joined", 1);
    for (int i = 0; i < 3; i++)
        send_event((struct sent){
            .type = "ai.retell.call_started",
            .call_id = "joined",
            .company = 2,
            .source_company = 2,
            .branch = 8,
            .body = arena_format(with.arena, "{\"call\":{\"agent_id\":\"early %d\",\"metadata\":{\"k\":1}}}", i)});
    wait_for_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'joined'", "4");
    char *version = postgres_ask(with.postgres, "SELECT max(version) + 1 FROM calls WHERE call_id = 'joined'");
    send_event((struct sent){
        .type = "ai.hookline.call_assigned",
        .call_id = "joined",
        .company = 2,
        .body = SLICE("{\"event\":\"call_assigned\",\"call\":{\"call_id\":\"joined\"},\"from\":1,\"to\":2}")});
    wait_for_answer("SELECT string_agg(concat_ws(' ', company_id, status, transcript, agent_id, metadata ->> 'k', "
                    "branch_id, version), ',') "
                    "FROM calls WHERE call_id = 'joined'",
                    arena_format(with.arena, "2 ended the end late 1 8 %s", version).ptr);
    free(version);
}

/* Nothing is lost and nothing set aside while PostgreSQL is away. */
static void an_outage_of_postgresql_is_waited_out(void **state)
{
    (void)state;
    size_t before = letters();
    postgres_crash(with.postgres);
    for (int i = 0; i < 20; i++)
        tell("ai.retell.call_started", arena_format(with.arena, "outage-%d", i).ptr, "");
    postgres_resume(with.postgres);
    wait_for_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'outage-%'", "20");
    for (int i = 0; i < 20; i += 19)
        updates_of(arena_format(with.arena, "1/outage-%d", i).ptr, 1);
    assert_int_equal(letters(), before);
}

static void session_ended(int signal)
{
    if (signal)
        process_signal(with.session, signal);
    int expected = signal == SIGTERM ? 0 : -SIGKILL;
    assert_int_equal(process_wait_end(with.session, SOON_MS), expected);
    process_free(with.session);
}

/* Random kills miss this window of a millisecond; the failpoint does not. */
static void a_crash_between_commit_and_publishing_heals(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    session_ended(SIGTERM);
    tell("ai.retell.call_started", "crashed", "");
    session_started("session.decided:kill:1");
    session_ended(0);
    wait_for_answer("SELECT status || ' ' || version FROM calls WHERE call_id = 'crashed'", "ongoing 1");
    assert_int_equal(updates_of("1/crashed", 0).count, 0);
    session_started(NULL);
    struct updates updates = updates_of("1/crashed", 1);
    assert_int_equal(version_of(updates.records[0]), 1);
    wait_for_answer("SELECT version FROM calls WHERE call_id = 'crashed'", "1");
}

/* Between the locks and the writes: nothing has happened, and it happens once. */
static void a_crash_before_the_writes_repeats_the_batch(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    session_ended(SIGTERM);
    tell("ai.retell.call_started", "halfway", "");
    session_started("session.merged:kill:1");
    session_ended(0);
    wait_for_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'halfway'", "0");
    session_started(NULL);
    updates_of("1/halfway", 1);
    wait_for_answer("SELECT version FROM calls WHERE call_id = 'halfway'", "1");
}

/* A schema that does not fit is nobody's poison: the process says so and ends; Kafka keeps the records. */
static void a_schema_that_does_not_fit_ends_the_process(void **state)
{
    (void)state;
    size_t before = letters();
    postgres_execute(with.postgres, "ALTER TABLE calls RENAME COLUMN sentiment TO mood");
    tell("ai.retell.call_started", "schema", "");
    assert_int_equal(process_wait_end(with.session, SOON_MS), 70);
    assert_true(process_said(with.session, "cannot_go_on"));
    process_free(with.session);
    postgres_execute(with.postgres, "ALTER TABLE calls RENAME COLUMN mood TO sentiment");
    session_started(NULL);
    updates_of("1/schema", 1);
    assert_int_equal(letters(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_events_are_one_call),
        cmocka_unit_test(a_repeat_changes_nothing_and_says_the_state_again),
        cmocka_unit_test(the_payload_is_kept_byte_for_byte),
        cmocka_unit_test(the_first_owner_keeps_the_call),
        cmocka_unit_test(two_claims_at_once_have_one_owner),
        cmocka_unit_test(bound_sources_keep_to_their_company),
        cmocka_unit_test(customers_are_counted_by_number),
        cmocka_unit_test(an_unknown_event_is_kept_and_says_nothing),
        cmocka_unit_test(gone_is_an_error_until_an_end_is_known),
        cmocka_unit_test(a_poison_record_is_alone_in_the_dead_letters),
        cmocka_unit_test(an_operator_moves_a_call),
        cmocka_unit_test(a_moved_call_is_merged_into_the_one_that_is_there),
        cmocka_unit_test(an_outage_of_postgresql_is_waited_out),
        cmocka_unit_test(a_crash_between_commit_and_publishing_heals),
        cmocka_unit_test(a_crash_before_the_writes_repeats_the_batch),
        cmocka_unit_test(a_schema_that_does_not_fit_ends_the_process),
    };
    return cmocka_run_group_tests_name("session", tests, servers_started, servers_stopped);
}
