/* simulate_body.c: see simulate_body.h. */
#include "ctl/simulate_body.h"

#include <stdlib.h>

#include "common/call_json.h"

/* Prices in 10^-7 cents a second, as on published invoices: voice 7, model 0.6, line 1.5 cents a minute. */
static const struct {
    const char *product;
    int64_t unit_price_e7;
} PRODUCTS[] = {{"elevenlabs_tts", 1166667}, {"gemini_2_0_flash", 100000}, {"us_telephony", 250000}};

enum { PRICE_DECIMALS = 7, ANALYSIS_PRICE_E7 = 17000000 };

enum phase { PHASE_LIVE, PHASE_OVER, PHASE_ANALYZED };

/* What is said of a call at one moment. */
struct view {
    const struct life *life;
    enum phase phase;
    int64_t now_ms;
    bool transcripts;
};

static void add_text(struct buffer *out, const char *key, const char *text)
{
    buffer_add_format(out, ",\"%s\":", key);
    buffer_add_json_string(out, slice_of(text));
}

/* ms as seconds. */
static void add_seconds(struct buffer *out, const char *key, int64_t ms)
{
    buffer_add_format(out, ",\"%s\":", key);
    call_json_write_decimal(out, ms, 3);
}

static size_t utterances_said(const struct view *view)
{
    size_t said = 0;
    while (said < view->life->utterance_count &&
           (view->phase != PHASE_LIVE || view->life->start_ms + view->life->utterances[said].end_ms <= view->now_ms))
        said++;
    return said;
}

static void add_words(struct buffer *out, const struct life_utterance *utterance)
{
    int64_t at_ms = utterance->begin_ms;
    buffer_add_text(out, ",\"words\":[");
    for (const char *at = utterance->text; *at;) {
        size_t len = strcspn(at, " ");
        buffer_add_text(out, at == utterance->text ? "{\"word\":" : ",{\"word\":");
        buffer_add_json_string(out, (struct slice){at, len});
        int64_t end_ms = at_ms + LIFE_WORD_BASE_MS + LIFE_WORD_PER_BYTE_MS * (int64_t)len;
        add_seconds(out, "start", at_ms);
        add_seconds(out, "end", end_ms);
        buffer_add_char(out, '}');
        at_ms = end_ms + LIFE_WORD_PAUSE_MS;
        at += len + (at[len] == ' ');
    }
    buffer_add_char(out, ']');
}

static void add_utterances(struct buffer *out, const char *key, const struct life *life, size_t count)
{
    buffer_add_format(out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        const struct life_utterance *utterance = &life->utterances[i];
        buffer_add_format(out, "%s{\"role\":\"%s\"", i == 0 ? "" : ",", utterance->by_agent ? "agent" : "user");
        add_text(out, "content", utterance->text);
        add_words(out, utterance);
        buffer_add_char(out, '}');
    }
    buffer_add_char(out, ']');
}

static void add_transcripts(struct buffer *out, const struct view *view, size_t said)
{
    struct buffer text = {0};
    for (size_t i = 0; i < said; i++)
        buffer_add_format(&text, "%s: %s\n", view->life->utterances[i].by_agent ? "Agent" : "User",
                          view->life->utterances[i].text);
    add_text(out, "transcript", text.data ? text.data : "");
    buffer_free(&text);
    add_utterances(out, "transcript_object", view->life, said);
    add_utterances(out, "transcript_with_tool_calls", view->life, said);
}

static int compare_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank. */
static long long percentile(const int64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (percent * count + 99) / 100;
    return (long long)sorted[rank > 0 ? rank - 1 : 0];
}

static void add_distribution(struct buffer *out, const char *key, const int64_t *values, size_t count, int64_t percent)
{
    int64_t scaled[LIFE_UTTERANCES_MAX], sorted[LIFE_UTTERANCES_MAX];
    for (size_t i = 0; i < count; i++)
        sorted[i] = scaled[i] = values[i] * percent / 100;
    qsort(sorted, count, sizeof *sorted, compare_ms);
    buffer_add_format(out,
                      "\"%s\":{\"p50\":%lld,\"p90\":%lld,\"p95\":%lld,\"p99\":%lld,\"max\":%lld,\"min\":%lld,\"num\":%"
                      "zu,\"values\":[",
                      key, percentile(sorted, count, 50), percentile(sorted, count, 90), percentile(sorted, count, 95),
                      percentile(sorted, count, 99), (long long)sorted[count - 1], (long long)sorted[0], count);
    for (size_t i = 0; i < count; i++)
        buffer_add_format(out, "%s%lld", i == 0 ? "" : ",", (long long)scaled[i]);
    buffer_add_text(out, "]}");
}

