/* fetch.h: one due job's way: asked, answered, published, finished.
 *
 *      FREE ──fetch_begin──> ASKING ──an answer──> PUBLISHING ──acked──> FINISHED ──settled──> FREE
 *                               └───────────────anything else─────────────^
 *
 * A job is only settled as answered when the brokers have the answer. Whoever dies before that leaves a lease, and when it
 * has run out the call is asked for again: the answer is then another event about the same call, and the merge is
 * idempotent.
 */
#ifndef HOOKLINE_SYNC_FETCH_H
#define HOOKLINE_SYNC_FETCH_H

#include "common/producer.h"
#include "sync/accounts.h"
#include "sync/jobs.h"
#include "sync/retell_api.h"

struct metric;

enum fetch_state { FETCH_FREE, FETCH_ASKING, FETCH_PUBLISHING, FETCH_FINISHED };

/* What all fetches share; outlives them. */
struct fetch_tools {
    struct retell_api *api;
    struct producer *producer;
    const struct policy *policy;
    struct accounts *accounts;
    struct metric *outcomes[REPLY_ODD + 1]; /* by enum reply_kind */
    struct metric *seconds;
};

void fetch_tools_open_metrics(struct fetch_tools *tools);

enum { UUID_TEXT_BYTES = 37 };

struct fetch {
    const struct fetch_tools *tools;
    enum fetch_state state;
    struct arena *arena; /* holds the job's text, and the answer until it is sent */
    struct job job;
    struct account account; /* its text in the arena, without the key */
    char token[UUID_TEXT_BYTES], correlation_id[UUID_TEXT_BYTES];
    enum reply_kind reply;
    int64_t retry_after_ms;
    struct job_result result; /* once it is FINISHED */
};

/* A uuid v7, for correlation ids and lease tokens. */
void fetch_uuid(char text[UUID_TEXT_BYTES]);

/* The fetch must be FREE; account, job and token are copied. */
void fetch_begin(struct fetch *fetch, const struct fetch_tools *tools, const struct account *account,
                 const struct job *job, const char *token);

/* Whatever it is doing: the job is to be done again at once, by whoever comes next. For the end of the process. */
void fetch_abandon(struct fetch *fetch);

/* FREE again; the arena's memory is kept. */
void fetch_release(struct fetch *fetch);

#endif
