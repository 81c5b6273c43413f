/* fetches.c: eight slots and a clock. A job that is claimed is looked at once more (policy_step_of) before it is asked
 * for: its call may have been completed since, or be another company's now. */
#include "sync/fetches.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
    CLAIM_EVERY_MS = 1000, /* when nothing says that a job is due earlier */
    DATABASE_AWAY_MS = 1000,
};

const char *fetches_open(struct fetches *fetches, const struct fetches_options *options)
{
    *fetches = (struct fetches){.options = *options, .arena = arena_new()};
    struct fetch_tools *tools = &fetches->tools;
    tools->producer = options->producer;
    tools->policy = &fetches->options.policy;
    tools->accounts = options->accounts;
    fetch_tools_open_metrics(tools);
    fetches->given_up =
        metrics_counter("hookline_sync_given_up_total", "", "Calls that still lack something after every attempt.");
    sweep_init(&fetches->sweep, options->sweep_every_ms);
    return retell_api_open(&tools->api, options->base, options->url, ANSWER_MAX_BYTES);
}

void fetches_expect(struct fetches *fetches, int64_t due_ms)
{
    if (due_ms != CALL_NULL && due_ms < fetches->next_claim_ms)
        fetches->next_claim_ms = due_ms;
}

/* The results of all slots that are finished, and those slots. */
static size_t finished_slots(struct fetches *fetches, struct fetch *slots[FETCHES_MAX],
                             struct job_result results[FETCHES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (fetches->slots[i].state == FETCH_FINISHED) {
            slots[count] = &fetches->slots[i];
            results[count++] = fetches->slots[i].result;
        }
    return count;
}

/* What was done stays done; only its answer did not come. */
static bool lost_by_failpoint(struct database_error *error)
{
    *error = (struct database_error){.fault = DATABASE_AWAY, .message = "a failpoint"};
    return false;
}

static bool settle(struct fetches *fetches, struct database_error *error)
{
    struct fetch *slots[FETCHES_MAX];
    struct job_result results[FETCHES_MAX];
    size_t count = finished_slots(fetches, slots, results);
    if (count == 0)
        return true;
    if (!jobs_settle(fetches->options.database, fetches->arena, results, count, error))
        return false;
    if (FAILPOINT("sync.settled"))
        return lost_by_failpoint(error);
    for (size_t i = 0; i < count; i++) {
        fetches_expect(fetches, results[i].due_at);
        fetch_release(slots[i]);
    }
    return true;
}

static size_t free_slots(const struct fetches *fetches)
{
    size_t count = 0;
    for (size_t i = 0; i < FETCHES_MAX; i++)
        count += fetches->slots[i].state == FETCH_FREE;
    return count;
}

static struct fetch *free_slot(struct fetches *fetches)
{
    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (fetches->slots[i].state == FETCH_FREE)
            return &fetches->slots[i];
    return NULL;
}

/* The slot that is at this job already: its lease ran out while brokers or PostgreSQL were away. */
static struct fetch *slot_of(struct fetches *fetches, const struct call *call)
{
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        const struct fetch *slot = &fetches->slots[i];
        if (slot->state != FETCH_FREE && slot->job.call.company_id == call->company_id &&
            slice_same(slot->job.call.call_id, call->call_id))
            return &fetches->slots[i];
    }
    return NULL;
}

/* What becomes of a claimed job that is not asked for. */
static struct job_result result_of_step(const struct fetches *fetches, const struct job *job, enum policy_step step,
                                        const char *token, int64_t now_ms)
{
    struct job_result result = {
        .company_id = job->call.company_id,
        .call_id = job->call.call_id,
        .token = slice_of(token),
        .reason = job->reason,
        .next_reason = job->reason,
        .attempts = job->attempts,
        .due_at = now_ms,
        .done = step != POLICY_TURN,
    };
    if (step == POLICY_CLOSE)
        result.code = SLICE(JOB_COMPLETE);
    if (step == POLICY_TURN) {
        result.next_reason = policy_reason_of(&job->call);
        result.attempts = 0;
        result.due_at = policy_first_due(&fetches->options.policy, &job->call, result.next_reason, now_ms);
    }
    return result;
}

