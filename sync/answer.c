/* answer.c: only the call id is checked; whatever else is odd in an answer is session's to cope with. */
#include "sync/answer.h"

#include "common/buffer.h"
#include "common/json.h"

#define PROVIDER "retell"

enum { COST_TOLERANCE = 10000 }; /* 0.01 in 10^-6 */

const char *answer_read(struct answer *answer, struct arena *arena, struct slice bytes, struct slice call_id)
{
    const char *problem = NULL;
    const struct json *root = json_read(arena, bytes, &problem);
    if (!root)
        return problem;
    if (!json_is_object(root))
        return "the answer is no JSON object";
    if (!slice_same(json_text(json_get(root, "call_id")), call_id))
        return "the answer is about another call";

    *answer = (struct answer){CALL_NULL, CALL_NULL};
    (void)json_decimal(json_get(json_get(root, "call_cost"), "combined_cost"), CALL_COST_DECIMALS, &answer->cost);
    (void)json_decimal(json_get(json_get(json_get(root, "latency"), "e2e"), "p95"), 0, &answer->e2e_p95_ms);
    return NULL;
}

/* `{"event":…,"event_timestamp":…,"call":` + call + `}`, written in place: an answer may have 12 MB. */
static struct slice value_of(struct arena *arena, const char *event, int64_t fetched_ms, struct slice call)
{
    struct slice head =
        arena_format(arena, "{\"event\":\"%s\",\"event_timestamp\":%lld,\"call\":", event, (long long)fetched_ms);
    char *value = arena_alloc(arena, head.len + call.len + 1);
    memcpy(value, head.ptr, head.len);
    memcpy(value + head.len, call.ptr, call.len);
    value[head.len + call.len] = '}';
    return (struct slice){value, head.len + call.len + 1};
}

struct slice answer_synced_value(struct arena *arena, struct slice answer_bytes, int64_t fetched_ms)
{
    return value_of(arena, "call_synced", fetched_ms, answer_bytes);
}

struct slice answer_gone_value(struct arena *arena, struct slice call_id, int64_t fetched_ms)
{
    struct buffer call = {0};
    buffer_add_text(&call, "{\"call_id\":");
    buffer_add_json_string(&call, call_id);
    buffer_add_char(&call, '}');
    struct slice value = value_of(arena, "call_gone", fetched_ms, buffer_slice(&call));
    buffer_free(&call);
    return value;
}

struct event answer_event(struct arena *arena, enum answer_kind kind, const struct answer_about *about,
                          struct slice value)
{
    /* A source that is bound to another company than the call's says nothing about this call's owner. */
    int64_t source_company = about->source_company == about->company_id ? about->source_company : 0;
    return (struct event){
        .id = event_id_of(SLICE(PROVIDER), source_company, value),
        .type = kind == ANSWER_SYNCED ? SLICE("ai.hookline.call_synced") : SLICE("ai.hookline.call_gone"),
        .source = arena_format(arena, "/" PROVIDER "/%.*s", SLICE_PRINT(about->source)),
        .subject = about->call_id,
        .time_ms = about->fetched_ms,
        .correlation_id = about->correlation_id,
        .cost_unit = about->cost_unit,
        .source_company = source_company,
        .company_id = about->company_id,
        .resolved_by = SLICE("sync"),
        .body = value,
    };
}

bool answer_cost_differs(const struct call *stored, int64_t answered)
{
    if (!stored->analyzed || stored->cost_cents == CALL_NULL || answered == CALL_NULL)
        return false;
    int64_t difference = 0;
    return __builtin_sub_overflow(stored->cost_cents, answered, &difference) || difference > COST_TOLERANCE ||
           difference < -COST_TOLERANCE;
}
