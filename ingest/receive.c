/* receive.c: one webhook's way: where to, how large, by whom, what, kept.
 *
 *      head ──> 429 404 410 405 415 503 ──> (413: the server) ──> body ──> signature 401 ──> 403 429 413
 *      ──> JSON 400 ──> 503 ──> keep 503 ──> 200             (admit.h says why in this order)
 *
 * What differs between providers is a row of provider.h. The body is not looked into before its signature is right. A
 * sender learns that his signature is wrong, never why; the log and the metric know. Every answer carries the correlation
 * id of its log line.
 */
#include "ingest/receive.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "ingest/admit.h"
#include "ingest/hush.h"
#include "ingest/legacy.h"
#include "ingest/sender.h"
#include "ingest/traceparent.h"

enum { RANDOM_BYTES = 10 + TRACEPARENT_RANDOM_BYTES, CORRELATION_LEN = 36, PATH_SHOWN_MAX = 64 };

struct receive {
    struct roster *roster;
    struct keep *keep;
    struct legacy *legacy;
    struct arena *parsing; /* a body's JSON: up to nine times the body, so it must not wait for the ack with it */
    struct metric *ack_seconds, *in_flight_bytes;
    struct limits *limits;
    struct hush hush;
    char correlation[CORRELATION_LEN + 1]; /* of what the server refused last */
};

/* A webhook on its way; lies in its exchange's arena. */
struct arrival {
    struct receive *receive;
    struct http_exchange *exchange;
    struct roster *roster; /* held until it is answered */
    struct route route;
    struct sender sender;
    struct webhook webhook;
    struct event event;
    char id[2 * EVENT_ID_BYTES + 1];
    char correlation[CORRELATION_LEN + 1];
    char traceparent[TRACEPARENT_LEN + 1];
    struct header headers[EVENT_HEADERS_MAX];
};

/* ---- telling ---- */

/* Where a refused request wanted to go, for whoever mistyped it: its beginning, without digits, which could be somebody's
 * number, and without the query. */
static struct slice shown_path(const struct http_exchange *exchange, char text[PATH_SHOWN_MAX])
{
    struct slice path = http_exchange_request(exchange)->path;
    size_t len = path.len < PATH_SHOWN_MAX ? path.len : PATH_SHOWN_MAX;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(path.ptr[i] >= '0' && path.ptr[i] <= '9' ? '#' : path.ptr[i]);
    return (struct slice){text, len};
}

/* `outcome` is ours, for the log and the metric; the answer says what the sender may know. `tally` NULL: of no provider. */
static void refuse(struct receive *receive, struct http_exchange *exchange, const struct answer *answer,
                   enum outcome outcome, struct tally *tally, const char *correlation)
{
    char path[PATH_SHOWN_MAX];
    if (hush_allows(&receive->hush, outcome_name(outcome), clock_ticks_ms()))
        log_event(LOG_INFO, "refused", LOG_TEXT("cause", outcome_name(outcome)), LOG_INT("status", answer->status),
                  LOG_TEXT("provider", tally ? tally->provider : ""), LOG_TEXT("source", tally ? tally->source : ""),
                  LOG_SLICE("path", shown_path(exchange, path)), LOG_SLICE("peer", http_exchange_peer(exchange)),
                  LOG_TEXT("correlation_id", correlation));
    if (tally)
        tally_count(tally, outcome);
    else
        tally_count_refused(outcome_name(outcome));
    answer_send(exchange, answer, correlation, NULL);
}

static void refuse_arrival(struct arrival *arrival, const struct answer *answer, enum outcome outcome)
{
    struct roster *roster = arrival->roster;
    refuse(arrival->receive, arrival->exchange, answer, outcome,
           roster_tally(roster, arrival->route.provider, arrival->sender.source), arrival->correlation);
    roster_release(roster); /* the arrival went with its exchange */
}

static void new_correlation(char text[CORRELATION_LEN + 1], uint8_t random[RANDOM_BYTES])
{
    random_take(random, RANDOM_BYTES);
    event_correlation_id(clock_now_ms(), random, text);
}

