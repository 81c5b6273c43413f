/* The life of a job in PostgreSQL: made by an update, claimed by one process at a time, completed by what it brought. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "sync/fetch.h"
#include "sync/jobs.h"
#include "sync/sweep.h"
#include "tests/support/postgres.h"

#define MINUTE INT64_C(60000)

static const struct policy POLICY = {.live_after_ms = 5 * MINUTE, .missing_after_ms = MINUTE, .retry_first_ms = 10000};
static const struct slice SOURCES[] = {{"default", 7}};
enum { LEASE_MS = 60000, LIMIT = 8 };

static struct {
    struct postgres *server;
    struct database *database, *other;
    struct arena *arena;
} with;

static int start(void **state)
{
    (void)state;
    with.server = postgres_start();
    char *url = postgres_url(with.server, "hookline_sync");
    with.database = database_open(url, "test");
    with.other = database_open(url, "test");
    with.arena = arena_new();
    free(url);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(with.arena);
    database_close(with.database);
    database_close(with.other);
    postgres_stop(with.server);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    arena_reset(with.arena);
    postgres_execute(with.server, "TRUNCATE sync_jobs, calls");
    return 0;
}

static void assert_sql(const char *sql, const char *expected)
{
    char *answer = postgres_ask(with.server, sql);
    if (strcmp(answer, expected) != 0)
        print_error("%s: is \"%s\", should be \"%s\"\n", sql, answer, expected);
    assert_string_equal(answer, expected);
    free(answer);
}

#define JOB(columns) "SELECT concat_ws(' ', " columns ") FROM sync_jobs"
#define OPEN         "CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END"

/* The row of `calls` that session would have written. */
static void store_call(const char *status, const char *missing)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO calls (company_id, call_id, source, started_at, ended_at, status, analyzed, cost_cents, missing,"
        " version, stamps, first_seen_at, updated_at) VALUES (1, 'call_1', 'default', now() - interval '1 hour',"
        " now() - interval '50 minutes', '%s', true, 15.215, '%s', 1, '', now(), now())"
        " ON CONFLICT (company_id, call_id) DO UPDATE SET status = excluded.status, missing = excluded.missing",
        status, missing);
    postgres_execute(with.server, sql);
}

static void take_update(const char *status, unsigned missing)
{
    struct update update = {0};
    struct call *call = &update.call;
    call_init(call);
    call->company_id = 1;
    call->call_id = SLICE("call_1");
    call->source = SLICE("default");
    call->status = slice_of(status);
    call->missing = missing;
    call->version = 1;
    call->started_at = clock_now_ms() - 60 * MINUTE;
    call->ended_at = clock_now_ms() - 50 * MINUTE;
    struct database_error error;
    int64_t due = 0;
    if (!jobs_take_updates(with.database, with.arena, &update, 1, &POLICY, clock_now_ms(), &due, &error))
        fail_msg("%s %s", error.sqlstate, error.message);
}

static struct job *claim(struct database *database, const char *token, size_t *count)
{
    struct job *jobs = NULL;
    struct database_error error;
    if (!jobs_claim(database, with.arena, SOURCES, COUNT(SOURCES), slice_of(token), LEASE_MS, LIMIT, &jobs, count,
                    &error))
        fail_msg("%s %s", error.sqlstate, error.message);
    return jobs;
}

static size_t claimed(struct database *database)
{
    size_t count = 0;
    char token[UUID_TEXT_BYTES];
    fetch_uuid(token);
    claim(database, token, &count);
    return count;
}

static void settle(const char *token, enum reason reason, int attempts, int64_t due_at, const char *code, bool done)
{
    struct job_result result = {.company_id = 1,
                                .call_id = SLICE("call_1"),
                                .token = slice_of(token),
                                .reason = reason,
                                .next_reason = reason,
                                .attempts = attempts,
                                .due_at = due_at,
                                .code = slice_of(code),
                                .done = done};
    struct database_error error;
    if (!jobs_settle(with.database, with.arena, &result, 1, &error))
        fail_msg("%s %s", error.sqlstate, error.message);
}

static void an_update_makes_a_job_once(void **state)
{
    (void)state;
    take_update("ongoing", 0);
    assert_sql(JOB("company_id, call_id, source, reason, attempts, " OPEN), "1 call_1 default live 0 open");
    postgres_execute(with.server, "UPDATE sync_jobs SET attempts = 3, due_at = '2030-01-01Z', last_code = '500'");
    take_update("ongoing", MISSING_COST);
    assert_sql(JOB("reason, attempts, last_code, due_at = '2030-01-01Z'"), "live 3 500 t");
}