static void log_given_up(const struct fetches *fetches, const struct job *job)
{
    metric_add(fetches->given_up, 1);
    log_event(LOG_WARN, "given_up", LOG_INT("company_id", job->call.company_id),
              LOG_SLICE("call_id", job->call.call_id), LOG_INT("attempts", job->attempts));
}

/* Asks for what is to be asked for; the rest is in `results`, and its count returned. */
static size_t begin_claimed(struct fetches *fetches, const struct job *jobs, size_t count, const char *token,
                            int64_t now_ms, struct job_result results[FETCHES_MAX])
{
    size_t settled = 0;
    for (size_t i = 0; i < count; i++) {
        const struct job *job = &jobs[i];
        struct fetch *same = slot_of(fetches, &job->call);
        enum policy_step step = policy_step_of(job->reason, job->attempts, job->has_call ? &job->call : NULL);
        if (same) {
            memcpy(same->token, token, sizeof same->token); /* the new lease is as good as the old one was */
        } else if (step == POLICY_ASK) {
            struct account account;
            if (!accounts_find(fetches->options.accounts, job->call.source, now_ms, &account))
                abort(); /* claimed in this turn, by the name of a source that has a key */
            fetch_begin(free_slot(fetches), &fetches->tools, &account, job, token);
        } else {
            if (step == POLICY_GIVE_UP)
                log_given_up(fetches, job);
            results[settled++] = result_of_step(fetches, job, step, token, now_ms);
            fetches_expect(fetches, results[settled - 1].due_at);
        }
    }
    return settled;
}

static bool claim(struct fetches *fetches, int64_t now_ms, struct database_error *error)
{
    size_t limit = free_slots(fetches);
    /* Answers that cannot be published would only be asked for again. */
    if (limit == 0 || now_ms < fetches->next_claim_ms || !producer_ready(fetches->options.producer))
        return true;
    size_t source_count = 0;
    const struct slice *sources = accounts_names(fetches->options.accounts, fetches->arena, now_ms, &source_count);
    if (source_count == 0)
        return true;
    char token[UUID_TEXT_BYTES];
    struct job *jobs = NULL;
    size_t count = 0;
    fetch_uuid(token);
    if (!jobs_claim(fetches->options.database, fetches->arena, sources, source_count, slice_of(token),
                    fetches->options.lease_ms, (int64_t)limit, &jobs, &count, error))
        return false;
    if (count > 0 && FAILPOINT("sync.claimed"))
        return lost_by_failpoint(error);
    /* As many as were wanted: there may be more. */
    fetches->next_claim_ms = count == limit ? now_ms : now_ms + CLAIM_EVERY_MS;
    struct job_result results[FETCHES_MAX];
    size_t settled = begin_claimed(fetches, jobs, count, token, now_ms, results);
    return settled == 0 || jobs_settle(fetches->options.database, fetches->arena, results, settled, error);
}

enum fetches_outcome fetches_turn(struct fetches *fetches, int64_t now_ms, struct database_error *error)
{
    if (now_ms < fetches->next_try_ms)
        return FETCHES_FINE;
    bool fine = settle(fetches, error) &&
                sweep_turn(&fetches->sweep, fetches->options.database, fetches->arena, &fetches->options.policy, now_ms,
                           error) &&
                claim(fetches, now_ms, error);
    arena_reset(fetches->arena);
    if (!fine) {
        fetches->next_try_ms = now_ms + DATABASE_AWAY_MS;
        if (!fetches->database_away)
            log_event(LOG_WARN, "jobs_wait", LOG_TEXT("sqlstate", error->sqlstate),
                      LOG_TEXT("problem", error->message));
    }
    bool recovered = fine && fetches->database_away;
    fetches->database_away = !fine;
    if (!fine)
        return FETCHES_FAILED;
    return recovered ? FETCHES_RECOVERED : FETCHES_FINE;
}

void fetches_close(struct fetches *fetches)
{
    for (size_t i = 0; i < FETCHES_MAX; i++)
        fetch_abandon(&fetches->slots[i]);
    struct database_error error;
    (void)settle(fetches, &error); /* if PostgreSQL is away, the leases run out */
    retell_api_close(fetches->tools.api);
}
