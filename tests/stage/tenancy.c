/* What a company's questions see of the others' rows, an audit log that only grows, and the operators' old queries; asked of a
 * real PostgreSQL as each role. The list of rights: rights.c. */
#include "tests/unit/test.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/postgres.h"

static struct postgres *postgres;
static PGconn *administrator;

/* One company's questions ----------------------------------------------------------------------------------------------- */

/* What hookline_api sees, and by which column a row is a company's. */
static const struct {
    const char *relation, *company;
} SEEN[] = {
    {"companies", "id"},         {"branches", "company_id"},       {"calls", "company_id"},
    {"customers", "company_id"}, {"customer_calls", "company_id"}, {"webhook_events", "company_id"},
};
static const char *const UNSEEN[] = {
    "phone_numbers",        "agents",         "parked_events",   "call_owners",  "sync_jobs",
    "api_tokens",           "audit_log",      "forgotten_calls", "topic_epochs", "retell_call_sessions",
    "webhook_event_counts", "webhook_status", "left_calls"};

/* The first field as text, "" for null; or the SQLSTATE of what was refused, with a "!" before it. In the transaction that is
 * open, if one is. */
static const char *try_sql(PGconn *connection, const char *sql)
{
    static char answer[256];
    PGresult *result = PQexec(connection, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state)
        snprintf(answer, sizeof answer, "!%s", state);
    else
        snprintf(answer, sizeof answer, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return answer;
}

/* `sql` as hookline_api, in a transaction; `company` is SQL, NULL: none is said. */
static const char *try_as_company(const char *company, const char *sql)
{
    static char answer[256];
    char set[128];
    PQclear(PQexec(administrator, "BEGIN; SET LOCAL ROLE hookline_api"));
    if (company) {
        snprintf(set, sizeof set, "SET LOCAL hookline.company = %s", company);
        PQclear(PQexec(administrator, set));
    }
    snprintf(answer, sizeof answer, "%s", try_sql(administrator, sql));
    PQclear(PQexec(administrator, "ROLLBACK"));
    return answer;
}

static const char *count_of(const char *relation)
{
    static char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", relation);
    return sql;
}

/* Companies 1 and 2 have a call of the same id, a customer of the same number and a branch of the same name. */
static void seed(void)
{
    postgres_execute(
        postgres,
        "INSERT INTO companies (id, name) VALUES (1, 'one'), (2, 'two');"
        "INSERT INTO branches (company_id, name) VALUES (1, 'main'), (2, 'main');"
        "INSERT INTO customers (company_id, number, name, first_seen_at) VALUES (1, '+491', 'of one', now()), (2, "
        "'+491', 'of "
        "two', now());"
        "INSERT INTO calls (company_id, call_id, source, customer_id, status, analyzed, missing, version, stamps, "
        "summary, "
        "first_seen_at, updated_at) SELECT company_id, 'same', 'default', id, 'ended', false, '{}', 1, '', name, "
        "now(), now() "
        "FROM customers;"
        "INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, status, payload, "
        "processed_at, topic, partition, kafka_offset) SELECT decode(md5(company_id::text), 'hex'), 'retell', "
        "'default', "
        "'call_ended', 'same', company_id, 'processed', '', now(), 'calls.events', 0, 0 FROM customers;"
        "INSERT INTO phone_numbers (number, company_id) VALUES ('+492', 1); INSERT INTO agents (agent_id, company_id) "
        "VALUES "
        "('a', 1); INSERT INTO audit_log (what, company_id) VALUES ('seeded', 1)");
}

static void who_says_no_company_gets_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(SEEN); i++)
        assert_string_equal(try_as_company(NULL, count_of(SEEN[i].relation)), "!42704"); /* undefined_object */
}

static void a_company_that_is_no_number_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(SEEN); i++) {
        assert_string_equal(try_as_company("'1 OR 1 = 1'", count_of(SEEN[i].relation)), "!22P02");
        assert_string_equal(try_as_company("''", count_of(SEEN[i].relation)), "!22P02");
    }
}

