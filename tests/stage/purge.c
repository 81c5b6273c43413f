/* What `hookline purge` removes, what it leaves, and that it says so; against a real PostgreSQL, seeded by SQL. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "common/arena.h"
#include "tests/support/command.h"
#include "tests/support/postgres.h"

static struct postgres *postgres;
static struct command last;

/* hookline with these words, separated by single blanks. */
static void hookline(const char *line, int exit_code)
{
    const char *words[12] = {HOOKLINE_CTL};
    char *text = memory_copy_string(line), *place = NULL, *url = postgres_url(postgres, "hookline_ctl");
    struct arena *arena = arena_new();
    size_t count = 1;
    for (char *word = strtok_r(text, " ", &place); word && count + 1 < COUNT(words); word = strtok_r(NULL, " ", &place))
        words[count++] = word;
    const char *const environment[] = {arena_format(arena, "HOOKLINE_DATABASE_URL=%s", url).ptr, NULL};
    command_free(&last);
    last = command_run(words, environment, NULL);
    if (last.exit_code != exit_code)
        fail_msg("hookline %s: exit %d, not %d: %s", line, last.exit_code, exit_code, last.err);
    free(text);
    free(url);
    arena_free(arena);
}

static void assert_answer(const char *sql, const char *wanted)
{
    char *answer = postgres_ask(postgres, sql);
    assert_string_equal(answer, wanted);
    free(answer);
}

static void assert_out(const char *wanted)
{
    if (!strstr(last.out, wanted))
        fail_msg("\"%s\" does not hold \"%s\"", last.out, wanted);
}

/* An event a day for 200 days of one call a day, all over; the 150th to 160th are still live; jobs of all, every third
 * complete; a parked event a day, every second released at once; customers 1 to 200. */
static int seed(void **state)
{
    (void)state;
    postgres_execute(
        postgres,
        "DO $$ BEGIN EXECUTE 'TRUNCATE webhook_events, calls, call_owners, sync_jobs, parked_events, customers RESTART "
        "IDENTITY'; END $$;"
        "INSERT INTO customers (company_id, number, first_seen_at) SELECT 1, '+49' || (1000000 + d), now() - d * "
        "interval "
        "'1 day' FROM generate_series(1, 200) d;"
        "INSERT INTO calls (company_id, call_id, source, customer_id, started_at, ended_at, status, analyzed, missing, "
        "version, stamps, first_seen_at, updated_at) SELECT 1, 'call-' || d, 'default', d, now() - d * interval '1 "
        "day', "
        "CASE WHEN d NOT BETWEEN 150 AND 160 THEN now() - d * interval '1 day' END, CASE WHEN d BETWEEN 150 AND 160 "
        "THEN "
        "'ongoing' ELSE 'ended' END, false, '{}', 1, '', now() - d * interval '1 day', now() - d * interval '1 day' "
        "FROM "
        "generate_series(1, 200) d;"
        "INSERT INTO call_owners SELECT call_id, company_id FROM calls;"
        "INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, status, payload, "
        "received_at, processed_at, topic, partition, kafka_offset) SELECT decode(md5('event' || d), 'hex'), 'retell', "
        "'default', 'call_ended', 'call-' || d, 1, 'processed', 'body', now() - d * interval '1 day', now() - d * "
        "interval "
        "'1 day', 'calls.events', 0, d FROM generate_series(1, 200) d;"
        "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at, done_at, last_code) SELECT 1, 'call-' || "
        "d, "
        "'default', 'missing', now(), now() - d * interval '1 day', CASE WHEN d % 3 = 0 THEN 'complete' ELSE '404' END "
        "FROM "
        "generate_series(1, 200) d;"
        "INSERT INTO parked_events (event_id, topic, key, headers, payload, reason, parked_at, released_at) SELECT "
        "decode(md5('parked' || d), 'hex'), 'webhooks.retell', 'k', '[]', 'body', 'unresolved', now() - d * interval "
        "'1 "
        "day', CASE WHEN d % 2 = 0 THEN now() - d * interval '1 day' END FROM generate_series(1, 200) d");
    return 0;
}

static void below_45_days_it_refuses_and_says_why(void **state)
{
    (void)state;
    hookline("purge --older-than 44", 64);
    assert_non_null(strstr(last.err, "45 days are the least: Kafka keeps records for 7 days and dead letters for 30"));
    hookline("purge --calls-older-than 44", 64);
    assert_non_null(strstr(last.err, "--calls-older-than is 44"));
    assert_answer("SELECT count(*) FROM webhook_events", "200");
}

static void a_dry_run_only_counts(void **state)
{
    (void)state;
    hookline("purge --older-than 100 --calls-older-than 120 --dry-run --json", 0);
    assert_string_equal(last.out,
                        "{\"dry_run\":true,\"rows\":{\"payloads\":0,\"events\":101,\"parked\":101,\"jobs\":33,"
                        "\"calls\":70,\"customers\":0}}\n");
    assert_answer("SELECT (SELECT count(*) FROM webhook_events) + (SELECT count(*) FROM calls) + (SELECT count(*) FROM "
                  "sync_jobs) + (SELECT count(*) FROM parked_events)",
                  "800");
    assert_answer("SELECT count(*) FROM audit_log WHERE what LIKE 'purge%'", "0");
}

