/* web_exchange.h: one request as libcurl's easy handle, from what is asked to what is reported. web_client.c's other half. */
#ifndef HOOKLINE_COMMON_WEB_EXCHANGE_H
#define HOOKLINE_COMMON_WEB_EXCHANGE_H

#include <curl/curl.h>

#include "common/buffer.h"
#include "common/web_client.h"

struct web_exchange {
    struct web_exchange *previous, *next; /* web_client's: those under way */
    CURL *easy;                           /* CURLINFO_PRIVATE is this struct */
    struct curl_slist *headers;
    struct buffer body;
    size_t body_max_bytes;
    bool must_be_whole; /* else what exceeds body_max_bytes is thrown away */
    bool too_large;
    web_answered *answered;
    void *opaque;
};

struct web_exchange *web_exchange_new(const struct web_request *request, web_answered *answered, void *opaque);
/* What libcurl has come to. */
void web_exchange_report(const struct web_exchange *exchange, CURLcode result);
void web_exchange_free(struct web_exchange *exchange);

#endif
