/* The right to be forgotten: what `hookline forget` erases is nowhere in PostgreSQL and does not come back, however often
 * Kafka or the platform says it again. */
#include "tests/support/session_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/database.h"
#include "common/inbox_lock.h"
#include "tests/support/command.h"
#include "tests/support/wait.h"

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
    world_wait_answer("SELECT status FROM calls WHERE call_id = 'erased'", "ended");
    char *version = postgres_ask(world.postgres, "SELECT version FROM calls WHERE call_id = 'erased'");
    size_t said = (size_t)strtoll(version, NULL, 10); /* an update a version */
    world_updates_of("1/erased", said);
    free(version);
    postgres_execute(world.postgres, "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) VALUES (1, "
                                     "'erased', 'default', 'live', now())");
    forget_call("erased", 1);
    struct world_updates updates = world_updates_of("1/erased", said + 1);
    assert_true(world_holds(updates.records[said]->value, "\"gone\":true"));
    assert_int_equal(world_version_of(updates.records[said]), said + 1);
    wait_rows_about("erased", "0");

    tell_life("erased");                                 /* the same webhooks again */
    world_tell("ai.retell.call_analyzed", "erased", ""); /* one that was still on its way */
    world_tell("ai.hookline.call_synced", "erased", "\"call_status\":\"ended\"");
    session_has_read("erased");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'erased'", "0");
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'erased' AND company_id = 1", "0");
    world_wait_answer("SELECT count(*) FROM call_owners WHERE call_id = 'erased'", "0");
    assert_int_equal(world_updates_of("1/erased", said + 1).count, said + 1);
    assert_true(process_wait_metric(world.session, "hookline_session_events_total{outcome=\"forgotten\"}", 4));
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

/* A vacuum of the inbox takes hours where it is large: neither erasing nor the calls behind it wait for it. */
static void a_vacuum_of_the_inbox_is_not_waited_for(void **state)
{
    (void)state;
    char *url = postgres_url(world.postgres, "postgres");
    struct database *vacuum = database_open(url, "vacuum");
    struct database_error error;
    assert_true(database_execute(vacuum,
                                 "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE webhook_events IN "
                                 "SHARE UPDATE EXCLUSIVE MODE",
                                 &error));
    world_tell("ai.retell.call_started", "vacuum", "");
    world_updates_of("1/vacuum", 1);
    forget_call("vacuum", 1);
    world_updates_of("1/vacuum", 2);
    wait_rows_about("vacuum", "0");
    assert_true(database_execute(vacuum, "COMMIT", &error));
    database_close(vacuum);
    free(url);
}

/* Whoever erases is alone: a batch waits until that is over, and sees then what was forgotten. */
static void a_batch_waits_for_who_erases(void **state)
{
    (void)state;
    char *url = postgres_url(world.postgres, "postgres");
    struct database *eraser = database_open(url, "eraser");
    struct database_error error;
    assert_true(database_execute(eraser, "BEGIN", &error));
    assert_true(database_execute(eraser, INBOX_LOCK_ALONE, &error));
    world_tell("ai.retell.call_started", "meanwhile", "");
    world_wait_answer("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", "t");
    assert_true(database_execute(eraser,
                                 "INSERT INTO forgotten_calls (call_hash, company_id, version) VALUES "
                                 "(sha256('meanwhile'), 0, 1); COMMIT",
                                 &error));
    session_has_read("meanwhile");
    wait_rows_about("meanwhile", "1"); /* the probe, of another company */
    database_close(eraser);
    free(url);
}

static const char *dies_at;         /* a failpoint of the command; NULL: none */
static const char *spools_lie = ""; /* its SPOOL_DIR */

/* hookline with these words, separated by single blanks. */
static struct command hookline(const char *line)
{
    const char *words[12] = {HOOKLINE_CTL};
    char *url = postgres_url(world.postgres, "hookline_ctl"), *place = NULL;
    char *text = memory_copy_string(line);
    size_t count = 1;
    for (char *word = strtok_r(text, " ", &place); word && count + 1 < COUNT(words); word = strtok_r(NULL, " ", &place))
        words[count++] = word;
    const char *const environment[] = {
        arena_format(world.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker)).ptr,
        "HOOKLINE_AUDIT_KEY=a key of the test",
        arena_format(world.arena, "HOOKLINE_SPOOL_DIR=%s", spools_lie).ptr,
        dies_at ? arena_format(world.arena, "HOOKLINE_FAILPOINT=%s:kill:1", dies_at).ptr : NULL,
        NULL};
    struct command command = command_run(words, environment, NULL);
    free(text);
    free(url);
    return command;
}

