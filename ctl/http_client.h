/* http_client.h: many HTTP requests at once in one loop: libcurl's multi interface on libevent. */
#ifndef HOOKLINE_CTL_HTTP_CLIENT_H
#define HOOKLINE_CTL_HTTP_CLIENT_H

#include <stdint.h>

#include "common/slice.h"

struct event_base;
struct http_client;

/* `status` is 0 when there was no answer; `problem` then says why (static text). `answer` is the body, at most 64 KiB of
 * it, and lives until this returns. */
typedef void http_client_done(void *opaque, int status, struct slice answer, const char *problem);

struct http_client_request {
    const char *method; /* NULL: POST with a body, GET without */
    const char *url;
    const char *const *headers; /* "Name: value", NULL ends; may be NULL */
    struct slice body;          /* copied; absent: none */
    int timeout_ms;             /* for the whole exchange, connecting included */
};

/* Never fails but without memory. At most `connections_max` at once; more requests wait. */
struct http_client *http_client_open(struct event_base *base, long connections_max);
/* Requests under way are dropped without a report. */
void http_client_close(struct http_client *client);
/* `done` is called once, from the loop. */
void http_client_send(struct http_client *client, const struct http_client_request *request, http_client_done *done,
                      void *opaque);
size_t http_client_under_way(const struct http_client *client);

/* One request, waited for, without a loop: for verbs that ask one thing. Calls `done` before it returns. */
void http_client_ask(const struct http_client_request *request, http_client_done *done, void *opaque);

#endif
