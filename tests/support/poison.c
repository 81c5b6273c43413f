/* poison.c: see poison.h. */
#include "tests/support/poison.h"

#include <stdio.h>

#include "common/buffer.h"

enum { DEPTH = 10000, KB_4 = 4096, KB_64 = 65536, LARGE = 4352 * 1024 };

static const char *const NAMES[POISON_KINDS] = {
    [POISON_NUL] = "nul",
    [POISON_INVALID_UTF8] = "invalid-utf8",
    [POISON_ABSURD_TIMES] = "absurd-times",
    [POISON_DEEP_METADATA] = "deep-metadata",
    [POISON_DEEP_BODY] = "deep-body",
    [POISON_LARGE] = "large",
    [POISON_DUPLICATE_KEYS] = "duplicate-keys",
    [POISON_NO_CALL_ID] = "no-call-id",
    [POISON_CALL_ID_4_KB] = "call-id-4-kb",
    [POISON_WRONG_TYPES] = "wrong-types",
    [POISON_NUMBER_OVERFLOW] = "number-overflow",
    [POISON_NO_OBJECT] = "no-object",
    [POISON_BARE_TEXT] = "bare-text",
    [POISON_HALF_A_BODY] = "half-a-body",
    [POISON_EMPTY_BODY] = "empty-body",
    [POISON_NO_VALUE] = "no-value",
    [POISON_EMPTY_KEY] = "empty-key",
    [POISON_HEADERS_ONLY] = "headers-only",
    [POISON_NO_HEADERS] = "no-headers",
};

static const char *const TWISTS[POISON_TWISTS] = {
    [TWIST_ABSENT] = "absent",     [TWIST_WRONG] = "wrong", [TWIST_TWICE] = "twice",
    [TWIST_NOT_UTF8] = "not-utf8", [TWIST_64_KB] = "64-kb",
};

const char *poison_name(enum poison_kind kind)
{
    return NAMES[kind];
}

const char *poison_twist_name(enum poison_twist twist)
{
    return TWISTS[twist];
}