static void add_latency(struct buffer *out, const struct life *life)
{
    int64_t values[LIFE_UTTERANCES_MAX] = {life->greeting_latency_ms};
    size_t count = 1;
    for (size_t i = 1; i < life->utterance_count; i++)
        if (life->latencies_ms[i] > 0)
            values[count++] = life->latencies_ms[i];
    buffer_add_text(out, ",\"latency\":{");
    add_distribution(out, "e2e", values, count, 100);
    buffer_add_char(out, ',');
    add_distribution(out, "llm", values, count, 56);
    buffer_add_char(out, ',');
    add_distribution(out, "tts", values, count, 24);
    buffer_add_char(out, ',');
    add_distribution(out, "asr", values, count, 12);
    buffer_add_char(out, '}');
}

/* The analysis is billed when it is done: call_analyzed costs more than call_ended. */
static void add_cost(struct buffer *out, const struct view *view)
{
    const struct life *life = view->life;
    int64_t seconds = (life->end_ms - life->start_ms + 999) / 1000, total_e7 = 0, per_second_e7 = 0;
    bool connected = life->outcome != LIFE_NOT_CONNECTED;

    buffer_add_text(out, ",\"call_cost\":{\"product_costs\":[");
    for (size_t i = 0; connected && i < COUNT(PRODUCTS); i++) {
        int64_t cost_e7 = PRODUCTS[i].unit_price_e7 * seconds;
        buffer_add_format(out, "%s{\"product\":\"%s\",\"unit_price\":", i == 0 ? "" : ",", PRODUCTS[i].product);
        call_json_write_decimal(out, PRODUCTS[i].unit_price_e7, PRICE_DECIMALS);
        buffer_add_text(out, ",\"cost\":");
        call_json_write_decimal(out, cost_e7, PRICE_DECIMALS);
        buffer_add_char(out, '}');
        total_e7 += cost_e7;
        per_second_e7 += PRODUCTS[i].unit_price_e7;
    }
    if (connected && view->phase == PHASE_ANALYZED) {
        buffer_add_text(out, ",{\"product\":\"post_call_analysis_gpt_4o\",\"cost\":1.7}");
        total_e7 += ANALYSIS_PRICE_E7;
    }
    buffer_add_char(out, ']');
    if (connected) {
        buffer_add_format(out, ",\"total_duration_seconds\":%lld,\"total_duration_unit_price\":", (long long)seconds);
        call_json_write_decimal(out, per_second_e7, PRICE_DECIMALS);
    }
    buffer_add_text(out, ",\"combined_cost\":");
    call_json_write_decimal(out, total_e7, PRICE_DECIMALS);
    buffer_add_char(out, '}');
}

static void add_analysis(struct buffer *out, const struct life *life)
{
    bool talked = life->outcome == LIFE_CONVERSATION;
    buffer_add_text(out, ",\"call_analysis\":{\"call_summary\":");
    if (talked)
        buffer_add_json_string(out, slice_of(life->summary));
    else
        buffer_add_text(out, life->outcome == LIFE_VOICEMAIL ? "\"Mailbox erreicht, keine Nachricht hinterlassen.\""
                                                             : "\"\"");
    if (life->outcome != LIFE_NOT_CONNECTED)
        buffer_add_format(out, ",\"in_voicemail\":%s", life->outcome == LIFE_VOICEMAIL ? "true" : "false");
    add_text(out, "user_sentiment", talked ? life->dialogue->sentiment : "Unknown");
    buffer_add_format(out, ",\"call_successful\":%s,\"custom_analysis_data\":{", talked ? "true" : "false");
    if (talked) {
        buffer_add_format(out, "\"appointment_booked\":%s", life->dialogue->booked ? "true" : "false");
        add_text(out, "Anliegen", life->dialogue->matter);
    }
    buffer_add_text(out, "}}");
}

