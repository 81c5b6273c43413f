/* What the webhooks did not say is asked for and arrives: hookline-sync with a real PostgreSQL, mock brokers and a stand-in
 * for the platform. The test is session: it writes the call's row and publishes its update. */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/call_json.h"
#include "common/clock.h"
#include "tests/support/broker.h"
#include "tests/support/platform.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

enum { SOON_MS = 30000, ENVIRONMENT_MAX = 24, VARIABLE_MAX = 256, SLOTS = 8 };

static struct {
    struct postgres *server;
    struct broker *broker;
    struct platform *platform;
    struct arena *arena;
    char locks[64];
    struct process *processes[2];
} with;

/* servers ------------------------------------------------------------------------------------------------------------ */

static int start(void **state)
{
    (void)state;
    with.server = postgres_start();
    with.broker = broker_start();
    with.platform = platform_start();
    with.arena = arena_new();
    snprintf(with.locks, sizeof with.locks, "/tmp/hookline-sync-XXXXXX");
    assert_non_null(mkdtemp(with.locks));
    return 0;
}

static void remove_locks(void)
{
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/hookline-sync-test-%d.lock", with.locks, i);
        unlink(path);
    }
    rmdir(with.locks);
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(with.processes); i++)
        if (with.processes[i])
            process_free(with.processes[i]);
    arena_free(with.arena);
    platform_stop(with.platform);
    broker_stop(with.broker);
    postgres_stop(with.server);
    remove_locks();
    return 0;
}

/* hookline-sync, its settings beside the usual ones: NAME=value, NULL ends. */
static struct process *start_instance(int instance, const char *const *more)
{
    static char texts[ENVIRONMENT_MAX][VARIABLE_MAX];
    const char *environment[ENVIRONMENT_MAX + 1];
    char *url = postgres_url(with.server, "hookline_sync");
    size_t count = 0;
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_DATABASE_URL=%s", url);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker));
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_RETELL_API_URL=%s", platform_url(with.platform));
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_INSTANCE=test-%d", instance);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LOCK_DIRECTORY=%s", with.locks);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_SESSION_TIMEOUT_MS=6000");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LIVE_AFTER_MS=200");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_MISSING_AFTER_MS=200");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_RETRY_FIRST_MS=100");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LEASE_MS=3000");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_SWEEP_EVERY_MS=1000");
    free(url);
    for (; *more; more++)
        snprintf(texts[count++], VARIABLE_MAX, "%s", *more);
    for (size_t i = 0; i < count; i++)
        environment[i] = texts[i];
    environment[count] = NULL;
    if (with.processes[instance]) /* a story failed before it came to that */
        process_free(with.processes[instance]);
    with.processes[instance] = process_start(HOOKLINE_SYNC, environment);
    if (!process_wait_ready(with.processes[instance], SOON_MS)) {
        process_show(with.processes[instance]);
        fail_msg("hookline-sync is not ready");
    }
    return with.processes[instance];
}

static const char *const WITH_KEY[] = {"HOOKLINE_RETELL_API_KEY=key_0123", NULL};
static const char *const WITHOUT_KEY[] = {NULL};

/* The mock broker lets a group's new member wait for the old one's session to end, 10 s: the stories share a process, and
 * only those that end it start another. */
static struct process *running(void)
{
    return with.processes[0] ? with.processes[0] : start_instance(0, WITH_KEY);
}

static void forget(int instance)
{
    process_free(with.processes[instance]);
    with.processes[instance] = NULL;
}

/* Each story begins with no job. */
static int empty(void **state)
{
    (void)state;
    postgres_execute(with.server, "TRUNCATE sync_jobs, calls");
    arena_reset(with.arena);
    return 0;
}

/* what session would do ---------------------------------------------------------------------------------------------- */

static void store_call(const struct call *call)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO calls (company_id, call_id, source, started_at, ended_at, status, analyzed, missing, version,"
             " stamps, first_seen_at, updated_at)"
             " VALUES (%lld, '%.*s', 'default', to_timestamp(%lld / 1e3), to_timestamp(%lld / 1e3), '%.*s', false, "
             "'%s', %lld,"
             " '', to_timestamp(%lld / 1e3), now()) ON CONFLICT (company_id, call_id) DO UPDATE SET"
             " status = excluded.status, missing = excluded.missing, version = excluded.version",
             (long long)call->company_id, SLICE_PRINT(call->call_id), (long long)call->started_at,
             (long long)call->ended_at, SLICE_PRINT(call->status), call->missing ? "{cost}" : "{}",
             (long long)call->version, (long long)call->first_seen_at);
    postgres_execute(with.server, sql);
}