static struct slice repeated(struct arena *arena, const char *text, size_t times)
{
    size_t len = strlen(text);
    char *copy = arena_alloc(arena, times * len + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(copy + i * len, text, len);
    copy[times * len] = '\0';
    return (struct slice){copy, times * len};
}

/* call_started with these members of `call`. */
static struct slice body_of(struct arena *arena, const char *call_id, const char *members)
{
    struct buffer body = {0};
    buffer_add_text(&body, "{\"event\":\"call_started\",\"call\":{");
    if (call_id) {
        buffer_add_text(&body, "\"call_id\":");
        buffer_add_json_string(&body, slice_of(call_id));
        buffer_add_char(&body, ',');
    }
    /* the number by which resolver knows the company */
    buffer_add_text(&body, "\"to_number\":\"+493083793369\"");
    buffer_add_text(&body, members);
    buffer_add_text(&body, "}}");
    struct slice copy = arena_copy(arena, buffer_slice(&body));
    buffer_free(&body);
    return copy;
}

static struct slice deep(struct arena *arena, const char *before, const char *after)
{
    return arena_format(arena, "%s%s%s%s", before, repeated(arena, "[", DEPTH).ptr, repeated(arena, "]", DEPTH).ptr,
                        after);
}

static const char WRONG_TYPES[] =
    ",\"agent_id\":7,\"call_type\":[],\"direction\":{},\"from_number\":true,\"start_timestamp\":\"soon\","
    "\"end_timestamp\":[],\"duration_ms\":{},\"disconnection_reason\":1.5,\"transcript\":{\"a\":1},\"recording_url\":0,"
    "\"call_analysis\":[{}],\"call_cost\":\"much\",\"latency\":false,\"metadata\":\"none\",\"call_status\":{},"
    "\"data_storage_setting\":[],\"transcript_object\":{\"words\":[]}";
static const char OVERFLOWS[] =
    ",\"call_cost\":{\"combined_cost\":1e400},\"latency\":{\"e2e\":{\"p50\":1e300},\"n\":1e99999},\"duration_ms\":"
    "99999999999999999999999999,\"metadata\":{\"n\":"
    "123456789012345678901234567890123456789012345678901234567890123456789}";
static const char ABSURD_TIMES[] = ",\"start_timestamp\":9223372036854775807,\"end_timestamp\":-1,\"duration_ms\":-1";
static const char DUPLICATES[] =
    ",\"agent_id\":\"first\",\"agent_id\":\"second\",\"metadata\":{\"k\":1,\"k\":2,\"o\":{\"x\":1,\"x\":2}}";

static struct slice poison_body(struct arena *arena, enum poison_kind kind)
{
    const char *name = NAMES[kind];
    switch (kind) {
    case POISON_NUL:
        return body_of(arena, name, ",\"agent_id\":\"a\\u0000b\",\"metadata\":{\"k\\u0000\":\"\\u0000\"}");
    case POISON_INVALID_UTF8:
        return body_of(arena, name, ",\"agent_id\":\"a\xff\",\"metadata\":{\"\xc3\":\"\xed\xa0\x80\"}");
    case POISON_ABSURD_TIMES:
        return body_of(arena, name, ABSURD_TIMES);
    case POISON_DEEP_METADATA:
        return body_of(arena, name, deep(arena, ",\"metadata\":{\"a\":", "}").ptr);
    case POISON_DEEP_BODY:
        return body_of(arena, name, deep(arena, ",\"x\":", "").ptr);
    case POISON_LARGE:
        return body_of(arena, name, arena_format(arena, ",\"transcript\":\"%s\"", repeated(arena, "x", LARGE).ptr).ptr);
    case POISON_DUPLICATE_KEYS:
        return body_of(arena, name, DUPLICATES);
    case POISON_NO_CALL_ID:
        return body_of(arena, NULL, "");
    case POISON_CALL_ID_4_KB:
        return body_of(arena, repeated(arena, "x", KB_4).ptr, "");
    case POISON_WRONG_TYPES:
        return body_of(arena, name, WRONG_TYPES);
    case POISON_NUMBER_OVERFLOW:
        return body_of(arena, name, OVERFLOWS);
    case POISON_NO_OBJECT:
        return SLICE("[{\"event\":\"call_started\"}]");
    case POISON_BARE_TEXT:
        return SLICE("\"call_started\"");
    case POISON_HALF_A_BODY:
        return SLICE("{\"event\":\"call_started\",\"call\":{");
    case POISON_EMPTY_BODY:
        return SLICE("");
    case POISON_NO_VALUE:
    case POISON_HEADERS_ONLY:
        return SLICE_ABSENT;
    default:
        return body_of(arena, name, "");
    }
}

static struct record record_of(struct arena *arena, const char *topic, const struct event *envelope,
                               struct slice call_id, struct slice body)
{
    struct header *headers = arena_zeroed(arena, POISON_HEADERS_MAX, sizeof *headers);
    struct event event = *envelope;
    event.type = SLICE("ai.retell.call_started");
    event.subject = call_id;
    event.body = body;
    event.id = event_id_of(call_id, 0, body);
    return (struct record){
        .topic = topic,
        .partition = RECORD_PARTITION_BY_KEY,
        .key = slice_absent(call_id) ? SLICE("no call") : call_id,
        .value = body,
        .headers = headers,
        .header_count = event_write(&event, arena, headers),
    };
}

struct record poison_fine_record(struct arena *arena, const char *topic, const struct event *envelope,
                                 const char *call_id)
{
    return record_of(arena, topic, envelope, slice_of(call_id), body_of(arena, call_id, ""));
}

static void name_record(struct record *record, const char *name)
{
    struct header *headers = (struct header *)(uintptr_t)record->headers; /* our own, of record_of */
    headers[record->header_count++] = (struct header){"x-poison", slice_of(name)};
}

struct record poison_record(struct arena *arena, const char *topic, const struct event *envelope, enum poison_kind kind)
{
    struct slice call_id = kind == POISON_NO_CALL_ID     ? SLICE_ABSENT
                           : kind == POISON_CALL_ID_4_KB ? repeated(arena, "x", KB_4)
                                                         : slice_of(NAMES[kind]);
    struct record record = record_of(arena, topic, envelope, call_id, poison_body(arena, kind));
    if (kind == POISON_EMPTY_KEY)
        record.key = SLICE("");
    if (kind == POISON_HEADERS_ONLY)
        record.key = SLICE_ABSENT;
    if (kind == POISON_NO_HEADERS)
        record.header_count = 0;
    name_record(&record, NAMES[kind]);
    return record;
}

static struct slice twisted_value(struct arena *arena, enum poison_twist twist)
{
    if (twist == TWIST_NOT_UTF8)
        return SLICE("\xff\xc3(");
    return twist == TWIST_64_KB ? repeated(arena, "x", KB_64) : SLICE("wrong");
}

struct record poison_twisted_record(struct arena *arena, const char *topic, const struct event *envelope,
                                    const char *header, enum poison_twist twist)
{
    const char *name = arena_format(arena, "%s-%s", header, TWISTS[twist]).ptr;
    struct record record = poison_fine_record(arena, topic, envelope, name);
    struct header *headers = arena_zeroed(arena, POISON_HEADERS_MAX, sizeof *headers);
    size_t count = 0;
    for (size_t i = 0; i < record.header_count; i++)
        if (strcmp(record.headers[i].name, header) != 0 || twist == TWIST_TWICE)
            headers[count++] = record.headers[i];
    if (twist != TWIST_ABSENT)
        headers[count++] = (struct header){header, twisted_value(arena, twist)};
    if (twist == TWIST_TWICE)
        headers[count++] = (struct header){header, SLICE("wronger")};
    record.headers = headers;
    record.header_count = count;
    name_record(&record, name);
    return record;
}

void poison_send_among(struct broker *broker, struct arena *arena, const struct event *envelope, const char *flock,
                       const struct record *poisons, size_t count, int32_t partition)
{
    struct record *records = arena_zeroed(arena, POISON_FLOCK, sizeof *records);
    size_t fine = 0;
    size_t sent = 0;
    for (size_t i = 0; i < POISON_FLOCK; i++) {
        if (sent < count && i == (sent + 1) * POISON_FLOCK / (count + 1))
            records[i] = poisons[sent++];
        else
            records[i] =
                poison_fine_record(arena, poisons[0].topic, envelope, arena_format(arena, "%s-%zu", flock, fine++).ptr);
        records[i].partition = partition;
    }
    broker_send_all(broker, records, POISON_FLOCK);
}

const struct broker_record *poison_find(const struct broker_record *records, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(broker_record_header(&records[i], "x-poison"), name))
            return &records[i];
    return NULL;
}

const char *poison_letter_differs(const struct broker_record *letter, const struct record *sent)
{
    if (!slice_same(letter->key, sent->key))
        return "the key";
    if (!slice_same(letter->value, sent->value))
        return "the value";
    for (size_t i = 0; i < sent->header_count; i++)
        if (i >= letter->header_count || strcmp(letter->headers[i].name, sent->headers[i].name) != 0 ||
            !slice_same(letter->headers[i].value, sent->headers[i].value))
            return sent->headers[i].name;
    return letter->header_count == sent->header_count + 10 ? NULL : "how many headers";
}
