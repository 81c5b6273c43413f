/* serve.c: who may ask for what. The page is for everyone; it holds nothing. Everything else asks for a token first,
 * then for what the token's company has. */
#include "broadcaster/serve.h"

#include "broadcaster/page.h"
#include "broadcaster/route.h"

struct request {
    struct serve *serve;
    struct http_exchange *exchange;
    struct route route;
    struct slice token;
};

static void refuse_token(struct http_exchange *exchange)
{
    static const char BODY[] =
        "{\"error\":\"unauthorized\",\"message\":\"A valid token is needed: Authorization: Bearer TOKEN.\"}";
    const struct http_header headers[] = {{"WWW-Authenticate", SLICE("Bearer realm=\"hookline\"")},
                                          {"Cache-Control", SLICE("no-store")}};
    http_respond(exchange, 401, "application/json", slice_of(BODY), headers, COUNT(headers));
}

static void token_judged(enum access_answer answer, const struct access_grant *grant, void *context)
{
    const struct request *request = context;
    const struct api *api = &request->serve->api;
    if (answer == ACCESS_UNKNOWN) {
        api_respond_fault(request->exchange, &(struct database_error){.fault = DATABASE_AWAY});
        return;
    }
    if (answer == ACCESS_REFUSED) {
        refuse_token(request->exchange);
        return;
    }
    switch (request->route.kind) {
    case ROUTE_STREAM:
        streams_open(request->serve->streams, request->exchange, grant);
        break;
    case ROUTE_CALLS:
        api_calls(api, request->exchange, grant->company_id);
        break;
    case ROUTE_CALL:
        api_call(api, request->exchange, grant->company_id, request->route.call_id);
        break;
    case ROUTE_STATS:
        api_stats(api, request->exchange, grant->company_id);
        break;
    case ROUTE_NONE:
    case ROUTE_PAGE:
        break;
    }
}

/* The page behind a proxy that speaks TLS: the cookie must never travel without it. */
static bool came_over_tls(const struct http_request *request)
{
    size_t count = 0;
    return slice_equals(http_request_field(request, "X-Forwarded-Proto", &count), "https");
}

static void sign_in_judged(enum access_answer answer, const struct access_grant *grant, void *context)
{
    const struct request *request = context;
    (void)grant;
    if (answer != ACCESS_GRANTED) {
        page_respond_index(request->exchange, answer == ACCESS_REFUSED ? 401 : 503);
        return;
    }
    struct buffer cookie = {0};
    credential_write_cookie(&cookie, request->token, came_over_tls(http_exchange_request(request->exchange)));
    const struct http_header headers[] = {
        {"Location", SLICE("/")},
        {"Set-Cookie", buffer_slice(&cookie)},
        {"Cache-Control", SLICE("no-store")},
        {"Referrer-Policy", SLICE("no-referrer")},
    };
    http_respond(request->exchange, 303, "text/plain", SLICE(""), headers, COUNT(headers));
    buffer_free(&cookie);
}

static void serve_page(struct request *request)
{
    struct slice token = http_request_parameter(http_exchange_request(request->exchange), "token",
                                                http_exchange_arena(request->exchange));
    if (slice_absent(token) || !slice_equals(request->route.file, "index.html")) {
        page_respond(request->exchange, request->route.file);
        return;
    }
    request->token = credential_valid(token) ? token : SLICE_ABSENT;
    access_check(request->serve->access, request->token, sign_in_judged, request);
}

static bool method_allowed(const struct http_request *request, enum route_kind kind)
{
    return slice_equals(request->method, "GET") || (slice_equals(request->method, "HEAD") && kind != ROUTE_STREAM);
}

void serve_request(struct http_exchange *exchange, void *context)
{
    const struct http_request *asked = http_exchange_request(exchange);
    struct arena *arena = http_exchange_arena(exchange);
    struct request *request = arena_zeroed(arena, 1, sizeof *request);
    *request = (struct request){.serve = context, .exchange = exchange, .route = route_of(asked->path, arena)};
    if (request->route.kind == ROUTE_NONE) {
        http_respond_error(exchange, 404, "not_found", "There is nothing at this path.");
        return;
    }
    if (!method_allowed(asked, request->route.kind)) {
        static const char BODY[] = "{\"error\":\"method_not_allowed\",\"message\":\"Only GET is of use here.\"}";
        const struct http_header headers[] = {{"Allow", SLICE("GET, HEAD")}};
        http_respond(exchange, 405, "application/json", slice_of(BODY), headers, COUNT(headers));
        return;
    }
    if (request->route.kind == ROUTE_PAGE)
        serve_page(request);
    else
        access_check(request->serve->access, credential_of(asked), token_judged, request);
}
