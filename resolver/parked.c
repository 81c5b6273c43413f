/* parked.c: one INSERT for all of a batch that wait. */
#include "resolver/parked.h"

#include "common/log.h"
#include "resolver/parked_headers.h"

/* Not what `hookline forget` erased: neither the events of a forgotten call nor those without a call, by their key. */
static const struct database_statement INSERT = {
    "park",
    "INSERT INTO parked_events (event_id, topic, key, headers, payload, call_id, number, agent_id, "
    "metadata_company_id, metadata_branch_id, reason) "
    "SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::jsonb[], $5::bytea[], $6::text[], $7::text[], "
    "$8::text[], $9::bigint[], $10::bigint[], $11::text[]) AS p(event_id, topic, key, headers, payload, call_id, "
    "number, "
    "agent_id, metadata_company_id, metadata_branch_id, reason) "
    "WHERE NOT EXISTS (SELECT FROM forgotten_calls) OR (SELECT f.version FROM forgotten_calls f WHERE f.company_id = 0 "
    "AND f.call_hash = sha256(coalesce(convert_to(p.call_id, 'UTF8'), p.key))) IS NULL "
    "ON CONFLICT (event_id) DO NOTHING"};

static const char *reason_of(const struct placement *placement)
{
    return placement->kind == CLUES_CALL ? resolve_doubt_name(placement->resolution.doubt) : "not_a_call";
}

/* One array a column. */
struct columns {
    struct slice *event_ids, *topics, *keys, *headers, *payloads, *call_ids, *numbers, *agents, *reasons;
    int64_t *companies, *branches;
};

static struct columns columns_new(struct arena *arena, size_t count)
{
    struct slice *slices = arena_alloc(arena, 9 * count * sizeof *slices);
    int64_t *numbers = arena_alloc(arena, 2 * count * sizeof *numbers);
    return (struct columns){
        .event_ids = slices,
        .topics = slices + count,
        .keys = slices + 2 * count,
        .headers = slices + 3 * count,
        .payloads = slices + 4 * count,
        .call_ids = slices + 5 * count,
        .numbers = slices + 6 * count,
        .agents = slices + 7 * count,
        .reasons = slices + 8 * count,
        .companies = numbers,
        .branches = numbers + count,
    };
}

static struct slice never_null(struct slice bytes)
{
    return slice_absent(bytes) ? SLICE("") : bytes;
}

static void columns_set(struct columns *columns, size_t row, struct arena *arena, const struct batch_record *record,
                        const struct placement *placement)
{
    const struct event *event = placement->event;
    const struct webhook_clues *clues = &placement->clues;
    columns->event_ids[row] = arena_copy(arena, (struct slice){(const char *)event->id.bytes, EVENT_ID_BYTES});
    columns->topics[row] = slice_of(record->topic);
    columns->keys[row] = never_null(record->key);
    columns->headers[row] = parked_headers_write(arena, record->headers, record->header_count);
    columns->payloads[row] = never_null(event->body);
    columns->call_ids[row] = clues->call_id_text;
    columns->numbers[row] = placement->number;
    columns->agents[row] = clues->agent_id;
    columns->companies[row] = clues->metadata_company ? clues->metadata_company : DATABASE_NULL;
    columns->branches[row] = clues->metadata_branch ? clues->metadata_branch : DATABASE_NULL;
    columns->reasons[row] = slice_of(reason_of(placement));
}

static void log_parked(const struct batch_record *record, const struct placement *placement)
{
    log_event(LOG_INFO, "parked", LOG_TEXT("reason", reason_of(placement)),
              LOG_SLICE("correlation_id", record->event.correlation_id), LOG_SLICE("type", record->event.type),
              LOG_SLICE("call_id", placement->clues.call_id_text), LOG_NUMBER("number", placement->number),
              LOG_SLICE("agent_id", placement->clues.agent_id));
}

bool parked_store(struct database *database, struct arena *arena, const struct batch_record *const *records,
                  const struct placement *placements, size_t count, struct database_error *error)
{
    if (!count)
        return true;
    struct columns columns = columns_new(arena, count);
    for (size_t i = 0; i < count; i++)
        columns_set(&columns, i, arena, records[i], &placements[i]);

    struct database_values values;
    database_values_init(&values, arena);
    database_add_bytes_array(&values, columns.event_ids, count);
    database_add_texts(&values, columns.topics, count);
    database_add_bytes_array(&values, columns.keys, count);
    database_add_jsons(&values, columns.headers, count);
    database_add_bytes_array(&values, columns.payloads, count);
    database_add_texts(&values, columns.call_ids, count);
    database_add_texts(&values, columns.numbers, count);
    database_add_texts(&values, columns.agents, count);
    database_add_ints(&values, columns.companies, count);
    database_add_ints(&values, columns.branches, count);
    database_add_texts(&values, columns.reasons, count);
    PGresult *rows = database_query(database, &INSERT, &values, error);
    if (!rows)
        return false;
    PQclear(rows);
    for (size_t i = 0; i < count; i++)
        log_parked(records[i], &placements[i]);
    return true;
}