static void another_reason_begins_anew(void **state)
{
    (void)state;
    take_update("ongoing", 0);
    postgres_execute(with.server, "UPDATE sync_jobs SET attempts = 3, due_at = '2030-01-01Z', last_code = '500'");
    take_update("ended", MISSING_COST | MISSING_SUMMARY);
    assert_sql(JOB("reason, attempts, last_code, due_at < now(), " OPEN), "missing 0 t open");
}

static void what_lacks_nothing_closes_it(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST);
    take_update("ended", 0);
    assert_sql(JOB("last_code, " OPEN), "complete done");
    assert_int_equal(claimed(with.database), 0);
    take_update("ended", MISSING_RECORDING); /* complete, and then not: its storage setting changed, say */
    assert_sql(JOB("attempts, " OPEN), "0 open");
}

static void what_was_given_up_stays_so_until_its_reason_changes(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST);
    postgres_execute(with.server, "UPDATE sync_jobs SET attempts = 6, last_code = '200', done_at = now()");
    take_update("ended", MISSING_COST);
    assert_sql(JOB("attempts, last_code, " OPEN), "6 200 done");
    take_update("ongoing", 0);
    assert_sql(JOB("reason, attempts, last_code, " OPEN), "live 0 open");
}

static void a_due_job_is_claimed_by_one_process(void **state)
{
    (void)state;
    store_call("ended", "{cost,summary}");
    take_update("ended", MISSING_COST);
    size_t count = 0;
    char token[UUID_TEXT_BYTES];
    fetch_uuid(token);
    struct job *job = claim(with.database, token, &count);
    assert_int_equal(count, 1);
    assert_int_equal(job->reason, REASON_MISSING);
    assert_true(job->has_call);
    assert_slice(job->call.call_id, "call_1");
    assert_slice(job->call.status, "ended");
    assert_int_equal(job->call.missing, MISSING_COST | MISSING_SUMMARY);
    assert_int_equal(job->call.cost_cents, 15215000);
    assert_true(job->call.analyzed);
    assert_int_equal(claimed(with.other), 0);

    postgres_execute(with.server, "UPDATE sync_jobs SET lease_until = now() - interval '1 second'"); /* it died */
    assert_int_equal(claimed(with.other), 1);
    settle(token, REASON_MISSING, 1, clock_now_ms(), "200", false); /* no: a zombie's */
    assert_sql(JOB("attempts, lease_token IS NULL"), "0 f");
}

static void jobs_that_are_not_due_or_have_no_key_are_left(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST);
    postgres_execute(with.server, "UPDATE sync_jobs SET due_at = now() + interval '1 minute'");
    assert_int_equal(claimed(with.database), 0);
    postgres_execute(with.server, "UPDATE sync_jobs SET due_at = now() - interval '1 minute', source = 'berlin'");
    assert_int_equal(claimed(with.database), 0);
}

static void a_row_that_a_transaction_holds_is_skipped(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST);
    struct database_error error;
    assert_true(database_execute(with.other, "BEGIN", &error));
    assert_true(database_execute(with.other, "SELECT FROM sync_jobs FOR UPDATE", &error));
    assert_int_equal(claimed(with.database), 0);
    assert_true(database_execute(with.other, "ROLLBACK", &error));
    assert_int_equal(claimed(with.database), 1);
}

static void a_call_that_is_gone_is_claimed_without_it(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST); /* no row in calls: it was assigned to another company */
    size_t count = 0;
    char token[UUID_TEXT_BYTES];
    fetch_uuid(token);
    struct job *job = claim(with.database, token, &count);
    assert_int_equal(count, 1);
    assert_false(job->has_call);
}

static void what_came_of_an_attempt_is_written_once(void **state)
{
    (void)state;
    take_update("ended", MISSING_COST);
    size_t count = 0;
    char token[UUID_TEXT_BYTES];
    fetch_uuid(token);
    claim(with.database, token, &count);
    settle(token, REASON_MISSING, 1, clock_now_ms() + MINUTE, "503", false);
    assert_sql(JOB("attempts, last_code, lease_token IS NULL, lease_until IS NULL, due_at > now(), " OPEN),
               "1 503 t t t open");
    settle(token, REASON_MISSING, 2, clock_now_ms(), "200", true);
    assert_sql(JOB("attempts, last_code, " OPEN), "1 503 open");
}

