/* admit.c: one check after the other; the first that fails is the answer. */
#include "ingest/admit.h"

#include <stdio.h>
#include <strings.h>

/* ---- the checks ---- */

static void refuse(struct refused *refused, const struct answer *answer, enum outcome outcome)
{
    refused->answer = answer;
    refused->outcome = outcome;
}

static void refuse_for_now(struct refused *refused, int64_t wait_s, enum outcome outcome)
{
    snprintf(refused->wait, sizeof refused->wait, "%lld", (long long)wait_s);
    refused->own = ANSWER_TOO_MANY;
    refused->own.extra = (struct http_header){"Retry-After", slice_of(refused->wait)};
    refuse(refused, &refused->own, outcome);
}

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
    return types <= 1 && (types == 0 || is_json_type(type)) &&
           (encodings == 0 || (encodings == 1 && slice_equals(encoding, "identity")));
}

static bool address_allowed(const struct source *source, const struct http_exchange *exchange)
{
    return source->allow.count == 0 || networks_hold(&source->allow, http_exchange_address(exchange));
}

static struct bucket_rate rate_of(const struct source *source)
{
    return (struct bucket_rate){source->rate_per_s, source->burst};
}

static void check_request(struct refused *refused, const struct admission *admission,
                          const struct http_request *request)
{
    if (!admission->found)
        refuse(refused, &ANSWER_NOT_FOUND, OUTCOME_NOT_FOUND);
    else if (admission->gone)
        refuse(refused, &ANSWER_GONE, OUTCOME_GONE);
    else if (!slice_equals(request->method, "POST"))
        refuse(refused, &ANSWER_METHOD, OUTCOME_METHOD);
    else if (!media_accepted(request))
        refuse(refused, &ANSWER_MEDIA, OUTCOME_MEDIA);
}

/* ---- what receive.c asks ---- */

void admit_head(struct admission *admission, struct limits *limits, struct http_exchange *exchange, int64_t now_ns)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct refused *refused = &admission->refused;
    int64_t wait_s = 0;
    if (!limits_allow_address(limits, http_exchange_address(exchange), now_ns, &wait_s))
        refuse_for_now(refused, wait_s, OUTCOME_RATE_ADDRESS);
    if (!refused->answer)
        check_request(refused, admission, request);
    if (!refused->answer && limits_full(limits))
        refuse(refused, &ANSWER_BUSY, OUTCOME_IN_FLIGHT);
}

void admit_sender(struct refused *refused, const struct roster *roster, const struct source *source,
                  struct http_exchange *exchange, int64_t now_ns)
{
    struct bucket *bucket = &roster->buckets[source->index];
    *refused = (struct refused){0};
    if (!address_allowed(source, exchange))
        refuse(refused, &ANSWER_ADDRESS, OUTCOME_ADDRESS);
    else if (!bucket_allows(bucket, rate_of(source), now_ns))
        refuse_for_now(refused, bucket_wait_s(bucket, rate_of(source), now_ns), OUTCOME_RATE_SOURCE);
    else if (http_exchange_request(exchange)->body.len > source->body_max_bytes)
        refuse(refused, &ANSWER_BODY, OUTCOME_BODY);
    else
        bucket_take(bucket, rate_of(source), now_ns);
}

void admit_kept(struct refused *refused, struct limits *limits, size_t body_bytes)
{
    *refused = (struct refused){0};
    if (!limits_enter(limits, body_bytes))
        refuse(refused, &ANSWER_BUSY, OUTCOME_IN_FLIGHT);
}
