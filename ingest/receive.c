/* receive.c: one webhook's way: where to, how large, by whom, what, kept.
 *
 *      head ──> 404 405 415 ──> (413: the server) ──> body ──> signature 401 ──> JSON 400 ──> keep 503 ──> 200
 *
 * The body is not looked into before its signature is right. A sender learns that his signature is wrong, never why; the
 * log and the metric know. Every answer carries the correlation id of its log line.
 */
#include "ingest/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/traceparent.h"
#include "ingest/webhook.h"

enum { RANDOM_BYTES = 10 + TRACEPARENT_RANDOM_BYTES, CORRELATION_LEN = 36 };

struct answer {
    int status;
    const char *word;
    const char *message;
    struct http_header extra; /* name NULL: none */
};

static const struct answer NOT_FOUND = {404, "not_found", "Webhooks go to /api/retell/webhook.", {0}};
static const struct answer METHOD = {405, "method_not_allowed", "A webhook is a POST.", {"Allow", {"POST", 4}}};
static const struct answer MEDIA = {
    415, "unsupported_media_type", "A webhook's body is application/json, not encoded.", {0}};
static const struct answer SIGNATURE = {401, "unauthorized", "The signature is not valid.", {0}};
static const struct answer TWICE = {400, "bad_request", "There must be one X-Retell-Signature.", {0}};
static const struct answer NOT_KEPT = {
    503, "unavailable", "It could not be stored. Send it again.", {"Retry-After", {"5", 1}}};

struct receive {
    const struct sources *sources;
    struct keep *keep;
    struct arena *parsing; /* a body's JSON: up to nine times the body, so it must not wait for the ack with it */
    struct metric *ack_seconds;
};

/* A webhook that waits for its ack; lies in its exchange's arena. */
struct arrival {
    struct receive *receive;
    struct http_exchange *exchange;
    const struct source *source;
    struct webhook webhook;
    struct event event;
    char id[2 * EVENT_ID_BYTES + 1];
    char correlation[CORRELATION_LEN + 1];
    char traceparent[TRACEPARENT_LEN + 1];
    struct header headers[EVENT_HEADERS_MAX];
};

/* ---- telling ---- */

static struct metric *outcome_counter(const char *outcome, const char *source)
{
    char labels[128];
    snprintf(labels, sizeof labels, "outcome=\"%s\",source=\"%s\"", outcome, source);
    return metrics_counter("hookline_ingest_requests_total", labels, "Requests by what became of them.");
}

/* `event_id` is NULL before there is one. */
static void respond(struct http_exchange *exchange, const struct answer *answer, const char *correlation,
                    const char *event_id)
{
    struct http_header headers[3] = {{"X-Correlation-Id", slice_of(correlation)}};
    size_t count = 1;
    if (event_id)
        headers[count++] = (struct http_header){"X-Event-Id", slice_of(event_id)};
    if (answer->extra.name)
        headers[count++] = answer->extra;
    struct buffer body = {0};
    buffer_add_text(&body, "{\"error\":");
    buffer_add_json_string(&body, slice_of(answer->word));
    buffer_add_text(&body, ",\"message\":");
    buffer_add_json_string(&body, slice_of(answer->message));
    buffer_add_text(&body, "}");
    http_respond(exchange, answer->status, "application/json", buffer_slice(&body), headers, count);
    buffer_free(&body);
}

/* `cause` is ours, for the log and the metric; the answer says what the sender may know. */
static void refuse(struct http_exchange *exchange, const struct answer *answer, const char *cause, const char *source,
                   const char *correlation)
{
    log_event(LOG_INFO, "refused", LOG_TEXT("cause", cause), LOG_INT("status", answer->status),
              LOG_TEXT("source", source), LOG_SLICE("peer", http_exchange_peer(exchange)),
              LOG_TEXT("correlation_id", correlation));
    metric_add(outcome_counter(cause, source), 1);
    respond(exchange, answer, correlation, NULL);
}

static void new_correlation(char text[CORRELATION_LEN + 1], uint8_t random[RANDOM_BYTES])
{
    if (getrandom(random, RANDOM_BYTES, 0) != RANDOM_BYTES)
        abort(); /* up to 256 bytes are never cut short (getrandom(2)) */
    event_correlation_id(clock_now_ms(), random, text);
}

