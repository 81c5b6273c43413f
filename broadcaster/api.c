/* api.c: lists, one call, and what all answers have in common. Statistics: api_stats.c. */
#include "broadcaster/api.h"

#include "broadcaster/route.h"
#include "common/call_row.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/text.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200, FIRST_OWN_COLUMN = CALL_ROW_BRIEF_COLUMNS };

/* Year 9999 in µs: before everything that has a time. */
static const int64_t LATEST_US = INT64_C(253402300799000000);

/* The order of the index calls_by_start: latest first, equal times by id. Times are passed in µs, PostgreSQL's unit, so
 * that no call falls between two pages. */
#define CALLS_FROM_HERE                                                                                                \
    "SELECT " CALL_ROW_BRIEF                                                                                           \
    ", (extract(epoch FROM coalesce(c.started_at, c.first_seen_at)) * 1000000)::bigint FROM calls c "                  \
    "WHERE c.company_id = $1 AND coalesce(c.started_at, c.first_seen_at) <= 'epoch'::timestamptz + $2 * interval '1 "  \
    "microsecond' "                                                                                                    \
    "AND (coalesce(c.started_at, c.first_seen_at) < 'epoch'::timestamptz + $2 * interval '1 microsecond' OR "          \
    "c.call_id > $3) "
#define CALLS_IN_ORDER "ORDER BY coalesce(c.started_at, c.first_seen_at) DESC, c.call_id LIMIT $4"

static const struct {
    const char *state, *sql;
} LISTS[] = {
    {"", CALLS_FROM_HERE CALLS_IN_ORDER},
    {"live", CALLS_FROM_HERE "AND c.status IN ('registered', 'ongoing') " CALLS_IN_ORDER},
    {"ended", CALLS_FROM_HERE "AND c.status NOT IN ('registered', 'ongoing') " CALLS_IN_ORDER},
};

static const char ONE_CALL[] =
    "SELECT " CALL_ROW_BRIEF ", " CALL_ROW_LARGE " FROM calls c WHERE c.company_id = $1 AND c.call_id = $2";
static const char EVENTS_OF_CALL[] = "SELECT event_id, provider, source, event_type, status, resolved_by, "
                                     "correlation_id::text, received_at, processed_at "
                                     "FROM webhook_events WHERE company_id = $1 AND call_id = $2 ORDER BY "
                                     "coalesce(received_at, processed_at), event_id LIMIT 1000";

void api_respond_json(struct http_exchange *exchange, struct buffer *json)
{
    const struct http_header headers[] = {{"Cache-Control", SLICE("no-store")},
                                          {"X-Content-Type-Options", SLICE("nosniff")}};
    http_respond(exchange, 200, "application/json", buffer_slice(json), headers, COUNT(headers));
    buffer_free(json);
}

void api_respond_fault(struct http_exchange *exchange, const struct database_error *error)
{
    if (error->fault == DATABASE_AWAY || error->fault == DATABASE_SLOW || error->fault == DATABASE_RACE) {
        static const char BODY[] =
            "{\"error\":\"unavailable\",\"message\":\"The database does not answer; try again.\"}";
        const struct http_header headers[] = {{"Retry-After", SLICE("2")}, {"Cache-Control", SLICE("no-store")}};
        http_respond(exchange, 503, "application/json", slice_of(BODY), headers, COUNT(headers));
        return;
    }
    metric_add(
        metrics_counter("hookline_broadcaster_faults_total", "", "Answers 500: a bug or a schema that does not fit."),
        1);
    log_event(LOG_ERROR, "query_failed", LOG_TEXT("sqlstate", error->sqlstate), LOG_TEXT("message", error->message));
    http_respond_error(exchange, 500, "internal", "This is our fault, and in the log.");
}

/* Lists ------------------------------------------------------------------------------------------------------------ */

static void write_call(struct buffer *out, const PGresult *rows, int row)
{
    struct call call;
    call_init(&call);
    call_row_read_brief(rows, row, 0, &call);
    call_json_write(out, &call, CALL_JSON_BRIEF);
}

static void calls_told(const struct query_answer *answer, void *context)
{
    struct http_exchange *exchange = context;
    if (answer->error.fault != DATABASE_FINE) {
        api_respond_fault(exchange, &answer->error);
        return;
    }
    const PGresult *rows = answer->rows[0];
    const int64_t *limit = http_exchange_own(exchange);
    int count = PQntuples(rows) > *limit ? (int)*limit : PQntuples(rows);
    struct buffer json = {0};
    buffer_add_text(&json, "{\"calls\":[");
    for (int row = 0; row < count; row++) {
        if (row)
            buffer_add_char(&json, ',');
        write_call(&json, rows, row);
    }
    buffer_add_text(&json, "],\"next\":");
    if (PQntuples(rows) > count) {
        struct slice next = arena_format(http_exchange_arena(exchange), "%lld:%.*s",
                                         (long long)database_int(rows, count - 1, FIRST_OWN_COLUMN),
                                         SLICE_PRINT(database_text(rows, count - 1, 1)));
        buffer_add_json_string(&json, next);
    } else {
        buffer_add_text(&json, "null");
    }
    buffer_add_char(&json, '}');
    api_respond_json(exchange, &json);
}

