/* web_exchange.c: see web_exchange.h and, for what is refused, web_client.h. */
#include "common/web_exchange.h"

#include <stdlib.h>

#include "common/arena.h"

enum { KEPT_BYTES = 65536, CONNECT_MAX_MS = 3000, US_PER_MS = 1000, MS_PER_SECOND = 1000 };

static size_t body_arrived(char *bytes, size_t size, size_t count, void *context)
{
    struct web_exchange *exchange = context;
    size_t room = exchange->body_max_bytes - exchange->body.len, len = size * count;
    if (len > room && exchange->must_be_whole) {
        exchange->too_large = true;
        return 0; /* ends the exchange */
    }
    buffer_add(&exchange->body, (struct slice){bytes, len < room ? len : room});
    return len;
}

static struct curl_slist *header_list(const struct web_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* or libcurl waits a second before a large body */
    for (const char *const *header = request->headers; header && *header; header++)
        list = curl_slist_append(list, *header);
    return list;
}

static void set_request(CURL *easy, const struct web_request *request)
{
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MAX_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* names are resolved in a thread of libcurl's own */
    if (!request->proxied)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!slice_absent(request->body)) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body.ptr);
    }
}

struct web_exchange *web_exchange_new(const struct web_request *request, web_answered *answered, void *opaque)
{
    struct web_exchange *exchange = memory_new(1, sizeof *exchange);
    *exchange = (struct web_exchange){
        .easy = curl_easy_init(),
        .headers = header_list(request),
        .body_max_bytes = request->answer_max_bytes ? request->answer_max_bytes : KEPT_BYTES,
        .must_be_whole = request->answer_max_bytes > 0,
        .answered = answered,
        .opaque = opaque,
    };
    if (!exchange->easy || !exchange->headers)
        abort(); /* only without memory */
    set_request(exchange->easy, request);
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, body_arrived);
    curl_easy_setopt(exchange->easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(exchange->easy, CURLOPT_PRIVATE, exchange);
    return exchange;
}

void web_exchange_free(struct web_exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    buffer_free(&exchange->body);
    free(exchange);
}

static enum web_fault fault_of(CURLcode result)
{
    switch (result) {
    case CURLE_OK:
        return WEB_FINE;
    case CURLE_OPERATION_TIMEDOUT:
        return WEB_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
        return WEB_CONNECT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return WEB_RESOLVE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return WEB_TLS;
    default:
        return WEB_TRANSPORT;
    }
}

const char *web_fault_name(enum web_fault fault)
{
    static const char *const NAMES[] = {
        [WEB_TIMEOUT] = "timeout", [WEB_CONNECT] = "connect",     [WEB_RESOLVE] = "resolve",
        [WEB_TLS] = "tls",         [WEB_TOO_LARGE] = "too_large", [WEB_TRANSPORT] = "transport",
    };
    return NAMES[fault];
}

void web_exchange_report(const struct web_exchange *exchange, CURLcode result)
{
    struct web_answer answer = {.fault = fault_of(result), .body = buffer_slice(&exchange->body)};
    long status = 0;
    curl_off_t retry_after_seconds = 0;
    curl_off_t took_us = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &retry_after_seconds);
    curl_easy_getinfo(exchange->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    answer.took_ms = took_us / US_PER_MS;
    if (retry_after_seconds > 0 && retry_after_seconds < INT64_MAX / MS_PER_SECOND)
        answer.retry_after_ms = retry_after_seconds * MS_PER_SECOND;
    if (exchange->too_large)
        answer.fault = WEB_TOO_LARGE;
    if (answer.fault == WEB_FINE)
        answer.status = (int)status;
    else
        answer.problem = exchange->too_large ? "The answer is larger than it may be" : curl_easy_strerror(result);
    exchange->answered(exchange->opaque, &answer);
}
