/* call_read.c: a body's fields by name. Retell's call object: retell-sdk 5.66.1, src/resources/call.ts. */
#include "session/call_read.h"

#include "common/json.h"
#include "common/text.h"
#include "session/call_missing.h"
#include "session/call_status.h"
#include "session/jsonb.h"

/* 2000-01-01 and 2100-01-01, UTC. */
#define TIME_MIN_MS INT64_C(946684800000)
#define TIME_MAX_MS INT64_C(4102444800000)
/* numeric(14,6) and numeric(12,3), scaled. */
#define COST_MAX    INT64_C(100000000000000)
#define LATENCY_MAX INT64_C(1000000000000)

/* Whatever an update carries: eleven of these, each byte escaped to six at the worst, stay far below Kafka's 12 MiB. An update
 * that Kafka refuses for its size could never be published, and its batch would never end. */
enum { TEXT_MAX_BYTES = 65536 };

enum event_rule_kind { RULE_WEBHOOK, RULE_SYNCED, RULE_GONE, RULE_ASSIGNED, RULE_FORGOTTEN };

static const struct event_rule {
    const char *type; /* with a star: how the word starts */
    enum event_rule_kind kind;
    uint8_t rank, evidence;
} RULES[] = {
    {"ai.retell.call_started", RULE_WEBHOOK, 1, EVIDENCE_STARTED},
    {"ai.retell.transcript_updated", RULE_WEBHOOK, 2, EVIDENCE_STARTED},
    {"ai.retell.transfer_*", RULE_WEBHOOK, 2, EVIDENCE_STARTED},
    {"ai.retell.call_ended", RULE_WEBHOOK, 3, EVIDENCE_TERMINAL},
    {"ai.retell.call_analyzed", RULE_WEBHOOK, 4, EVIDENCE_TERMINAL | EVIDENCE_ANALYZED},
    {"ai.hookline.call_synced", RULE_SYNCED, 2, 0},
    {"ai.hookline.call_gone", RULE_GONE, 0, EVIDENCE_GONE},
    {"ai.hookline.call_assigned", RULE_ASSIGNED, 0, 0},
    {"ai.hookline.call_forgotten", RULE_FORGOTTEN, 0, 0},
};

static const struct {
    const char *code, *sentence;
} PROBLEMS[] = {
    [CALL_PROBLEM_NONE] = {"", ""},
    [CALL_PROBLEM_NOT_JSON] = {"not_json", "the body is no JSON object"},
    [CALL_PROBLEM_NO_CALL_ID] = {"no_call_id", "there is no ce_subject: an event of calls.events is about one call"},
    [CALL_PROBLEM_CALL_ID_TOO_LONG] = {"call_id_too_long", "the call id has more than 128 bytes"},
    [CALL_PROBLEM_NO_COMPANY] = {"no_company", "there is neither ce_companyid nor ce_sourcecompany"},
    [CALL_PROBLEM_NO_ASSIGNMENT] = {"no_assignment", "call_assigned needs two different companies, from and to"},
};

const char *call_problem_code(enum call_problem problem)
{
    return PROBLEMS[problem].code;
}

const char *call_problem_sentence(enum call_problem problem)
{
    return PROBLEMS[problem].sentence;
}

const char *call_read_type(size_t index)
{
    return index < COUNT(RULES) ? RULES[index].type : NULL;
}

struct reader {
    struct arena *arena;
    struct arena *document; /* what the body is read into: five times the body for a transcript; ends with call_read */
    const struct json *body, *call;
    struct call_facts *facts;
    struct call_read_counts *counts;
};

static const struct event_rule *rule_of(struct slice type)
{
    for (size_t i = 0; i < COUNT(RULES); i++)
        if (text_fits(type, RULES[i].type))
            return &RULES[i];
    return NULL;
}

/* Ends with the document. */
static struct slice repaired_text(struct reader *reader, const struct json *value)
{
    struct slice text = json_text(value);
    return slice_absent(text) ? text : text_repair(reader->document, text, &reader->counts->repaired);
}

static struct slice read_text(struct reader *reader, const struct json *value)
{
    return arena_copy(reader->arena, repaired_text(reader, value));
}