static const char *list_of_state(struct slice state)
{
    for (size_t i = 0; i < COUNT(LISTS); i++)
        if (slice_equals(slice_absent(state) ? SLICE("") : state, LISTS[i].state))
            return LISTS[i].sql;
    return NULL;
}

void api_calls(const struct api *api, struct http_exchange *exchange, int64_t company_id)
{
    struct arena *arena = http_exchange_arena(exchange);
    const struct http_request *request = http_exchange_request(exchange);
    struct slice limit_text = http_request_parameter(request, "limit", arena);
    struct slice before = http_request_parameter(request, "before", arena);
    const char *sql = list_of_state(http_request_parameter(request, "state", arena));
    int64_t *limit = arena_alloc(arena, sizeof *limit);
    int64_t time_us = LATEST_US;
    struct slice after_id = SLICE("");
    *limit = LIMIT_DEFAULT;
    if (!sql) {
        http_respond_error(exchange, 400, "bad_state", "state is live or ended.");
        return;
    }
    if (!slice_absent(limit_text) && (!text_read_int(limit_text, limit) || *limit < 1 || *limit > LIMIT_MAX)) {
        http_respond_error(exchange, 400, "bad_limit", "limit is a whole number from 1 to 200.");
        return;
    }
    if (!slice_absent(before) && !route_read_before(before, &time_us, &after_id)) {
        http_respond_error(exchange, 400, "bad_before", "before is what `next` of the list before said.");
        return;
    }
    http_exchange_set_own(exchange, limit);
    struct query *query = query_new_as_company(api->queries, company_id);
    struct database_values *values = query_add(query, sql);
    database_add_int(values, company_id);
    database_add_int(values, time_us);
    database_add_text(values, after_id);
    database_add_int(values, *limit + 1);
    query_send(query, calls_told, exchange);
}

/* One call --------------------------------------------------------------------------------------------------------- */

static void write_text(struct buffer *out, const char *name, struct slice text)
{
    buffer_add_format(out, ",\"%s\":", name);
    if (slice_absent(text))
        buffer_add_text(out, "null");
    else
        buffer_add_json_string(out, text);
}

static void write_time(struct buffer *out, const char *name, int64_t ms)
{
    buffer_add_format(out, ",\"%s\":", name);
    if (ms == DATABASE_NULL) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_char(out, '"');
    buffer_add_time(out, ms);
    buffer_add_char(out, '"');
}

static void write_event(struct buffer *out, const PGresult *rows, int row)
{
    static const char *const TEXTS[] = {"provider", "source", "event_type", "status", "resolved_by", "correlation_id"};
    struct slice id = database_text(rows, row, 0);
    buffer_add_text(out, "{\"event_id\":\"");
    buffer_add_hex(out, id.ptr, id.len);
    buffer_add_char(out, '"');
    for (int i = 0; i < (int)COUNT(TEXTS); i++)
        write_text(out, TEXTS[i], database_text(rows, row, i + 1));
    write_time(out, "received_at", database_time(rows, row, (int)COUNT(TEXTS) + 1));
    write_time(out, "processed_at", database_time(rows, row, (int)COUNT(TEXTS) + 2));
    buffer_add_char(out, '}');
}

static void call_told(const struct query_answer *answer, void *context)
{
    struct http_exchange *exchange = context;
    if (answer->error.fault != DATABASE_FINE) {
        api_respond_fault(exchange, &answer->error);
        return;
    }
    if (PQntuples(answer->rows[0]) == 0) {
        http_respond_error(exchange, 404, "not_found", "There is no such call.");
        return;
    }
    struct call call;
    struct buffer json = {0};
    call_init(&call);
    call_row_read_brief(answer->rows[0], 0, 0, &call);
    call_row_read_large(answer->rows[0], 0, CALL_ROW_BRIEF_COLUMNS, &call);
    buffer_add_text(&json, "{\"call\":");
    call_json_write(&json, &call, CALL_JSON_WHOLE);
    buffer_add_text(&json, ",\"events\":[");
    for (int row = 0; row < PQntuples(answer->rows[1]); row++) {
        if (row)
            buffer_add_char(&json, ',');
        write_event(&json, answer->rows[1], row);
    }
    buffer_add_text(&json, "]}");
    api_respond_json(exchange, &json);
}

void api_call(const struct api *api, struct http_exchange *exchange, int64_t company_id, struct slice call_id)
{
    static const char *const STATEMENTS[] = {ONE_CALL, EVENTS_OF_CALL};
    struct query *query = query_new_as_company(api->queries, company_id);
    for (size_t i = 0; i < COUNT(STATEMENTS); i++) {
        struct database_values *values = query_add(query, STATEMENTS[i]);
        database_add_int(values, company_id);
        database_add_text(values, call_id);
    }
    query_send(query, call_told, exchange);
}
