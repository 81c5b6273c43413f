/* call_values.c: one array per column. */
#include "session/call_values.h"

#include "common/text.h"
#include "session/call_stamps.h"

enum column_type { COLUMN_TEXT, COLUMN_JSON, COLUMN_INT, COLUMN_TIME, COLUMN_COST, COLUMN_LATENCY, COLUMN_FLAG };

/* The registers that have a column, in the order of the statements. */
static const struct {
    enum call_register which;
    enum column_type type;
} COLUMNS[] = {
    {REGISTER_SOURCE, COLUMN_TEXT},
    {REGISTER_BRANCH_ID, COLUMN_INT},
    {REGISTER_AGENT_ID, COLUMN_TEXT},
    {REGISTER_CALL_TYPE, COLUMN_TEXT},
    {REGISTER_DIRECTION, COLUMN_TEXT},
    {REGISTER_FROM_NUMBER, COLUMN_TEXT},
    {REGISTER_TO_NUMBER, COLUMN_TEXT},
    {REGISTER_STARTED_AT, COLUMN_TIME},
    {REGISTER_ENDED_AT, COLUMN_TIME},
    {REGISTER_DURATION_MS, COLUMN_INT},
    {REGISTER_DISCONNECTION_REASON, COLUMN_TEXT},
    {REGISTER_TRANSCRIPT, COLUMN_TEXT},
    {REGISTER_RECORDING_URL, COLUMN_TEXT},
    {REGISTER_SUMMARY, COLUMN_TEXT},
    {REGISTER_SENTIMENT, COLUMN_TEXT},
    {REGISTER_SUCCESSFUL, COLUMN_FLAG},
    {REGISTER_IN_VOICEMAIL, COLUMN_FLAG},
    {REGISTER_COST_CENTS, COLUMN_COST},
    {REGISTER_COST_BREAKDOWN, COLUMN_JSON},
    {REGISTER_LATENCY_E2E_P50_MS, COLUMN_LATENCY},
    {REGISTER_LATENCY, COLUMN_JSON},
    {REGISTER_CUSTOM_ANALYSIS, COLUMN_JSON},
    {REGISTER_METADATA, COLUMN_JSON},
};

/* One column of every call, `of` each; arrays of the three kinds of element. */
struct column {
    struct slice *texts;
    int64_t *numbers;
    int8_t *flags;
    size_t count;
};

static struct column column_new(struct arena *arena, size_t count)
{
    return (struct column){
        .texts = arena_zeroed(arena, count, sizeof(struct slice)),
        .numbers = arena_zeroed(arena, count, sizeof(int64_t)),
        .flags = arena_zeroed(arena, count, 1),
        .count = count,
    };
}

static void add_column(struct database_values *values, const struct column *column, enum column_type type)
{
    switch (type) {
    case COLUMN_TEXT:
        database_add_texts(values, column->texts, column->count);
        break;
    case COLUMN_JSON:
        database_add_jsons(values, column->texts, column->count);
        break;
    case COLUMN_INT:
        database_add_ints(values, column->numbers, column->count);
        break;
    case COLUMN_TIME:
        database_add_times(values, column->numbers, column->count);
        break;
    case COLUMN_COST:
        database_add_decimals(values, column->numbers, CALL_COST_DECIMALS, column->count);
        break;
    case COLUMN_LATENCY:
        database_add_decimals(values, column->numbers, CALL_LATENCY_DECIMALS, column->count);
        break;
    case COLUMN_FLAG:
        database_add_flags(values, column->flags, column->count);
        break;
    }
}

static void add_register(struct database_values *values, struct column *column, const struct call_work *const *works,
                         enum call_register which, enum column_type type)
{
    const struct call_register_place *place = &CALL_REGISTER_PLACES[which];
    for (size_t i = 0; i < column->count; i++) {
        const char *value = (const char *)&works[i]->state + place->offset;
        if (place->kind == KIND_TEXT)
            memcpy(&column->texts[i], value, sizeof column->texts[i]);
        else if (place->kind == KIND_INT)
            memcpy(&column->numbers[i], value, sizeof column->numbers[i]);
        else
            memcpy(&column->flags[i], value, sizeof column->flags[i]);
    }
    add_column(values, column, type);
}

static struct slice missing_text(struct arena *arena, unsigned missing)
{
    struct buffer names = {0};
    for (unsigned bit = 0; bit < MISSING_KINDS; bit++)
        if (missing >> bit & 1)
            buffer_add_format(&names, "%s%s", names.len ? "," : "", call_missing_name(bit));
    struct slice text = names.len ? arena_copy(arena, buffer_slice(&names)) : SLICE("");
    buffer_free(&names);
    return text;
}

void call_values_keys(struct database_values *values, struct arena *arena, const struct call_work *const *works,
                      size_t count)
{
    struct column column = column_new(arena, count);
    for (size_t i = 0; i < count; i++) {
        column.numbers[i] = works[i]->company_id;
        column.texts[i] = works[i]->call_id;
    }
    add_column(values, &column, COLUMN_INT);
    add_column(values, &column, COLUMN_TEXT);
}

