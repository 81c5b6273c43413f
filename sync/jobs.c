/* jobs.c: a handful of statements, each repeatable: whoever dies between them does them again.
 *
 * Rows are written in the order of their key, and claimed with SKIP LOCKED: processes do not wait for each other in a
 * circle. All are found by key but for the claim, which reads the partial index sync_jobs_due.
 */
#include "sync/jobs.h"

/* Reopens what was complete, and whatever has another reason now. The lease stays: somebody may be asking. */
static const struct database_statement OPEN_JOBS = {
    "open_jobs",
    "INSERT INTO sync_jobs AS j (company_id, call_id, source, reason, due_at)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])"
    " ON CONFLICT (company_id, call_id) DO UPDATE SET source = excluded.source, reason = excluded.reason,"
    "  due_at = excluded.due_at, attempts = 0, last_code = NULL, done_at = NULL"
    " WHERE j.reason <> excluded.reason OR (j.done_at IS NOT NULL AND j.last_code = '" JOB_COMPLETE "')",
};

static const struct database_statement COMPLETE_JOBS = {
    "complete_jobs",
    "UPDATE sync_jobs j SET done_at = coalesce(j.done_at, now()), last_code = '" JOB_COMPLETE "'"
    " FROM unnest($1::bigint[], $2::text[]) u (company_id, call_id)"
    " WHERE j.company_id = u.company_id AND j.call_id = u.call_id AND j.last_code IS DISTINCT FROM '" JOB_COMPLETE "'",
};

/* MATERIALIZED: planned as the inner side of a join, the limit would be taken anew for each outer row. */
static const struct database_statement CLAIM_JOBS = {
    "claim_jobs",
    "WITH due AS MATERIALIZED ("
    " SELECT company_id, call_id FROM sync_jobs"
    " WHERE done_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until <= now())"
    "  AND source = ANY($1::text[])"
    " ORDER BY due_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED)"
    " UPDATE sync_jobs j SET lease_token = $2::text::uuid,"
    "  lease_until = now() + $3::bigint * interval '1 millisecond'"
    " FROM due LEFT JOIN calls c ON c.company_id = due.company_id AND c.call_id = due.call_id"
    " WHERE j.company_id = due.company_id AND j.call_id = due.call_id"
    " RETURNING j.company_id, j.call_id, j.source, j.reason, j.attempts, " JOBS_CALL,
};

/* An answer's update may complete the job before the attempt is written: then only the attempt is. */
static const struct database_statement SETTLE_JOBS = {
    "settle_jobs",
    "UPDATE sync_jobs j SET reason = r.next_reason, attempts = r.attempts, due_at = r.due_at,"
    "  last_code = CASE WHEN j.done_at IS NULL THEN coalesce(r.code, j.last_code) ELSE j.last_code END,"
    "  done_at = CASE WHEN r.done THEN coalesce(j.done_at, now()) ELSE j.done_at END,"
    "  lease_token = NULL, lease_until = NULL"
    " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],"
    "  $8::text[], $9::boolean[])"
    "  r (company_id, call_id, token, reason, next_reason, attempts, due_at, code, done)"
    " WHERE j.company_id = r.company_id AND j.call_id = r.call_id AND j.lease_token = r.token::uuid"
    "  AND j.reason = r.reason",
};

/* An update turned the job to another reason while it was asked: what the update said stands. */
static const struct database_statement END_LEASES = {
    "end_leases",
    "UPDATE sync_jobs j SET lease_token = NULL, lease_until = NULL"
    " FROM unnest($1::bigint[], $2::text[], $3::text[]) r (company_id, call_id, token)"
    " WHERE j.company_id = r.company_id AND j.call_id = r.call_id AND j.lease_token = r.token::uuid",
};

/* Jobs that are wanted, column by column as unnest takes them. */
struct wishes {
    int64_t *companies, *dues;
    struct slice *call_ids, *sources, *reasons;
    size_t count;
    int64_t first_due;
};

