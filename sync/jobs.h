/* jobs.h: the table sync_jobs: what is to be asked, when, and who is asking.
 *
 *      updates ──> jobs_take_updates ──┐                  ┌──> jobs_claim ──> (asked) ──> jobs_settle ──┐
 *      calls   ──> sweep, jobs_make ───┴──> open jobs ────┘  lease                            due again, or done
 *
 * A job is open (done_at null), complete (done, last_code "complete": its call lacks nothing) or given up (done, with the
 * code of its last attempt). Updates make jobs, change their reason and complete them; nothing else of an update touches
 * attempts and due_at, for an answer causes an update, and that must not cause the next question.
 *
 * A lease is a token and a time. Only who holds the token writes what came of an attempt; a reason that changed meanwhile
 * keeps its own due_at. Leases are timed by the database's clock: those of several machines need not agree.
 */
#ifndef HOOKLINE_SYNC_JOBS_H
#define HOOKLINE_SYNC_JOBS_H

#include "common/database.h"
#include "sync/policy.h"
#include "sync/update_read.h"

/* In one flight: jobs made, turned to another reason, and completed. `updates` as updates_keep_newest left them. The
 * earliest due_at among what they want is in *first_due, CALL_NULL if they want nothing. */
bool jobs_take_updates(struct database *database, struct arena *arena, const struct update *updates, size_t count,
                       const struct policy *policy, int64_t now_ms, int64_t *first_due, struct database_error *error);

/* Jobs for calls that lack something, sorted by company and call id; what is open or given up stays as it is. */
bool jobs_make(struct database *database, struct arena *arena, const struct call *calls, size_t count,
               const struct policy *policy, int64_t now_ms, struct database_error *error);

struct job {
    enum reason reason;
    int attempts;
    bool has_call; /* false: the call is not this company's any more */
    struct call
        call; /* company_id, call_id, source of the job; status, missing, times, cost and analyzed of the call now */
};

/* What policy.h needs of a call, from a table or alias `c`; read by jobs_read_call, text into the arena. */
#define JOBS_CALL                                                                                                      \
    "c.status, c.missing, c.started_at, c.ended_at, c.first_seen_at, c.updated_at, c.cost_cents, c.analyzed"
void jobs_read_call(struct call *call, const PGresult *rows, int row, int first_column, struct arena *arena);

/* At most `limit` jobs that are due, of these sources, leased with `token` (a uuid as text) for `lease_ms`; *jobs in the
 * arena with all their text. */
bool jobs_claim(struct database *database, struct arena *arena, const struct slice *sources, size_t source_count,
                struct slice token, int64_t lease_ms, int64_t limit, struct job **jobs, size_t *count,
                struct database_error *error);

/* What becomes of a claimed job. */
struct job_result {
    int64_t company_id;
    struct slice call_id, token;
    enum reason reason;      /* under which it was claimed: if it is another now, only the lease ends */
    enum reason next_reason; /* the same, or what it turned to */
    int attempts;
    int64_t due_at;
    struct slice code; /* absent: as it was */
    bool done;
};

bool jobs_settle(struct database *database, struct arena *arena, const struct job_result *results, size_t count,
                 struct database_error *error);

/* The code of a job whose call lacks nothing. */
#define JOB_COMPLETE "complete"

#endif
