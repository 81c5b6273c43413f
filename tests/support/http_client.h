/* http_client.h: a client that sends exactly the bytes it is told to, however wrong, and reads what comes back.
 *
 * Blocking, with a deadline on every wait. What cannot happen in a test that works (no socket) ends the test.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_HTTP_CLIENT_H
#define HOOKLINE_TESTS_SUPPORT_HTTP_CLIENT_H

#include <stdint.h>

#include "common/arena.h"

struct http_client;

/* `address` is 127.0.0.1:PORT or unix:PATH. */
struct http_client *http_client_open(const char *address);
/* NULL: nobody listens there. */
struct http_client *http_client_try(const char *address);
void http_client_close(struct http_client *client);

/* False if the peer would not take all of it within 10 s, or closed. */
bool http_client_send(struct http_client *client, struct slice bytes);
/* No more bytes will follow: the sending side is shut. */
void http_client_finish(struct http_client *client);
/* Closes at once, with a reset. */
void http_client_reset(struct http_client *client);

struct http_answer {
    int status;        /* 0: none came in time, or the connection ended */
    struct slice head; /* status line and fields, without the empty line */
    struct slice body; /* as long as Content-Length says; empty without one */
};

/* The next answer; memory lies in `arena`. */
struct http_answer http_client_receive(struct http_client *client, struct arena *arena, int64_t deadline_ms);
/* The value of a field, absent if there is none. */
struct slice http_answer_field(const struct http_answer *answer, const char *name);

/* Waits until the bytes that came hold `text`, and takes everything up to its end. */
bool http_client_expect(struct http_client *client, const char *text, int64_t deadline_ms);

/* The connection is over, and nothing unread was left: whoever waited for an answer got not one byte of it. */
bool http_client_untouched(const struct http_client *client);

/* The peer has closed in an orderly way (no reset), and nothing unread was left. */
bool http_client_ended(struct http_client *client, int64_t deadline_ms);

#endif
