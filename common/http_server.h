/* http_server.h: a strict HTTP/1.1 server on libevent bufferevents: connections, deadlines, caps; no decisions.
 *
 *      bytes ──> http_request (pure: llhttp in strict mode and our refusals) ──> handler ──> http_respond
 *                                                                                     └────> http_stream_open
 *
 * Every request gets exactly one answer, in order (pipelined ones wait). An answer may come later, from another callback:
 * the exchange lives until then, also when its connection has gone. Refuses by itself, with `{"error":…,"message":…}` and
 * Connection: close: what is malformed (400), late (408), too large (413, 431), over the caps (503, with Retry-After). (evhttp is not safe
 * on a public port: it accepts two different Content-Length and more.)
 */
#ifndef HOOKLINE_COMMON_HTTP_SERVER_H
#define HOOKLINE_COMMON_HTTP_SERVER_H

#include "common/address.h"
#include "common/arena.h"
#include "common/http_request.h"

struct event_base;
struct http_server;
struct http_exchange; /* one request and the answer that it is owed */
struct http_stream;   /* a connection that has become a one-way or two-way stream of bytes */
struct http_bytes;    /* bytes shared by many streams, counted */

struct http_header {
    const char *name;
    struct slice value;
};

/* The request's head is complete, its body has not been read. Answer now (http_respond) to refuse before the body, or
 * return without answering to go on, keeping nothing: the peer may go before the request is complete. May be NULL. */
typedef void http_head_handler(struct http_exchange *exchange, void *context);
/* The request is complete. */
typedef void http_handler(struct http_exchange *exchange, void *context);

/* The server refuses by itself what never became a request that a handler saw; for logs and metrics. Returns a field for
 * the answer (name NULL: none), whose value lives until the next call. */
typedef struct http_header http_refused_handler(const struct http_refusal *refusal, struct slice peer, void *context);

struct http_server_options {
    const char *address; /* HOST:PORT, [v6]:PORT, unix:PATH; port 0: a free one */
    int listen_fd;   /* > 0: a listening socket that we were given (socket activation); address is then ignored, and a
                          * drain leaves to the next process what has not been accepted */
    bool reuse_port; /* several processes on one port */
    struct http_limits limits;     /* http_request.h: header, field and body caps */
    size_t large_bodies_max_bytes; /* memory of all requests above 128 KiB together; 0: no limit; more: 503. Small ones
                                    * pass all the same: whoever fills it with slow uploads keeps no webhook out */
    /* 0: 10 s, 30 s, 60 s; and a request from its first byte to its last, pauses that are ours included: 35 s */
    int header_deadline_ms, body_deadline_ms, idle_deadline_ms, request_deadline_ms;
    int body_slow_after_ms,
        body_min_bytes_per_s; /* 0: a body that after 5 s came with less than 1024 B/s is late, too */
    int drain_deadline_ms; /* 0: 2 s; in a drain, for a first request to come, and for the rest of one that is half here */
    int drain_idle_ms;     /* 0: 500 ms; in a drain, for one more request on a connection that was used before */
    int connections_max, connections_per_address_max; /* 0: 10000, 200; an address: an IPv4 address or an IPv6 /64 */
    /* Proxies whose X-Forwarded-For is believed (http_forwarded.h), and that no cap per address holds for; borrowed. */
    struct networks trusted;
    int send_buffer_bytes; /* SO_SNDBUF of streams; 0: the kernel's. Without it a stalled screen hides in the kernel */
    http_head_handler *head;
    http_handler *handler;
    http_refused_handler *refused; /* may be NULL */
    void *context;
};

/* A loop in which nobody's flood delays who is known: connections that have had a request granted (an answer below 300) go first,
 * and of those that have not, and of deadlines that pass, it takes so many a turn. A server on any other loop knows no difference. */
struct event_base *http_server_base_new(void);

/* NULL when it listens, else a sentence. Raises the limit of open files to the hard one; fewer than connections_max + 64
 * lower connections_max. */
const char *http_server_open(struct http_server **result, struct event_base *base,
                             const struct http_server_options *options);
/* "127.0.0.1:43121": where it really listens. */
const char *http_server_address(const struct http_server *server);
/* Stops accepting; answers say Connection: close; what is not here whole after drain_deadline_ms is answered 503, and who has
 * not asked again after drain_idle_ms is let go. `drained` runs (from the loop) when the last exchange is answered and its
 * answer sent. Streams are their owner's to close. */
void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context);
void http_server_close(struct http_server *server);
size_t http_server_connections(const struct http_server *server);
/* How often it could not accept (no more files) and paused for 100 ms, since it was opened. */
uint64_t http_server_accept_pauses(const struct http_server *server);

const struct http_request *http_exchange_request(const struct http_exchange *exchange);
/* Freed when the exchange is answered. */
struct arena *http_exchange_arena(struct http_exchange *exchange);
/* Who asks, without port, as text ("unix": a UNIX socket) and as bytes: the peer, or whom trusted proxies name. */
struct slice http_exchange_peer(const struct http_exchange *exchange);
const struct address *http_exchange_address(const struct http_exchange *exchange);
/* ms since the epoch when the request was complete. */
int64_t http_exchange_started_ms(const struct http_exchange *exchange);
/* The handler's own pointer, for answers that come later. */
void http_exchange_set_own(struct http_exchange *exchange, void *own);
void *http_exchange_own(const struct http_exchange *exchange);

/* The answer; the exchange is gone afterwards. Content-Length, Date and Connection are added; HEAD gets no body. */
void http_respond(struct http_exchange *exchange, int status, const char *content_type, struct slice body,
                  const struct http_header *headers, size_t header_count);
/* `{"error":word,"message":sentence}`; a 503 says Retry-After: 1. */
void http_respond_error(struct http_exchange *exchange, int status, const char *word, const char *message);

struct http_stream_events {
    void (*received)(struct http_stream *stream, struct slice bytes,
                     void *context);                            /* NULL: what comes is thrown away */
    void (*drained)(struct http_stream *stream, void *context); /* all that was written has been taken by the kernel */
    void (*closed)(struct http_stream *stream,
                   void *context); /* by the peer, by an error or by us; the stream is gone after it */
};

/* Answers with this head (no Content-Length, no chunks: the end of the connection is the end) and takes the connection over.
 * 101 is possible: the caller gives Upgrade and Connection. The exchange is gone afterwards. */
struct http_stream *http_stream_open(struct http_exchange *exchange, int status, const struct http_header *headers,
                                     size_t header_count, const struct http_stream_events *events, void *context);
struct http_bytes *http_bytes_new(struct slice bytes);         /* copies; count 1 */
struct http_bytes *http_bytes_share(struct http_bytes *bytes); /* the same, count + 1: for who keeps it for later */
void http_bytes_release(struct http_bytes *bytes);
struct slice http_bytes_slice(const struct http_bytes *bytes);
/* Shares large frames (above 4 KiB) and copies small ones. */
void http_stream_write(struct http_stream *stream, struct http_bytes *bytes);
/* Bytes written and not yet taken by the kernel. */
size_t http_stream_pending(const struct http_stream *stream);
/* Sends what is pending for at most a second, then closes; `closed` runs. */
void http_stream_close(struct http_stream *stream);

#endif
