/* http_parts.h: what the server's own files say to each other; nobody else includes it.
 *
 *      http_server.c      the listening socket, caps, drain
 *      http_connection.c  one socket: bytes in, the order of answers, how it ends
 *      http_deadline.c    how long its peer may take
 *      http_exchange.c    one request and its answer
 *      http_stream.c      a connection that has become a stream
 */
#ifndef HOOKLINE_COMMON_HTTP_PARTS_H
#define HOOKLINE_COMMON_HTTP_PARTS_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>

#include "common/buffer.h"
#include "common/http_peers.h"
#include "common/http_server.h"

enum {
    HTTP_ARENAS_KEPT = 64,          /* arenas for the next exchanges; each keeps 64 KiB */
    HTTP_OWED_MAX = 16,             /* answers that a connection waits for at most; then it is not read */
    HTTP_OUTPUT_MAX = 262144,       /* answers that a peer does not fetch; then it is not read */
    HTTP_WRITE_DEADLINE_MS = 30000, /* without a byte taken by the peer */
    HTTP_LINGER_MS = 3000,          /* after the last answer, for the peer to read it */
    HTTP_STREAM_CLOSE_MS = 1000,
    /* Priorities of the loop, 0 before all; 1 is for what sets none: the listening socket, the producer's reports. */
    HTTP_PRIORITIES = 3,
    HTTP_PRIORITY_KNOWN = 1,
    HTTP_PRIORITY_FRESH = 2,
    HTTP_FRESH_A_TURN = 32, /* thousands of deadlines in one moment would otherwise be one long turn (5,000: 0.3 s) */
    HTTP_ACCEPTS_A_TURN = 32,
    HTTP_LARGE_MIN_BYTES = 131072, /* a request's memory from which it counts as large: a head and 64 KiB do not */
};

struct http_server {
    struct http_server_options options; /* 0 replaced by the default */
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *accept_again; /* after the process ran out of files */
    struct event *accept_more;  /* in the loop's next turn */
    unsigned accepted;          /* in this one */
    struct event *drained_event;
    char *address;
    char *unix_path; /* to be removed at the end; NULL if there is none */
    struct http_connection *connections;
    size_t connection_count;
    uint64_t accept_pauses;
    int64_t accept_failed_second;    /* of the last line about it; monotonic */
    struct http_exchange *exchanges; /* all that are owed an answer, their connection gone or not */
    struct http_peers *peers;
    struct arena *arenas[HTTP_ARENAS_KEPT];
    size_t arena_count;
    size_t large_bytes;    /* what the large requests hold together */
    struct buffer scratch; /* heads of answers */
    int64_t date_second;
    char date[40];
    bool draining, drained_told;
    void (*drained)(void *context);
    void *drained_context;
};

enum http_phase {
    HTTP_PHASE_OPEN,
    HTTP_PHASE_STREAM,  /* no more requests */
    HTTP_PHASE_CLOSING, /* the last answer is being sent; what comes is thrown away */
    HTTP_PHASE_LINGER,  /* our side is shut; waits for the peer's end, lest a reset overtakes the answer */
};

enum http_deadline {
    HTTP_DEADLINE_NONE,
    HTTP_DEADLINE_HEAD,
    HTTP_DEADLINE_BODY,
    HTTP_DEADLINE_IDLE,
    HTTP_DEADLINE_DRAIN,      /* instead of the first two, once we are about to go, */
    HTTP_DEADLINE_DRAIN_IDLE, /* and of the third */
    HTTP_DEADLINE_LINGER,
    HTTP_DEADLINE_STREAM, /* http_stream_close */
};

struct http_connection {
    struct http_server *server;
    struct http_connection *previous, *next;
    struct bufferevent *bufferevent;
    struct event *timer;
    enum http_deadline deadline;
    enum http_phase phase;
    struct http_parser *parser;
    struct http_exchange *reading;      /* the request that is coming in; the last of the queue */
    struct http_exchange *first, *last; /* owed answers, in the order of their requests */
    size_t owed;
    int64_t body_begun_ms; /* since when the body that is coming in is waited for without a pause; monotonic */
    size_t body_bytes;     /* what came of it since then */
    struct http_stream *stream;
    struct address peer;
    char peer_text[INET6_ADDRSTRLEN];
    bool served;        /* its first request is complete */
    bool known;         /* and the loop has been told */
    bool busy;          /* connection_read is running further up the stack */
    bool input_over;    /* the peer has sent his end */
    bool requests_over; /* the last request that we will read here has come */
};