static void a_company_sees_its_own_rows_and_no_others(void **state)
{
    (void)state;
    char sql[256];
    for (size_t i = 0; i < COUNT(SEEN); i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) || ' ' || min(%s) || ' ' || max(%s) FROM %s", SEEN[i].company,
                 SEEN[i].company, SEEN[i].relation);
        assert_string_equal(try_as_company("1", sql), "1 1 1");
        assert_string_equal(try_as_company("2", sql), "1 2 2");
        assert_string_equal(try_as_company("3", count_of(SEEN[i].relation)), "0");
    }
    /* by the other's key, too: same id, same number */
    assert_string_equal(try_as_company("1", "SELECT count(*) FROM calls WHERE company_id = 2 AND call_id = 'same'"),
                        "0");
    assert_string_equal(try_as_company("1", "SELECT summary FROM calls WHERE call_id = 'same'"), "of one");
    assert_string_equal(try_as_company("2", "SELECT name || ' ' || calls FROM customer_calls WHERE number = '+491'"),
                        "of two 1");
}

static void what_no_company_may_see_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(UNSEEN); i++)
        assert_string_equal(try_as_company("1", count_of(UNSEEN[i])), "!42501");
    assert_string_equal(try_as_company("1", "SELECT payload FROM webhook_events"), "!42501");
    assert_string_equal(try_as_company("1", "SELECT stamps FROM calls"), "!42501");
    for (size_t i = 0; i < COUNT(SEEN); i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "DELETE FROM %s", SEEN[i].relation);
        assert_int_equal(try_as_company("1", sql)[0], '!'); /* 42501; of the view 55000 */
        snprintf(sql, sizeof sql, "UPDATE %s SET %s = 1", SEEN[i].relation, SEEN[i].company);
        assert_int_equal(try_as_company("1", sql)[0], '!');
    }
}

/* As the broadcaster does it, over one connection: what was said for one question is not said for the next. */
static void a_company_is_forgotten_when_its_question_is_answered(void **state)
{
    (void)state;
    char *url = postgres_url(postgres, "hookline_feed");
    PGconn *feed = PQconnectdb(url);
    assert_string_equal(try_sql(feed, "SELECT count(*) FROM customers"), "!42501"); /* it inherits nothing */
    for (int i = 0; i < 2; i++) {
        assert_string_equal(try_sql(feed, "BEGIN; SET LOCAL ROLE hookline_api; SET LOCAL hookline.company = 1; SELECT "
                                          "count(*) FROM customers"),
                            "1");
        assert_string_equal(try_sql(feed, i ? "ROLLBACK" : "COMMIT"), "");
        assert_string_equal(try_sql(feed, "SELECT current_user"), "hookline_feed");
        assert_string_equal(try_sql(feed, "BEGIN; SET LOCAL ROLE hookline_api; SELECT count(*) FROM customers"),
                            "!22P02");
        assert_string_equal(try_sql(feed, "ROLLBACK"), "");
    }
    PQfinish(feed);
    free(url);
}

/* The audit log --------------------------------------------------------------------------------------------------------- */

static void the_audit_log_only_grows(void **state)
{
    (void)state;
    static const char *const ROLES[] = {"postgres",      "hookline_resolver", "hookline_session", "hookline_sync",
                                        "hookline_feed", "hookline_reader",   "hookline_ctl"};
    static const char *const DEEDS[] = {"UPDATE audit_log SET what = 'nothing'", "DELETE FROM audit_log",
                                        "DELETE FROM audit_log WHERE false", "TRUNCATE audit_log",
                                        "TRUNCATE audit_log, customers"};
    for (size_t role = 0; role < COUNT(ROLES); role++) {
        char *url = postgres_url(postgres, ROLES[role]);
        PGconn *connection = PQconnectdb(url);
        for (size_t deed = 0; deed < COUNT(DEEDS); deed++)
            assert_string_equal(try_sql(connection, DEEDS[deed]), "!42501");
        PQfinish(connection);
        free(url);
    }
    assert_string_equal(try_sql(administrator, "BEGIN; SET LOCAL ROLE hookline_owner; DELETE FROM audit_log"),
                        "!42501");
    PQclear(PQexec(administrator, "ROLLBACK"));
    assert_string_equal(try_sql(administrator, "SELECT count(*) FROM audit_log"), "1");
}

