/* forget_rows.c: a caller is the other party of a call: from_number inbound, to_number outbound, as session's customers are.
 *
 * Calls whose direction nobody said count if either number is the caller's, unless it is a number of the company itself.
 * Events that no stage wanted (`ignored`) and parked ones have no such column: those that mention the number, digits before
 * and behind it excluded, are about the caller. That reads every such body; erasing a person is rare.
 */
#include "ctl/forget_rows.h"

#include "common/inbox_lock.h"

/* $1 the number, $2 the company or null, $3 what MENTIONS looks for, in every statement. */
#define OF_COMPANY(company) "($2::bigint IS NULL OR " company " = $2)"
#define MENTIONS(payload)   "encode(" payload ", 'escape') ~ $3"

#define CALLS_OF_CALLER                                                                                                \
    "SELECT c.company_id, c.call_id, c.source FROM customers u JOIN calls c ON c.company_id = u.company_id AND "       \
    "c.customer_id = u.id WHERE u.number = $1 AND " OF_COMPANY(                                                        \
        "u.company_id") " UNION SELECT c.company_id, c.call_id, "                                                      \
                        "c.source FROM calls c WHERE c.customer_id IS NULL AND c.direction IS NULL AND $1 IN "         \
                        "(c.from_number, c.to_number) "                                                                \
                        "AND " OF_COMPANY(                                                                             \
                            "c.company_id") " AND NOT EXISTS (SELECT FROM phone_numbers n WHERE n.number = $1 AND "    \
                                            "n.company_id = "                                                          \
                                            "c.company_id) UNION SELECT e.company_id, e.call_id, e.source FROM "       \
                                            "webhook_events e WHERE e.status = 'ignored' AND "                         \
                                            "e.call_id IS NOT NULL AND " OF_COMPANY("e.company_id") " AND " MENTIONS(  \
                                                "e.payload") " AND NOT EXISTS (SELECT FROM "                           \
                                                             "calls c WHERE c.company_id = e.company_id AND "          \
                                                             "c.call_id = e.call_id)"

/* What no company has seen is one company's only if its metadata or its signing source says so. $4: calls of the caller. */
#define PARKED_OF_CALLER                                                                                               \
    "(p.call_id = ANY($4::text[]) OR " MENTIONS(                                                                       \
        "p.payload") ") AND ($2::bigint IS NULL OR p.call_id = ANY($4::text[]) OR "                                    \
                     "p.metadata_company_id = $2 OR p.headers @> "                                                     \
                     "jsonb_build_array(jsonb_build_array('ce_sourcecompany', $2::text)))"

static const struct database_statement CALLS = {"forget_calls", CALLS_OF_CALLER " ORDER BY 1, 2"};
static const struct database_statement COUNTS = {
    "forget_counts",
    "SELECT (SELECT count(*) FROM webhook_events e JOIN unnest($5::bigint[], $4::text[]) k(company_id, call_id) ON "
    "e.company_id = k.company_id AND e.call_id = k.call_id), "
    "(SELECT count(*) FROM parked_events p WHERE " PARKED_OF_CALLER "), "
    "(SELECT count(*) FROM customers u WHERE u.number = $1 AND " OF_COMPANY("u.company_id") ")"};
static const struct database_statement REMOVE_PARKED = {
    "forget_parked",
    "WITH gone AS (DELETE FROM parked_events p WHERE " PARKED_OF_CALLER
    " AND $5::bigint[] IS NOT NULL RETURNING p.call_id, "
    "p.key), kept AS (INSERT INTO forgotten_calls (call_hash, company_id, version) SELECT DISTINCT "
    "sha256(coalesce(convert_to(call_id, 'UTF8'), key)), 0, 1 FROM gone g WHERE NOT EXISTS (SELECT FROM call_owners o "
    "WHERE "
    "o.call_id = g.call_id AND o.company_id <> ALL($5::bigint[])) ON CONFLICT DO NOTHING) SELECT count(*) FROM gone"};
static const struct database_statement REMOVE_CUSTOMERS = {
    "forget_customers", "WITH gone AS (DELETE FROM customers u WHERE u.number = $1 AND " OF_COMPANY(
                            "u.company_id") " AND $3::text IS NOT NULL AND "
                                            "NOT EXISTS (SELECT FROM calls c WHERE c.company_id = u.company_id AND "
                                            "c.customer_id = u.id) RETURNING 1) SELECT "
                                            "count(*) FROM gone"};
