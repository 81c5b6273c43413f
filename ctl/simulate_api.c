/* simulate_api.c: see simulate_api.h.
 *
 *      GET  /v2/get-call/{id}    the call as of now; of any run with the same numbers, for the id holds the whole life
 *      POST /v3/list-calls       this run's calls, newest first: limit, pagination_key; without transcripts
 *
 * Statuses and error bodies as Retell documents them: 401, 422 for an unknown id, {"status":"error","message":…}. Filters of
 * list-calls are not known here: they are refused with 400, for an answer that ignores them would be a lie.
 */
#include "ctl/simulate_api.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/http_server.h"
#include "common/json.h"
#include "ctl/simulate_body.h"

enum { LIST_LIMIT_DEFAULT = 50, LIST_LIMIT_MAX = 1000, BODY_MAX_BYTES = 65536 };

struct simulate_api {
    struct http_server *server;
    const struct simulation *simulation;
    const struct life_options *life;
    struct slice key;
    uint64_t answered;
};

static void respond_error(struct http_exchange *exchange, int status, const char *message)
{
    struct slice body =
        arena_format(http_exchange_arena(exchange), "{\"status\":\"error\",\"message\":\"%s\"}", message);
    http_respond(exchange, status, "application/json", body, NULL, 0);
}

static bool is_authorized(const struct simulate_api *self, const struct http_request *request)
{
    static const char SCHEME[] = "Bearer ";
    struct slice value = http_request_field(request, "Authorization", NULL);
    if (!slice_starts_with(value, SCHEME))
        return false;
    struct slice key = slice_from(value, sizeof SCHEME - 1);
    return key.len == self->key.len && CRYPTO_memcmp(key.ptr, self->key.ptr, key.len) == 0;
}

static void answer_call(struct simulate_api *self, struct http_exchange *exchange, struct slice call_id)
{
    struct life life;
    if (!life_of_call_id(&life, self->life, call_id)) {
        respond_error(exchange, 422, "Cannot find requested asset under given api key");
        return;
    }
    struct buffer body = {0};
    life_write_call(&life, clock_now_ms(), LIFE_WHOLE, &body);
    http_respond(exchange, 200, "application/json", buffer_slice(&body), NULL, 0);
    buffer_free(&body);
}

/* The calls before `end`, newest first. */
static void write_list(const struct simulate_api *self, size_t end, size_t limit, struct buffer *out)
{
    struct life life = {0};
    buffer_add_text(out, "{\"items\":[");
    size_t at = end;
    for (; at > 0 && end - at < limit; at--) {
        life_make(&life, self->life, (uint32_t)(at - 1), simulation_call_start(self->simulation, at - 1));
        buffer_add_text(out, at == end ? "" : ",");
        life_write_call(&life, clock_now_ms(), LIFE_LISTED, out);
    }
    buffer_add_format(out, "],\"has_more\":%s", at > 0 ? "true" : "false");
    if (at > 0 && at < end)
        buffer_add_format(out, ",\"pagination_key\":\"%s\"", life.call_id);
    buffer_add_char(out, '}');
}

static void answer_list(struct simulate_api *self, struct http_exchange *exchange, struct slice body)
{
    struct arena *arena = http_exchange_arena(exchange);
    const char *problem = NULL;
    const struct json *question = body.len > 0 ? json_read(arena, body, &problem) : NULL;
    int64_t limit = LIST_LIMIT_DEFAULT;
    size_t end = simulation_calls(self->simulation);
    struct slice key = json_text(json_get(question, "pagination_key"));
    struct life last;
    (void)json_int(json_get(question, "limit"), &limit);
    if (problem || (question && !json_is_object(question))) {
        respond_error(exchange, 400, "the body is no JSON object");
    } else if (json_get(question, "filter_criteria")) {
        respond_error(exchange, 400, "this stand-in knows no filter_criteria");
    } else if (limit < 1 || limit > LIST_LIMIT_MAX) {
        respond_error(exchange, 400, "limit must be from 1 to 1000");
    } else if (!slice_absent(key) && (!life_of_call_id(&last, self->life, key) || last.index >= end)) {
        respond_error(exchange, 400, "pagination_key is none that was given");
    } else {
        struct buffer out = {0};
        write_list(self, slice_absent(key) ? end : last.index, (size_t)limit, &out);
        http_respond(exchange, 200, "application/json", buffer_slice(&out), NULL, 0);
        buffer_free(&out);
    }
}

static void on_request(struct http_exchange *exchange, void *context)
{
    static const char GET_CALL[] = "/v2/get-call/";
    struct simulate_api *self = context;
    const struct http_request *request = http_exchange_request(exchange);
    self->answered++;
    if (!is_authorized(self, request))
        respond_error(exchange, 401, "Invalid API key");
    else if (slice_equals(request->method, "GET") && slice_starts_with(request->path, GET_CALL))
        answer_call(self, exchange, slice_from(request->path, sizeof GET_CALL - 1));
    else if (slice_equals(request->method, "POST") && slice_equals(request->path, "/v3/list-calls"))
        answer_list(self, exchange, request->body);
    else
        respond_error(exchange, 404, "this stand-in knows GET /v2/get-call/{id} and POST /v3/list-calls");
}

const char *simulate_api_open(struct simulate_api **result, struct event_base *base, const char *address,
                              const struct simulation *simulation, const struct life_options *life, struct slice key)
{
    struct simulate_api *self = memory_new(1, sizeof *self);
    self->simulation = simulation;
    self->life = life;
    self->key = key;
    *result = self;
    return http_server_open(&self->server, base,
                            &(struct http_server_options){
                                .address = address,
                                .listen_fd = -1,
                                .limits = {.body_max_bytes = BODY_MAX_BYTES},
                                .handler = on_request,
                                .context = self,
                            });
}

const char *simulate_api_address(const struct simulate_api *api)
{
    return http_server_address(api->server);
}

uint64_t simulate_api_answered(const struct simulate_api *api)
{
    return api->answered;
}

void simulate_api_close(struct simulate_api *api)
{
    if (!api)
        return;
    if (api->server)
        http_server_close(api->server);
    free(api);
}
