/* The connection, against a real PostgreSQL: what goes in comes out, and every failure is named for what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/call_row.h"
#include "common/database_private.h"
#include "tests/support/postgres.h"

struct fixture {
    struct postgres *postgres;
    struct database *database;
    struct arena *arena;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->postgres = postgres_start();
    f->arena = arena_new();
    char *url = postgres_url(f->postgres, "postgres");
    f->database = database_open(url, "test");
    free(url);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    database_close(f->database);
    arena_free(f->arena);
    postgres_stop(f->postgres);
    free(f);
    return 0;
}

static PGresult *query(struct fixture *f, const struct database_statement *statement,
                       const struct database_values *values)
{
    struct database_error error;
    PGresult *rows = database_query(f->database, statement, values, &error);
    if (!rows)
        fail_msg("%s %s", error.sqlstate, error.message);
    return rows;
}

static void values_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    static const struct database_statement ECHO = {
        "echo", "SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::jsonb[], $5::timestamptz[], "
                "$6::numeric(14,6)[], "
                "$7::boolean[]) WITH ORDINALITY e(i, t, b, j, w, n, f, at) ORDER BY at"};
    const int64_t numbers[] = {-7, DATABASE_NULL, INT64_MAX};
    const struct slice texts[] = {SLICE("über"), SLICE_ABSENT, SLICE("")};
    const struct slice bytes[] = {SLICE("\0\xff"), SLICE_ABSENT, SLICE("")};
    const struct slice jsons[] = {SLICE("{\"a\":[1,2]}"), SLICE_ABSENT, SLICE("null")};
    const int64_t times[] = {1703302407333, DATABASE_NULL, -1};
    const int64_t decimals[] = {15215000, DATABASE_NULL, -12345678901234};
    const int8_t flags[] = {1, -1, 0};
    struct database_values values;
    database_values_init(&values, f->arena);
    database_add_ints(&values, numbers, 3);
    database_add_texts(&values, texts, 3);
    database_add_bytes_array(&values, bytes, 3);
    database_add_jsons(&values, jsons, 3);
    database_add_times(&values, times, 3);
    database_add_decimals(&values, decimals, CALL_COST_DECIMALS, 3);
    database_add_flags(&values, flags, 3);
    PGresult *rows = query(f, &ECHO, &values);
    assert_int_equal(PQntuples(rows), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(database_int(rows, i, 0), numbers[i]);
        assert_true(slice_same(database_text(rows, i, 1), texts[i]));
        assert_true(slice_same(database_text(rows, i, 2), bytes[i]));
        assert_int_equal(slice_absent(database_text(rows, i, 3)), i == 1);
        assert_int_equal(database_time(rows, i, 4), times[i]);
        assert_int_equal(database_decimal(rows, i, 5, CALL_COST_DECIMALS), decimals[i]);
        assert_int_equal(database_flag(rows, i, 6), flags[i]);
    }
    assert_true(slice_equals(database_text(rows, 0, 3), "{\"a\": [1, 2]}"));
    PQclear(rows);
}

static void scalars_and_empty_arrays_are_understood(void **state)
{
    struct fixture *f = *state;
    static const struct database_statement SCALARS = {"scalars",
                                                      "SELECT $1::bigint, $2::text, $3::bytea, $4::jsonb ->> 'k', "
                                                      "$5::timestamptz, $6::boolean, cardinality($7::text[]), "
                                                      "cardinality($8::numeric[]), ARRAY['a', NULL, ''], "
                                                      "ARRAY[]::text[], '10000.5'::numeric, 'NaN'::numeric, 7::int2"};
    struct database_values values;
    database_values_init(&values, f->arena);
    database_add_int(&values, -1);
    database_add_text(&values, SLICE("text"));
    database_add_bytes(&values, SLICE("\0"));
    database_add_json(&values, SLICE("{\"k\":\"v\"}"));
    database_add_time(&values, 1);
    database_add_flag(&values, true);
    database_add_texts(&values, NULL, 0);
    database_add_decimals(&values, NULL, 6, 0);
    PGresult *rows = query(f, &SCALARS, &values);
    assert_int_equal(database_int(rows, 0, 0), -1);
    assert_true(slice_equals(database_text(rows, 0, 1), "text"));
    assert_true(slice_same(database_text(rows, 0, 2), SLICE("\0")));
    assert_true(slice_equals(database_text(rows, 0, 3), "v"));
    assert_int_equal(database_time(rows, 0, 4), 1);
    assert_int_equal(database_flag(rows, 0, 5), 1);
    assert_int_equal(database_int(rows, 0, 6), 0);
    assert_int_equal(database_int(rows, 0, 7), 0);
    int count;
    const struct slice *texts = database_text_array(rows, 0, 8, f->arena, &count);
    assert_int_equal(count, 3);
    assert_true(slice_equals(texts[0], "a") && slice_absent(texts[1]) && slice_equals(texts[2], ""));
    database_text_array(rows, 0, 9, f->arena, &count);
    assert_int_equal(count, 0);
    assert_int_equal(database_decimal(rows, 0, 10, 3), 10000500);
    assert_int_equal(database_decimal(rows, 0, 11, 3), DATABASE_NULL);
    assert_int_equal(database_int(rows, 0, 12), 7);
    PQclear(rows);
}

static const struct database_statement BEGIN = {"begin", "BEGIN"};
static const struct database_statement COMMIT = {"commit", "COMMIT"};
static const struct database_statement ADD_COMPANY = {"add_company",
                                                      "INSERT INTO companies (id, name) VALUES ($1, $2)"};
static const struct database_statement COUNT_COMPANIES = {"count_companies", "SELECT count(*) FROM companies"};

static struct database_values *company(struct fixture *f, int64_t id, const char *name)
{
    struct database_values *values = arena_alloc(f->arena, sizeof *values);
    database_values_init(values, f->arena);
    database_add_int(values, id);
    database_add_text(values, slice_of(name));
    return values;
}

static int64_t companies(struct fixture *f)
{
    PGresult *rows = query(f, &COUNT_COMPANIES, NULL);
    int64_t count = database_int(rows, 0, 0);
    PQclear(rows);
    return count;
}

/* A transaction that one flight begins and another ends is one transaction. */
static void two_flights_are_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct database_error error;
    struct database_step first[] = {{.statement = &BEGIN}, {.statement = &ADD_COMPANY, .values = company(f, 1, "one")}};
    struct database_step second[] = {{.statement = &ADD_COMPANY, .values = company(f, 2, "two")},
                                     {.statement = &COUNT_COMPANIES},
                                     {.statement = &COMMIT}};
    assert_true(database_flight(f->database, first, 2, NULL, &error, NULL));
    char *seen = postgres_ask(f->postgres, "SELECT count(*) FROM companies");
    assert_string_equal(seen, "0");
    free(seen);
    assert_true(database_flight(f->database, second, 3, NULL, &error, NULL));
    assert_int_equal(database_int(second[1].rows, 0, 0), 2);
    assert_int_equal(companies(f), 2);
    for (size_t i = 0; i < 2; i++)
        PQclear(first[i].rows);
    for (size_t i = 0; i < 3; i++)
        PQclear(second[i].rows);
}

