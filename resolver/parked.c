/* parked.c: the INSERT, and the look that frees what can be placed. */
#include "resolver/parked.h"

#include "common/failpoint.h"
#include "common/log.h"
#include "resolver/parked_headers.h"

enum {
    PAGE_EVENTS = 100,
    PAGE_BYTES = 4 * 1024 * 1024, /* of payload; a larger event travels alone */
};

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

static const struct database_statement BEGIN = {"begin", "BEGIN"};

/* Who might be placed: an owner is there, or what metadata, number and agent name is one company. resolve.h decides; this
 * only has to leave no one out, and to take as few as possible who would come back. LEAST and GREATEST pass over nulls. */
static const struct database_statement CLAIM = {
    "claim",
    "WITH claimed AS ("
    "SELECT p.event_id, p.topic, p.key, p.headers, p.payload FROM parked_events p "
    "LEFT JOIN call_owners o ON o.call_id = p.call_id "
    "LEFT JOIN companies c ON c.id = p.metadata_company_id "
    "LEFT JOIN branches b ON b.id = p.metadata_branch_id AND p.metadata_company_id IS NULL "
    "LEFT JOIN phone_numbers n ON n.number = p.number "
    "LEFT JOIN agents a ON a.agent_id = p.agent_id "
    "WHERE p.released_at IS NULL AND p.reason <> 'not_a_call' AND p.event_id > $1 "
    "AND (o.company_id IS NOT NULL OR LEAST(c.id, b.company_id, n.company_id, a.company_id) "
    "= GREATEST(c.id, b.company_id, n.company_id, a.company_id)) "
    "ORDER BY p.event_id LIMIT $2 FOR UPDATE OF p SKIP LOCKED) "
    "SELECT event_id, key, headers, payload FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY event_id) "
    "- octet_length(payload) AS before FROM claimed) page WHERE before < $3 ORDER BY event_id"};

static const struct database_statement RELEASED = {
    "released", "UPDATE parked_events SET released_at = now() WHERE event_id = ANY($1)"};

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

/* A page of claimed events: what was read of them, in parallel arrays. */
struct page {
    struct arena *arena;
    PGresult *rows; /* keys, headers and payloads borrow from it */
    size_t count;
    struct event *events;
    struct placement *placements;
    struct slice last; /* event id; the next page begins after it */
};

static bool page_claim(const struct release *release, struct page *page, struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, page->arena);
    database_add_bytes(&values, page->last);
    database_add_int(&values, PAGE_EVENTS);
    database_add_int(&values, PAGE_BYTES);
    struct database_step steps[] = {{.statement = &BEGIN}, {.statement = &CLAIM, .values = &values}};
    if (!database_flight(release->database, steps, COUNT(steps), NULL, error, NULL))
        return false;
    PQclear(steps[0].rows);
    page->rows = steps[1].rows;
    return true;
}

/* Rows whose headers cannot be read any more are left where they are, with an error: somebody changed them by hand. */
static void page_read(struct page *page)
{
    size_t rows = (size_t)PQntuples(page->rows);
    page->count = 0;
    page->events = arena_zeroed(page->arena, rows, sizeof *page->events);
    page->placements = arena_zeroed(page->arena, rows, sizeof *page->placements);
    for (int row = 0; row < (int)rows; row++) {
        size_t header_count = 0;
        const struct header *headers =
            parked_headers_read(page->arena, database_text(page->rows, row, 2), &header_count);
        struct event *event = &page->events[row];
        const char *problem = event_read(event, headers, header_count, database_text(page->rows, row, 3));
        if (problem)
            log_event(LOG_ERROR, "parked_unreadable", LOG_TEXT("problem", problem));
        else
            page->placements[page->count++] = (struct placement){.event = event};
    }
}

/* Publishes what has a company now; their ids go to `ids`. False: not all acked. */
static bool page_publish(const struct release *release, struct page *page, struct slice *ids, size_t *published)
{
    struct record *records = arena_zeroed(page->arena, page->count, sizeof *records);
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct placement *placement = &page->placements[i];
        placement_log(placement, page->arena);
        if (placement->kind != CLUES_CALL || placement->resolution.rule == RULE_NONE)
            continue;
        struct slice key = database_text(page->rows, (int)(placement->event - page->events), 1);
        records[count] = *placement_record(placement, key, page->arena);
        ids[count++] = (struct slice){(const char *)placement->event->id.bytes, EVENT_ID_BYTES};
    }
    *published = count;
    const char *problem = NULL;
    if (count && producer_send_all(release->producer, records, count, &problem) != DELIVERY_ACKED) {
        log_event(LOG_WARN, "release_not_acked", LOG_TEXT("problem", problem ? problem : "no reason given"));
        return false;
    }
    return !count || !FAILPOINT("resolver.released");
}

static bool page_commit(const struct release *release, struct page *page, const struct slice *ids, size_t count,
                        struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, page->arena);
    database_add_bytes_array(&values, ids, count);
    PGresult *rows = database_query(release->database, &RELEASED, &values, error);
    if (!rows)
        return false;
    PQclear(rows);
    return database_execute(release->database, "COMMIT", error);
}

static void log_released(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct placement *placement = &page->placements[i];
        if (placement->resolution.rule != RULE_NONE)
            log_event(LOG_INFO, "released", LOG_SLICE("correlation_id", placement->event->correlation_id),
                      LOG_SLICE("call_id", placement->clues.call_id_text),
                      LOG_INT("company_id", placement->resolution.company_id),
                      LOG_TEXT("resolved_by", resolve_rule_name(placement->resolution.rule)));
    }
}

/* Within one transaction that the caller rolls back if it is still open. */
static enum release_outcome page_release(const struct release *release, struct page *page, int64_t now_ms,
                                         size_t *released, struct database_error *error)
{
    if (!page_claim(release, page, error))
        return RELEASE_NO_DATABASE;
    if (PQntuples(page->rows) == 0)
        return RELEASE_DONE;
    if (FAILPOINT("resolver.claimed"))
        return RELEASE_NO_KAFKA;
    page_read(page);
    if (!placements_find(&release->placer, page->arena, page->placements, page->count, now_ms, error))
        return RELEASE_NO_DATABASE;
    size_t published = 0;
    struct slice *ids = arena_zeroed(page->arena, page->count, sizeof *ids);
    if (!page_publish(release, page, ids, &published))
        return RELEASE_NO_KAFKA;
    if (!page_commit(release, page, ids, published, error))
        return RELEASE_NO_DATABASE;
    log_released(page);
    *released = published;
    return RELEASE_MORE;
}

enum release_outcome parked_release(const struct release *release, int64_t now_ms, struct release_cursor *cursor,
                                    size_t *released, struct database_error *error)
{
    *released = 0;
    struct page page = {.arena = arena_new(), .last = {cursor->last, cursor->length}};
    enum release_outcome outcome = page_release(release, &page, now_ms, released, error);
    if (outcome == RELEASE_MORE) {
        struct slice last = database_text(page.rows, PQntuples(page.rows) - 1, 0);
        memcpy(cursor->last, last.ptr, EVENT_ID_BYTES);
        cursor->length = EVENT_ID_BYTES;
    }
    PQclear(page.rows);
    arena_free(page.arena);
    database_rollback(release->database);
    return outcome;
}