/* ---- the head ---- */

static bool is_json_type(struct slice value)
{
    static const char JSON[] = "application/json";
    size_t len = 0;
    while (len < value.len && value.ptr[len] != ';')
        len++;
    while (len > 0 && (value.ptr[len - 1] == ' ' || value.ptr[len - 1] == '\t'))
        len--;
    return len == sizeof JSON - 1 && strncasecmp(value.ptr, JSON, len) == 0;
}

static bool media_accepted(const struct http_request *request)
{
    size_t types = 0;
    size_t encodings = 0;
    struct slice type = http_request_field(request, "Content-Type", &types);
    struct slice encoding = http_request_field(request, "Content-Encoding", &encodings);
    return types <= 1 && (types == 0 || is_json_type(type)) && (encodings == 0 || slice_equals(encoding, "identity"));
}

void receive_head(struct http_exchange *exchange, void *context)
{
    const struct receive *receive = context;
    const struct http_request *request = http_exchange_request(exchange);
    const struct source *source = sources_find(receive->sources, request->path);
    const struct answer *answer = NULL;
    if (!source)
        answer = &NOT_FOUND;
    else if (!slice_equals(request->method, "POST"))
        answer = &METHOD;
    else if (!media_accepted(request))
        answer = &MEDIA;
    if (!answer)
        return;
    uint8_t random[RANDOM_BYTES];
    char correlation[CORRELATION_LEN + 1];
    new_correlation(correlation, random);
    refuse(exchange, answer, answer->word, source ? source->name : "", correlation);
}

void receive_refused(const struct http_refusal *refusal, struct slice peer, void *context)
{
    (void)context;
    /* A flood of connections must not become a flood of lines. */
    log_event(refusal->status == 503 ? LOG_DEBUG : LOG_INFO, "refused", LOG_TEXT("cause", refusal->word),
              LOG_INT("status", refusal->status), LOG_TEXT("detail", refusal->message), LOG_SLICE("peer", peer));
    metric_add(outcome_counter(refusal->word, ""), 1);
}

/* ---- the whole request ---- */

static void on_kept(void *opaque, enum kept kept, double seconds, const char *problem)
{
    struct arrival *arrival = opaque;
    struct http_exchange *exchange = arrival->exchange;
    if (kept == KEPT_NOT) {
        log_event(LOG_WARN, "refused", LOG_TEXT("cause", "not_kept"), LOG_INT("status", NOT_KEPT.status),
                  LOG_TEXT("source", arrival->source->name), LOG_TEXT("detail", problem),
                  LOG_TEXT("event_id", arrival->id), LOG_TEXT("correlation_id", arrival->correlation),
                  LOG_REAL("ms", seconds * 1000));
        metric_add(outcome_counter("not_kept", arrival->source->name), 1);
        respond(exchange, &NOT_KEPT, arrival->correlation, arrival->id);
        return;
    }
    log_event(LOG_INFO, "accepted", LOG_TEXT("source", arrival->source->name), LOG_SLICE("type", arrival->event.type),
              LOG_SLICE("call_id", arrival->webhook.call_id), LOG_TEXT("event_id", arrival->id),
              LOG_TEXT("correlation_id", arrival->correlation), LOG_REAL("ms", seconds * 1000));
    metric_add(outcome_counter("accepted", arrival->source->name), 1);
    metric_observe(arrival->receive->ack_seconds, seconds);
    struct http_header headers[] = {{"X-Event-Id", slice_of(arrival->id)},
                                    {"X-Correlation-Id", slice_of(arrival->correlation)}};
    struct slice body = SLICE("{\"call_inbound\":{}}");
    if (!arrival->webhook.wants_answer)
        body = arena_format(http_exchange_arena(exchange), "{\"event_id\":\"%s\",\"correlation_id\":\"%s\"}",
                            arrival->id, arrival->correlation);
    http_respond(exchange, 200, "application/json", body, headers, COUNT(headers));
}

