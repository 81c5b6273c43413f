/* http_connection.c: one socket: bytes in, deadlines, answers in the order of their requests, and how it ends.
 *
 *      OPEN ──last answer, refusal, drain──> CLOSING ──flushed, shut──> LINGER ──the peer's end, 3 s──> gone
 *        └──http_stream_open──> STREAM ──http_stream_close──┘
 */
#include "common/http_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"

static const struct http_refusal LATE = {408, "request_timeout", "The request did not arrive in time."};

/* What is half here when we go: 503, for the next process will take it. */
static const struct http_refusal LEAVING = {503, "draining", "This process is about to end. Send it again."};

static const struct http_refusal CROWDED = {503, "too_many_large_bodies", "Try again in a few seconds."};

static struct evbuffer *output_of(struct http_connection *connection)
{
    return bufferevent_get_output(connection->bufferevent);
}

/* An answer nearly always fits into the socket: written here it costs one system call, left to the bufferevent four (it asks
 * epoll to tell when it may write, waits for that, and takes the question back). What does not fit is the bufferevent's, and
 * so is an error. EV_WRITE is enabled only then, and for streams. */
static void write_out(struct http_connection *connection)
{
    struct evbuffer *output = output_of(connection);
    if (evbuffer_get_length(output) == 0 || bufferevent_get_enabled(connection->bufferevent) & EV_WRITE)
        return;
    evbuffer_unfreeze(output, 1); /* a bufferevent freezes its front against everybody but itself */
    (void)!evbuffer_write(output, bufferevent_getfd(connection->bufferevent));
    evbuffer_freeze(output, 1);
    if (evbuffer_get_length(output) > 0)
        bufferevent_enable(connection->bufferevent, EV_WRITE);
}

struct evbuffer *http_connection_output(struct http_connection *connection, struct http_exchange *exchange)
{
    if (exchange == connection->first)
        return output_of(connection);
    if (!exchange->answer)
        exchange->answer = evbuffer_new();
    return exchange->answer;
}

/* Whoever was let in may send one request more, even when we are about to go: it may be on its way, and to close now would lose
 * its answer. */
static bool may_ask(const struct http_connection *connection)
{
    return connection->phase == HTTP_PHASE_OPEN && !connection->requests_over && !connection->input_over;
}

bool http_connection_owes(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_STREAM || connection->phase == HTTP_PHASE_LINGER)
        return false;
    return connection->first || may_ask(connection) || evbuffer_get_length(output_of(connection)) > 0;
}

/* ---- the queue of owed answers ---- */

static void queue_add(struct http_connection *connection, struct http_exchange *exchange)
{
    *(connection->last ? &connection->last->behind : &connection->first) = exchange;
    connection->last = exchange;
    connection->owed++;
}

static struct http_exchange *queue_take(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->first;
    connection->first = exchange->behind;
    if (!connection->first)
        connection->last = NULL;
    connection->owed--;
    if (connection->reading == exchange)
        connection->reading = NULL;
    exchange->behind = NULL;
    return exchange;
}

/* Its connection is no more: whoever is to answer keeps it; otherwise nobody knows it. */
static void exchange_drop(struct http_exchange *exchange)
{
    exchange->connection = NULL;
    if (exchange->answered || !exchange->complete)
        http_exchange_free(exchange);
}

void http_connection_drop_behind(struct http_connection *connection, struct http_exchange *exchange)
{
    while (exchange->behind) {
        struct http_exchange *behind = exchange->behind;
        exchange->behind = behind->behind;
        if (connection->reading == behind)
            connection->reading = NULL;
        connection->owed--;
        exchange_drop(behind);
    }
    connection->last = exchange;
}

static void queue_drop(struct http_connection *connection)
{
    while (connection->first)
        exchange_drop(queue_take(connection));
}

/* ---- the end ---- */