static void an_update_in_between_stands(void **state)
{
    (void)state;
    take_update("ongoing", 0);
    size_t count = 0;
    char token[UUID_TEXT_BYTES];
    fetch_uuid(token);
    claim(with.database, token, &count);
    take_update("ended", MISSING_COST);
    assert_int_equal(claimed(with.other), 0); /* turned, but somebody is still asking */
    settle(token, REASON_LIVE, 1, clock_now_ms() + 60 * MINUTE, "200", false);
    assert_sql(JOB("reason, attempts, last_code, lease_token IS NULL, due_at < now()"), "missing 0 t t");

    fetch_uuid(token);
    claim(with.database, token, &count);
    take_update("ended", 0);
    settle(token, REASON_MISSING, 1, clock_now_ms(), "200", false);
    assert_sql(JOB("attempts, last_code, lease_token IS NULL, " OPEN), "1 complete t done");
}

static void the_sweep_finds_what_no_update_told(void **state)
{
    (void)state;
    struct sweep sweep;
    struct database_error error;
    sweep_init(&sweep, 5 * MINUTE);
    store_call("ended", "{cost}");
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, clock_now_ms(), &error));
    assert_sql(JOB("company_id, call_id, source, reason, attempts, " OPEN), "1 call_1 default missing 0 open");
    assert_true(metric_value(sweep.open_missing) == 1);
    assert_true(metric_value(sweep.open_live) == 0);

    /* Given up: the sweep is no way around it. Complete although it lacks something: an old update came late. */
    postgres_execute(with.server, "UPDATE sync_jobs SET done_at = now(), last_code = '200'");
    sweep.next_ms = 0;
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, clock_now_ms(), &error));
    assert_sql(JOB(OPEN), "done");
    postgres_execute(with.server, "UPDATE sync_jobs SET last_code = 'complete'");
    sweep.next_ms = 0;
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, clock_now_ms(), &error));
    assert_sql(JOB(OPEN), "open");
}

static void one_process_sweeps_at_a_time(void **state)
{
    (void)state;
    struct sweep sweep;
    struct database_error error;
    sweep_init(&sweep, 5 * MINUTE);
    store_call("ongoing", "{}");
    assert_true(database_execute(with.other, "BEGIN", &error));
    assert_true(database_execute(with.other, "SELECT pg_advisory_xact_lock(x'73796e63'::bigint)", &error));
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, clock_now_ms(), &error));
    assert_sql("SELECT count(*) FROM sync_jobs", "0");
    assert_true(database_execute(with.other, "ROLLBACK", &error));
    sweep.next_ms = 0;
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, clock_now_ms(), &error));
    assert_sql("SELECT count(*) FROM sync_jobs", "1");
}

static void more_than_a_page_takes_several_turns(void **state)
{
    (void)state;
    struct sweep sweep;
    struct database_error error;
    sweep_init(&sweep, 5 * MINUTE);
    postgres_execute(
        with.server,
        "INSERT INTO calls (company_id, call_id, source, status, analyzed, missing, version, stamps, first_seen_at,"
        " updated_at) SELECT 1, 'call_' || i, 'default', 'ongoing', false, '{}', 1, '', now(), now()"
        " FROM generate_series(1, 1500) i");
    int64_t now_ms = clock_now_ms();
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, now_ms, &error));
    assert_sql("SELECT count(*) FROM sync_jobs", "1000");
    assert_true(sweep.next_ms <= now_ms);
    assert_true(sweep_turn(&sweep, with.database, with.arena, &POLICY, now_ms, &error));
    assert_sql("SELECT count(*) FROM sync_jobs", "1500");
    assert_int_equal(sweep.next_ms, now_ms + 5 * MINUTE);
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(an_update_makes_a_job_once, empty),
        cmocka_unit_test_setup(another_reason_begins_anew, empty),
        cmocka_unit_test_setup(what_lacks_nothing_closes_it, empty),
        cmocka_unit_test_setup(what_was_given_up_stays_so_until_its_reason_changes, empty),
        cmocka_unit_test_setup(a_due_job_is_claimed_by_one_process, empty),
        cmocka_unit_test_setup(jobs_that_are_not_due_or_have_no_key_are_left, empty),
        cmocka_unit_test_setup(a_row_that_a_transaction_holds_is_skipped, empty),
        cmocka_unit_test_setup(a_call_that_is_gone_is_claimed_without_it, empty),
        cmocka_unit_test_setup(what_came_of_an_attempt_is_written_once, empty),
        cmocka_unit_test_setup(an_update_in_between_stands, empty),
        cmocka_unit_test_setup(the_sweep_finds_what_no_update_told, empty),
        cmocka_unit_test_setup(one_process_sweeps_at_a_time, empty),
        cmocka_unit_test_setup(more_than_a_page_takes_several_turns, empty),
    };
    return cmocka_run_group_tests(TESTS, start, stop);
}