/* ---- the head ---- */

/* Where a request goes. A path of before is Retell's route from here on, whatever follows; *legacy is NULL for others. */
static bool find_route(const struct receive *receive, struct slice path, struct route *route,
                       struct legacy_path **legacy)
{
    *legacy = NULL;
    if (route_of(path, route))
        return true;
    *legacy = legacy_find(receive->legacy, path);
    *route = (struct route){&PROVIDERS[SOURCE_RETELL], SLICE_ABSENT};
    return *legacy != NULL;
}

/* Whom the path names, for the metric and the log only. */
static struct tally *tally_named(struct roster *roster, const struct route *route)
{
    bool named = !slice_absent(route->source);
    const struct source *source = named ? sources_find(roster->sources, route->provider->id, route->source) : NULL;
    return roster_tally(roster, route->provider, source);
}

void receive_head(struct http_exchange *exchange, void *context)
{
    struct receive *receive = context;
    struct admission admission = {0};
    struct legacy_path *legacy = NULL;
    struct route route;
    admission.found = find_route(receive, http_exchange_request(exchange)->path, &route, &legacy);
    admission.gone = legacy && !legacy_serves(receive->legacy);
    if (legacy)
        legacy_seen(legacy, http_exchange_peer(exchange), clock_now_ms());
    admit_head(&admission, receive->limits, exchange, clock_ticks_ns());
    const struct refused *refused = &admission.refused;
    if (!refused->answer)
        return;
    uint8_t random[RANDOM_BYTES];
    char correlation[CORRELATION_LEN + 1];
    new_correlation(correlation, random);
    bool routed = admission.found && !admission.gone;
    struct tally *tally = routed ? tally_named(receive->roster, &route) : NULL;
    refuse(receive, exchange, refused->answer, refused->outcome, tally, correlation);
}

struct http_header receive_refused(const struct http_refusal *refusal, struct slice peer, void *context)
{
    struct receive *receive = context;
    uint8_t random[RANDOM_BYTES];
    new_correlation(receive->correlation, random);
    if (hush_allows(&receive->hush, refusal->word, clock_ticks_ms()))
        log_event(LOG_INFO, "refused", LOG_TEXT("cause", refusal->word), LOG_INT("status", refusal->status),
                  LOG_TEXT("detail", refusal->message), LOG_SLICE("peer", peer),
                  LOG_TEXT("correlation_id", receive->correlation));
    tally_count_refused(refusal->word);
    return (struct http_header){"X-Correlation-Id", slice_of(receive->correlation)};
}

void receive_tick(struct receive *receive)
{
    const char *cause = NULL;
    uint64_t withheld = 0;
    while ((withheld = hush_over(&receive->hush, clock_ticks_ms(), &cause)) > 0)
        log_event(LOG_WARN, "refused_unlogged", LOG_TEXT("cause", cause), LOG_INT("count", (int64_t)withheld));
    metric_set(receive->in_flight_bytes, (double)limits_in_flight_bytes(receive->limits));
}

/* ---- the whole request ---- */

static void answer_not_kept(struct arrival *arrival, double seconds, const char *problem)
{
    const struct source *source = arrival->sender.source;
    if (hush_allows(&arrival->receive->hush, outcome_name(OUTCOME_NOT_KEPT), clock_ticks_ms()))
        log_event(LOG_WARN, "refused", LOG_TEXT("cause", outcome_name(OUTCOME_NOT_KEPT)),
                  LOG_INT("status", ANSWER_NOT_KEPT.status),
                  LOG_TEXT("provider", source_provider_name(source->provider)), LOG_TEXT("source", source->name),
                  LOG_TEXT("detail", problem), LOG_SLICE("peer", http_exchange_peer(arrival->exchange)),
                  LOG_TEXT("event_id", arrival->id), LOG_TEXT("correlation_id", arrival->correlation),
                  LOG_REAL("ms", seconds * 1000));
    tally_count(roster_tally(arrival->roster, arrival->route.provider, source), OUTCOME_NOT_KEPT);
    answer_send(arrival->exchange, &ANSWER_NOT_KEPT, arrival->correlation, arrival->id);
}