static void send_update(struct slice key, struct slice value)
{
    struct event event = {.id = event_id_of(SLICE("hookline"), 1, value),
                          .type = SLICE("ai.hookline.call_updated"),
                          .source = SLICE("/retell/default"),
                          .company_id = 1};
    struct header headers[EVENT_HEADERS_MAX];
    broker_send(with.broker, &(struct record){.topic = TOPIC_CALLS_UPDATES,
                                              .partition = partition_of_key(SLICE("1"), TOPIC_PARTITIONS),
                                              .key = key,
                                              .value = value,
                                              .headers = headers,
                                              .header_count = event_write(&event, with.arena, headers)});
}

static struct call call_of(const char *call_id, const char *status, unsigned missing)
{
    struct call call;
    call_init(&call);
    call.company_id = 1;
    call.call_id = slice_of(call_id);
    call.source = SLICE("default");
    call.status = slice_of(status);
    call.missing = missing;
    call.version = 1;
    call.started_at = clock_now_ms() - HOUR;
    call.ended_at = clock_now_ms() - MINUTE;
    call.first_seen_at = call.started_at;
    call.updated_at = call.ended_at;
    return call;
}

static void tell(const struct call *call)
{
    struct call_update_event event = {.id = SLICE("00"), .type = SLICE("ai.retell.call_ended")};
    struct buffer value = {0};
    store_call(call);
    call_update_write(&value, call, &event, false);
    send_update(call->call_id, buffer_slice(&value));
    buffer_free(&value);
}

static void tell_of(const char *call_id, const char *status, unsigned missing)
{
    struct call call = call_of(call_id, status, missing);
    tell(&call);
}

/* what must become true ---------------------------------------------------------------------------------------------- */

static bool sql_is_true(void *context)
{
    char *answer = postgres_ask(with.server, context);
    bool yes = strcmp(answer, "t") == 0;
    free(answer);
    return yes;
}

static void wait_sql(const char *sql)
{
    char *copy = memory_copy_string(sql);
    bool fine = wait_until(sql_is_true, copy, SOON_MS);
    free(copy);
    if (fine)
        return;
    char *jobs = postgres_ask(with.server, "SELECT string_agg(j::text, ' ') FROM sync_jobs j");
    process_show(with.processes[0]);
    print_error("jobs: %s\n", jobs);
    free(jobs);
    fail_msg("never true: %s", sql);
}

/* Of the call's job; others may be left from the story before. */
static void wait_job(const char *call_id, const char *condition)
{
    wait_sql(arena_format(with.arena, "SELECT %s FROM sync_jobs WHERE call_id = '%s'", condition, call_id).ptr);
}

/* The record of calls.events about the call, of which there must be one before long; NULL if there is none now. */
static const struct broker_record *event_about(const char *call_id, size_t *count)
{
    size_t all = 0;
    const struct broker_record *found = NULL;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_EVENTS, with.arena, &all);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (slice_equals(records[i].key, call_id)) {
            found = &records[i];
            (*count)++;
        }
    return found;
}

static bool event_arrived(void *context)
{
    size_t count = 0;
    return event_about(context, &count) != NULL;
}

static const struct broker_record *wait_event(const char *call_id)
{
    size_t count = 0;
    char *copy = memory_copy_string(call_id);
    bool fine = wait_until(event_arrived, copy, SOON_MS);
    free(copy);
    if (!fine) {
        process_show(with.processes[0]);
        fail_msg("no event about %s", call_id);
    }
    return event_about(call_id, &count);
}

struct question_count {
    const char *call_id; /* NULL: any */
    size_t least;
};

static bool asked_so_often(void *context)
{
    const struct question_count *wanted = context;
    size_t asked = wanted->call_id ? platform_asked_for(with.platform, wanted->call_id) : platform_asked(with.platform);
    return asked >= wanted->least;
}

static void wait_asked(const char *call_id, size_t least)
{
    struct question_count wanted = {call_id, least};
    if (wait_until(asked_so_often, &wanted, SOON_MS))
        return;
    process_show(with.processes[0]);
    fail_msg("not asked %zu times", least);
}

static void answers(int status, const char *body)
{
    platform_script(with.platform, &(struct platform_answer){.status = status, .body = body}, 1);
}

static void assert_header(const struct broker_record *record, const char *name, const char *expected)
{
    assert_slice(broker_record_header(record, name), expected);
}