static void assert_hookline(const char *line, int exit_code, const char *says)
{
    struct command command = hookline(line);
    if (command.exit_code != exit_code || !strstr(exit_code == 64 ? command.err : command.out, says))
        fail_msg("hookline %s: exit %d, out \"%s\", err \"%s\"", line, command.exit_code, command.out, command.err);
    command_free(&command);
}

static void send_call_of(const char *number, const char *name, const char *call_id, int64_t company,
                         int64_t source_company)
{
    world_send_event((struct world_event){
        .type = "ai.retell.call_ended",
        .call_id = call_id,
        .company = company,
        .source_company = source_company,
        .body = arena_format(world.arena,
                             "{\"event\":\"call_ended\",\"call\":{\"call_id\":\"%s\",\"direction\":\"inbound\","
                             "\"from_number\":\"%s\",\"transcript\":\"words\","
                             "\"retell_llm_dynamic_variables\":{\"customer_name\":\"%s\"}}}",
                             call_id, number, name)});
}

static void tell_call_of(const char *number, const char *name, const char *call_id, int64_t company,
                         int64_t source_company)
{
    send_call_of(number, name, call_id, company, source_company);
    world_updates_of(arena_format(world.arena, "%lld/%s", (long long)company, call_id).ptr, 1);
}

struct reading {
    const char *group, *topic;
};

static bool all_is_read(void *context)
{
    const struct reading *reading = context;
    size_t count = 0;
    (void)broker_read(world.broker, reading->topic, world.arena, &count);
    return broker_committed(world.broker, reading->group, reading->topic) == (int64_t)count;
}

static void wait_all_is_read(const char *group, const char *topic)
{
    struct reading reading = {group, topic};
    assert_true(wait_until(all_is_read, &reading, WORLD_SOON_MS));
}

#define CALLER "+4915112340001"

/* Every row of every table in which the caller's number, name or calls' ids could stand. */
static const char TRACES[] =
    "SELECT (SELECT count(*) FROM calls c WHERE c::text ~ '15112340001([^0-9]|$)|Erika') + (SELECT count(*) FROM "
    "customers u "
    "WHERE "
    "u::text ~ '15112340001([^0-9]|$)|Erika') + (SELECT count(*) FROM webhook_events e WHERE encode(payload, 'escape') "
    "~ "
    "'15112340001([^0-9]|$)|Erika') + (SELECT count(*) FROM parked_events p WHERE encode(payload, 'escape') ~ "
    "'15112340001([^0-9]|$)|Erika') + "
    "(SELECT count(*) FROM sync_jobs j WHERE call_id LIKE 'erika%') + (SELECT count(*) FROM call_owners o WHERE "
    "call_id "
    "LIKE 'erika%') + (SELECT count(*) FROM audit_log a WHERE a::text ~ '15112340001([^0-9]|$)|Erika|erika')";

static void a_caller_is_forgotten_and_stays_forgotten(void **state)
{
    (void)state;
    postgres_execute(
        world.postgres,
        "INSERT INTO parked_events (event_id, topic, key, headers, payload, call_id, reason) VALUES "
        "('\\x00112233445566778899aabbccddeeff', 'webhooks.retell', 'erika-4', '[]', "
        "'{\"event\":\"call_started\",\"call\":{\"call_id\":\"erika-4\",\"from_number\":\"+4915112340001\"}}', "
        "'erika-4', 'unresolved'), ('\\x01112233445566778899aabbccddeeff', 'webhooks.retell', 'other', '[]', "
        "'{\"call\":{\"from_number\":\"+49151123400019\"}}', 'other', 'unresolved')");
    tell_call_of(CALLER, "Erika", "erika-1", 1, 0);
    tell_call_of(CALLER, "Erika", "erika-2", 1, 0);
    tell_call_of(CALLER, "Erika", "erika-3", 2, 2);
    tell_call_of("+4915112340002", "Nora", "neighbour", 1, 0);

    assert_hookline("forget 015112340001", 64, "no number with a country code");
    assert_hookline("forget " CALLER, 1, "3 calls, 3 events, 1 parked event, 2 customers about that caller");
    assert_hookline("forget " CALLER " --company 2 --dry-run --json", 0,
                    "{\"forgotten\":false,\"calls\":1,\"events\":1,\"parked\":0,\"customers\":1}");
    assert_hookline("forget " CALLER " --company 2 --yes", 0, "1 call, 1 event, 0 parked events, 1 customer erased");
    world_wait_answer("SELECT string_agg(call_id, ',' ORDER BY call_id) FROM calls WHERE call_id LIKE 'erika%'",
                      "erika-1,erika-2");
    assert_hookline("forget " CALLER " --yes", 0, "2 calls, 2 events, 1 parked event, 1 customer erased");
    world_wait_answer(TRACES, "0");
    world_wait_answer("SELECT string_agg(DISTINCT name, ',') FROM customers", "Nora");
    assert_hookline("forget " CALLER " --yes", 0, "nothing is left of that caller");
    assert_true(world_holds(world_updates_of("1/erika-1", 2).records[1]->value, "\"gone\":true"));
    assert_true(world_holds(world_updates_of("2/erika-3", 2).records[1]->value, "\"gone\":true"));
    world_wait_answer(
        "SELECT string_agg(what || ' ' || coalesce(company_id::text, '-'), ', ' ORDER BY id) FROM audit_log",
        "caller looked for -, caller looked for 2, forget begun 2, forget begun 2, caller forgotten 2, caller "
        "forgotten 2, forget begun 1, forget begun -, caller forgotten 1, caller forgotten -");
    world_wait_answer(
        "SELECT count(DISTINCT detail ->> 'caller') || ' ' || min(length(detail ->> 'caller')) FROM audit_log", "1 64");
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'other'", "1");
}