void http_connection_free(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    queue_drop(connection);
    *(connection->previous ? &connection->previous->next : &server->connections) = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    struct http_stream *stream = connection->stream;
    connection->stream = NULL;
    bufferevent_free(connection->bufferevent);
    event_free(connection->timer);
    http_parser_free(connection->parser);
    if (!networks_hold(&server->options.trusted,
                       &connection->peer)) /* those were never counted, but their /64 may be */
        http_peers_leave(server->peers, &connection->peer);
    free(connection);
    http_server_connection_gone(server);
    if (stream)
        http_stream_gone(stream);
}

/* Everything is sent. Closing now would make the kernel answer unread bytes with a reset, and a reset destroys what the
 * peer has not read yet: shut our side only, and read until he has closed his. */
static void linger(struct http_connection *connection)
{
    if (connection->input_over) {
        http_connection_free(connection);
        return;
    }
    struct http_server *server = connection->server;
    connection->phase = HTTP_PHASE_LINGER;
    shutdown(bufferevent_getfd(connection->bufferevent), SHUT_WR);
    http_connection_set_deadline(connection, HTTP_DEADLINE_LINGER);
    http_server_check_drained(server);
}

void http_connection_finish(struct http_connection *connection)
{
    connection->phase = HTTP_PHASE_CLOSING;
    http_connection_set_deadline(connection, HTTP_DEADLINE_NONE);
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (!connection->input_over)
        bufferevent_enable(connection->bufferevent, EV_READ);
    if (connection->busy)
        return;
    write_out(connection);
    if (evbuffer_get_length(output_of(connection)) == 0)
        linger(connection);
}

/* ---- requests ---- */

static bool wants_input(struct http_connection *connection)
{
    if (connection->phase != HTTP_PHASE_OPEN || connection->requests_over)
        return false;
    size_t waiting = connection->owed - (connection->reading ? 1 : 0);
    if (waiting >= HTTP_OWED_MAX || evbuffer_get_length(output_of(connection)) > HTTP_OUTPUT_MAX)
        return false;
    /* After a request for another protocol what comes may not be HTTP: its answer decides. */
    const struct http_exchange *last = connection->last;
    return !last || !last->complete || last->answered || !last->request.upgrade;
}

static void refuse(struct http_connection *connection, const struct http_refusal *refusal)
{
    struct http_exchange *exchange = connection->reading;
    connection->reading = NULL;
    connection->requests_over = true;
    exchange->complete = true;
    exchange->close_after = true;
    http_exchange_refuse(exchange, refusal);
}

static void send_continue(struct http_connection *connection)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->first->continue_due = false;
    evbuffer_add(output_of(connection), CONTINUE, sizeof CONTINUE - 1);
    write_out(connection);
}

/* False: the handler has answered already, and the request is over for us. */
static bool head_complete(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->reading;
    const struct http_server_options *options = &connection->server->options;
    exchange->request = *http_parser_request(connection->parser);
    exchange->head_seen = true;
    exchange->body_follows = http_parser_body_follows(connection->parser);
    bool over = exchange->body_follows || !exchange->request.keep_alive;
    http_exchange_find_client(exchange);
    if (options->head)
        options->head(exchange, options->context);
    if (connection->reading == exchange && !exchange->answered)
        return true;
    connection->reading = NULL;
    connection->served = true;
    connection->requests_over = connection->requests_over || over;
    http_connection_set_deadline(connection, HTTP_DEADLINE_NONE);
    http_parser_next(connection->parser);
    return false;
}

static void body_begins(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->reading;
    http_connection_set_deadline(connection, HTTP_DEADLINE_BODY);
    exchange->continue_due =
        exchange->request.expects_continue && evbuffer_get_length(bufferevent_get_input(connection->bufferevent)) == 0;
    if (exchange->continue_due && connection->first == exchange)
        send_continue(connection);
}

void http_connection_become_known(struct http_connection *connection)
{
    if (!connection->known)
        connection->known = bufferevent_priority_set(connection->bufferevent, HTTP_PRIORITY_KNOWN) == 0;
}

static void request_complete(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->reading;
    const struct http_server_options *options = &connection->server->options;
    exchange->request = *http_parser_request(connection->parser);
    exchange->started_ms = clock_now_ms();
    exchange->complete = true;
    connection->reading = NULL;
    connection->served = true;
    connection->requests_over = !exchange->request.keep_alive;
    http_connection_set_deadline(connection, HTTP_DEADLINE_NONE); /* the next request's begins anew */
    http_parser_next(connection->parser);
    options->handler(exchange, options->context);
}