/* stories ------------------------------------------------------------------------------------------------------------ */

#define LACKING_ANSWER "{ \"call_id\": \"lacking\", \"call_cost\": {\"combined_cost\": 15.2150} }"

static void an_ended_call_that_lacks_its_cost_is_asked_for(void **state)
{
    (void)state;
    answers(200, LACKING_ANSWER);
    running();
    tell_of("lacking", "ended", MISSING_COST);
    const struct broker_record *record = wait_event("lacking");

    static const char HEAD[] = "{\"event\":\"call_synced\",\"event_timestamp\":";
    static const char TAIL[] = ",\"call\":" LACKING_ANSWER "}";
    assert_true(slice_starts_with(record->value, HEAD));
    assert_int_equal(record->value.len, strlen(HEAD) + 13 + strlen(TAIL));
    assert_slice(slice_from(record->value, strlen(HEAD) + 13), TAIL);
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 0, record->value), id);
    assert_header(record, "ce_id", id);
    assert_header(record, "ce_source", "/retell/default");
    assert_header(record, "ce_sourcecompany", NULL);
    assert_header(record, "ce_costunit", NULL);
    assert_header(record, "ce_type", "ai.hookline.call_synced");
    assert_header(record, "ce_subject", "lacking");
    assert_header(record, "ce_companyid", "1");
    assert_header(record, "ce_resolvedby", "sync");
    assert_slice(platform_last_target(with.platform, with.arena), "/v2/get-call/lacking");
    assert_slice(platform_last_authorization(with.platform, with.arena), "Bearer key_0123");

    wait_job("lacking", "attempts > 0 AND last_code = '200' AND done_at IS NULL");
    struct call whole = call_of("lacking", "ended", 0); /* as session writes it after that event */
    whole.version = 2;
    tell(&whole);
    wait_job("lacking", "done_at IS NOT NULL AND last_code = 'complete'");
}

static void a_call_that_does_not_end_is_asked_for(void **state)
{
    (void)state;
    answers(200, "{\"call_id\":\"live\",\"call_status\":\"ongoing\"}");
    running();
    tell_of("live", "ongoing", 0);
    wait_event("live");
    /* It is an hour old: the next look is in minutes, not in LIVE_AFTER_MS. */
    wait_job("live", "reason = 'live' AND attempts = 0 AND due_at > now() + interval '4 minutes'");
    assert_int_equal(platform_asked_for(with.platform, "live"), 1);
}

#define LATER "hookline_sync_fetches_total{outcome=\"later\"}"

static void a_platform_in_trouble_is_asked_again(void **state)
{
    (void)state;
    static const struct platform_answer SCRIPT[] = {{.status = 500, .body = "<html>"},
                                                    {.status = 429, .body = "{}"},
                                                    {.status = 200, .body = "{\"call_id\":\"again\"}"}};
    platform_script(with.platform, SCRIPT, COUNT(SCRIPT));
    double before = process_metric(running(), LATER);
    tell_of("again", "ended", MISSING_COST);
    wait_event("again");
    assert_true(process_metric(running(), LATER) == before + 2);
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 429, .body = "{}", .header = "Retry-After", .value = "3000"},
                    1);
    running();
    tell_of("throttled", "ended", MISSING_COST);
    wait_job("throttled", "attempts = 1 AND last_code = '429' AND due_at > now() + interval '45 minutes'");
    assert_int_equal(platform_asked_for(with.platform, "throttled"), 1);
}

static void six_attempts_without_it_are_enough(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 400, .body = "{}", .header = "Retry-After", .value = "3000"},
                    1);
    running();
    tell_of("hopeless", "ended", MISSING_COST);
    wait_job("hopeless", "attempts = 1 AND last_code = '400' AND lease_token IS NULL");
    postgres_execute(with.server, "UPDATE sync_jobs SET attempts = 6, due_at = now() WHERE call_id = 'hopeless'");
    wait_job("hopeless", "done_at IS NOT NULL AND last_code = '400'");
    assert_int_equal(platform_asked_for(with.platform, "hopeless"), 1);
    assert_true(process_said(with.processes[0], "event=given_up"));
}

static void an_answer_about_another_call_is_refused(void **state)
{
    (void)state;
    answers(200, "{\"call_id\":\"somebody_elses\"}");
    running();
    tell_of("mine", "ended", MISSING_COST);
    wait_job("mine", "last_code = 'bad_answer'");
    size_t count = 0;
    event_about("mine", &count);
    assert_int_equal(count, 0);
    event_about("somebody_elses", &count);
    assert_int_equal(count, 0);
}