static struct wishes wishes_new(struct arena *arena, size_t most)
{
    return (struct wishes){
        .companies = arena_zeroed(arena, most, sizeof(int64_t)),
        .dues = arena_zeroed(arena, most, sizeof(int64_t)),
        .call_ids = arena_zeroed(arena, most, sizeof(struct slice)),
        .sources = arena_zeroed(arena, most, sizeof(struct slice)),
        .reasons = arena_zeroed(arena, most, sizeof(struct slice)),
        .first_due = CALL_NULL,
    };
}

/* False if the call lacks nothing. */
static bool wishes_add(struct wishes *wishes, const struct call *call, const struct policy *policy, int64_t now_ms)
{
    enum reason reason = policy_reason_of(call);
    if (reason == REASON_NONE)
        return false;
    size_t at = wishes->count++;
    wishes->companies[at] = call->company_id;
    wishes->call_ids[at] = call->call_id;
    wishes->sources[at] = call->source;
    wishes->reasons[at] = slice_of(reason_name(reason));
    wishes->dues[at] = policy_first_due(policy, call, reason, now_ms);
    if (wishes->first_due == CALL_NULL || wishes->dues[at] < wishes->first_due)
        wishes->first_due = wishes->dues[at];
    return true;
}

static void wishes_write(const struct wishes *wishes, struct database_values *values, struct arena *arena)
{
    database_values_init(values, arena);
    database_add_ints(values, wishes->companies, wishes->count);
    database_add_texts(values, wishes->call_ids, wishes->count);
    database_add_texts(values, wishes->sources, wishes->count);
    database_add_texts(values, wishes->reasons, wishes->count);
    database_add_times(values, wishes->dues, wishes->count);
}

bool jobs_take_updates(struct database *database, struct arena *arena, const struct update *updates, size_t count,
                       const struct policy *policy, int64_t now_ms, int64_t *first_due, struct database_error *error)
{
    struct wishes wishes = wishes_new(arena, count);
    int64_t *companies = arena_zeroed(arena, count, sizeof *companies);
    struct slice *call_ids = arena_zeroed(arena, count, sizeof *call_ids);
    size_t complete = 0;
    for (size_t i = 0; i < count; i++) {
        const struct call *call = &updates[i].call;
        if (!updates[i].gone && wishes_add(&wishes, call, policy, now_ms))
            continue;
        companies[complete] = call->company_id;
        call_ids[complete++] = call->call_id;
    }

    struct database_values opened;
    struct database_values completed;
    wishes_write(&wishes, &opened, arena);
    database_values_init(&completed, arena);
    database_add_ints(&completed, companies, complete);
    database_add_texts(&completed, call_ids, complete);
    struct database_step steps[2];
    size_t step_count = 0;
    if (wishes.count)
        steps[step_count++] = (struct database_step){.statement = &OPEN_JOBS, .values = &opened};
    if (complete)
        steps[step_count++] = (struct database_step){.statement = &COMPLETE_JOBS, .values = &completed};
    *first_due = wishes.first_due;
    if (step_count && !database_flight(database, steps, step_count, NULL, error, NULL))
        return false;
    for (size_t i = 0; i < step_count; i++)
        PQclear(steps[i].rows);
    return true;
}

bool jobs_make(struct database *database, struct arena *arena, const struct call *calls, size_t count,
               const struct policy *policy, int64_t now_ms, struct database_error *error)
{
    struct wishes wishes = wishes_new(arena, count);
    for (size_t i = 0; i < count; i++)
        wishes_add(&wishes, &calls[i], policy, now_ms);
    struct database_values values;
    wishes_write(&wishes, &values, arena);
    PGresult *rows = database_query(database, &OPEN_JOBS, &values, error);
    PQclear(rows);
    return rows != NULL;
}

