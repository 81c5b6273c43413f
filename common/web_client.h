/* web_client.h: asks others over HTTP: many requests at once in a loop, or one that is waited for.
 *
 *      web_client_send (in the loop) ──┐
 *      web_ask (waits)              ───┴──> libcurl ──> web_answered(opaque, answer), once
 *
 * What is asked is what the URL says and nobody else: no redirect is followed, for what a header proves is meant for that
 * host only; no cookie is kept; "/../" stays as it is; http and https only; certificates are verified. Logs nothing, since
 * headers hold keys. (Who is asked is http_server.h's part; tests speak bytes of their own, tests/support/http_client.h.)
 */
#ifndef HOOKLINE_COMMON_WEB_CLIENT_H
#define HOOKLINE_COMMON_WEB_CLIENT_H

#include <stdint.h>

#include "common/slice.h"

struct event_base;
struct web_client;

struct web_request {
    const char *url;
    const char *const *headers; /* "Name: value", NULL ends; may be NULL */
    struct slice body;          /* POST; absent: GET */
    int timeout_ms;             /* for the whole exchange; connecting has at most 3 s of it */
    size_t answer_max_bytes;    /* more fails as WEB_TOO_LARGE; 0: 64 KiB are kept, and the rest is thrown away */
    bool proxied;               /* through the proxy that the environment names, if it does */
};

enum web_fault {
    WEB_FINE,
    WEB_TIMEOUT,
    WEB_CONNECT,
    WEB_RESOLVE,
    WEB_TLS,
    WEB_TOO_LARGE,
    WEB_TRANSPORT, /* whatever else can happen to a connection */
};

/* A stable word: "timeout", "connect", "resolve", "tls", "too_large", "transport"; NULL for WEB_FINE. */
const char *web_fault_name(enum web_fault fault);

struct web_answer {
    int status; /* 0: no whole answer came; fault and problem say why */
    enum web_fault fault;
    const char *problem;    /* a static sentence; NULL if there is none */
    struct slice body;      /* as far as it came; lives until web_answered returns */
    int64_t retry_after_ms; /* 0: not asked for */
    int64_t took_ms;
};

typedef void web_answered(void *opaque, const struct web_answer *answer);

/* At most `connections_max` at once; more requests wait. Ignores SIGPIPE in the whole process. */
struct web_client *web_client_open(struct event_base *base, long connections_max);
/* Requests under way are dropped without a report. NULL is fine. */
void web_client_close(struct web_client *client);

/* All of the request is copied. `answered` runs in the loop, never from here. */
void web_client_send(struct web_client *client, const struct web_request *request, web_answered *answered,
                     void *opaque);
/* Those that are not answered yet; one that is being reported no longer counts. */
size_t web_client_under_way(const struct web_client *client);

/* Without a loop: calls `answered` before it returns. */
void web_ask(const struct web_request *request, web_answered *answered, void *opaque);

#endif
