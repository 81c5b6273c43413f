/* call_json.c: columns in table order, null kept. The order is part of the contract: repeated versions are the same bytes. */
#include "common/call_json.h"

static const char *const MISSING_NAMES[MISSING_KINDS] = {"cost", "transcript", "summary", "latency", "recording"};

const char *call_missing_name(unsigned bit)
{
    return bit < MISSING_KINDS ? MISSING_NAMES[bit] : "";
}

unsigned call_missing_bit(struct slice name)
{
    for (unsigned bit = 0; bit < MISSING_KINDS; bit++)
        if (slice_equals(name, MISSING_NAMES[bit]))
            return 1U << bit;
    return 0;
}

void call_init(struct call *call)
{
    *call = (struct call){
        .company_id = CALL_NULL,
        .branch_id = CALL_NULL,
        .customer_id = CALL_NULL,
        .started_at = CALL_NULL,
        .ended_at = CALL_NULL,
        .duration_ms = CALL_NULL,
        .successful = -1,
        .in_voicemail = -1,
        .cost_cents = CALL_NULL,
        .latency_e2e_p50_ms = CALL_NULL,
        .first_seen_at = CALL_NULL,
        .updated_at = CALL_NULL,
    };
}

static void write_name(struct buffer *out, const char *name)
{
    if (out->len && out->data[out->len - 1] != '{')
        buffer_add_char(out, ',');
    buffer_add_char(out, '"');
    buffer_add_text(out, name);
    buffer_add_text(out, "\":");
}

static void write_text(struct buffer *out, const char *name, struct slice text)
{
    write_name(out, name);
    if (slice_absent(text))
        buffer_add_text(out, "null");
    else
        buffer_add_json_string(out, text);
}

static void write_raw(struct buffer *out, const char *name, struct slice json)
{
    write_name(out, name);
    buffer_add(out, slice_absent(json) ? SLICE("null") : json);
}

static void write_int(struct buffer *out, const char *name, int64_t number)
{
    write_name(out, name);
    if (number == CALL_NULL)
        buffer_add_text(out, "null");
    else
        buffer_add_int(out, number);
}

static void write_time(struct buffer *out, const char *name, int64_t ms)
{
    write_name(out, name);
    if (ms == CALL_NULL) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_char(out, '"');
    buffer_add_time(out, ms);
    buffer_add_char(out, '"');
}

static void write_flag(struct buffer *out, const char *name, int flag)
{
    write_name(out, name);
    buffer_add_text(out, flag < 0 ? "null" : flag ? "true" : "false");
}

static void write_decimal(struct buffer *out, const char *name, int64_t scaled, int decimals)
{
    write_name(out, name);
    if (scaled == CALL_NULL)
        buffer_add_text(out, "null");
    else
        call_json_write_decimal(out, scaled, decimals);
}

static void write_missing(struct buffer *out, unsigned missing)
{
    write_name(out, "missing");
    buffer_add_char(out, '[');
    const char *separator = "";
    for (unsigned bit = 0; bit < MISSING_KINDS; bit++)
        if (missing & 1U << bit) {
            buffer_add_format(out, "%s\"%s\"", separator, MISSING_NAMES[bit]);
            separator = ",";
        }
    buffer_add_char(out, ']');
}

void call_json_write_decimal(struct buffer *out, int64_t scaled, int decimals)
{
    uint64_t magnitude = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    uint64_t unit = 1;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    buffer_add_format(out, "%s%llu", scaled < 0 ? "-" : "", (unsigned long long)(magnitude / unit));
    if (magnitude % unit == 0)
        return;
    buffer_add_format(out, ".%0*llu", decimals, (unsigned long long)(magnitude % unit));
    while (out->data[out->len - 1] == '0')
        out->data[--out->len] = '\0';
}

void call_json_write(struct buffer *out, const struct call *call, enum call_json_columns columns)
{
    bool whole = columns == CALL_JSON_WHOLE;
    buffer_add_char(out, '{');
    write_int(out, "company_id", call->company_id);
    write_text(out, "call_id", call->call_id);
    write_text(out, "source", call->source);
    write_int(out, "branch_id", call->branch_id);
    write_int(out, "customer_id", call->customer_id);
    write_text(out, "agent_id", call->agent_id);
    write_text(out, "call_type", call->call_type);
    write_text(out, "direction", call->direction);
    write_text(out, "from_number", call->from_number);
    write_text(out, "to_number", call->to_number);
    write_time(out, "started_at", call->started_at);
    write_time(out, "ended_at", call->ended_at);
    write_int(out, "duration_ms", call->duration_ms);
    write_text(out, "status", call->status);
    write_text(out, "disconnection_reason", call->disconnection_reason);
    if (whole)
        write_text(out, "transcript", call->transcript);
    write_text(out, "recording_url", call->recording_url);
    write_text(out, "summary", call->summary);
    write_text(out, "sentiment", call->sentiment);
    write_flag(out, "successful", call->successful);
    write_flag(out, "in_voicemail", call->in_voicemail);
    write_flag(out, "analyzed", call->analyzed);
    write_decimal(out, "cost_cents", call->cost_cents, CALL_COST_DECIMALS);
    if (whole)
        write_raw(out, "cost_breakdown", call->cost_breakdown);
    write_decimal(out, "latency_e2e_p50_ms", call->latency_e2e_p50_ms, CALL_LATENCY_DECIMALS);
    if (whole) {
        write_raw(out, "latency", call->latency);
        write_raw(out, "custom_analysis", call->custom_analysis);
        write_raw(out, "metadata", call->metadata);
    }
    write_missing(out, call->missing);
    write_int(out, "version", call->version);
    write_time(out, "first_seen_at", call->first_seen_at);
    write_time(out, "updated_at", call->updated_at);
    buffer_add_char(out, '}');
}

void call_update_write(struct buffer *out, const struct call *call, const struct call_update_event *event, bool gone)
{
    buffer_add_char(out, '{');
    write_int(out, "v", 1);
    write_int(out, "company_id", call->company_id);
    write_text(out, "call_id", call->call_id);
    write_int(out, "version", call->version);
    write_time(out, "updated_at", call->updated_at);
    write_name(out, "event");
    buffer_add_char(out, '{');
    write_text(out, "id", event->id);
    write_text(out, "type", event->type);
    write_time(out, "received_at", event->received_at);
    buffer_add_char(out, '}');
    if (gone) {
        write_flag(out, "gone", true);
    } else {
        write_name(out, "call");
        call_json_write(out, call, CALL_JSON_BRIEF);
    }
    buffer_add_char(out, '}');
}