void jobs_read_call(struct call *call, const PGresult *rows, int row, int first_column, struct arena *arena)
{
    call->status = arena_copy(arena, database_text(rows, row, first_column));
    int names = 0;
    const struct slice *missing = database_text_array(rows, row, first_column + 1, arena, &names);
    for (int i = 0; i < names; i++)
        call->missing |= call_missing_bit(missing[i]);
    call->started_at = database_time(rows, row, first_column + 2);
    call->ended_at = database_time(rows, row, first_column + 3);
    call->first_seen_at = database_time(rows, row, first_column + 4);
    call->updated_at = database_time(rows, row, first_column + 5);
    call->cost_cents = database_decimal(rows, row, first_column + 6, CALL_COST_DECIMALS);
    call->analyzed = database_flag(rows, row, first_column + 7) == 1;
}

static void job_read(struct job *job, const PGresult *rows, int row, struct arena *arena)
{
    call_init(&job->call);
    job->call.company_id = database_int(rows, row, 0);
    job->call.call_id = arena_copy(arena, database_text(rows, row, 1));
    job->call.source = arena_copy(arena, database_text(rows, row, 2));
    job->reason = reason_read(database_text(rows, row, 3));
    job->attempts = (int)database_int(rows, row, 4);
    jobs_read_call(&job->call, rows, row, 5, arena);
    job->has_call = !slice_absent(job->call.status);
}

bool jobs_claim(struct database *database, struct arena *arena, const struct slice *sources, size_t source_count,
                struct slice token, int64_t lease_ms, int64_t limit, struct job **jobs, size_t *count,
                struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, arena);
    database_add_texts(&values, sources, source_count);
    database_add_text(&values, token);
    database_add_int(&values, lease_ms);
    database_add_int(&values, limit);
    PGresult *rows = database_query(database, &CLAIM_JOBS, &values, error);
    if (!rows)
        return false;
    *count = (size_t)PQntuples(rows);
    *jobs = arena_zeroed(arena, *count, sizeof **jobs);
    for (size_t i = 0; i < *count; i++)
        job_read(&(*jobs)[i], rows, (int)i, arena);
    PQclear(rows);
    return true;
}

static void results_write(struct database_values *settled, struct database_values *ended, struct arena *arena,
                          const struct job_result *results, size_t count)
{
    int64_t *companies = arena_zeroed(arena, 3 * count, sizeof *companies);
    int64_t *attempts = companies + count;
    int64_t *dues = attempts + count;
    struct slice *call_ids = arena_zeroed(arena, 5 * count, sizeof *call_ids);
    struct slice *tokens = call_ids + count;
    struct slice *reasons = tokens + count;
    struct slice *next_reasons = reasons + count;
    struct slice *codes = next_reasons + count;
    int8_t *done = arena_zeroed(arena, count, sizeof *done);
    for (size_t i = 0; i < count; i++) {
        companies[i] = results[i].company_id;
        call_ids[i] = results[i].call_id;
        tokens[i] = results[i].token;
        reasons[i] = slice_of(reason_name(results[i].reason));
        next_reasons[i] = slice_of(reason_name(results[i].next_reason));
        attempts[i] = results[i].attempts;
        dues[i] = results[i].due_at;
        codes[i] = results[i].code;
        done[i] = results[i].done;
    }
    struct database_values *both[] = {settled, ended};
    for (size_t i = 0; i < COUNT(both); i++) {
        database_values_init(both[i], arena);
        database_add_ints(both[i], companies, count);
        database_add_texts(both[i], call_ids, count);
        database_add_texts(both[i], tokens, count);
    }
    database_add_texts(settled, reasons, count);
    database_add_texts(settled, next_reasons, count);
    database_add_ints(settled, attempts, count);
    database_add_times(settled, dues, count);
    database_add_texts(settled, codes, count);
    database_add_flags(settled, done, count);
}

bool jobs_settle(struct database *database, struct arena *arena, const struct job_result *results, size_t count,
                 struct database_error *error)
{
    struct database_values settled;
    struct database_values ended;
    results_write(&settled, &ended, arena, results, count);
    struct database_step steps[] = {{.statement = &SETTLE_JOBS, .values = &settled},
                                    {.statement = &END_LEASES, .values = &ended}};
    if (!database_flight(database, steps, COUNT(steps), NULL, error, NULL))
        return false;
    for (size_t i = 0; i < COUNT(steps); i++)
        PQclear(steps[i].rows);
    return true;
}