static void answer_kept(struct arrival *arrival, enum kept kept, double seconds)
{
    const struct source *source = arrival->sender.source;
    log_event(LOG_INFO, "accepted", LOG_TEXT("provider", source_provider_name(source->provider)),
              LOG_TEXT("source", source->name), LOG_TEXT("key", arrival->sender.key->id),
              LOG_SLICE("type", arrival->event.type), LOG_SLICE("call_id", arrival->webhook.call_id),
              LOG_TEXT("event_id", arrival->id), LOG_TEXT("correlation_id", arrival->correlation),
              LOG_SLICE("peer", http_exchange_peer(arrival->exchange)),
              LOG_TEXT("by", kept == KEPT ? "brokers" : "spool"), LOG_REAL("ms", seconds * 1000));
    tally_count(roster_tally(arrival->roster, arrival->route.provider, source), OUTCOME_ACCEPTED);
    if (kept == KEPT)
        metric_observe(arrival->receive->ack_seconds, seconds);
    struct http_header headers[] = {{"X-Event-Id", slice_of(arrival->id)},
                                    {"X-Correlation-Id", slice_of(arrival->correlation)}};
    const struct slice ids[] = {SLICE("{\"event_id\":\""), slice_of(arrival->id), SLICE("\",\"correlation_id\":\""),
                                slice_of(arrival->correlation), SLICE("\"}")};
    struct slice body = SLICE("{\"call_inbound\":{}}");
    if (!arrival->webhook.wants_answer)
        body = arena_join(http_exchange_arena(arrival->exchange), ids, COUNT(ids));
    http_respond(arrival->exchange, 200, "application/json", body, headers, COUNT(headers));
}

static void on_kept(void *opaque, enum kept kept, double seconds, const char *problem)
{
    struct arrival *arrival = opaque;
    struct roster *roster = arrival->roster;
    limits_leave(arrival->receive->limits, http_exchange_request(arrival->exchange)->body.len);
    if (kept == KEPT_NOT)
        answer_not_kept(arrival, seconds, problem);
    else
        answer_kept(arrival, kept, seconds);
    roster_release(roster);
}

static void hand_over(struct arrival *arrival, struct slice body)
{
    struct arena *arena = http_exchange_arena(arrival->exchange);
    const struct source *source = arrival->sender.source;
    const struct provider *provider = arrival->route.provider;
    arrival->event = (struct event){
        .id = event_id_of(slice_of(source_provider_name(provider->id)), source->company_id, body),
        .type = arena_join(arena, (struct slice[]){slice_of(provider->type_prefix), arrival->webhook.event}, 2),
        .source = slice_of(source->ce_source),
        .subject = arrival->webhook.call_id,
        .time_ms = http_exchange_started_ms(arrival->exchange),
        .correlation_id = slice_of(arrival->correlation),
        .traceparent = slice_of(arrival->traceparent),
        .cost_unit = source->cost_unit,
        .source_company = source->company_id,
        .body = body,
    };
    event_id_print(arrival->event.id, arrival->id);
    size_t header_count = event_write(&arrival->event, arena, arrival->headers);
    struct slice call_id = arrival->webhook.call_id;
    keep_record(arrival->receive->keep,
                &(struct record){
                    .topic = provider->topic,
                    .partition = RECORD_PARTITION_BY_KEY,
                    .key = slice_absent(call_id) ? slice_of(arrival->id) : call_id,
                    .value = body,
                    .headers = arrival->headers,
                    .header_count = header_count,
                },
                source->spool == SOURCE_SPOOL_OUTAGE, on_kept, arrival);
}

/* What is kept of it lies in the exchange's arena. */
static enum webhook_outcome read_webhook(struct arrival *arrival, struct slice body, const char **problem)
{
    struct arena *arena = http_exchange_arena(arrival->exchange);
    const struct provider *provider = arrival->route.provider;
    enum webhook_outcome outcome = webhook_read(arrival->receive->parsing, body, provider->event_member,
                                                provider->about_calls, &arrival->webhook, problem);
    arrival->webhook.event = arena_copy(arena, arrival->webhook.event);
    arrival->webhook.call_id = arena_copy(arena, arrival->webhook.call_id);
    *problem = *problem ? arena_copy(arena, slice_of(*problem)).ptr : NULL;
    arena_reset(arrival->receive->parsing);
    return outcome;
}

