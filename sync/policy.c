/* policy.c: the tables and the three formulas behind "when". */
#include "sync/policy.h"

enum { MS_PER_SECOND = 1000 };

static const char *const REASON_NAMES[] = {
    [REASON_NONE] = "none", [REASON_LIVE] = "live", [REASON_MISSING] = "missing"};

/* Steps of the back-off in multiples of the first: 10 s, 60 s, 300 s, 1 h, 2 h, 4 h and so on. */
static const int64_t STEPS[] = {1, 6, 30, 360, 720, 1440};
enum { STEP_LAST_LOOK = 1 };

/* A live call is looked at again after this share of its age, so that one that never ends costs ever less. */
enum { LIVE_SHARE_OF_AGE = 12 };

const char *reason_name(enum reason reason)
{
    return REASON_NAMES[reason];
}

enum reason reason_read(struct slice name)
{
    if (slice_equals(name, REASON_NAMES[REASON_LIVE]))
        return REASON_LIVE;
    return slice_equals(name, REASON_NAMES[REASON_MISSING]) ? REASON_MISSING : REASON_NONE;
}

enum reason policy_reason_of(const struct call *call)
{
    if (slice_equals(call->status, "registered") || slice_equals(call->status, "ongoing"))
        return REASON_LIVE;
    return call->missing ? REASON_MISSING : REASON_NONE;
}

static int64_t first_known(int64_t a, int64_t b, int64_t c)
{
    if (a != CALL_NULL)
        return a;
    return b != CALL_NULL ? b : c;
}

int64_t policy_first_due(const struct policy *policy, const struct call *call, enum reason reason, int64_t now_ms)
{
    int64_t since = reason == REASON_LIVE ? first_known(call->started_at, call->first_seen_at, now_ms)
                                          : first_known(call->ended_at, call->updated_at, now_ms);
    int64_t after_ms = reason == REASON_LIVE ? policy->live_after_ms : policy->missing_after_ms;
    return (since < now_ms ? since : now_ms) + after_ms;
}

enum policy_step policy_step_of(enum reason reason, int attempts, const struct call *call)
{
    enum reason now = call ? policy_reason_of(call) : REASON_NONE;
    if (now == REASON_NONE)
        return POLICY_CLOSE;
    if (now != reason)
        return POLICY_TURN;
    return reason == REASON_MISSING && attempts >= POLICY_ATTEMPTS_MAX ? POLICY_GIVE_UP : POLICY_ASK;
}

enum reply_kind policy_reply_of(int http_status)
{
    switch (http_status) {
    case 200:
        return REPLY_ANSWERED;
    case 404:
    case 422:
        return REPLY_GONE;
    case 0:
    case 408:
    case 425:
    case 429:
        return REPLY_LATER;
    case 401:
    case 402:
    case 403:
        return REPLY_DENIED;
    default:
        return http_status >= 500 && http_status <= 599 ? REPLY_LATER : REPLY_ODD;
    }
}

const char *reply_kind_name(enum reply_kind kind)
{
    static const char *const NAMES[] = {[REPLY_ANSWERED] = "answered",
                                        [REPLY_GONE] = "gone",
                                        [REPLY_LATER] = "later",
                                        [REPLY_DENIED] = "denied",
                                        [REPLY_ODD] = "odd"};
    return NAMES[kind];
}

bool policy_gone_is_final(int64_t first_seen_at_ms, int64_t now_ms)
{
    return first_seen_at_ms != CALL_NULL && now_ms - first_seen_at_ms >= POLICY_GONE_AFTER_MS;
}

/* Full jitter: anywhere up to `whole_ms`, but never at once. */
static int64_t jittered(int64_t whole_ms, uint32_t random)
{
    int64_t least_ms = whole_ms / 10 < MS_PER_SECOND ? whole_ms / 10 : MS_PER_SECOND;
    return least_ms + (int64_t)((double)(whole_ms - least_ms) * ((double)random / (double)UINT32_MAX));
}

static int64_t back_off_ms(const struct policy *policy, enum reason reason, int attempts, uint32_t random)
{
    size_t step = attempts > 0 ? (size_t)attempts - 1 : 0;
    if (step >= COUNT(STEPS))
        step = COUNT(STEPS) - 1;
    /* After the last attempt only the update that its answer may cause is waited for. */
    if (reason == REASON_MISSING && attempts >= POLICY_ATTEMPTS_MAX)
        step = STEP_LAST_LOOK;
    return jittered(policy->retry_first_ms * STEPS[step], random);
}

static int64_t live_again_ms(const struct policy *policy, const struct call *call, int64_t now_ms)
{
    int64_t age_ms = now_ms - first_known(call->started_at, call->first_seen_at, now_ms);
    int64_t after_ms = age_ms / LIVE_SHARE_OF_AGE;
    if (after_ms > POLICY_LIVE_MAX_MS)
        after_ms = POLICY_LIVE_MAX_MS;
    return after_ms > policy->live_after_ms ? after_ms : policy->live_after_ms;
}

struct policy_next policy_next_of(const struct policy *policy, const struct policy_attempt *attempt)
{
    if (attempt->reply == REPLY_DENIED) /* not the call's fault: it costs none of its attempts */
        return (struct policy_next){attempt->attempts, attempt->now_ms + POLICY_DENIED_MS};
    if (attempt->reply == REPLY_ANSWERED && attempt->reason == REASON_LIVE)
        return (struct policy_next){0, attempt->now_ms + live_again_ms(policy, attempt->call, attempt->now_ms)};

    int attempts = attempt->attempts + 1;
    /* "Unknown" ends by itself after a day, and an outage some time: neither may use up what a missing field is allowed, or
     * every call that ended during three hours of outage would be given up for good. */
    bool no_answer = attempt->reply == REPLY_GONE || attempt->reply == REPLY_LATER;
    if (no_answer && attempt->reason == REASON_MISSING && attempts >= POLICY_ATTEMPTS_MAX)
        attempts = POLICY_ATTEMPTS_MAX - 1;
    int64_t delay_ms = back_off_ms(policy, attempt->reason, attempts, attempt->random);
    int64_t asked_ms =
        attempt->retry_after_ms < POLICY_RETRY_AFTER_MAX_MS ? attempt->retry_after_ms : POLICY_RETRY_AFTER_MAX_MS;
    return (struct policy_next){attempts, attempt->now_ms + (asked_ms > delay_ms ? asked_ms : delay_ms)};
}
