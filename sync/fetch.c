/* fetch.c: what an answer means is policy.h's and answer.h's to say; here it is carried out, counted and logged.
 *
 * One line per fetch, without a number and without a byte of the answer.
 */
#include "sync/fetch.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/random.h"
#include "sync/answer.h"

enum { SLOW_E2E_P95_MS = 5000 };

static const double MS_PER_SECOND = 1000;

static uint32_t random_dice(void)
{
    uint32_t dice = 0;
    random_take(&dice, sizeof dice);
    return dice;
}

void fetch_uuid(char text[UUID_TEXT_BYTES])
{
    uint8_t random[10];
    random_take(random, sizeof random);
    event_correlation_id(clock_now_ms(), random, text);
}

void fetch_tools_open_metrics(struct fetch_tools *tools)
{
    for (enum reply_kind kind = REPLY_ANSWERED; kind <= REPLY_ODD; kind++) {
        char label[64];
        snprintf(label, sizeof label, "outcome=\"%s\"", reply_kind_name(kind));
        tools->outcomes[kind] =
            metrics_counter("hookline_sync_fetches_total", label, "Questions to the platform, by what came of them.");
    }
    tools->seconds =
        metrics_histogram("hookline_sync_fetch_seconds", "", "From the question to the end of the answer.");
}

static void fetch_finish(struct fetch *fetch, struct job_result result)
{
    fetch->result = result;
    fetch->state = FETCH_FINISHED;
}

/* The result of a job about which nothing was learned. */
static struct job_result result_as_before(const struct fetch *fetch, int64_t due_at, struct slice code)
{
    return (struct job_result){
        .company_id = fetch->job.call.company_id,
        .call_id = fetch->job.call.call_id,
        .token = slice_of(fetch->token),
        .reason = fetch->job.reason,
        .next_reason = fetch->job.reason,
        .attempts = fetch->job.attempts,
        .due_at = due_at,
        .code = code,
    };
}

static void fetch_finish_attempt(struct fetch *fetch, struct slice code, bool done)
{
    struct policy_next next = policy_next_of(fetch->tools->policy, &(struct policy_attempt){
                                                                       .reason = fetch->job.reason,
                                                                       .attempts = fetch->job.attempts,
                                                                       .reply = fetch->reply,
                                                                       .retry_after_ms = fetch->retry_after_ms,
                                                                       .call = &fetch->job.call,
                                                                       .now_ms = clock_now_ms(),
                                                                       .random = random_dice(),
                                                                   });
    struct job_result result = result_as_before(fetch, next.due_at, code);
    result.attempts = next.attempts;
    result.done = done;
    fetch_finish(fetch, result);
}

/* The brokers are away: no attempt of the call's, but not at once either. */
static void fetch_finish_unpublished(struct fetch *fetch, const char *problem)
{
    log_event(LOG_WARN, "answer_not_published", LOG_SLICE("call_id", fetch->job.call.call_id),
              LOG_TEXT("correlation_id", fetch->correlation_id), LOG_TEXT("problem", problem));
    fetch_finish(fetch,
                 result_as_before(fetch, clock_now_ms() + fetch->tools->policy->retry_first_ms, SLICE("unpublished")));
}

static struct slice status_code(struct fetch *fetch, const struct web_answer *heard)
{
    return heard->status ? arena_format(fetch->arena, "%d", heard->status) : slice_of(web_fault_name(heard->fault));
}

static void published(void *opaque, enum delivery delivery, const char *problem)
{
    struct fetch *fetch = opaque;
    if (fetch->state != FETCH_PUBLISHING)
        return; /* abandoned */
    if (delivery != DELIVERY_ACKED || FAILPOINT("sync.acked")) {
        fetch_finish_unpublished(fetch, problem ? problem : "a failpoint");
        return;
    }
    fetch_finish_attempt(fetch, fetch->reply == REPLY_GONE ? SLICE("gone") : SLICE("200"), fetch->reply == REPLY_GONE);
}

static void fetch_publish(struct fetch *fetch, enum answer_kind kind, const struct answer_about *about,
                          struct slice value)
{
    struct event event = answer_event(fetch->arena, kind, about, value);
    struct header headers[EVENT_HEADERS_MAX];
    struct record record = {
        .topic = TOPIC_CALLS_EVENTS,
        .partition = RECORD_PARTITION_BY_KEY,
        .key = about->call_id,
        .value = value,
        .headers = headers,
        .header_count = event_write(&event, fetch->arena, headers),
    };
    const char *problem = NULL;
    fetch->state = FETCH_PUBLISHING;
    if (FAILPOINT("sync.fetched")) {
        fetch_finish_unpublished(fetch, "a failpoint");
        return;
    }
    if (producer_send(fetch->tools->producer, &record, published, fetch, &problem) != DELIVERY_ACKED)
        fetch_finish_unpublished(fetch, problem);
}

static void warn_of_answer(const struct fetch *fetch, const struct answer *answer)
{
    struct slice call_id = fetch->job.call.call_id;
    if (answer->e2e_p95_ms != CALL_NULL && answer->e2e_p95_ms > SLOW_E2E_P95_MS)
        log_event(LOG_WARN, "slow_conversation", LOG_SLICE("call_id", call_id),
                  LOG_INT("e2e_p95_ms", answer->e2e_p95_ms));
    if (answer_cost_differs(&fetch->job.call, answer->cost))
        log_event(LOG_WARN, "cost_differs", LOG_SLICE("call_id", call_id),
                  LOG_REAL("stored_cents", (double)fetch->job.call.cost_cents / 1e6),
                  LOG_REAL("answered_cents", (double)answer->cost / 1e6));
}