/* What is no register. */
static void add_computed(struct database_values *values, struct arena *arena, struct column *column,
                         const struct call_work *const *works)
{
    for (size_t i = 0; i < column->count; i++) {
        column->numbers[i] = works[i]->state.call.customer_id;
        column->texts[i] = works[i]->state.call.status;
        column->flags[i] = works[i]->state.call.analyzed;
    }
    add_column(values, column, COLUMN_INT);
    add_column(values, column, COLUMN_TEXT);
    add_column(values, column, COLUMN_FLAG);
    for (size_t i = 0; i < column->count; i++) {
        column->texts[i] = missing_text(arena, works[i]->state.call.missing);
        column->numbers[i] = works[i]->state.call.version;
    }
    add_column(values, column, COLUMN_TEXT);
    add_column(values, column, COLUMN_INT);
    for (size_t i = 0; i < column->count; i++) {
        column->texts[i] = call_stamps_write(arena, &works[i]->state);
        column->numbers[i] = works[i]->state.call.first_seen_at;
    }
    database_add_bytes_array(values, column->texts, column->count);
    add_column(values, column, COLUMN_TIME);
    for (size_t i = 0; i < column->count; i++) {
        column->numbers[i] = works[i]->state.call.updated_at;
        column->texts[i] = works[i]->customer_wanted;
    }
    add_column(values, column, COLUMN_TIME);
    add_column(values, column, COLUMN_TEXT);
}

void call_values_rows(struct database_values *values, struct arena *arena, const struct call_work *const *works,
                      size_t count)
{
    database_values_init(values, arena);
    call_values_keys(values, arena, works, count);
    struct column column = column_new(arena, count);
    for (size_t i = 0; i < COUNT(COLUMNS); i++)
        add_register(values, &column, works, COLUMNS[i].which, COLUMNS[i].type);
    add_computed(values, arena, &column, works);
}

/* A correlation id that is no uuid (another producer's) is left out: SQL would refuse the record for it. */
static struct slice uuid_or_absent(struct slice text)
{
    if (text.len != 36)
        return SLICE_ABSENT;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return SLICE_ABSENT;
    }
    return text;
}

/* A header's bytes are the sender's in part (the type is the body's `event`). */
static struct slice header_text(struct arena *arena, struct slice text, struct slice otherwise)
{
    uint64_t repaired = 0;
    return slice_absent(text) ? otherwise : text_repair(arena, text, &repaired);
}

void call_values_inbox(struct database_values *values, struct arena *arena, const struct call_entry *entries,
                       size_t count, const char *topic, int64_t now_ms)
{
    enum { ID, PROVIDER, SOURCE, TYPE, CALL, RESOLVED_BY, STATUS, CORRELATION, PAYLOAD, TEXTS };
    enum { COMPANY, BRANCH, RECEIVED, PARTITION, OFFSET, BOUND, NUMBERS };
    struct slice *texts[TEXTS];
    int64_t *numbers[NUMBERS];
    for (size_t i = 0; i < TEXTS; i++)
        texts[i] = arena_zeroed(arena, count, sizeof **texts);
    for (size_t i = 0; i < NUMBERS; i++)
        numbers[i] = arena_zeroed(arena, count, sizeof **numbers);
    for (size_t i = 0; i < count; i++) {
        const struct event *event = entries[i].event;
        texts[ID][i] = (struct slice){(const char *)event->id.bytes, sizeof event->id.bytes};
        texts[PROVIDER][i] = header_text(arena, event_provider(event), SLICE("unknown"));
        texts[SOURCE][i] = header_text(arena, event_source_name(event), SLICE("default"));
        texts[TYPE][i] = header_text(arena, event_bare_type(event), SLICE(""));
        texts[CALL][i] = entries[i].facts.call_id;
        texts[RESOLVED_BY][i] = header_text(arena, event->resolved_by, SLICE_ABSENT);
        texts[STATUS][i] = entries[i].facts.kind == CALL_EVENT_IGNORED ? SLICE("ignored") : SLICE("processed");
        texts[CORRELATION][i] = uuid_or_absent(event->correlation_id);
        texts[PAYLOAD][i] = slice_absent(event->body) ? SLICE("") : event->body;
        numbers[COMPANY][i] = entries[i].company_id;
        numbers[BRANCH][i] = event->branch_id ? event->branch_id : DATABASE_NULL;
        numbers[RECEIVED][i] = event->time_ms ? event->time_ms : DATABASE_NULL;
        numbers[PARTITION][i] = entries[i].partition;
        numbers[OFFSET][i] = entries[i].offset;
        numbers[BOUND][i] = entries[i].bound ? entries[i].company_id : 0;
    }
    database_values_init(values, arena);
    database_add_bytes_array(values, texts[ID], count);
    database_add_texts(values, texts[PROVIDER], count);
    database_add_texts(values, texts[SOURCE], count);
    database_add_texts(values, texts[TYPE], count);
    database_add_texts(values, texts[CALL], count);
    database_add_ints(values, numbers[COMPANY], count);
    database_add_ints(values, numbers[BRANCH], count);
    database_add_texts(values, texts[RESOLVED_BY], count);
    database_add_texts(values, texts[STATUS], count);
    database_add_texts(values, texts[CORRELATION], count);
    database_add_times(values, numbers[RECEIVED], count);
    database_add_ints(values, numbers[PARTITION], count);
    database_add_ints(values, numbers[OFFSET], count);
    database_add_bytes_array(values, texts[PAYLOAD], count);
    database_add_text(values, slice_of(topic));
    database_add_time(values, now_ms);
    database_add_ints(values, numbers[BOUND], count);
}