static void a_call_that_the_platform_does_not_know_is_gone_after_a_day(void **state)
{
    (void)state;
    answers(422, "{\"status\":\"error\",\"message\":\"Cannot find requested asset under given api key\"}");
    running();
    tell_of("young", "ongoing", 0);
    wait_job("young", "attempts > 0 AND last_code = '422' AND done_at IS NULL");
    struct call old = call_of("old", "ongoing", 0);
    old.first_seen_at = clock_now_ms() - 25 * HOUR;
    tell(&old);
    const struct broker_record *record = wait_event("old");
    assert_header(record, "ce_type", "ai.hookline.call_gone");
    assert_true(slice_starts_with(record->value, "{\"event\":\"call_gone\",\"event_timestamp\":"));
    assert_non_null(memmem(record->value.ptr, record->value.len, ",\"call\":{\"call_id\":\"old\"}}", 25));
    wait_job("old", "done_at IS NOT NULL AND last_code = 'gone'");
    size_t count = 0;
    event_about("young", &count);
    assert_int_equal(count, 0);
}

static void two_processes_never_ask_for_the_same_call(void **state)
{
    (void)state;
    enum { CALLS = 40 };
    platform_script(
        with.platform,
        &(struct platform_answer){.status = 429, .body = "{}", .header = "Retry-After", .value = "3600", .held = true},
        1);
    running();
    start_instance(1, WITH_KEY);
    char id[32];
    for (int i = 0; i < CALLS; i++) {
        snprintf(id, sizeof id, "many_%d", i);
        tell_of(id, "ended", MISSING_COST);
    }
    wait_asked(NULL, SLOTS + SLOTS); /* eight at once each: both are at work */
    platform_release(with.platform);
    wait_sql("SELECT count(*) = 40 FROM sync_jobs WHERE attempts = 1 AND lease_token IS NULL");
    for (int i = 0; i < CALLS; i++) {
        snprintf(id, sizeof id, "many_%d", i);
        assert_int_equal(platform_asked_for(with.platform, id), 1);
    }
    forget(1);
}

static bool fetched_was_said(void *context)
{
    return process_said(context, "call_id=killed reason=missing outcome=answered");
}

/* It dies with the answer in its hands: the lease runs out, and the call is asked for again. */
static void killed_between_answer_and_ack_it_asks_again(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"killed\"}", .held = true}, 1);
    struct process *first = running();
    tell_of("killed", "ended", MISSING_COST);
    wait_asked("killed", 1);
    broker_set_down(with.broker, true);
    platform_release(with.platform);
    assert_true(wait_until(fetched_was_said, first, SOON_MS));
    process_signal(first, SIGKILL);
    assert_int_equal(process_wait_end(first, SOON_MS), -SIGKILL);
    forget(0);
    broker_set_down(with.broker, false);
    size_t count = 0;
    event_about("killed", &count);
    assert_int_equal(count, 0);

    running();
    wait_asked("killed", 2);
    wait_event("killed");
    wait_job("killed", "attempts > 0 AND last_code = '200'");
}

/* The answer is in the topic, the job does not say so: asked again, and the merge takes both. */
static void killed_between_ack_and_settling_it_asks_again(void **state)
{
    (void)state;
#ifdef HOOKLINE_FAILPOINTS
    static const char *const DIES[] = {"HOOKLINE_RETELL_API_KEY=key_0123", "HOOKLINE_FAILPOINT=sync.acked:kill:1",
                                       NULL};
    answers(200, "{\"call_id\":\"acked\"}");
    forget(0);
    struct process *first = start_instance(0, DIES);
    tell_of("acked", "ended", MISSING_COST);
    assert_int_equal(process_wait_end(first, SOON_MS), -SIGKILL);
    wait_job("acked", "attempts = 0 AND lease_token IS NOT NULL");
    size_t count = 0;
    event_about("acked", &count);
    assert_int_equal(count, 1);
    forget(0);
    running();
    wait_job("acked", "attempts > 0 AND last_code = '200'");
    event_about("acked", &count);
    assert_true(count > 1);
#else
    skip();
#endif
}

