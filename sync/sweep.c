/* sweep.c: one transaction a page, under an advisory lock that ends with it. */
#include "sync/sweep.h"

#include "common/log.h"
#include "common/metrics.h"
#include "sync/jobs.h"

enum { PAGE_CALLS = 1000 };

/* An arbitrary number, the same in every process: "sync" as four bytes. */
static const struct database_statement TAKE_LOCK = {
    "sweep_lock",
    "SELECT pg_try_advisory_xact_lock(x'73796e63'::bigint)",
};

/* The condition is policy_reason_of's, so that each page makes jobs of all that it finds. */
static const struct database_statement CALLS_WITHOUT_JOB = {
    "calls_without_job",
    "SELECT c.company_id, c.call_id, c.source, " JOBS_CALL
    " FROM calls c WHERE (c.status IN ('registered', 'ongoing') OR c.missing <> '{}')"
    " AND NOT EXISTS (SELECT FROM sync_jobs j WHERE j.company_id = c.company_id AND j.call_id = c.call_id"
    "  AND (j.done_at IS NULL OR j.last_code IS DISTINCT FROM '" JOB_COMPLETE "'))"
    " ORDER BY c.company_id, c.call_id LIMIT $1::bigint",
};

static const struct database_statement COUNT_JOBS = {
    "count_jobs",
    "SELECT count(*) FILTER (WHERE reason = 'live'), count(*) FILTER (WHERE reason = 'missing')"
    " FROM sync_jobs WHERE done_at IS NULL",
};

static bool lock_taken(struct database *database, bool *taken, struct database_error *error)
{
    PGresult *rows = database_query(database, &TAKE_LOCK, NULL, error);
    if (!rows)
        return false;
    *taken = database_flag(rows, 0, 0) == 1;
    PQclear(rows);
    return true;
}

static bool page_made(struct database *database, struct arena *arena, const struct policy *policy, int64_t now_ms,
                      int64_t *made, struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, arena);
    database_add_int(&values, PAGE_CALLS);
    PGresult *rows = database_query(database, &CALLS_WITHOUT_JOB, &values, error);
    if (!rows)
        return false;
    size_t count = (size_t)PQntuples(rows);
    struct call *calls = arena_zeroed(arena, count, sizeof *calls);
    for (size_t i = 0; i < count; i++) {
        call_init(&calls[i]);
        calls[i].company_id = database_int(rows, (int)i, 0);
        calls[i].call_id = database_text(rows, (int)i, 1);
        calls[i].source = database_text(rows, (int)i, 2);
        jobs_read_call(&calls[i], rows, (int)i, 3, arena);
    }
    bool fine = count == 0 || jobs_make(database, arena, calls, count, policy, now_ms, error);
    PQclear(rows);
    *made = fine ? (int64_t)count : 0;
    return fine;
}

static bool sweep_page(struct database *database, struct arena *arena, const struct policy *policy, int64_t now_ms,
                       int64_t *made, struct database_error *error)
{
    bool taken = false;
    *made = 0;
    bool fine = database_execute(database, "BEGIN", error) && lock_taken(database, &taken, error) &&
                (!taken || page_made(database, arena, policy, now_ms, made, error)) &&
                database_execute(database, "COMMIT", error);
    if (!fine)
        database_rollback(database);
    return fine;
}

static bool count_jobs(struct sweep *sweep, struct database *database, struct database_error *error)
{
    PGresult *rows = database_query(database, &COUNT_JOBS, NULL, error);
    if (!rows)
        return false;
    metric_set(sweep->open_live, (double)database_int(rows, 0, 0));
    metric_set(sweep->open_missing, (double)database_int(rows, 0, 1));
    PQclear(rows);
    return true;
}

void sweep_init(struct sweep *sweep, int64_t every_ms)
{
    static const char NAME[] = "hookline_sync_jobs_open";
    static const char HELP[] = "Calls that are to be asked for, counted at each sweep.";
    *sweep = (struct sweep){.every_ms = every_ms,
                            .open_live = metrics_gauge(NAME, "reason=\"live\"", HELP),
                            .open_missing = metrics_gauge(NAME, "reason=\"missing\"", HELP)};
}

bool sweep_turn(struct sweep *sweep, struct database *database, struct arena *arena, const struct policy *policy,
                int64_t now_ms, struct database_error *error)
{
    if (now_ms < sweep->next_ms)
        return true;
    int64_t made = 0;
    if (!sweep_page(database, arena, policy, now_ms, &made, error))
        return false;
    if (made > 0)
        log_event(LOG_INFO, "swept", LOG_INT("jobs_made", made));
    /* A full page: the next one in the next turn. */
    if (made < PAGE_CALLS)
        sweep->next_ms = now_ms + sweep->every_ms;
    return count_jobs(sweep, database, error);
}