/* Everything that was ever said comes again, in its order, and the inbox knows none of it any more. */
static void a_replay_brings_nothing_back(void **state)
{
    (void)state;
    wait_all_is_read("hookline-session", TOPIC_CALLS_EVENTS);
    static const char CALLS[] = "SELECT md5(string_agg(c::text, ';' ORDER BY company_id, call_id)) FROM calls c";
    char *before = postgres_ask(world.postgres, CALLS);
    postgres_execute(world.postgres, "DELETE FROM webhook_events");
    size_t count = 0;
    const struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS, world.arena, &count);
    for (size_t i = 0; i < count; i++)
        broker_send(world.broker, &(struct record){.topic = TOPIC_CALLS_EVENTS,
                                                   .partition = records[i].partition,
                                                   .key = records[i].key,
                                                   .value = records[i].value,
                                                   .headers = records[i].headers,
                                                   .header_count = records[i].header_count});
    wait_all_is_read("hookline-session", TOPIC_CALLS_EVENTS);
    world_wait_answer("SELECT count(*) > 0 FROM webhook_events", "t");
    world_wait_answer(CALLS, before);
    world_wait_answer(TRACES, "0");
    free(before);
}

static void send_webhook(const char *call_id, const char *number)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {.type = SLICE("ai.retell.call_started"), .source = SLICE("/retell/default")};
    event.body =
        arena_format(world.arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"%s\",\"from_number\":\"%s\"}}",
                     call_id, number);
    event.id = event_id_of(SLICE("retell"), 0, event.body);
    broker_send(world.broker, &(struct record){.topic = TOPIC_WEBHOOKS_RETELL,
                                               .partition = RECORD_PARTITION_BY_KEY,
                                               .key = slice_of(call_id),
                                               .value = event.body,
                                               .headers = headers,
                                               .header_count = event_write(&event, world.arena, headers)});
}

/* The platform says a webhook once more that had been parked: the resolver does not park it again. */
static void what_was_parked_is_not_parked_again(void **state)
{
    (void)state;
    char *url = postgres_url(world.postgres, "hookline_resolver");
    struct process *resolver =
        process_start(HOOKLINE_RESOLVER,
                      (const char *const[]){
                          arena_format(world.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
                          arena_format(world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker)).ptr,
                          "HOOKLINE_LOCK_DIRECTORY=/tmp", "HOOKLINE_SESSION_TIMEOUT_MS=6000",
                          arena_format(world.arena, "HOOKLINE_INSTANCE=forget-%d", (int)getpid()).ptr, NULL});
    free(url);
    assert_true(process_wait_ready(resolver, WORLD_SOON_MS));
    send_webhook("erika-5", CALLER);
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'erika-5'", "1");
    assert_hookline("forget " CALLER " --yes --json", 0, "\"parked\":1");
    send_webhook("erika-5", CALLER);
    send_webhook("erika-4", CALLER);
    send_webhook("stranger", "+4915112340003");
    wait_all_is_read("hookline-resolver", TOPIC_WEBHOOKS_RETELL);
    world_wait_answer("SELECT string_agg(call_id, ',' ORDER BY call_id) FROM parked_events", "other,stranger");
    process_signal(resolver, SIGTERM);
    assert_int_equal(process_wait_end(resolver, WORLD_SOON_MS), 0);
    process_free(resolver);
    unlink(arena_format(world.arena, "/tmp/hookline-resolver-forget-%d.lock", (int)getpid()).ptr);
}