/* A text that travels in updates: cut at TEXT_MAX_BYTES, between two characters, and counted. */
static struct slice read_short_text(struct reader *reader, const struct json *value)
{
    struct slice text = repaired_text(reader, value);
    if (text.len > TEXT_MAX_BYTES) {
        reader->counts->absurd++;
        text.len = TEXT_MAX_BYTES;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    return arena_copy(reader->arena, text);
}

static int64_t keep_if(struct reader *reader, bool sane, int64_t number)
{
    reader->counts->absurd += !sane;
    return sane ? number : CALL_NULL;
}

static int64_t read_time(struct reader *reader, const struct json *value)
{
    int64_t ms;
    if (!json_int(value, &ms))
        return CALL_NULL;
    return keep_if(reader, ms >= TIME_MIN_MS && ms < TIME_MAX_MS, ms);
}

static int64_t read_duration(struct reader *reader, const struct json *value)
{
    int64_t ms;
    if (!json_int(value, &ms))
        return CALL_NULL;
    return keep_if(reader, ms >= 0, ms);
}

static int64_t read_decimal(struct reader *reader, const struct json *value, int decimals, int64_t limit)
{
    double real;
    int64_t scaled;
    if (!json_real(value, &real))
        return CALL_NULL;
    bool fits = json_decimal(value, decimals, &scaled) && scaled > -limit && scaled < limit;
    return keep_if(reader, fits, fits ? scaled : CALL_NULL);
}

static int8_t read_flag(const struct json *value)
{
    bool answer;
    return json_bool(value, &answer) ? (int8_t)answer : -1;
}

static struct slice read_object(struct reader *reader, const struct json *value)
{
    if (!json_is_object(value))
        return SLICE_ABSENT;
    struct slice json = json_write(reader->document, value, &reader->counts->repaired);
    if (slice_absent(json) || !jsonb_takes(json)) {
        reader->counts->absurd++;
        return SLICE_ABSENT;
    }
    return arena_copy(reader->arena, jsonb_first_keys(reader->document, json, &reader->counts->absurd));
}

/* Millionths of a cent. Retell counts in cents; an account that differs has a source with the cost unit "dollars". */
static int64_t read_cost(struct reader *reader, const struct json *value, struct slice unit)
{
    if (slice_absent(unit) || slice_equals(unit, "cents"))
        return read_decimal(reader, value, CALL_COST_DECIMALS, COST_MAX);
    if (slice_equals(unit, "dollars"))
        return read_decimal(reader, value, CALL_COST_DECIMALS + 2, COST_MAX);
    return keep_if(reader, !value, CALL_NULL);
}

/* Milliseconds from the start to the end of the last word that was spoken; CALL_NULL without one. */
static int64_t last_word_ms(const struct json *call)
{
    const struct json *transcript = json_get(call, "transcript_object");
    if (!json_is_array(transcript))
        transcript = json_get(call, "transcript_with_tool_calls");
    double seconds = -1;
    for (const struct json *part = json_first(transcript); part; part = json_next(transcript, part)) {
        double end;
        if (json_real(json_get(json_last(json_get(part, "words")), "end"), &end))
            seconds = end;
    }
    return seconds >= 0 && seconds < 86400 * 7 ? (int64_t)(seconds * 1000) : CALL_NULL;
}

static int64_t body_clock(struct reader *reader, int64_t started_at, int64_t ended_at)
{
    int64_t event = read_time(reader, json_get(reader->body, "event_timestamp"));
    if (event != CALL_NULL)
        return event;
    if (ended_at != CALL_NULL)
        return ended_at;
    if (started_at == CALL_NULL)
        return 0;
    int64_t spoken = last_word_ms(reader->call);
    return spoken == CALL_NULL ? started_at : started_at + spoken;
}

static void read_columns(struct reader *reader, struct slice cost_unit)
{
    struct call *call = &reader->facts->state.call;
    const struct json *body = reader->call;
    const struct json *analysis = json_get(body, "call_analysis");
    const struct json *cost = json_get(body, "call_cost");
    const struct json *latency = json_get(body, "latency");
    call->agent_id = read_short_text(reader, json_get(body, "agent_id"));
    call->call_type = read_short_text(reader, json_get(body, "call_type"));
    call->direction = read_short_text(reader, json_get(body, "direction"));
    call->from_number = read_short_text(reader, json_get(body, "from_number"));
    call->to_number = read_short_text(reader, json_get(body, "to_number"));
    call->started_at = read_time(reader, json_get(body, "start_timestamp"));
    call->ended_at = read_time(reader, json_get(body, "end_timestamp"));
    call->duration_ms = read_duration(reader, json_get(body, "duration_ms"));
    call->disconnection_reason = read_short_text(reader, json_get(body, "disconnection_reason"));
    call->transcript = read_text(reader, json_get(body, "transcript"));
    call->recording_url = read_short_text(reader, json_get(body, "recording_url"));
    call->summary = read_short_text(reader, json_get(analysis, "call_summary"));
    call->sentiment = read_short_text(reader, json_get(analysis, "user_sentiment"));
    call->successful = read_flag(json_get(analysis, "call_successful"));
    call->in_voicemail = read_flag(json_get(analysis, "in_voicemail"));
    call->cost_cents = read_cost(reader, json_get(cost, "combined_cost"), cost_unit);
    call->cost_breakdown = read_object(reader, cost);
    call->latency_e2e_p50_ms =
        read_decimal(reader, json_get(json_get(latency, "e2e"), "p50"), CALL_LATENCY_DECIMALS, LATENCY_MAX);
    call->latency = read_object(reader, latency);
    call->custom_analysis = read_object(reader, json_get(analysis, "custom_analysis_data"));
    call->metadata = read_object(reader, json_get(body, "metadata"));
}

/* The event's own rank, and what it proves, once its body is known. */
static uint8_t read_evidence(struct reader *reader, const struct event_rule *rule)
{
    struct call_state *state = &reader->facts->state;
    uint8_t rank = rule->rank;
    state->evidence = rule->evidence;
    enum call_status said = call_status_read(json_text(json_get(reader->call, "call_status")));
    if (said == CALL_ONGOING)
        state->evidence |= EVIDENCE_STARTED;
    if (call_status_is_terminal(said))
        state->end_said = (uint8_t)said;
    state->storage = (uint8_t)call_storage_read(json_text(json_get(reader->call, "data_storage_setting")));
    if (rule->kind != RULE_SYNCED)
        return rank;
    if (call_status_is_terminal(said)) {
        state->evidence |= EVIDENCE_TERMINAL;
        rank = 3;
    }
    if (json_is_object(json_get(reader->call, "call_analysis"))) {
        state->evidence |= EVIDENCE_ANALYZED;
        rank = 4;
    }
    return rank;
}

static void stamp_all(struct call_state *state, const struct call_stamp *stamp)
{
    for (size_t which = 0; which < CALL_REGISTERS; which++) {
        if (call_register_absent(state, (enum call_register)which))
            continue;
        state->stamps.of[which] = *stamp;
        state->stamps.known |= UINT32_C(1) << which;
    }
}

static void read_state(struct reader *reader, const struct event *event, const struct event_rule *rule)
{
    struct call_state *state = &reader->facts->state;
    struct call_stamp stamp = {.rank = rule->rank, .id = event->id};
    struct slice source = event_source_name(event);
    state->call.source = source.len ? text_repair(reader->arena, source, &reader->counts->repaired) : SLICE("default");
    if (rule->kind == RULE_GONE) { /* it has a clock as every event has, though it says nothing of the call */
        state->evidence = rule->evidence;
        stamp.clock = body_clock(reader, read_time(reader, json_get(reader->call, "start_timestamp")),
                                 read_time(reader, json_get(reader->call, "end_timestamp")));
    } else {
        state->call.branch_id = event->branch_id ? event->branch_id : CALL_NULL;
        read_columns(reader, event->cost_unit);
        stamp.rank = read_evidence(reader, rule);
        reader->facts->named = customer_name_read(reader->arena, reader->call, &state->call, &reader->counts->repaired);
        stamp.clock = body_clock(reader, state->call.started_at, state->call.ended_at);
    }
    stamp_all(state, &stamp);
}

static enum call_problem read_assignment(struct reader *reader)
{
    struct call_facts *facts = reader->facts;
    bool both = json_int(json_get(reader->body, "from"), &facts->assigned_from) &&
                json_int(json_get(reader->body, "to"), &facts->assigned_to);
    bool sane =
        both && facts->assigned_from > 0 && facts->assigned_to > 0 && facts->assigned_from != facts->assigned_to;
    return sane ? CALL_PROBLEM_NONE : CALL_PROBLEM_NO_ASSIGNMENT;
}

static enum call_problem read_body(struct reader *reader, const struct event *event)
{
    const struct event_rule *rule = rule_of(event->type);
    struct call_facts *facts = reader->facts;
    const char *problem = NULL;
    reader->body = json_read(reader->document, event->body, &problem);
    if (!json_is_object(reader->body))
        return CALL_PROBLEM_NOT_JSON;
    reader->call = json_get(reader->body, "call");
    if (!rule)
        return CALL_PROBLEM_NONE;
    if (rule->kind == RULE_FORGOTTEN) {
        facts->kind = CALL_EVENT_FORGOTTEN;
        return CALL_PROBLEM_NONE;
    }
    facts->kind = rule->kind == RULE_ASSIGNED ? CALL_EVENT_ASSIGNED : CALL_EVENT_STATE;
    if (rule->kind == RULE_ASSIGNED)
        return read_assignment(reader);
    read_state(reader, event, rule);
    return CALL_PROBLEM_NONE;
}

enum call_problem call_read(struct arena *arena, const struct event *event, struct call_facts *facts,
                            struct call_read_counts *counts)
{
    *facts = (struct call_facts){.kind = CALL_EVENT_IGNORED};
    call_state_init(&facts->state);
    if (event->subject.len == 0)
        return CALL_PROBLEM_NO_CALL_ID;
    facts->call_id = text_repair(arena, event->subject, &counts->repaired);
    if (facts->call_id.len > EVENT_CALL_ID_MAX)
        return CALL_PROBLEM_CALL_ID_TOO_LONG;
    if (!event->source_company && !event->company_id)
        return CALL_PROBLEM_NO_COMPANY;
    struct reader reader = {.arena = arena, .document = arena_new(), .facts = facts, .counts = counts};
    enum call_problem problem = read_body(&reader, event);
    arena_free(reader.document);
    return problem;
}
