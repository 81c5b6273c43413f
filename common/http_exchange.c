/* http_exchange.c: one request and the answer that it is owed.
 *
 * Lives from the first byte of the request until its answer is handed over, whichever of connection and handler is last.
 */
#include "common/http_parts.h"

#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/http_forwarded.h"

enum { FIRST_NOT_GRANTED = 300, HTTP_BODY_TOGETHER_MAX = 4096 };

static const struct {
    int status;
    const char *reason;
} REASONS[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < COUNT(REASONS); i++)
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    return "Status";
}

struct http_exchange *http_exchange_new(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = memory_new(1, sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    exchange->begun_ms = clock_ticks_ms();
    exchange->arena = http_server_arena(server);
    exchange->address = connection->peer;
    memcpy(exchange->peer, connection->peer_text, sizeof exchange->peer);
    exchange->next = server->exchanges;
    if (exchange->next)
        exchange->next->previous = exchange;
    server->exchanges = exchange;
    return exchange;
}

void http_exchange_find_client(struct http_exchange *exchange)
{
    struct address client =
        http_forwarded_client(&exchange->request, &exchange->server->options.trusted, &exchange->address);
    if (address_same(&client, &exchange->address))
        return;
    exchange->address = client;
    http_server_print_address(&client, exchange->peer);
}

bool http_exchange_weigh(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;
    size_t used = arena_used(exchange->arena);
    if (used <= HTTP_LARGE_MIN_BYTES || used == exchange->large_bytes)
        return true;
    server->large_bytes += used - exchange->large_bytes;
    exchange->large_bytes = used;
    size_t most = server->options.large_bodies_max_bytes;
    return !most || server->large_bytes <= most;
}

void http_exchange_free(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;
    if (exchange->answer)
        evbuffer_free(exchange->answer);
    if (server) {
        *(exchange->previous ? &exchange->previous->next : &server->exchanges) = exchange->next;
        if (exchange->next)
            exchange->next->previous = exchange->previous;
        server->large_bytes -= exchange->large_bytes;
        http_server_arena_return(server, exchange->arena);
        http_server_check_drained(server);
    } else {
        arena_free(exchange->arena);
    }
    free(exchange);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return exchange->arena;
}

struct slice http_exchange_peer(const struct http_exchange *exchange)
{
    return slice_of(exchange->peer);
}

const struct address *http_exchange_address(const struct http_exchange *exchange)
{
    return &exchange->address;
}

int64_t http_exchange_started_ms(const struct http_exchange *exchange)
{
    return exchange->started_ms;
}

void http_exchange_set_own(struct http_exchange *exchange, void *own)
{
    exchange->own = own;
}

void *http_exchange_own(const struct http_exchange *exchange)
{
    return exchange->own;
}

static const char *date_now(struct http_server *server)
{
    int64_t second = clock_now_ms() / 1000;
    if (second != server->date_second) {
        time_t time = second;
        struct tm parts;
        gmtime_r(&time, &parts);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        server->date_second = second;
    }
    return server->date;
}

/* A line end inside a value would begin a field of the sender's choice. */
static void add_line(struct buffer *out, const char *name, struct slice value)
{
    buffer_add_text(out, name);
    buffer_add_text(out, ": ");
    size_t begin = out->len;
    buffer_add(out, value);
    for (size_t i = begin; i < out->len; i++)
        if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f)
            out->data[i] = '?';
    buffer_add_text(out, "\r\n");
}

void http_exchange_write_head(struct http_server *server, struct evbuffer *out, const struct http_head *answer)
{
    struct buffer *head = &server->scratch;
    buffer_clear(head);
    buffer_add_text(head, "HTTP/1.1 ");
    buffer_add_int(head, answer->status);
    buffer_add_char(head, ' ');
    buffer_add_text(head, reason_of(answer->status));
    buffer_add_text(head, "\r\n");
    add_line(head, "Date", slice_of(date_now(server)));
    if (answer->content_type)
        add_line(head, "Content-Type", slice_of(answer->content_type));
    for (size_t i = 0; i < answer->header_count; i++)
        add_line(head, answer->headers[i].name, answer->headers[i].value);
    if (answer->length >= 0) {
        buffer_add_text(head, "Content-Length: ");
        buffer_add_int(head, answer->length);
        buffer_add_text(head, "\r\n");
    }
    if (answer->connection)
        add_line(head, "Connection", slice_of(answer->connection));
    buffer_add_text(head, "\r\n");
    bool together = answer->body.len <= HTTP_BODY_TOGETHER_MAX;
    if (together)
        buffer_add(head, answer->body);
    evbuffer_add(out, head->data, head->len);
    if (!together)
        evbuffer_add(out, answer->body.ptr, answer->body.len);
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304 || status / 100 == 1;
}

/* In a drain the last answer of a connection closes it: what was read whole behind this request is owed an answer, too. */
static bool must_close(const struct http_exchange *exchange)
{
    return exchange->close_after || (exchange->server->draining && !exchange->behind) ||
           !exchange->request.keep_alive || (exchange->body_follows && !exchange->complete);
}

void http_respond(struct http_exchange *exchange, int status, const char *content_type, struct slice body,
                  const struct http_header *headers, size_t header_count)
{
    struct http_connection *connection = exchange->connection;
    if (!connection) {
        http_exchange_free(exchange);
        return;
    }
    if (status < FIRST_NOT_GRANTED)
        http_connection_become_known(connection);
    struct evbuffer *out = http_connection_output(connection, exchange);
    exchange->close_after = must_close(exchange);
    connection->requests_over = connection->requests_over || exchange->close_after;
    bool sent = !has_no_body(status) && !slice_equals(exchange->request.method, "HEAD");
    http_exchange_write_head(exchange->server, out,
                             &(struct http_head){
                                 .status = status,
                                 .content_type = content_type,
                                 .length = has_no_body(status) ? -1 : (int64_t)body.len,
                                 .connection = exchange->close_after ? "close" : "keep-alive",
                                 .headers = headers,
                                 .header_count = header_count,
                                 .body = sent ? body : SLICE(""),
                             });
    exchange->answered = true;
    http_connection_advance(connection);
}

static void respond_error(struct http_exchange *exchange, const struct http_refusal *refusal, struct http_header extra)
{
    struct http_header headers[2];
    size_t count = 0;
    if (refusal->status == 503)
        headers[count++] = (struct http_header){"Retry-After", SLICE("1")};
    if (extra.name)
        headers[count++] = extra;
    struct buffer body = {0};
    buffer_add_text(&body, "{\"error\":");
    buffer_add_json_string(&body, slice_of(refusal->word));
    buffer_add_text(&body, ",\"message\":");
    buffer_add_json_string(&body, slice_of(refusal->message));
    buffer_add_text(&body, "}");
    http_respond(exchange, refusal->status, "application/json", buffer_slice(&body), headers, count);
    buffer_free(&body);
}

void http_respond_error(struct http_exchange *exchange, int status, const char *word, const char *message)
{
    respond_error(exchange, &(struct http_refusal){status, word, message}, (struct http_header){0});
}

void http_exchange_refuse(struct http_exchange *exchange, const struct http_refusal *refusal)
{
    const struct http_server_options *options = &exchange->server->options;
    struct http_header extra = {0};
    if (options->refused)
        extra = options->refused(refusal, http_exchange_peer(exchange), options->context);
    respond_error(exchange, refusal, extra);
}