/* Who and when are PostgreSQL's to say. */
static void nobody_can_claim_another_name_or_time(void **state)
{
    (void)state;
    char *url = postgres_url(postgres, "hookline_ctl");
    PGconn *ctl = PQconnectdb(url);
    assert_string_equal(try_sql(ctl, "INSERT INTO audit_log (what, who) VALUES ('x', 'somebody')"), "!42501");
    assert_string_equal(try_sql(ctl, "INSERT INTO audit_log (what, at) VALUES ('x', '2020-01-01')"), "!42501");
    assert_string_equal(
        try_sql(ctl, "BEGIN; INSERT INTO audit_log (what, operator) VALUES ('x', 'root') RETURNING who || ' ' "
                     "|| (at = now())"),
        "hookline_ctl true");
    PQclear(PQexec(ctl, "ROLLBACK"));
    PQfinish(ctl);
    free(url);
}

/* The operators' old queries -------------------------------------------------------------------------------------------- */

static void old_queries_have_their_answers(void **state)
{
    (void)state;
    postgres_execute(
        postgres,
        "INSERT INTO calls (company_id, call_id, source, branch_id, direction, from_number, to_number, started_at, "
        "ended_at, "
        "duration_ms, status, disconnection_reason, analyzed, missing, version, stamps, first_seen_at, updated_at) "
        "SELECT 1, "
        "'old-' || status, 'default', (SELECT id FROM branches WHERE company_id = 1), 'inbound', '+491', '+492', "
        "now(), "
        "NULL, 7, status, 'user_hangup', true, '{}', 1, '', now(), now() FROM unnest(ARRAY['registered', 'ongoing', "
        "'ended', "
        "'not_connected', 'error']) AS s(status);"
        "INSERT INTO parked_events (event_id, topic, key, headers, payload, reason) SELECT decode(md5('p' || n), "
        "'hex'), "
        "'webhooks.retell', '', '[[\"ce_id\", \"1\"], [\"ce_type\", \"ai.retell.call_started\"], [\"ce_source\", "
        "\"/retell/main\"]]', '', 'unresolved' FROM generate_series(1, 3) n");
    char *url = postgres_url(postgres, "hookline_reader");
    PGconn *reader = PQconnectdb(url);
    assert_string_equal(
        try_sql(reader,
                "SELECT string_agg(status || ' ' || call_status, ', ' ORDER BY status) FROM retell_call_sessions WHERE "
                "call_id LIKE 'old-%'"),
        "ended completed, error failed, not_connected failed, ongoing in_progress, registered in_progress");
    assert_string_equal(try_sql(reader, "SELECT concat_ws(' ', id, company_id, branch_name, phone_number, duration_ms, "
                                        "disconnection_reason) FROM retell_call_sessions WHERE call_id = 'old-ended'"),
                        "1/old-ended 1 main +492 7 user_hangup");
    assert_string_equal(try_sql(reader,
                                "SELECT string_agg(concat_ws(' ', provider, event_type, status, events), ', ' ORDER BY "
                                "event_type) FROM webhook_event_counts"),
                        "retell call_ended processed 2, retell call_started parked: unresolved 3");
    PQfinish(reader);
    free(url);
}

static int start(void **state)
{
    (void)state;
    postgres = postgres_start();
    char *url = postgres_url(postgres, "postgres");
    administrator = PQconnectdb(url);
    free(url);
    seed();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    PQfinish(administrator);
    postgres_stop(postgres);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_no_company_gets_an_error),
        cmocka_unit_test(a_company_that_is_no_number_is_an_error),
        cmocka_unit_test(a_company_sees_its_own_rows_and_no_others),
        cmocka_unit_test(what_no_company_may_see_is_refused),
        cmocka_unit_test(a_company_is_forgotten_when_its_question_is_answered),
        cmocka_unit_test(the_audit_log_only_grows),
        cmocka_unit_test(nobody_can_claim_another_name_or_time),
        cmocka_unit_test(old_queries_have_their_answers),
    };
    return cmocka_run_group_tests_name("tenancy", tests, start, stop);
}