struct http_exchange {
    struct http_server *server;            /* NULL when it was closed */
    struct http_connection *connection;    /* NULL when it has gone */
    struct http_exchange *previous, *next; /* of the server's */
    struct http_exchange *behind;          /* of the connection's */
    struct arena *arena;
    size_t large_bytes; /* its part of the server's */
    struct http_request request;
    struct evbuffer *answer; /* what cannot be sent before the answers to earlier requests; NULL until needed */
    struct http_stream *stream;
    bool head_seen, body_follows, complete, continue_due, answered, close_after;
    int64_t begun_ms; /* its first byte; monotonic */
    int64_t started_ms;
    void *own;
    struct address address; /* of whoever asks; `peer` is its text */
    char peer[INET6_ADDRSTRLEN];
};

/* The head of an answer. */
struct http_head {
    int status;
    int64_t length;           /* < 0: none is announced */
    const char *content_type; /* may be NULL, as may: */
    const char *connection;
    const struct http_header *headers;
    size_t header_count;
    struct slice body; /* what follows it at once */
};

static inline struct timeval http_timeval(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L};
}

/* http_server.c */
struct arena *http_server_arena(struct http_server *server);
void http_server_arena_return(struct http_server *server, struct arena *arena);
void http_server_connection_gone(struct http_server *server);
/* Looks whether the drain is over. */
void http_server_check_drained(struct http_server *server);
void http_server_print_address(const struct address *address, char text[INET6_ADDRSTRLEN]);

/* http_deadline.c */
void http_connection_set_deadline(struct http_connection *connection, enum http_deadline deadline);
/* The timer of HTTP_DEADLINE_BODY ran out. False: it is in time, and the timer runs again. */
bool http_connection_body_overdue(struct http_connection *connection, const struct http_refusal **fault);

/* http_connection.c */
void http_connection_open(struct http_server *server, evutil_socket_t fd, const struct address *peer,
                          const char *peer_text);
void http_connection_free(struct http_connection *connection);
/* Sends what is answered and at the head of the queue, then reads on or closes. */
void http_connection_advance(struct http_connection *connection);
/* Draining has begun. */
void http_connection_drain(struct http_connection *connection);
/* One of its requests was granted: from now on it does not wait behind strangers. One that is only ever refused stays among
 * them: else it could keep all who come waiting, for as long as it asks. */
void http_connection_become_known(struct http_connection *connection);
/* Something is still to be answered or sent here. */
bool http_connection_owes(struct http_connection *connection);
/* Where `exchange` may write: the socket's buffer if its turn has come, else its own. */
struct evbuffer *http_connection_output(struct http_connection *connection, struct http_exchange *exchange);
/* Requests behind `exchange` will not be answered: it took the connection. */
void http_connection_drop_behind(struct http_connection *connection, struct http_exchange *exchange);
/* Flushes, then shuts and lingers. */
void http_connection_finish(struct http_connection *connection);

/* http_exchange.c */
struct http_exchange *http_exchange_new(struct http_connection *connection);
void http_exchange_free(struct http_exchange *exchange);
/* Its head has come: who asks? */
void http_exchange_find_client(struct http_exchange *exchange);
/* Its request has grown. False: large requests hold more than they may. */
bool http_exchange_weigh(struct http_exchange *exchange);
/* Tells the owner, and answers. */
void http_exchange_refuse(struct http_exchange *exchange, const struct http_refusal *refusal);
void http_exchange_write_head(struct http_server *server, struct evbuffer *out, const struct http_head *answer);

/* http_stream.c */
/* The stream's turn has come: from now on it writes to the socket. */
void http_stream_begin(struct http_stream *stream);
void http_stream_received(struct http_stream *stream);
void http_stream_flushed(struct http_stream *stream);
/* Ends it from below: `closed` runs, the connection is the caller's again. */
void http_stream_gone(struct http_stream *stream);
/* The time that http_stream_close gave is over. */
void http_stream_time_out(struct http_stream *stream);

#endif
