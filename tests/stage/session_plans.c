/* How PostgreSQL means to do what session says: by the index of the key, whether its tables are empty, small or big.
 *
 * A plan made on an empty table took calls_by_start for a look-up by key, filtered by call id, stayed for ever and more than
 * doubled PostgreSQL's work. So: session's own statements with parameters as it makes them, as its role with its settings,
 * with every index of the migrations; the plans are read, nothing is executed.
 *
 * Until a table was first analysed (autovacuum does it within a minute of fifty rows) and while it has less than about 1,500
 * rows, every index that begins with the company looks as good as the key's, and PostgreSQL may take it: it knows nothing of
 * the values. That is allowed here, for it ends by itself; scans of a table never are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "session/call_statements.h"
#include "session/call_values.h"
#include "tests/support/postgres.h"

enum { BATCH = 500, SMALL = 300, BIG = 100000 };

static struct {
    struct postgres *postgres;
    struct database *database;
    struct arena *arena;
    struct event events[BATCH];
    struct call_entry entries[BATCH];
    struct call_work works[BATCH];
    const struct call_work *sorted[BATCH];
} with;

/* parameters as session makes them ---------------------------------------------------------------------------------- */

static void batch_make(void)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct slice call_id = arena_format(with.arena, "call_%zu", i + 1);
        with.events[i] = (struct event){
            .id = event_id_of(SLICE("retell"), 0, call_id),
            .type = SLICE("ai.retell.call_ended"),
            .source = SLICE("/retell/default"),
            .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
            .body = SLICE("{}"),
        };
        with.entries[i] = (struct call_entry){.event = &with.events[i], .company_id = 1 + (int64_t)i % 3};
        with.entries[i].facts.call_id = call_id;
        with.works[i] = (struct call_work){.company_id = 1 + (int64_t)i % 3, .call_id = call_id};
        call_state_init(&with.works[i].state);
        with.works[i].state.call.status = SLICE("ended");
        with.sorted[i] = &with.works[i];
    }
}

static void values_of_inbox(struct database_values *values)
{
    call_values_inbox(values, with.arena, with.entries, BATCH, "calls.events", 1763718600123);
}

static void values_of_rows(struct database_values *values)
{
    call_values_rows(values, with.arena, with.sorted, BATCH);
}

static void values_of_keys(struct database_values *values)
{
    call_values_keys(values, with.arena, with.sorted, BATCH);
}