static const char *status_of(const struct view *view)
{
    if (view->phase == PHASE_LIVE)
        return view->life->outcome == LIFE_NOT_CONNECTED ? "registered" : "ongoing";
    switch (view->life->outcome) {
    case LIFE_NOT_CONNECTED:
        return "not_connected";
    case LIFE_ERROR:
        return "error";
    case LIFE_CONVERSATION:
    case LIFE_VOICEMAIL:
        break;
    }
    return "ended";
}

static void add_head(struct buffer *out, const struct view *view)
{
    const struct life *life = view->life;
    buffer_add_text(out, "{\"call_id\":");
    buffer_add_json_string(out, slice_of(life->call_id));
    add_text(out, "call_type", "phone_call");
    add_text(out, "agent_id", life->agent_id);
    buffer_add_text(out, ",\"agent_version\":3");
    add_text(out, "agent_name", life->agent_name);
    buffer_add_format(out, ",\"retell_llm_dynamic_variables\":{\"customer_name\":\"%s %s\"}", life->given_name,
                      life->family_name);
    add_text(out, "call_status", status_of(view));
    buffer_add_text(out, ",\"data_storage_setting\":\"everything\",\"opt_in_signed_url\":false");
    if (life->outcome != LIFE_NOT_CONNECTED) /* seen in the wild: a call that never connected has no times at all */
        buffer_add_format(out, ",\"start_timestamp\":%lld", (long long)life->start_ms);
}

static void add_end(struct buffer *out, const struct view *view)
{
    const struct life *life = view->life;
    bool connected = life->outcome != LIFE_NOT_CONNECTED;
    if (connected)
        buffer_add_format(out, ",\"end_timestamp\":%lld", (long long)life->end_ms);
    buffer_add_format(out, ",\"duration_ms\":%lld", connected ? (long long)(life->end_ms - life->start_ms) : 0LL);
    add_text(out, "disconnection_reason", life->reason);
    if (connected)
        buffer_add_format(out, ",\"recording_url\":\"https://recordings.example/%s/recording.wav\"", life->call_id);
    if (connected)
        add_latency(out, life);
    add_cost(out, view);
}

static void write_view(struct buffer *out, const struct view *view)
{
    const struct life *life = view->life;
    add_head(out, view);
    if (view->transcripts)
        add_transcripts(out, view, utterances_said(view));
    if (view->phase != PHASE_LIVE)
        add_end(out, view);
    if (view->phase == PHASE_ANALYZED)
        add_analysis(out, life);
    add_text(out, "from_number", life->outbound ? life->our_number : life->other_number);
    add_text(out, "to_number", life->outbound ? life->other_number : life->our_number);
    add_text(out, "direction", life->outbound ? "outbound" : "inbound");
    buffer_add_char(out, '}');
}

void life_write_webhook(const struct life *life, const struct life_step *step, struct buffer *out)
{
    static const enum phase PHASES[] = {
        [LIFE_CALL_STARTED] = PHASE_LIVE,
        [LIFE_TRANSCRIPT_UPDATED] = PHASE_LIVE,
        [LIFE_CALL_ENDED] = PHASE_OVER,
        [LIFE_CALL_ANALYZED] = PHASE_ANALYZED,
    };
    struct view view = {.life = life,
                        .phase = PHASES[step->kind],
                        .now_ms = step->at_ms,
                        .transcripts = step->kind != LIFE_CALL_STARTED};
    buffer_add_format(out, "{\"event\":\"%s\",\"call\":", life_step_event(step->kind));
    write_view(out, &view);
    buffer_add_format(out, ",\"event_timestamp\":%lld}", (long long)step->at_ms);
}

void life_write_call(const struct life *life, int64_t now_ms, enum life_detail detail, struct buffer *out)
{
    struct view view = {.life = life, .now_ms = now_ms, .transcripts = detail == LIFE_WHOLE};
    view.phase = now_ms >= life->analyzed_ms ? PHASE_ANALYZED : now_ms >= life->end_ms ? PHASE_OVER : PHASE_LIVE;
    write_view(out, &view);
}