static const struct database_statement LEFT = {"forget_left",
                                               "SELECT count(*) FROM unnest($1::bigint[], $2::text[]) k(company_id, "
                                               "call_id) WHERE EXISTS (SELECT FROM calls c WHERE "
                                               "c.company_id = k.company_id AND c.call_id = k.call_id) OR EXISTS "
                                               "(SELECT FROM webhook_events e WHERE e.company_id = "
                                               "k.company_id AND e.call_id = k.call_id)"};

static void add_caller(const struct forget_rows *rows, struct database_values *values)
{
    struct slice digits = slice_from(rows->number, 1);
    database_values_init(values, rows->arena);
    database_add_text(values, rows->number);
    database_add_int(values, rows->company_id);
    database_add_text(values, arena_format(rows->arena, "(^|[^0-9])%.*s([^0-9]|$)", SLICE_PRINT(digits)));
}

static void add_companies(const struct forget_rows *rows, struct database_values *values)
{
    int64_t *companies = arena_zeroed(rows->arena, rows->call_count, sizeof *companies);
    for (size_t i = 0; i < rows->call_count; i++)
        companies[i] = rows->calls[i].company_id;
    database_add_ints(values, companies, rows->call_count);
}

static void add_call_ids(const struct forget_rows *rows, struct database_values *values)
{
    struct slice *call_ids = arena_zeroed(rows->arena, rows->call_count, sizeof *call_ids);
    for (size_t i = 0; i < rows->call_count; i++)
        call_ids[i] = rows->calls[i].call_id;
    database_add_texts(values, call_ids, rows->call_count);
}

static PGresult *ask(struct forget_rows *rows, const struct database_statement *statement, bool with_calls)
{
    struct database_values values;
    add_caller(rows, &values);
    if (with_calls) {
        add_call_ids(rows, &values);
        add_companies(rows, &values);
    }
    return database_query(rows->database, statement, &values, &rows->error);
}

static bool find_calls(struct forget_rows *rows)
{
    PGresult *found = ask(rows, &CALLS, false);
    if (!found)
        return false;
    rows->call_count = (size_t)PQntuples(found);
    rows->calls = arena_zeroed(rows->arena, rows->call_count, sizeof *rows->calls);
    for (size_t i = 0; i < rows->call_count; i++)
        rows->calls[i] = (struct forget_call){database_int(found, (int)i, 0),
                                              arena_copy(rows->arena, database_text(found, (int)i, 1)),
                                              arena_copy(rows->arena, database_text(found, (int)i, 2))};
    PQclear(found);
    return true;
}

bool forget_rows_find(struct forget_rows *rows)
{
    if (!find_calls(rows))
        return false;
    PGresult *counts = ask(rows, &COUNTS, true);
    if (!counts)
        return false;
    rows->events = database_int(counts, 0, 0);
    rows->parked = database_int(counts, 0, 1);
    rows->customers = database_int(counts, 0, 2);
    PQclear(counts);
    return true;
}

bool forget_rows_begin(struct forget_rows *rows)
{
    return database_execute(rows->database, "BEGIN", &rows->error);
}

bool forget_rows_alone(struct forget_rows *rows)
{
    return database_execute(rows->database, INBOX_LOCK_ALONE, &rows->error);
}

bool forget_rows_remove_parked(struct forget_rows *rows)
{
    PGresult *removed = ask(rows, &REMOVE_PARKED, true);
    if (!removed)
        return false;
    rows->parked = database_int(removed, 0, 0);
    PQclear(removed);
    return true;
}

bool forget_rows_remove_customers(struct forget_rows *rows)
{
    PGresult *removed = ask(rows, &REMOVE_CUSTOMERS, false);
    if (!removed)
        return false;
    rows->customers = database_int(removed, 0, 0);
    PQclear(removed);
    return true;
}

bool forget_rows_left(struct forget_rows *rows, int64_t *left)
{
    struct database_values values;
    database_values_init(&values, rows->arena);
    add_companies(rows, &values);
    add_call_ids(rows, &values);
    PGresult *counted = database_query(rows->database, &LEFT, &values, &rows->error);
    if (!counted)
        return false;
    *left = database_int(counted, 0, 0);
    PQclear(counted);
    return true;
}
