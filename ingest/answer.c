/* answer.c: see answer.h. */
#include "ingest/answer.h"

#include "common/buffer.h"

const struct answer ANSWER_SIGNATURE = {401, "unauthorized", "The signature is not valid.", {0}};
const struct answer ANSWER_SIGNATURE_TWICE = {400, "bad_request", "There must be one signature header.", {0}};
const struct answer ANSWER_NOT_FOUND = {
    404, "not_found", "Webhooks go to /api/retell/webhook, /api/calcom/webhook or /api/stripe/webhook.", {0}};
const struct answer ANSWER_GONE = {
    410, "gone", "This path is no longer served: send Retell's webhooks to /api/retell/webhook.", {0}};
const struct answer ANSWER_METHOD = {405, "method_not_allowed", "A webhook is a POST.", {"Allow", {"POST", 4}}};
const struct answer ANSWER_MEDIA = {
    415, "unsupported_media_type", "A webhook's body is application/json, not encoded.", {0}};
const struct answer ANSWER_ADDRESS = {403, "forbidden", "Webhooks are not accepted from this address.", {0}};
const struct answer ANSWER_BODY = {413, "body_too_large", "The body is larger than accepted.", {0}};
const struct answer ANSWER_TOO_MANY = {429, "too_many_requests", "Too many at once. Send it again later.", {0}};
const struct answer ANSWER_BUSY = {
    503, "busy", "Too much is waiting to be stored. Send it again.", {"Retry-After", {"1", 1}}};
const struct answer ANSWER_NOT_KEPT = {
    503, "unavailable", "It could not be stored. Send it again.", {"Retry-After", {"5", 1}}};

void answer_send(struct http_exchange *exchange, const struct answer *answer, const char *correlation_id,
                 const char *event_id)
{
    struct http_header headers[3] = {{"X-Correlation-Id", slice_of(correlation_id)}};
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