static void asked_to_stop_it_gives_its_leases_back(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"stop\"}", .held = true}, 1);
    struct process *process = running();
    tell_of("stop", "ended", MISSING_COST);
    wait_asked("stop", 1);
    wait_job("stop", "lease_token IS NOT NULL");
    process_signal(process, SIGTERM);
    assert_int_equal(process_wait_end(process, SOON_MS), 0);
    wait_job("stop", "lease_token IS NULL AND attempts = 0 AND done_at IS NULL AND due_at <= now()");
    forget(0);
    platform_release(with.platform);
}

static void postgresql_may_go_and_come_back(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 200, .body = "{\"call_id\":\"crash\"}", .held = true}, 1);
    running();
    tell_of("crash", "ended", MISSING_COST);
    wait_asked("crash", 1);
    postgres_crash(with.server);
    platform_release(with.platform);
    wait_event("crash"); /* needs no PostgreSQL */
    postgres_resume(with.server);
    wait_job("crash", "attempts > 0 AND last_code = '200'");
}

static bool not_ready(void *context)
{
    return !process_ready(context);
}

static void a_refused_key_is_the_operators_to_see(void **state)
{
    (void)state;
    answers(401, "{}");
    struct process *process = running();
    tell_of("denied", "ended", MISSING_COST);
    wait_job("denied", "attempts = 0 AND last_code = '401' AND due_at > now()");
    assert_true(wait_until(not_ready, process, SOON_MS));
    assert_true(process_said(process, "the platform refuses RETELL_API_KEY"));
    assert_false(process_said(process, "key_0123"));
}

static void without_a_key_the_jobs_are_kept(void **state)
{
    (void)state;
    answers(200, "{\"call_id\":\"kept\"}");
    struct process *process = start_instance(0, WITHOUT_KEY);
    tell_of("kept", "ended", MISSING_COST);
    wait_job("kept", "done_at IS NULL AND lease_token IS NULL");
    assert_true(process_said(process, "event=cannot_ask"));
    assert_true(process_ready(process));
    assert_int_equal(platform_asked(with.platform), 0);
}

static void what_no_update_told_is_swept_up(void **state)
{
    (void)state;
    answers(200, "{\"call_id\":\"untold\"}");
    struct call call = call_of("untold", "ended", MISSING_COST);
    store_call(&call);
    running();
    wait_event("untold");
}

static bool dead_letter_arrived(void *context)
{
    (void)context;
    size_t count = 0;
    broker_read(with.broker, TOPIC_CALLS_UPDATES ".dlq", with.arena, &count);
    return count > 0;
}

static void what_is_no_update_is_set_aside(void **state)
{
    (void)state;
    answers(200, "{\"call_id\":\"after\"}");
    running();
    send_update(SLICE("odd"), SLICE("{\"v\":1}"));
    tell_of("after", "ended", MISSING_COST);
    wait_event("after");
    assert_true(wait_until(dead_letter_arrived, NULL, SOON_MS));
    size_t count = 0;
    struct broker_record *records = broker_read(with.broker, TOPIC_CALLS_UPDATES ".dlq", with.arena, &count);
    assert_int_equal(count, 1);
    assert_header(records, "dlq.code", "update");
    assert_slice(records->value, "{\"v\":1}");
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(an_ended_call_that_lacks_its_cost_is_asked_for, empty),
        cmocka_unit_test_setup(a_call_that_does_not_end_is_asked_for, empty),
        cmocka_unit_test_setup(a_platform_in_trouble_is_asked_again, empty),
        cmocka_unit_test_setup(retry_after_is_waited_for, empty),
        cmocka_unit_test_setup(six_attempts_without_it_are_enough, empty),
        cmocka_unit_test_setup(an_answer_about_another_call_is_refused, empty),
        cmocka_unit_test_setup(a_call_that_the_platform_does_not_know_is_gone_after_a_day, empty),
        cmocka_unit_test_setup(what_no_update_told_is_swept_up, empty),
        cmocka_unit_test_setup(what_is_no_update_is_set_aside, empty),
        cmocka_unit_test_setup(postgresql_may_go_and_come_back, empty),
        cmocka_unit_test_setup(two_processes_never_ask_for_the_same_call, empty),
        cmocka_unit_test_setup(killed_between_answer_and_ack_it_asks_again, empty),
        cmocka_unit_test_setup(killed_between_ack_and_settling_it_asks_again, empty),
        cmocka_unit_test_setup(a_refused_key_is_the_operators_to_see, empty),
        cmocka_unit_test_setup(asked_to_stop_it_gives_its_leases_back, empty),
        cmocka_unit_test_setup(without_a_key_the_jobs_are_kept, empty),
    };
    return cmocka_run_group_tests(TESTS, start, stop);
}
