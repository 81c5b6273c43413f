/* policy.h: when a call is asked for, how often, and when we stop.
 *
 *      live     registered or ongoing     5 minutes after its start, then ever more rarely, until it ends
 *      missing  over, and lacks something 60 s after its end (its analysis may still come), then at growing distances;
 *                                         six answers without it are enough
 *
 * Delays between attempts have full jitter: calls that failed together do not come back together
 * (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter). What the platform asks for in Retry-After is waited
 * for. Pure: the time and the random number are passed in; all times are ms since the epoch.
 */
#ifndef HOOKLINE_SYNC_POLICY_H
#define HOOKLINE_SYNC_POLICY_H

#include "common/call_json.h"

enum {
    POLICY_ATTEMPTS_MAX = 6,             /* for what is only missing; a live call is asked for until it ends */
    POLICY_RETRY_AFTER_MAX_MS = 3600000, /* a platform that asks for more is asked again after an hour */
    POLICY_GONE_AFTER_MS = 24 * 3600000, /* the platform may take its time until it knows a call */
    POLICY_LIVE_MAX_MS = 6 * 3600000,    /* between two looks at a call that never seems to end */
    POLICY_DENIED_MS = 300000,           /* until a refused key is tried again */
};

struct policy {
    int64_t live_after_ms, missing_after_ms;
    int64_t retry_first_ms; /* the first step of the back-off, 10 s: the others are multiples of it */
};

/* Why a call is asked for; names as in sync_jobs.reason. */
enum reason { REASON_NONE, REASON_LIVE, REASON_MISSING };

const char *reason_name(enum reason reason);
enum reason reason_read(struct slice name);

/* Reads status and missing. */
enum reason policy_reason_of(const struct call *call);

/* When the first question is due. A start or end in the future (a sender's clock) counts as now. */
int64_t policy_first_due(const struct policy *policy, const struct call *call, enum reason reason, int64_t now_ms);

/* What is to be done with a job that is due, after a second look at its call. */
enum policy_step {
    POLICY_ASK,
    POLICY_CLOSE, /* the call lacks nothing any more, or is no longer this company's */
    POLICY_TURN,  /* it is now another reason: policy_first_due says when */
    POLICY_GIVE_UP,
};

/* `call` NULL: there is no such row. */
enum policy_step policy_step_of(enum reason reason, int attempts, const struct call *call);

enum reply_kind {
    REPLY_ANSWERED, /* 200 */
    REPLY_GONE,     /* 404, 422: an unknown id is 422 at Retell */
    REPLY_LATER,    /* 408 425 429 5xx and whatever happens to the connection */
    REPLY_DENIED,   /* 401 402 403: the key or the account, so the operator's */
    REPLY_ODD,      /* the rest, and an answer that is none */
};

/* `http_status` 0: there was no answer. */
enum reply_kind policy_reply_of(int http_status);
/* "answered", "gone", "later", "denied", "odd". */
const char *reply_kind_name(enum reply_kind kind);

/* The platform has said "unknown" for so long that we believe it. */
bool policy_gone_is_final(int64_t first_seen_at_ms, int64_t now_ms);

struct policy_attempt {
    enum reason reason;
    int attempts; /* before this one */
    enum reply_kind reply;
    int64_t retry_after_ms; /* 0: the platform did not ask for any */
    const struct call *call;
    int64_t now_ms;
    uint32_t random;
};

struct policy_next {
    int attempts;
    int64_t due_at;
};

/* After an attempt: how many there were and when the next is due. An update that closes the job comes before that. */
struct policy_next policy_next_of(const struct policy *policy, const struct policy_attempt *attempt);

#endif