static void feed(struct http_connection *connection, struct slice bytes)
{
    if (!connection->reading) {
        connection->reading = http_exchange_new(connection);
        queue_add(connection, connection->reading);
    }
    struct arena *arena = connection->reading->arena;
    size_t consumed = 0;
    enum http_parse outcome = http_parser_feed(connection->parser, arena, bytes, &consumed);
    evbuffer_drain(bufferevent_get_input(connection->bufferevent), consumed);
    connection->body_bytes += consumed;
    if (outcome == HTTP_PARSE_HEAD) {
        if (!head_complete(connection))
            return;
        outcome = http_parser_feed(connection->parser, arena, SLICE(""), &consumed);
        if (outcome == HTTP_PARSE_MORE)
            body_begins(connection);
    }
    bool fits = http_exchange_weigh(connection->reading);
    if (outcome == HTTP_PARSE_COMPLETE) {
        request_complete(connection);
    } else if (outcome == HTTP_PARSE_MORE && !fits) {
        refuse(connection, &CROWDED);
    } else if (outcome == HTTP_PARSE_REFUSED) {
        struct http_refusal refusal = http_parser_refusal(connection->parser);
        refuse(connection, &refusal);
    }
}

static enum http_deadline deadline_due(struct http_connection *connection, bool reads)
{
    if (!reads)
        return HTTP_DEADLINE_NONE;
    if (connection->reading)
        return connection->reading->head_seen ? HTTP_DEADLINE_BODY : HTTP_DEADLINE_HEAD;
    if (connection->first)
        return HTTP_DEADLINE_NONE;
    return connection->served ? HTTP_DEADLINE_IDLE : HTTP_DEADLINE_HEAD;
}

/* After every change that is complete: does it go on, and how? May free the connection. */
static void settle(struct http_connection *connection)
{
    write_out(connection);
    if (connection->phase == HTTP_PHASE_CLOSING && evbuffer_get_length(output_of(connection)) == 0) {
        linger(connection);
        return;
    }
    if (connection->phase != HTTP_PHASE_OPEN)
        return;
    bool input_empty = evbuffer_get_length(bufferevent_get_input(connection->bufferevent)) == 0;
    if (connection->input_over && input_empty && connection->reading) {
        connection->reading->answered = true; /* with nothing: it will never be complete */
        connection->reading->close_after = true;
        connection->reading = NULL;
        http_connection_advance(connection);
        return;
    }
    bool nothing_to_come = connection->input_over ? input_empty : connection->server->draining;
    if (!connection->first && nothing_to_come && !http_connection_owes(connection)) {
        http_connection_finish(connection);
        return;
    }
    bool reads = wants_input(connection);
    http_connection_set_deadline(connection, deadline_due(connection, reads));
    if (reads && !connection->input_over)
        bufferevent_enable(connection->bufferevent, EV_READ);
    else
        bufferevent_disable(connection->bufferevent, EV_READ);
}

static void read_requests(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    connection->busy = true;
    while (wants_input(connection)) {
        size_t len = evbuffer_get_contiguous_space(input);
        if (len == 0)
            break;
        feed(connection, (struct slice){(const char *)evbuffer_pullup(input, (ev_ssize_t)len), len});
    }
    connection->busy = false;
    settle(connection);
}

