/* call_update.c: key, partition, envelope and value (common/call_json writes it) of an update. */
#include "session/call_update.h"

static struct slice update_value(struct arena *arena, const struct call *call, const struct event *last, bool gone)
{
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(last->id, id);
    const struct call_update_event event = {
        .id = slice_of(id),
        .type = last->type,
        .received_at = last->time_ms ? last->time_ms : CALL_NULL,
    };
    struct buffer json = {0};
    call_update_write(&json, call, &event, gone);
    struct slice value = arena_copy(arena, buffer_slice(&json));
    buffer_free(&json);
    return value;
}

struct record call_update_record(struct arena *arena, const struct call *call, const struct event *last, bool gone)
{
    struct slice value = update_value(arena, call, last, gone);
    struct slice company = arena_format(arena, "%lld", (long long)call->company_id);
    struct slice call_id = arena_copy(arena, call->call_id);
    const struct event update = {
        .id = event_id_of(SLICE("hookline"), call->company_id, value),
        .type = SLICE("ai.hookline.call_updated"),
        .source = arena_format(arena, "/retell/%.*s", SLICE_PRINT(call->source)),
        .subject = call_id,
        .time_ms = last->time_ms,
        .correlation_id = last->correlation_id,
        .traceparent = last->traceparent,
        .company_id = call->company_id,
        .branch_id = call->branch_id == CALL_NULL ? 0 : call->branch_id,
    };
    struct header *headers = arena_zeroed(arena, EVENT_HEADERS_MAX, sizeof *headers);
    size_t count = event_write(&update, arena, headers);
    return (struct record){
        .topic = TOPIC_CALLS_UPDATES,
        .partition = partition_of_key(company, TOPIC_PARTITIONS),
        .key = arena_format(arena, "%.*s/%.*s", SLICE_PRINT(company), SLICE_PRINT(call_id)),
        .value = value,
        .headers = headers,
        .header_count = count,
    };
}