static void log_fetch(const struct fetch *fetch, const struct web_answer *heard, const char *problem)
{
    enum log_level level = fetch->reply == REPLY_ANSWERED || fetch->reply == REPLY_GONE ? LOG_INFO : LOG_WARN;
    log_event(level, "fetched", LOG_INT("company_id", fetch->job.call.company_id),
              LOG_SLICE("call_id", fetch->job.call.call_id), LOG_TEXT("reason", reason_name(fetch->job.reason)),
              LOG_TEXT("outcome", reply_kind_name(fetch->reply)), LOG_INT("status", heard->status),
              LOG_TEXT("problem", problem ? problem : ""), LOG_INT("ms", heard->took_ms),
              LOG_INT("attempts", fetch->job.attempts + 1), LOG_INT("bytes", heard->body.len),
              LOG_TEXT("correlation_id", fetch->correlation_id));
}

/* An operator must see that the key is wrong before calls are missed. */
static void note_key(const struct fetch *fetch)
{
    if (fetch->reply == REPLY_DENIED || fetch->reply == REPLY_ANSWERED || fetch->reply == REPLY_GONE)
        accounts_heard(fetch->tools->accounts, fetch->job.call.source, fetch->reply != REPLY_DENIED);
}

/* What kind of reply it is, and for an answer what it says; *problem is a word or sentence, NULL for a fine answer. */
static struct slice reply_sort(struct fetch *fetch, const struct web_answer *heard, struct answer *answer,
                               const char **problem)
{
    fetch->retry_after_ms = heard->retry_after_ms;
    fetch->reply = heard->fault == WEB_TOO_LARGE ? REPLY_ODD : policy_reply_of(heard->status);
    *answer = (struct answer){CALL_NULL, CALL_NULL};
    *problem = web_fault_name(heard->fault);
    if (fetch->reply != REPLY_ANSWERED)
        return status_code(fetch, heard);
    *problem = answer_read(answer, fetch->arena, heard->body, fetch->job.call.call_id);
    if (!*problem)
        return SLICE("200");
    fetch->reply = REPLY_ODD;
    return SLICE("bad_answer");
}

static void answered(void *opaque, const struct web_answer *heard)
{
    struct fetch *fetch = opaque;
    struct answer answer;
    const char *problem = NULL;
    struct slice code = reply_sort(fetch, heard, &answer, &problem);
    metric_add(fetch->tools->outcomes[fetch->reply], 1);
    metric_observe(fetch->tools->seconds, (double)heard->took_ms / MS_PER_SECOND);
    log_fetch(fetch, heard, problem);
    note_key(fetch);

    struct answer_about about = {
        .company_id = fetch->job.call.company_id,
        .call_id = fetch->job.call.call_id,
        .source = fetch->job.call.source,
        .source_company = fetch->account.source_company,
        .cost_unit = fetch->account.cost_unit,
        .correlation_id = slice_of(fetch->correlation_id),
        .fetched_ms = clock_now_ms(),
    };
    if (fetch->reply == REPLY_ANSWERED) {
        warn_of_answer(fetch, &answer);
        fetch_publish(fetch, ANSWER_SYNCED, &about, answer_synced_value(fetch->arena, heard->body, about.fetched_ms));
    } else if (fetch->reply == REPLY_GONE && policy_gone_is_final(fetch->job.call.first_seen_at, about.fetched_ms)) {
        fetch_publish(fetch, ANSWER_GONE, &about, answer_gone_value(fetch->arena, about.call_id, about.fetched_ms));
    } else {
        fetch_finish_attempt(fetch, code, false);
    }
}

void fetch_begin(struct fetch *fetch, const struct fetch_tools *tools, const struct account *account,
                 const struct job *job, const char *token)
{
    fetch->tools = tools;
    if (!fetch->arena)
        fetch->arena = arena_new();
    fetch->job = *job;
    fetch->job.call.call_id = arena_copy(fetch->arena, job->call.call_id);
    fetch->job.call.source = arena_copy(fetch->arena, job->call.source);
    fetch->job.call.status = arena_copy(fetch->arena, job->call.status);
    fetch->account = (struct account){.source_company = account->source_company,
                                      .cost_unit = arena_copy(fetch->arena, account->cost_unit)};
    snprintf(fetch->token, sizeof fetch->token, "%s", token);
    fetch_uuid(fetch->correlation_id);
    fetch->state = FETCH_ASKING;
    retell_api_ask(tools->api, account->key, fetch->job.call.call_id, answered, fetch);
}

void fetch_abandon(struct fetch *fetch)
{
    if (fetch->state != FETCH_ASKING && fetch->state != FETCH_PUBLISHING)
        return;
    fetch->result = result_as_before(fetch, clock_now_ms(), SLICE_ABSENT);
    fetch->state = FETCH_FINISHED;
}

void fetch_release(struct fetch *fetch)
{
    fetch->state = FETCH_FREE;
    arena_reset(fetch->arena);
}