static bool signature_accepted(struct arrival *arrival, const struct http_request *request)
{
    size_t count = 0;
    const struct route *route = &arrival->route;
    struct slice header = http_request_field(request, route->provider->signature_field, &count);
    if (count > 1) { /* whichever of them we took, another reader would take the other */
        refuse_arrival(arrival, &ANSWER_SIGNATURE_TWICE, OUTCOME_SIGNATURE_TWICE);
        return false;
    }
    enum signature_verdict verdict = sender_find(&arrival->sender, arrival->roster->sources, route, request->body,
                                                 header, http_exchange_started_ms(arrival->exchange));
    if (verdict == SIGNATURE_VALID)
        return true;
    bool unknown = !slice_absent(route->source) && !arrival->sender.source;
    refuse_arrival(arrival, &ANSWER_SIGNATURE, unknown ? OUTCOME_SOURCE_UNKNOWN : outcome_of_verdict(verdict));
    return false;
}

static bool sender_admitted(struct arrival *arrival)
{
    struct refused refused;
    admit_sender(&refused, arrival->roster, arrival->sender.source, arrival->exchange, clock_ticks_ns());
    if (refused.answer)
        refuse_arrival(arrival, refused.answer, refused.outcome);
    return !refused.answer;
}

static bool content_accepted(struct arrival *arrival, const struct http_request *request)
{
    const char *problem = NULL;
    struct refused refused;
    enum webhook_outcome outcome = read_webhook(arrival, request->body, &problem);
    if (outcome != WEBHOOK_FINE) {
        refuse_arrival(arrival, &(struct answer){400, "bad_request", problem, {0}}, outcome_of_webhook(outcome));
        return false;
    }
    admit_kept(&refused, arrival->receive->limits, request->body.len);
    if (refused.answer)
        refuse_arrival(arrival, refused.answer, refused.outcome);
    return !refused.answer;
}

void receive_webhook(struct http_exchange *exchange, void *context)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct receive *receive = context;
    struct arrival *arrival = arena_zeroed(http_exchange_arena(exchange), 1, sizeof *arrival);
    struct legacy_path *legacy = NULL;
    uint8_t random[RANDOM_BYTES];
    *arrival = (struct arrival){.receive = receive, .exchange = exchange, .roster = roster_hold(receive->roster)};
    if (!find_route(receive, request->path, &arrival->route, &legacy))
        abort(); /* receive_head let it pass */
    new_correlation(arrival->correlation, random);
    traceparent_continue(http_request_field(request, "traceparent", NULL), random + 10, arrival->traceparent);
    if (signature_accepted(arrival, request) && sender_admitted(arrival) && content_accepted(arrival, request))
        hand_over(arrival, request->body);
}

struct receive *receive_new(struct sources *sources, struct keep *keep, struct limits *limits, bool serve_legacy_paths)
{
    struct receive *receive = memory_new(1, sizeof *receive);
    *receive = (struct receive){.roster = roster_new(sources),
                                .keep = keep,
                                .limits = limits,
                                .legacy = legacy_new(serve_legacy_paths),
                                .parsing = arena_new()};
    receive->in_flight_bytes =
        metrics_gauge("hookline_ingest_in_flight_bytes", "", "Bodies of the webhooks that wait to be kept.");
    receive->ack_seconds =
        metrics_histogram("hookline_ingest_ack_seconds", "", "From a webhook's last byte to the brokers' ack.");
    return receive;
}

void receive_use(struct receive *receive, struct sources *sources)
{
    struct roster *old = receive->roster;
    receive->roster = roster_new(sources);
    roster_release(old);
}

void receive_free(struct receive *receive)
{
    roster_release(receive->roster);
    legacy_free(receive->legacy);
    arena_free(receive->parsing);
    free(receive);
}