static void hand_over(struct arrival *arrival, struct slice body)
{
    struct arena *arena = http_exchange_arena(arrival->exchange);
    const struct source *source = arrival->source;
    arrival->event = (struct event){
        .id = event_id_of(slice_of(source->provider), source->company_id, body),
        .type = arena_format(arena, "ai.%s.%.*s", source->provider, SLICE_PRINT(arrival->webhook.event)),
        .source = slice_of(source->ce_source),
        .subject = arrival->webhook.call_id,
        .time_ms = http_exchange_started_ms(arrival->exchange),
        .correlation_id = slice_of(arrival->correlation),
        .traceparent = slice_of(arrival->traceparent),
        .source_company = source->company_id,
        .body = body,
    };
    event_id_print(arrival->event.id, arrival->id);
    size_t header_count = event_write(&arrival->event, arena, arrival->headers);
    struct slice call_id = arrival->webhook.call_id;
    keep_record(arrival->receive->keep,
                &(struct record){
                    .topic = TOPIC_WEBHOOKS_RETELL,
                    .partition = RECORD_PARTITION_BY_KEY,
                    .key = slice_absent(call_id) ? slice_of(arrival->id) : call_id,
                    .value = body,
                    .headers = arrival->headers,
                    .header_count = header_count,
                },
                true, on_kept, arrival);
}

/* What is kept of it lies in the exchange's arena. */
static enum webhook_outcome read_webhook(struct arrival *arrival, struct slice body, const char **problem)
{
    struct arena *arena = http_exchange_arena(arrival->exchange);
    enum webhook_outcome outcome = webhook_read(arrival->receive->parsing, body, &arrival->webhook, problem);
    arrival->webhook.event = arena_copy(arena, arrival->webhook.event);
    arrival->webhook.call_id = arena_copy(arena, arrival->webhook.call_id);
    arena_reset(arrival->receive->parsing);
    return outcome;
}

static bool signature_accepted(struct arrival *arrival, const struct http_request *request)
{
    size_t count = 0;
    struct slice header = http_request_field(request, "X-Retell-Signature", &count);
    if (count > 1) {
        refuse(arrival->exchange, &TWICE, "signature_twice", arrival->source->name, arrival->correlation);
        return false;
    }
    enum signature_verdict verdict = signature_retell_check(arrival->source->key, request->body, header,
                                                            http_exchange_started_ms(arrival->exchange));
    if (verdict == SIGNATURE_VALID)
        return true;
    char cause[32];
    snprintf(cause, sizeof cause, "signature_%s", signature_verdict_name(verdict));
    refuse(arrival->exchange, &SIGNATURE, cause, arrival->source->name, arrival->correlation);
    return false;
}

void receive_webhook(struct http_exchange *exchange, void *context)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct arena *arena = http_exchange_arena(exchange);
    struct arrival *arrival = arena_zeroed(arena, 1, sizeof *arrival);
    uint8_t random[RANDOM_BYTES];
    arrival->receive = context;
    arrival->exchange = exchange;
    arrival->source = sources_find(arrival->receive->sources, request->path);
    new_correlation(arrival->correlation, random);
    traceparent_continue(http_request_field(request, "traceparent", NULL), random + 10, arrival->traceparent);
    if (!signature_accepted(arrival, request))
        return;
    const char *problem = NULL;
    enum webhook_outcome outcome = read_webhook(arrival, request->body, &problem);
    if (outcome == WEBHOOK_FINE)
        hand_over(arrival, request->body);
    else
        refuse(exchange, &(struct answer){400, "bad_request", problem, {0}}, webhook_outcome_name(outcome),
               arrival->source->name, arrival->correlation);
}

struct receive *receive_new(const struct sources *sources, struct keep *keep)
{
    static const char *const OUTCOMES[] = {
        "accepted", "not_kept", "signature_missing", "signature_malformed", "signature_time", "signature_digest"};
    struct receive *receive = memory_new(1, sizeof *receive);
    *receive = (struct receive){.sources = sources, .keep = keep, .parsing = arena_new()};
    receive->ack_seconds =
        metrics_histogram("hookline_ingest_ack_seconds", "", "From a webhook's last byte to the brokers' ack.");
    for (size_t i = 0; i < sources->count; i++) /* at 0 from the start, so that a first one is a rise */
        for (size_t outcome = 0; outcome < COUNT(OUTCOMES); outcome++)
            outcome_counter(OUTCOMES[outcome], sources->items[i].name);
    return receive;
}

void receive_free(struct receive *receive)
{
    arena_free(receive->parsing);
    free(receive);
}
