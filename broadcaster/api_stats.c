/* api_stats.c: GET /api/stats?since=TIME: a company's day in a few numbers, and how the pipeline itself is.
 *
 * `since` is the page's midnight (RFC 3339, within the last 31 days); without it the day begins at 00:00 UTC.
 */
#include "broadcaster/api.h"

#include "common/call_json.h"
#include "common/clock.h"
#include "common/database.h"
#include "common/text.h"

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

/* Durations of calls that took place; what never connected would only make calls look shorter. */
static const char OF_THE_DAY[] =
    "SELECT c.status, count(*), sum(c.cost_cents), sum(c.duration_ms)::bigint, count(*) FILTER (WHERE c.duration_ms > "
    "0), "
    "count(*) FILTER (WHERE c.missing <> '{}') "
    "FROM calls c WHERE c.company_id = $1 AND coalesce(c.started_at, c.first_seen_at) >= $2 GROUP BY c.status";
static const char LIVE_NOW[] =
    "SELECT count(*) FROM calls c WHERE c.company_id = $1 AND c.status IN ('registered', 'ongoing')";
static const char COMPANY_NAME[] = "SELECT name FROM companies WHERE id = $1";

static const char *const STATUSES[] = {"registered", "ongoing", "ended", "not_connected", "error"};

struct stats_request {
    const struct api *api;
    int64_t company_id, since_ms;
};

struct stats {
    int64_t by_status[COUNT(STATUSES)];
    int64_t calls, cost_cents, duration_ms, lasted, lacking;
};

static int64_t or_zero(int64_t number)
{
    return number == DATABASE_NULL ? 0 : number;
}

static struct stats add_up(const PGresult *rows)
{
    struct stats stats = {0};
    for (int row = 0; row < PQntuples(rows); row++) {
        struct slice status = database_text(rows, row, 0);
        for (size_t i = 0; i < COUNT(STATUSES); i++)
            if (slice_equals(status, STATUSES[i]))
                stats.by_status[i] = database_int(rows, row, 1);
        stats.calls += database_int(rows, row, 1);
        stats.cost_cents += or_zero(database_decimal(rows, row, 2, CALL_COST_DECIMALS));
        stats.duration_ms += or_zero(database_int(rows, row, 3));
        stats.lasted += database_int(rows, row, 4);
        stats.lacking += database_int(rows, row, 5);
    }
    return stats;
}

static void write_time(struct buffer *json, const char *name, int64_t ms)
{
    buffer_add_format(json, "\"%s\":\"", name);
    buffer_add_time(json, ms);
    buffer_add_text(json, "\",");
}

static void write_pipeline(struct buffer *json, const struct live *live)
{
    struct live_health health = live_health(live);
    buffer_add_format(json, ",\"pipeline\":{\"ready\":%s,\"kafka\":%s,\"database\":%s,\"lag\":%lld,",
                      health.ready ? "true" : "false", health.kafka ? "true" : "false",
                      health.database ? "true" : "false", (long long)health.lag);
    write_time(json, "started_at", health.started_ms);
    buffer_add_text(json, "\"version\":\"" HOOKLINE_VERSION "\"}");
}

static void write_numbers(struct buffer *json, const struct stats *stats, int64_t live_now)
{
    buffer_add_format(json, "\"live\":%lld,\"calls\":%lld,\"by_status\":{", (long long)live_now,
                      (long long)stats->calls);
    for (size_t i = 0; i < COUNT(STATUSES); i++)
        buffer_add_format(json, "%s\"%s\":%lld", i ? "," : "", STATUSES[i], (long long)stats->by_status[i]);
    buffer_add_format(json, "},\"lacking\":%lld,\"average_duration_ms\":", (long long)stats->lacking);
    if (stats->lasted)
        buffer_add_format(json, "%lld", (long long)(stats->duration_ms / stats->lasted));
    else
        buffer_add_text(json, "null");
    buffer_add_text(json, ",\"cost_cents\":");
    call_json_write_decimal(json, stats->cost_cents, CALL_COST_DECIMALS);
}

static void stats_told(const struct query_answer *answer, void *context)
{
    struct http_exchange *exchange = context;
    const struct stats_request *request = http_exchange_own(exchange);
    if (answer->error.fault != DATABASE_FINE) {
        api_respond_fault(exchange, &answer->error);
        return;
    }
    struct stats stats = add_up(answer->rows[0]);
    struct buffer json = {0};
    buffer_add_format(&json, "{\"company\":{\"id\":%lld,\"name\":", (long long)request->company_id);
    buffer_add_json_string(&json, PQntuples(answer->rows[2]) ? database_text(answer->rows[2], 0, 0) : SLICE(""));
    buffer_add_text(&json, "},");
    write_time(&json, "now", clock_now_ms());
    write_time(&json, "since", request->since_ms);
    write_numbers(&json, &stats, database_int(answer->rows[1], 0, 0));
    write_pipeline(&json, request->api->live);
    buffer_add_char(&json, '}');
    api_respond_json(exchange, &json);
}

void api_stats(const struct api *api, struct http_exchange *exchange, int64_t company_id)
{
    struct arena *arena = http_exchange_arena(exchange);
    int64_t now_ms = clock_now_ms();
    struct stats_request *request = arena_alloc(arena, sizeof *request);
    *request = (struct stats_request){api, company_id, now_ms - now_ms % DAY_MS};
    struct slice since = http_request_parameter(http_exchange_request(exchange), "since", arena);
    if (!slice_absent(since) &&
        (!text_read_time(since, &request->since_ms) || request->since_ms < now_ms - 31 * DAY_MS)) {
        http_respond_error(exchange, 400, "bad_since",
                           "since is a time like 2026-11-21T00:00:00Z within the last 31 days.");
        return;
    }
    http_exchange_set_own(exchange, request);
    struct query *query = query_new_as_company(api->queries, company_id);
    struct database_values *values = query_add(query, OF_THE_DAY);
    database_add_int(values, company_id);
    database_add_time(values, request->since_ms);
    database_add_int(query_add(query, LIVE_NOW), company_id);
    database_add_int(query_add(query, COMPANY_NAME), company_id);
    query_send(query, stats_told, exchange);
}