/* The culprit is named, nothing of its transaction stays, and the connection goes on. */
static void a_failed_step_undoes_its_flight(void **state)
{
    struct fixture *f = *state;
    struct database_error error;
    size_t failed;
    struct database_step steps[] = {{.statement = &BEGIN},
                                    {.statement = &ADD_COMPANY, .values = company(f, 3, "three")},
                                    {.statement = &ADD_COMPANY, .values = company(f, 1, "again")},
                                    {.statement = &COMMIT}};
    assert_false(database_flight(f->database, steps, 4, NULL, &error, &failed));
    assert_int_equal(failed, 2);
    assert_int_equal(error.fault, DATABASE_DATA);
    assert_string_equal(error.sqlstate, "23505");
    assert_string_equal(error.constraint, "companies_pkey");
    assert_null(steps[1].rows);
    assert_int_equal(companies(f), 2);
    assert_false(database_flight(f->database, steps, 4, "companies_pkey", &error, &failed));
    assert_int_equal(error.fault, DATABASE_RACE);
}

/* The refused value itself is not in the message: messages are logged. */
static void errors_are_sorted_and_quote_no_value(void **state)
{
    struct fixture *f = *state;
    static const struct database_statement CAST = {"cast", "SELECT ($1::text)::uuid"};
    static const struct database_statement NO_TABLE = {"no_table", "SELECT * FROM nothing_of_that_name"};
    static const struct database_statement SLEEP = {"sleep", "SELECT pg_sleep(20)"};
    struct database_error error;
    struct database_values values;
    database_values_init(&values, f->arena);
    database_add_text(&values, SLICE("+4917012345678"));
    assert_null(database_query(f->database, &CAST, &values, &error));
    assert_int_equal(error.fault, DATABASE_DATA);
    assert_null(strstr(error.message, "+49170"));
    assert_null(database_query(f->database, &NO_TABLE, NULL, &error));
    assert_int_equal(error.fault, DATABASE_OURS);
    assert_true(database_execute(f->database, "SET statement_timeout = 1000", &error));
    assert_null(database_query(f->database, &SLEEP, NULL, &error));
    assert_int_equal(error.fault, DATABASE_SLOW);
    assert_true(database_execute(f->database, "SET statement_timeout = '30s'", &error));
    assert_int_equal(companies(f), 2);
}