/* Session is away: the order waits in Kafka, the command says so, and said again later it finds nothing to do. */
static void while_session_is_away_the_order_waits(void **state)
{
    (void)state;
    tell_call_of(CALLER, "Erika", "erika-6", 1, 0);
    process_signal(world.session, SIGSTOP);
    struct command command = hookline("forget " CALLER " --yes --wait 0");
    assert_int_equal(command.exit_code, 1);
    assert_non_null(strstr(command.err, "1 of 1 calls are still there after 0 s"));
    command_free(&command);
    process_signal(world.session, SIGCONT);
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'erika%'", "0");
    assert_hookline("forget " CALLER " --yes", 0, "0 calls, 0 events, 0 parked events, 1 customer erased");
    world_wait_answer(TRACES, "0");
}

/* A call that is in Kafka and not yet in PostgreSQL was not found, and came after. */
static void what_is_on_its_way_is_waited_for_and_goes_too(void **state)
{
    (void)state;
    wait_all_is_read("hookline-session", TOPIC_CALLS_EVENTS);
    process_signal(world.session, SIGSTOP);
    send_call_of(CALLER, "Erika", "erika-7", 1, 0);
    struct command command = hookline("forget " CALLER " --yes --wait 0");
    assert_int_equal(command.exit_code, 1);
    if (!strstr(command.err, "session has not read 1 records"))
        fail_msg("%s", command.err);
    command_free(&command);
    process_signal(world.session, SIGCONT);
    assert_hookline("forget " CALLER " --yes", 0, "1 call, 1 event, 0 parked events, 1 customer erased");
    world_wait_answer(TRACES, "0");
}

/* One that nobody can read lies there until somebody removes it; all else must not wait for that. */
static void beside_a_broken_spool_all_else_is_forgotten(void **state)
{
    (void)state;
    char directory[] = "/tmp/hookline-forget-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const char *path = arena_format(world.arena, "%s/ingest-0.corrupt-1.db", directory).ptr;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("this was a database once, and is none any more", file);
    fclose(file);
    wait_all_is_read("hookline-session", TOPIC_CALLS_EVENTS);
    process_signal(world.session, SIGSTOP);
    send_call_of(CALLER, "Erika", "erika-8", 1, 0);
    spools_lie = directory;
    struct command command = hookline("forget " CALLER " --yes --wait 0");
    process_signal(world.session, SIGCONT);
    if (command.exit_code != 1 || !strstr(command.err, "ingest-0.corrupt-1.db cannot be read (") ||
        !strstr(command.err, "session has not read 1 records"))
        fail_msg("exit %d, %s", command.exit_code, command.err);
    command_free(&command);
    command = hookline("forget " CALLER " --yes");
    spools_lie = "";
    assert_int_equal(command.exit_code, 1);
    command_free(&command);
    world_wait_answer(TRACES, "0");
    unlink(path);
    rmdir(directory);
    assert_hookline("forget " CALLER " --yes", 0, "nothing is left of that caller");
}

/* Killed at its worst moments and said again, it ends as if nothing had been. */
static void killed_at_any_step_it_is_said_again(void **state)
{
    (void)state;
#ifndef HOOKLINE_FAILPOINTS
    skip();
#endif
    static const char *const PLACES[] = {"forget.begun", "forget.ordered", "forget.erased"};
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        tell_call_of(CALLER, "Erika", arena_format(world.arena, "erika-1%zu", i).ptr, 1, 0);
        dies_at = PLACES[i];
        struct command command = hookline("forget " CALLER " --yes");
        dies_at = NULL;
        if (command.exit_code != -SIGKILL)
            fail_msg("%s: exit %d, %s", PLACES[i], command.exit_code, command.err);
        command_free(&command);
        command = hookline("forget " CALLER " --yes");
        if (command.exit_code != 0)
            fail_msg("after %s: %s", PLACES[i], command.err);
        command_free(&command);
        world_wait_answer(TRACES, "0");
        assert_hookline("forget " CALLER, 0, "nothing is left of that caller");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forgotten_call_leaves_the_screens_and_stays_away),
        cmocka_unit_test(forgetting_again_says_gone_again),
        cmocka_unit_test(another_companys_call_of_that_id_stays),
        cmocka_unit_test(a_whole_life_and_its_end_in_one_batch),
        cmocka_unit_test(a_vacuum_of_the_inbox_is_not_waited_for),
        cmocka_unit_test(a_batch_waits_for_who_erases),
        cmocka_unit_test(a_caller_is_forgotten_and_stays_forgotten),
        cmocka_unit_test(a_replay_brings_nothing_back),
        cmocka_unit_test(what_was_parked_is_not_parked_again),
        cmocka_unit_test(while_session_is_away_the_order_waits),
        cmocka_unit_test(what_is_on_its_way_is_waited_for_and_goes_too),
        cmocka_unit_test(beside_a_broken_spool_all_else_is_forgotten),
        cmocka_unit_test(killed_at_any_step_it_is_said_again),
    };
    return cmocka_run_group_tests_name("forget", tests, world_start, world_stop);
}
