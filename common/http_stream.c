/* http_stream.c: a connection that has become a stream: written without end, perhaps read too; and bytes that many share.
 *
 * Nothing here calls back from inside the caller's own call: `closed` always comes from the loop.
 */
#include "common/http_parts.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { SHARED_MIN_BYTES = 4096 }; /* below this a copy costs less than a reference */

struct http_bytes {
    size_t count;
    size_t len;
    char data[];
};

struct http_stream {
    struct http_connection *connection; /* NULL: it had gone before */
    struct evbuffer *waiting;           /* until earlier answers are sent */
    struct http_stream_events events;
    void *context;
    bool begun, closing;
};

struct http_bytes *http_bytes_new(struct slice bytes)
{
    struct http_bytes *shared = memory_resize(NULL, sizeof *shared + bytes.len);
    shared->count = 1;
    shared->len = bytes.len;
    if (bytes.len > 0)
        memcpy(shared->data, bytes.ptr, bytes.len);
    return shared;
}

struct http_bytes *http_bytes_share(struct http_bytes *bytes)
{
    bytes->count++;
    return bytes;
}

void http_bytes_release(struct http_bytes *bytes)
{
    if (--bytes->count == 0)
        free(bytes);
}

struct slice http_bytes_slice(const struct http_bytes *bytes)
{
    return (struct slice){bytes->data, bytes->len};
}

static void bytes_sent(const void *data, size_t len, void *context)
{
    (void)data;
    (void)len;
    http_bytes_release(context);
}

static struct evbuffer *output_of(const struct http_stream *stream)
{
    return stream->begun ? bufferevent_get_output(stream->connection->bufferevent) : stream->waiting;
}

void http_stream_gone(struct http_stream *stream)
{
    stream->connection = NULL;
    if (stream->events.closed)
        stream->events.closed(stream, stream->context);
    if (stream->waiting)
        evbuffer_free(stream->waiting);
    free(stream);
}

static void on_orphan(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    http_stream_gone(context);
}

/* The peer left before the answer: the caller gets a stream all the same, and hears of its end as usual. */
static void stream_orphan(struct http_stream *stream, struct http_exchange *exchange)
{
    if (exchange->server)
        event_base_once(exchange->server->base, -1, EV_TIMEOUT, on_orphan, stream, &(struct timeval){0, 0});
    http_exchange_free(exchange);
}

struct http_stream *http_stream_open(struct http_exchange *exchange, int status, const struct http_header *headers,
                                     size_t header_count, const struct http_stream_events *events, void *context)
{
    struct http_stream *stream = memory_new(1, sizeof *stream);
    stream->events = *events;
    stream->context = context;
    stream->waiting = evbuffer_new();
    struct http_connection *connection = exchange->connection;
    if (!connection) {
        stream_orphan(stream, exchange);
        return stream;
    }
    stream->connection = connection;
    http_connection_become_known(connection);
    http_exchange_write_head(exchange->server, stream->waiting,
                             &(struct http_head){
                                 .status = status,
                                 .length = -1,
                                 .body = SLICE(""),
                                 .connection = status == 101 ? NULL : "close",
                                 .headers = headers,
                                 .header_count = header_count,
                             });
    http_connection_drop_behind(connection, exchange);
    exchange->stream = stream;
    exchange->answered = true;
    connection->stream = stream;
    connection->phase = HTTP_PHASE_STREAM;
    http_connection_advance(connection);
    return stream;
}

void http_stream_begin(struct http_stream *stream)
{
    struct http_connection *connection = stream->connection;
    int send_buffer = connection->server->options.send_buffer_bytes;
    if (send_buffer > 0)
        setsockopt(bufferevent_getfd(connection->bufferevent), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    stream->begun = true;
    evbuffer_add_buffer(output_of(stream), stream->waiting);
    if (!stream->closing)
        http_connection_set_deadline(connection, HTTP_DEADLINE_NONE);
    bufferevent_enable(connection->bufferevent, EV_READ);
    if (evbuffer_get_length(bufferevent_get_input(connection->bufferevent)) > 0)
        bufferevent_trigger(connection->bufferevent, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void http_stream_received(struct http_stream *stream)
{
    if (!stream->begun)
        return;
    struct evbuffer *input = bufferevent_get_input(stream->connection->bufferevent);
    size_t len = 0;
    while ((len = evbuffer_get_contiguous_space(input)) > 0) {
        const char *bytes = (const char *)evbuffer_pullup(input, (ev_ssize_t)len);
        if (stream->events.received && !stream->closing)
            stream->events.received(stream, (struct slice){bytes, len}, stream->context);
        evbuffer_drain(input, len);
    }
}

/* Gives the connection back and ends the stream. */
static void stream_end(struct http_stream *stream)
{
    struct http_connection *connection = stream->connection;
    connection->stream = NULL;
    if (stream->begun && evbuffer_get_length(output_of(stream)) == 0)
        http_connection_finish(connection);
    else
        http_connection_free(connection);
    http_stream_gone(stream);
}

void http_stream_flushed(struct http_stream *stream)
{
    if (!stream->begun)
        return;
    if (stream->closing)
        stream_end(stream);
    else if (stream->events.drained)
        stream->events.drained(stream, stream->context);
}

void http_stream_time_out(struct http_stream *stream)
{
    stream_end(stream);
}

void http_stream_write(struct http_stream *stream, struct http_bytes *bytes)
{
    if (!stream->connection || stream->closing)
        return;
    if (bytes->len < SHARED_MIN_BYTES) {
        evbuffer_add(output_of(stream), bytes->data, bytes->len);
        return;
    }
    bytes->count++;
    if (evbuffer_add_reference(output_of(stream), bytes->data, bytes->len, bytes_sent, bytes) != 0)
        http_bytes_release(bytes);
}

size_t http_stream_pending(const struct http_stream *stream)
{
    return stream->connection ? evbuffer_get_length(output_of(stream)) : 0;
}

void http_stream_close(struct http_stream *stream)
{
    if (!stream->connection || stream->closing)
        return;
    stream->closing = true;
    http_connection_set_deadline(stream->connection, HTTP_DEADLINE_STREAM);
    if (http_stream_pending(stream) == 0)
        event_active(stream->connection->timer, EV_TIMEOUT, 0);
}