static void add_companies(struct database_values *values)
{
    int64_t companies[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        companies[i] = with.works[i].company_id;
    database_add_ints(values, companies, BATCH);
}

static void add_call_ids(struct database_values *values)
{
    struct slice ids[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        ids[i] = with.works[i].call_id;
    database_add_texts(values, ids, BATCH);
}

static void values_of_owners(struct database_values *values)
{
    add_call_ids(values);
    add_companies(values);
}

static void values_of_ids(struct database_values *values)
{
    struct slice ids[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        ids[i] = (struct slice){(const char *)with.events[i].id.bytes, sizeof with.events[i].id.bytes};
    database_add_bytes_array(values, ids, BATCH);
    add_companies(values);
}

/* Numbers of customers; call ids serve as well. */
static void values_of_numbers(struct database_values *values)
{
    add_companies(values);
    add_call_ids(values);
}

static void values_of_numbers_now(struct database_values *values)
{
    values_of_numbers(values);
    database_add_time(values, 1763718600123);
}

static void values_of_names(struct database_values *values)
{
    const int64_t times[BATCH] = {0};
    const int8_t flags[BATCH] = {0};
    values_of_numbers(values);
    add_call_ids(values);
    database_add_times(values, times, BATCH);
    database_add_flags(values, flags, BATCH);
}

static void values_of_call(struct database_values *values)
{
    database_add_text(values, SLICE("call_7"));
}

static void values_of_call_and_company(struct database_values *values)
{
    values_of_call(values);
    database_add_int(values, 1);
}

static void values_of_version(struct database_values *values)
{
    values_of_call_and_company(values);
    database_add_int(values, 3);
}

static void values_of_customer(struct database_values *values)
{
    database_add_int(values, 7);
    database_add_int(values, 1);
}

static void values_of_customer_then(struct database_values *values)
{
    values_of_customer(values);
    database_add_time(values, 0);
}

static void values_of_move(struct database_values *values)
{
    values_of_call_and_company(values);
    database_add_int(values, 2);
}

/* what is expected -------------------------------------------------------------------------------------------------- */

#define CALLS_BY_KEY      "using calls_pkey on calls"
#define OWNERS_BY_KEY     "using call_owners_pkey on call_owners"
#define NUMBERS_BY_KEY    "using customers_company_id_number_key on customers"
#define CUSTOMERS_BY_ID   "using customers_pkey on customers"
#define CALLS_OF_CUSTOMER "using calls_by_customer on calls"
#define JOBS_BY_KEY       "using sync_jobs_pkey on sync_jobs"
#define EVENTS_BY_KEY     "using webhook_events_pkey on webhook_events"
#define EVENTS_BY_CALL    "using webhook_events_by_call on webhook_events"
#define NO_LOOK_UP        NULL, NULL, NULL

static const struct expected {
    const struct database_statement *statement;
    void (*values)(struct database_values *values);
    const char *scan;      /* how the statement's own table is looked at */
    const char *condition; /* the end of the key that finds a row in it */
    const char *beside;    /* how another table is, that it asks of each row; NULL: none */
} EXPECTED[] = {
    {&STATEMENT_INBOX_ADD, values_of_inbox, NO_LOOK_UP},
    {&STATEMENT_INBOX_OVERRIDE, values_of_ids, EVENTS_BY_KEY, "event_id =", NULL},
    {&STATEMENT_OWNERS_ADD, values_of_owners, NO_LOOK_UP},
    {&STATEMENT_OWNERS_DIFFER, values_of_owners, OWNERS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_CALLS_LOCK, values_of_keys, CALLS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_CALLS_LEFT, values_of_keys, "using left_calls_pkey on left_calls", "call_hash =", NULL},
    {&STATEMENT_CALLS_INSERT, values_of_rows, NUMBERS_BY_KEY, "number =", NULL},
    {&STATEMENT_CALLS_UPDATE, values_of_rows, CALLS_BY_KEY, "call_id =", NUMBERS_BY_KEY},
    {&STATEMENT_CUSTOMERS_ADD, values_of_numbers_now, NUMBERS_BY_KEY, "number =", NULL},
    {&STATEMENT_CUSTOMERS_FIND, values_of_numbers, NUMBERS_BY_KEY, "number =", NULL},
    {&STATEMENT_CUSTOMERS_NAME, values_of_names, NUMBERS_BY_KEY, "number =", NULL},
    {&STATEMENT_OWNER_LOCK, values_of_call, OWNERS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_OWNER_MOVE, values_of_move, OWNERS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_OWNER_DELETE, values_of_call_and_company, OWNERS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_CALL_READ, values_of_move, CALLS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_CALL_DELETE, values_of_call_and_company, CALLS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_INBOX_MOVE, values_of_move, EVENTS_BY_CALL, "call_id =", NULL},
    {&STATEMENT_INBOX_DELETE, values_of_call_and_company, EVENTS_BY_CALL, "call_id =", NULL},
    {&STATEMENT_JOBS_MOVE, values_of_move, JOBS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_CALL_LEFT, values_of_version, NO_LOOK_UP},
    {&STATEMENT_CUSTOMER_UNNAME, values_of_customer_then, CUSTOMERS_BY_ID, "id =", NULL},
    {&STATEMENT_CUSTOMER_DELETE, values_of_customer, CUSTOMERS_BY_ID, "id =", CALLS_OF_CUSTOMER},
    {&STATEMENT_JOB_DELETE, values_of_call_and_company, JOBS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_FORGET_HERE, values_of_call_and_company, CALLS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_FORGET_UNBOUND, values_of_call_and_company, OWNERS_BY_KEY, "call_id =", NULL},
    {&STATEMENT_FORGOTTEN_VERSION, values_of_call_and_company, "using forgotten_calls_pkey on forgotten_calls",
     "call_hash =", NULL},
};

static struct database_statement explains[COUNT(EXPECTED)];

static void explains_make(void)
{
    for (size_t i = 0; i < COUNT(EXPECTED); i++)
        explains[i] = (struct database_statement){
            .name = arena_format(with.arena, "explain_%s", EXPECTED[i].statement->name).ptr,
            .sql = arena_format(with.arena, "EXPLAIN (COSTS OFF) %s", EXPECTED[i].statement->sql).ptr,
        };
}

/* Planned at each call, as session's statements are: see the first test. */
static PGresult *plan_of(const struct expected *expected)
{
    struct database_error error;
    struct database_values values;
    database_values_init(&values, with.arena);
    expected->values(&values);
    PGresult *plan = database_query(with.database, &explains[expected - EXPECTED], &values, &error);
    if (!plan)
        fail_msg("%s: %s %s", expected->statement->name, error.sqlstate, error.message);
    return plan;
}

static bool line_holds(const PGresult *plan, int row, const char *words)
{
    struct slice line = database_text(plan, row, 0);
    return memmem(line.ptr, line.len, words, strlen(words)) != NULL;
}

static bool plan_holds(const PGresult *plan, const char *words)
{
    for (int row = 0; row < PQntuples(plan); row++)
        if (line_holds(plan, row, words))
            return true;
    return false;
}

static void plan_fail(const struct expected *expected, const PGresult *plan, const char *tables, const char *why)
{
    for (int row = 0; row < PQntuples(plan); row++)
        print_error("    %.*s\n", SLICE_PRINT(database_text(plan, row, 0)));
    fail_msg("%s, tables %s: %s", expected->statement->name, tables, why);
}

/* These are asked whether they hold anything at all: any way will do. */
static bool line_of_small_table(const PGresult *plan, int row)
{
    return line_holds(plan, row, "on forgotten_calls") || line_holds(plan, row, "on left_calls");
}

static bool line_is_expected(const struct expected *expected, const PGresult *plan, int row)
{
    return (expected->scan && line_holds(plan, row, expected->scan)) ||
           (expected->beside && line_holds(plan, row, expected->beside));
}

static void plan_check(const struct expected *expected, const char *tables, bool known)
{
    static const char *const NEVER[] = {"Seq Scan on", "Bitmap", "Hash Join", "Merge Join", "Materialize"};
    PGresult *plan = plan_of(expected);
    for (int row = 0; row < PQntuples(plan); row++) {
        bool of_ours = line_holds(plan, row, " using ") && !line_of_small_table(plan, row);
        if (known && of_ours && !line_is_expected(expected, plan, row))
            plan_fail(expected, plan, tables, "another index");
        for (size_t i = 0; i < COUNT(NEVER); i++)
            if (line_holds(plan, row, NEVER[i]) && !line_of_small_table(plan, row))
                plan_fail(expected, plan, tables, NEVER[i]);
    }
    if (known && expected->scan && !plan_holds(plan, expected->scan))
        plan_fail(expected, plan, tables, expected->scan);
    if (known && expected->beside && !plan_holds(plan, expected->beside))
        plan_fail(expected, plan, tables, expected->beside);
    bool found = !known || !expected->condition;
    for (int row = 0; row < PQntuples(plan) && !found; row++)
        found = line_holds(plan, row, "Index Cond: ") && line_holds(plan, row, expected->condition);
    if (!found)
        plan_fail(expected, plan, tables, "the index is not asked for the whole key");
    PQclear(plan);
}

/* `known`: PostgreSQL can know which index finds one row. */
static void plans_check(const char *tables, bool known)
{
    for (size_t i = 0; i < COUNT(EXPECTED); i++)
        plan_check(&EXPECTED[i], tables, known);
}

/* tables ------------------------------------------------------------------------------------------------------------ */

/* Calls 1 to `count`, each with owner, job, customer and one event. */
static void fill(int count)
{
    static const char *const FILLS[] = {
        "INSERT INTO calls (company_id, call_id, source, status, analyzed, missing, version, stamps, first_seen_at, "
        "updated_at, started_at) SELECT 1 + i % 3, 'call_' || i, 'default', CASE WHEN i % 50 = 0 THEN 'ongoing' ELSE "
        "'ended' END, true, CASE WHEN i % 9 = 0 THEN '{cost}'::text[] ELSE '{}' END, 1, '\\x00', now(), now(), "
        "now() - i * interval '1 second' FROM numbers",
        "INSERT INTO call_owners SELECT 'call_' || i, 1 + i % 3 FROM numbers",
        "INSERT INTO sync_jobs (company_id, call_id, source, reason, due_at) SELECT 1 + i % 3, 'call_' || i, "
        "'default', "
        "'live', now() FROM numbers",
        "INSERT INTO customers (company_id, number, first_seen_at) SELECT 1 + i % 3, 'call_' || i, now() "
        "FROM numbers",
        "INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, status, payload, "
        "processed_at, topic, partition, kafka_offset) SELECT decode(md5(i::text), 'hex'), 'retell', 'default', "
        "'call_ended', 'call_' || i, 1 + i % 3, 'processed', '{}', now(), 'calls.events', 0, i "
        "FROM numbers",
        "INSERT INTO forgotten_calls (call_hash, company_id, version) SELECT sha256(convert_to('gone_' || i, 'UTF8')), "
        "1, 1 "
        "FROM numbers",
        "INSERT INTO left_calls (call_hash, company_id, version) SELECT sha256(convert_to('moved_' || i, 'UTF8')), 1, "
        "1 FROM numbers",
    };
    for (size_t i = 0; i < COUNT(FILLS); i++) {
        struct slice sql =
            arena_format(with.arena, "WITH numbers AS (SELECT generate_series(1, %d) AS i) %s ON CONFLICT DO NOTHING",
                         count, FILLS[i]);
        postgres_execute(with.postgres, sql.ptr);
    }
}

static void keys_find_rows_whatever_the_tables_hold(void **state)
{
    (void)state;
    plans_check("empty", false);
    fill(SMALL);
    plans_check("small, never analysed", false);
    postgres_execute(with.postgres, "ANALYZE");
    plans_check("small", true);
    fill(BIG);
    plans_check("big, analysed while they were small", true);
    postgres_execute(with.postgres, "ANALYZE");
    plans_check("big", true);
}

/* A deployment's first minute, at full load. */
static void keys_find_rows_in_big_tables_that_were_never_analysed(void **state)
{
    (void)state;
    postgres_execute(with.postgres,
                     "TRUNCATE calls, call_owners, sync_jobs, customers, webhook_events, forgotten_calls, left_calls");
    postgres_execute(with.postgres, "DELETE FROM pg_statistic WHERE starelid >= 16384");
    fill(BIG);
    plans_check("big, never analysed", true);
}

/* EXPLAIN plans with the parameters at hand; so does session, and never keeps a plan that was made without them. */
static void plans_are_made_anew_for_every_batch(void **state)
{
    (void)state;
    static const struct database_statement MODE = {"plan_cache_mode", "SELECT current_setting('plan_cache_mode')"};
    struct database_error error;
    PGresult *rows = database_query(with.database, &MODE, NULL, &error);
    assert_non_null(rows);
    assert_true(slice_equals(database_text(rows, 0, 0), "force_custom_plan"));
    PQclear(rows);
}

static int start(void **state)
{
    (void)state;
    with.postgres = postgres_start();
    with.arena = arena_new();
    char *url = postgres_url(with.postgres, "hookline_session");
    with.database = database_open(url, "test");
    free(url);
    batch_make();
    explains_make();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    database_close(with.database);
    arena_free(with.arena);
    postgres_stop(with.postgres);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_made_anew_for_every_batch),
        cmocka_unit_test(keys_find_rows_whatever_the_tables_hold),
        cmocka_unit_test(keys_find_rows_in_big_tables_that_were_never_analysed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
