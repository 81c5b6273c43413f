/* answer.h: what the platform says of a call -> an event like any other.
 *
 *      {"call_id":…}  ──>  {"event":"call_synced","event_timestamp":<fetched>,"call":{"call_id":…}}  ──> calls.events
 *
 * The answer's bytes stand in the event as they came. Session stays the only writer of calls, and one parser reads all
 * events. The event's id is over its value, the time of fetching included: each fetch is an event of its own.
 *
 * Refuses, with a sentence: an answer that is no JSON object, or is about another call. Pure.
 */
#ifndef HOOKLINE_SYNC_ANSWER_H
#define HOOKLINE_SYNC_ANSWER_H

#include "common/call_json.h"
#include "common/event.h"

/* What sync itself reads of an answer: what it warns of. */
struct answer {
    int64_t cost;       /* combined_cost in 10^-6 of the source's unit (CALL_COST_DECIMALS); CALL_NULL if absent */
    int64_t e2e_p95_ms; /* CALL_NULL if absent */
};

/* NULL when `bytes` are an answer about the call, else a static sentence. */
const char *answer_read(struct answer *answer, struct arena *arena, struct slice bytes, struct slice call_id);

/* The values of ai.hookline.call_synced and ai.hookline.call_gone. */
struct slice answer_synced_value(struct arena *arena, struct slice answer_bytes, int64_t fetched_ms);
struct slice answer_gone_value(struct arena *arena, struct slice call_id, int64_t fetched_ms);

struct answer_about {
    int64_t company_id; /* the job's */
    struct slice call_id;
    struct slice source;         /* bare: default */
    int64_t source_company;      /* the company that the source is bound to, 0 if none */
    struct slice cost_unit;      /* the source's; absent: cents */
    struct slice correlation_id; /* this fetch's */
    int64_t fetched_ms;
};

enum answer_kind { ANSWER_SYNCED, ANSWER_GONE };

/* The envelope over `value`. Text borrows from `about`, or lies in the arena. */
struct event answer_event(struct arena *arena, enum answer_kind kind, const struct answer_about *about,
                          struct slice value);

/* An operator is to be told: the cost differs from the stored one by more than 0.01. Not before the call was analysed: the
 * analysis itself is billed after call_ended, and each such call would be a false alarm. */
bool answer_cost_differs(const struct call *stored, int64_t answered);

#endif