/* Both sides have far more to say than the sockets hold: 16 answers of 4 MiB while 16 questions of 4 MiB are on their way. */
static void a_big_flight_does_not_deadlock(void **state)
{
    struct fixture *f = *state;
    enum { STEPS = 16, SIZE = 4 << 20 };
    static const struct database_statement MIRROR = {"mirror", "SELECT $1::bytea"};
    char *large = memory_new(1, SIZE);
    struct database_values values;
    database_values_init(&values, f->arena);
    database_add_bytes(&values, (struct slice){large, SIZE});
    struct database_step steps[STEPS];
    for (size_t i = 0; i < STEPS; i++)
        steps[i] = (struct database_step){.statement = &MIRROR, .values = &values};
    struct database_error error;
    assert_true(database_flight(f->database, steps, STEPS, NULL, &error, NULL));
    for (size_t i = 0; i < STEPS; i++) {
        assert_int_equal(database_text(steps[i].rows, 0, 0).len, SIZE);
        PQclear(steps[i].rows);
    }
    free(large);
}

static void a_call_is_read_as_it_is_stored(void **state)
{
    struct fixture *f = *state;
    static const struct database_statement READ = {"read_call",
                                                   "SELECT " CALL_ROW_BRIEF ", " CALL_ROW_LARGE " FROM calls c"};
    postgres_execute(
        f->postgres,
        "INSERT INTO calls VALUES (1, 'c', 'default', NULL, 5, 'agent', 'phone_call', 'inbound', '+1', '+2', "
        "'2023-12-23 03:33:27.333Z', NULL, 21522, 'ended', 'user_hangup', 'words', 'https://r', 'sum', 'Positive', "
        "true, NULL, true, 15.215, '{\"a\": 1}', 800.25, '[]', NULL, '{}', '{cost,recording}', 9, '\\x01', "
        "'2023-12-23 03:33:28Z', '2023-12-23 03:33:29.001Z')");
    PGresult *rows = query(f, &READ, NULL);
    struct call call;
    call_init(&call);
    call_row_read_brief(rows, 0, 0, &call);
    call_row_read_large(rows, 0, CALL_ROW_BRIEF_COLUMNS, &call);
    struct buffer json = {0};
    call_json_write(&json, &call, CALL_JSON_WHOLE);
    assert_string_equal(
        json.data,
        "{\"company_id\":1,\"call_id\":\"c\",\"source\":\"default\",\"branch_id\":null,\"customer_id\":5,\"agent_id\":"
        "\"agent\","
        "\"call_type\":\"phone_call\",\"direction\":\"inbound\",\"from_number\":\"+1\",\"to_number\":\"+2\","
        "\"started_at\":\"2023-12-23T03:33:27.333Z\",\"ended_at\":null,\"duration_ms\":21522,\"status\":\"ended\","
        "\"disconnection_reason\":\"user_hangup\",\"transcript\":\"words\",\"recording_url\":\"https://"
        "r\",\"summary\":\"sum\","
        "\"sentiment\":\"Positive\",\"successful\":true,\"in_voicemail\":null,\"analyzed\":true,\"cost_cents\":15.215,"
        "\"cost_breakdown\":{\"a\": "
        "1},\"latency_e2e_p50_ms\":800.25,\"latency\":[],\"custom_analysis\":null,\"metadata\":{},"
        "\"missing\":[\"cost\",\"recording\"],\"version\":9,\"first_seen_at\":\"2023-12-23T03:33:28.000Z\","
        "\"updated_at\":\"2023-12-23T03:33:29.001Z\"}");
    buffer_free(&json);
    PQclear(rows);
}