void http_connection_advance(struct http_connection *connection)
{
    while (connection->first && connection->first->answered) {
        struct http_exchange *exchange = queue_take(connection);
        if (exchange->answer)
            evbuffer_add_buffer(output_of(connection), exchange->answer);
        struct http_stream *stream = exchange->stream;
        bool close_after = exchange->close_after;
        http_exchange_free(exchange);
        if (stream) {
            bufferevent_enable(connection->bufferevent, EV_WRITE);
            http_stream_begin(stream);
            return;
        }
        if (close_after) {
            queue_drop(connection);
            http_connection_finish(connection);
            return;
        }
    }
    if (connection->first && connection->first->continue_due)
        send_continue(connection);
    if (!connection->busy)
        write_out(connection);
    if (!connection->busy && connection->phase == HTTP_PHASE_OPEN)
        read_requests(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    if (!connection->busy)
        settle(connection);
}

/* ---- what libevent tells us ---- */

static void on_readable(struct bufferevent *bufferevent, void *context)
{
    struct http_connection *connection = context;
    struct evbuffer *input = bufferevent_get_input(bufferevent);
    if (connection->phase == HTTP_PHASE_OPEN)
        read_requests(connection);
    else if (connection->phase == HTTP_PHASE_STREAM)
        http_stream_received(connection->stream);
    else
        evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_flushed(struct bufferevent *bufferevent, void *context)
{
    (void)bufferevent;
    struct http_connection *connection = context;
    if (connection->phase == HTTP_PHASE_STREAM) {
        http_stream_flushed(connection->stream);
    } else if (connection->phase == HTTP_PHASE_OPEN) {
        struct http_server *server = connection->server;
        bufferevent_disable(connection->bufferevent, EV_WRITE);
        read_requests(connection);
        http_server_check_drained(server);
    } else {
        settle(connection);
    }
}

static void on_event(struct bufferevent *bufferevent, short what, void *context)
{
    (void)bufferevent;
    struct http_connection *connection = context;
    connection->input_over = true;
    bool can_still_write = (what & BEV_EVENT_EOF) && !(what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT));
    if (can_still_write && connection->phase == HTTP_PHASE_OPEN)
        read_requests(connection);
    else if (!can_still_write || connection->phase != HTTP_PHASE_CLOSING)
        http_connection_free(connection);
}

/* The kernel has bytes of it that the loop has not come to yet. */
static bool bytes_wait(const struct http_connection *connection)
{
    char byte;
    return recv(bufferevent_getfd(connection->bufferevent), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct http_connection *connection = context;
    enum http_deadline deadline = connection->deadline;
    const struct http_refusal *fault = &LATE;
    if (deadline == HTTP_DEADLINE_BODY && connection->reading && !http_connection_body_overdue(connection, &fault))
        return;
    connection->deadline = HTTP_DEADLINE_NONE;
    if (deadline == HTTP_DEADLINE_LINGER)
        http_connection_free(connection);
    else if (deadline == HTTP_DEADLINE_STREAM)
        http_stream_time_out(connection->stream);
    else if (deadline == HTTP_DEADLINE_DRAIN_IDLE && bytes_wait(connection))
        http_connection_set_deadline(connection, HTTP_DEADLINE_DRAIN_IDLE);
    else if (connection->reading)
        refuse(connection, deadline == HTTP_DEADLINE_DRAIN ? &LEAVING : fault);
    else
        http_connection_finish(connection);
}

void http_connection_open(struct http_server *server, evutil_socket_t fd, const struct address *peer,
                          const char *peer_text)
{
    struct http_connection *connection = memory_new(1, sizeof *connection);
    connection->server = server;
    connection->peer = *peer;
    snprintf(connection->peer_text, sizeof connection->peer_text, "%s", peer_text);
    connection->parser = http_parser_new(&server->options.limits);
    connection->timer = evtimer_new(server->base, on_deadline, connection);
    connection->bufferevent = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    event_priority_set(connection->timer, HTTP_PRIORITY_FRESH);
    bufferevent_priority_set(connection->bufferevent, HTTP_PRIORITY_FRESH);
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->connection_count++;
    bufferevent_setcb(connection->bufferevent, on_readable, on_flushed, on_event, connection);
    struct timeval write_deadline = http_timeval(HTTP_WRITE_DEADLINE_MS);
    bufferevent_set_timeouts(connection->bufferevent, NULL, &write_deadline);
    bufferevent_disable(connection->bufferevent, EV_WRITE); /* write_out */
    bufferevent_enable(connection->bufferevent, EV_READ);
    http_connection_set_deadline(connection, HTTP_DEADLINE_HEAD);
}
