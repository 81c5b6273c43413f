/* pipeline_body.c: fixed fields first, then talk until the size is reached. */
#include "tests/bench/pipeline_body.h"

#include <stdio.h>

/* 2025-11-21, ms; a new call every 100 ms, and the next run's begin there again: their numbers alone would soon lie beyond
 * the times that session believes. */
#define FIRST_START_MS INT64_C(1763718600000)

enum { RICH_FROM_BYTES = 600, WORDS_PER_TURN = 12, WORD_MS = 320, CALLS_OF_A_RUN = 100000000 };

static const char *const WORDS[] = {
    "Guten",     "Tag,",     "ich",     "hätte",  "gern",    "einen",   "Termin",   "am",      "Montag",  "um",
    "zehn",      "Uhr.",     "Ihr",     "Name,",  "bitte?",  "Müller,", "wie",      "die",     "Mühle.",  "Danke,",
    "das",       "passt",    "would",   "you",    "like",    "to",      "book",     "an",      "hour",    "earlier",
    "tomorrow?", "Sure,",    "let",     "me",     "check",   "our",     "calendar", "for",     "Friday.", "Is",
    "there",     "anything", "else?",   "No,",    "that",    "was",     "all.",     "Schönen", "Tag",     "noch!",
    "Kann",      "man",      "auch",    "abends", "kommen?", "Leider",  "nicht,",   "unsere",  "Praxis",  "schließt",
    "um",        "sechs.",   "thanks,", "bye",
};

uint64_t pipeline_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

const char *pipeline_event_name(enum pipeline_stage stage)
{
    static const char *const NAMES[PIPELINE_STAGES] = {"call_started", "call_ended", "call_analyzed"};
    return NAMES[stage];
}

/* Random ids: where a call's row lies in an index says nothing about when it came. */
void pipeline_call_id(uint64_t call, char text[PIPELINE_CALL_ID_BYTES])
{
    uint64_t state = call;
    uint64_t high = pipeline_random(&state);
    snprintf(text, PIPELINE_CALL_ID_BYTES, "call_%016llx%016llx", (unsigned long long)high, (unsigned long long)call);
}

int64_t pipeline_company(uint64_t call)
{
    return 1 + (int64_t)(call % PIPELINE_COMPANIES);
}

static const char *word(uint64_t *state)
{
    return WORDS[pipeline_random(state) % COUNT(WORDS)];
}

static void add_talk(struct buffer *out, size_t until, uint64_t *state)
{
    while (out->len < until)
        buffer_add_format(out, "%s ", word(state));
}

static void add_transcript(struct buffer *out, size_t until, uint64_t *state)
{
    buffer_add_text(out, ",\"transcript\":\"");
    for (size_t turn = 0; out->len < until; turn++) {
        buffer_add_text(out, turn % 2 ? "User: " : "Agent: ");
        for (size_t i = 0; i < WORDS_PER_TURN && out->len < until; i++)
            buffer_add_format(out, "%s ", word(state));
        buffer_add_text(out, "\\n");
    }
    buffer_add_char(out, '"');
}

static void add_turns(struct buffer *out, size_t until, uint64_t *state)
{
    int64_t at_ms = 700;
    buffer_add_text(out, ",\"transcript_object\":[");
    for (size_t turn = 0; out->len < until; turn++) {
        buffer_add_format(out, "%s{\"role\":\"%s\",\"words\":[", turn ? "," : "", turn % 2 ? "user" : "agent");
        for (size_t i = 0; i < WORDS_PER_TURN && out->len < until; i++, at_ms += WORD_MS)
            buffer_add_format(out, "%s{\"word\":\"%s\",\"start\":%.3f,\"end\":%.3f}", i ? "," : "", word(state),
                              (double)at_ms / 1000, (double)(at_ms + WORD_MS - 40) / 1000);
        buffer_add_text(out, "]}");
    }
    buffer_add_char(out, ']');
}

static void add_end(struct buffer *out, uint64_t call, int64_t started_ms)
{
    int64_t duration_ms = 21522 + (int64_t)(call % 90000);
    int64_t ended_ms = started_ms + duration_ms;
    buffer_add_format(out, ",\"end_timestamp\":%lld,\"duration_ms\":%lld,\"disconnection_reason\":\"%s\"",
                      (long long)ended_ms, (long long)duration_ms, call % 3 ? "user_hangup" : "agent_hangup");
}

static void add_analysis(struct buffer *out, uint64_t call, bool rich)
{
    buffer_add_format(out, ",\"call_cost\":{\"combined_cost\":%llu.%03llu", (unsigned long long)(call % 90),
                      (unsigned long long)(call % 1000));
    if (rich)
        buffer_add_format(
            out, ",\"total_duration_seconds\":%llu,\"product_costs\":[{\"product\":\"elevenlabs_tts\",\"cost\":%llu}]",
            (unsigned long long)(20 + call % 90), (unsigned long long)(call % 70));
    buffer_add_text(out, "}");
    if (rich)
        buffer_add_format(
            out,
            ",\"recording_url\":\"https://recordings.example/%llx/recording.wav\",\"latency\":{\"e2e\":{\"p50\":%llu.5,"
            "\"p90\":1200,\"p95\":1500.25,\"num\":10}}",
            (unsigned long long)call, (unsigned long long)(600 + call % 700));
    buffer_add_format(
        out,
        ",\"call_analysis\":{\"call_summary\":\"The caller asked for an appointment (%llu).\",\"user_sentiment\":"
        "\"Positive\",\"call_successful\":true}",
        (unsigned long long)call);
}

void pipeline_body_write(struct buffer *out, uint64_t call, enum pipeline_stage stage, size_t size)
{
    char call_id[PIPELINE_CALL_ID_BYTES];
    uint64_t state = call * PIPELINE_STAGES + stage;
    size_t begun = out->len;
    size_t until = begun + size * (85 + pipeline_random(&state) % 31) / 100;
    int64_t started_ms = FIRST_START_MS + 100 * (int64_t)(call % CALLS_OF_A_RUN);
    uint64_t caller = call;
    caller = pipeline_random(&caller) % PIPELINE_CALLERS;
    pipeline_call_id(call, call_id);
    buffer_add_format(
        out,
        "{\"event\":\"%s\",\"call\":{\"call_id\":\"%s\",\"call_type\":\"phone_call\",\"agent_id\":\"agent_%02d\","
        "\"call_status\":\"%s\",\"direction\":\"inbound\",\"from_number\":\"+4915%09llu\",\"to_number\":\"+4930%06d\","
        "\"start_timestamp\":%lld",
        pipeline_event_name(stage), call_id, (int)pipeline_company(call),
        stage == PIPELINE_STARTED ? "ongoing" : "ended", (unsigned long long)caller, (int)pipeline_company(call),
        (long long)started_ms);
    if (stage >= PIPELINE_ENDED)
        add_end(out, call, started_ms);
    if (stage == PIPELINE_ANALYZED)
        add_analysis(out, call, size >= RICH_FROM_BYTES);
    if (size < RICH_FROM_BYTES || out->len + 40 >= until) {
        buffer_add_text(out, "}}");
        return;
    }
    if (stage == PIPELINE_STARTED) {
        buffer_add_text(out, ",\"retell_llm_dynamic_variables\":{\"opening_hours\":\"");
        add_talk(out, until, &state);
        buffer_add_text(out, "\"}");
    } else {
        state = call; /* what was said does not change from one event to the next */
        size_t half = (until - out->len) / 2;
        add_transcript(out, out->len + half, &state);
        add_turns(out, until, &state);
    }
    buffer_add_text(out, "}}");
}