/* Said once, then the next call has a connection again, with its statements prepared anew. */
static void a_lost_server_is_reported_once_and_found_again(void **state)
{
    struct fixture *f = *state;
    struct database_error error;
    uint64_t before = database_generation(f->database);
    postgres_crash(f->postgres);
    assert_null(database_query(f->database, &COUNT_COMPANIES, NULL, &error));
    assert_int_equal(error.fault, DATABASE_AWAY);
    assert_null(database_query(f->database, &COUNT_COMPANIES, NULL, &error));
    assert_int_equal(error.fault, DATABASE_AWAY);
    postgres_resume(f->postgres);
    assert_int_equal(companies(f), 2);
    assert_true(database_generation(f->database) > before);
}

static void a_wrong_role_or_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct database_error error;
    char *url = postgres_url(f->postgres, "nobody_of_that_name");
    struct database *stranger = database_open(url, "test");
    assert_false(database_connected(stranger, &error));
    assert_int_equal(error.fault, DATABASE_REFUSED);
    database_close(stranger);
    free(url);
    url = postgres_url(f->postgres, "postgres");
    url[strlen(url) - 1] = '_';
    stranger = database_open(url, "test");
    assert_false(database_connected(stranger, &error));
    assert_string_equal(error.sqlstate, "3D000");
    assert_int_equal(error.fault, DATABASE_REFUSED);
    database_close(stranger);
    free(url);
}

/* Counting a large table is not a frozen server. */
static void an_answer_may_take_long_where_that_was_said(void **state)
{
    struct fixture *f = *state;
    struct database_error error;
    assert_true(database_connected(f->database, &error));
    f->database->silence_max_ms = 50;
    assert_false(database_execute(f->database, "SELECT pg_sleep(20)", &error));
    assert_int_equal(error.fault, DATABASE_AWAY);
    database_wait_long(f->database);
    assert_true(database_execute(f->database, "SELECT pg_sleep(0.2)", &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_went),
        cmocka_unit_test(scalars_and_empty_arrays_are_understood),
        cmocka_unit_test(two_flights_are_one_transaction),
        cmocka_unit_test(a_failed_step_undoes_its_flight),
        cmocka_unit_test(errors_are_sorted_and_quote_no_value),
        cmocka_unit_test(a_big_flight_does_not_deadlock),
        cmocka_unit_test(a_call_is_read_as_it_is_stored),
        cmocka_unit_test(a_lost_server_is_reported_once_and_found_again),
        cmocka_unit_test(a_wrong_role_or_database_is_refused),
        cmocka_unit_test(an_answer_may_take_long_where_that_was_said),
    };
    return cmocka_run_group_tests_name("database", tests, start, stop);
}