/* In batches of seven, and none of them forgets anybody. */
static void what_is_old_goes_and_calls_stay(void **state)
{
    (void)state;
    hookline("purge --older-than 100 --batch 7 --json", 0);
    assert_string_equal(last.out,
                        "{\"dry_run\":false,\"rows\":{\"payloads\":0,\"events\":101,\"parked\":101,\"jobs\":33}}\n");
    assert_answer("SELECT count(*) || ' ' || count(*) FILTER (WHERE processed_at < now() - interval '100 days') FROM "
                  "webhook_events",
                  "99 0");
    assert_answer("SELECT count(*) || ' ' || count(*) FILTER (WHERE parked_at < now() - interval '100 days') FROM "
                  "parked_events",
                  "99 0");
    assert_answer("SELECT count(*) FROM calls", "200");
    /* what was given up stays, or the sweep would ask again */
    assert_answer(
        "SELECT count(*) || ' ' || count(*) FILTER (WHERE last_code = 'complete' AND done_at < now() - interval "
        "'100 days') FROM sync_jobs",
        "167 0");
    assert_answer("SELECT string_agg(what, ', ' ORDER BY id) FROM audit_log WHERE what LIKE 'purge%'",
                  "purge begun, purged");
    assert_answer(
        "SELECT detail::text FROM audit_log WHERE what = 'purged'",
        "{\"rows\": {\"jobs\": 33, \"events\": 101, \"parked\": 101, \"payloads\": 0}, \"older_than_days\": 100}");
    hookline("purge --older-than 100", 0);
    assert_out("           0  events\n");
}

static void whole_calls_go_only_when_told(void **state)
{
    (void)state;
    /* sync is waiting for an answer about one; another was heard of yesterday */
    postgres_execute(postgres,
                     "UPDATE sync_jobs SET lease_until = now() + interval '1 minute' WHERE call_id = 'call-180'");
    postgres_execute(postgres,
                     "UPDATE webhook_events SET processed_at = now() - interval '1 day' WHERE call_id = 'call-181'");
    hookline("purge --older-than 300 --calls-older-than 120 --batch 7", 0);
    assert_out("          68  calls, with all their events\n");
    assert_out("          68  customers without calls\n");
    assert_answer(
        "SELECT string_agg(call_id, ',' ORDER BY call_id) FROM calls WHERE started_at < now() - interval '120 days'",
        "call-150,call-151,call-152,call-153,call-154,call-155,call-156,call-157,call-158,call-159,call-160,"
        "call-180,call-181");
    assert_answer("SELECT (SELECT count(*) FROM webhook_events) || ' ' || (SELECT count(*) FROM call_owners) || ' ' || "
                  "(SELECT count(*) FROM sync_jobs) || ' ' || (SELECT count(*) FROM customers)",
                  "132 132 132 132");
}

/* transcript_updated: emptied when the call is over and its end, which says all of it, is known; the id stays. */
static void a_superseded_transcript_is_emptied(void **state)
{
    (void)state;
    postgres_execute(
        postgres,
        "INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, status, payload, "
        "processed_at, topic, partition, kafka_offset) SELECT decode(md5(c || '-' || n), 'hex'), 'retell', 'default', "
        "'transcript_updated', 'call-' || c, 1, 'processed', 'words', now(), 'calls.events', 0, n FROM (VALUES (1), "
        "(2), "
        "(151), (3)) AS c(c), generate_series(1, 30) n;"
        "UPDATE webhook_events SET event_type = 'call_started' WHERE call_id = 'call-3' AND event_type = 'call_ended'");
    hookline("purge --batch 5 --json", 0);
    assert_out("\"payloads\":60,");
    assert_answer(
        "SELECT string_agg(call_id || ' ' || count, ', ' ORDER BY call_id) FROM (SELECT call_id, count(*) FROM "
        "webhook_events WHERE payload = '' AND payload_dropped_at IS NOT NULL GROUP BY call_id) t",
        "call-1 30, call-2 30");
    assert_answer(
        "SELECT count(*) FROM webhook_events WHERE event_type = 'transcript_updated' AND payload = 'words' AND "
        "payload_dropped_at IS NULL",
        "60");
    hookline("purge --json", 0);
    assert_out("\"payloads\":0,");
}

static int start(void **state)
{
    (void)state;
    postgres = postgres_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    command_free(&last);
    postgres_stop(postgres);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(below_45_days_it_refuses_and_says_why, seed),
        cmocka_unit_test_setup(a_dry_run_only_counts, seed),
        cmocka_unit_test_setup(what_is_old_goes_and_calls_stay, seed),
        cmocka_unit_test_setup(whole_calls_go_only_when_told, seed),
        cmocka_unit_test_setup(a_superseded_transcript_is_emptied, seed),
    };
    return cmocka_run_group_tests_name("purge", tests, start, stop);
}
