/* serving.h: an HTTP server in a thread of the test, and what a test says to it and hears from it.
 *
 *      /hold     is answered when somebody asks for /release, so that no test needs to know how long anything takes
 *      /none     404, refused at the head
 *      /who      the asker's address, as the server knows it
 *      /pauses   how often it could not accept
 *      /stream   a stream that says hello; /push writes a megabyte and a small frame to it; it ends itself at "bye"
 *      /again    401; has its client `again` ask the same once more until `beside`, asked to say /beside, has been heard
 *      others    the request's body, else its path
 */
#ifndef HOOKLINE_TESTS_SUPPORT_SERVING_H
#define HOOKLINE_TESTS_SUPPORT_SERVING_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/http_server.h"
#include "tests/support/http_client.h"

struct event;

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum {
    SERVING_SOON_MS = 30000,
    SERVING_HELD_MAX = 64,
    SERVING_FRAME_BYTES = 1 << 20,
    SERVING_BODY_MAX_BYTES = 1000,
    SERVING_AGAIN_MAX = 100,
    SERVING_NOT_COUNTED = -1
};

enum serving_command { SERVING_STOP = 1, SERVING_RELEASE = 1 << 4, SERVING_DRAIN = 1 << 8, SERVING_COUNT = 1 << 16 };

struct serving {
    struct http_server_options options;
    struct event_base *base;
    struct http_server *server;
    struct event *commands;
    int command_fd;
    pthread_t thread;
    bool count_asked; /* the test's thread */
    struct http_exchange *held[SERVING_HELD_MAX];
    size_t held_count;
    struct http_stream *stream;
    struct http_client *again, *beside; /* whom /again makes ask; NULL: nobody */
    atomic_int again_count, beside_count;
    atomic_int handled, refused, holding, streams_closed, streams_drained, received, is_drained, connections;
    atomic_size_t pending;
};

/* Listens on 127.0.0.1, port 0, unless the options say otherwise. */
struct serving *serving_start(struct http_server_options options);
void serving_stop(struct serving *self);
void serving_command(struct serving *self, enum serving_command command);

struct http_client *serving_connect(const struct serving *self);
void serving_say(struct http_client *client, const char *text);
/* The next answer has this status and, unless NULL, this body. */
void serving_hear(struct http_client *client, int status, const char *body);
/* The server ends the connection in an orderly way; closes the client. */
void serving_hear_end(struct http_client *client);

/* Until the number is not 0. */
void serving_await(atomic_int *number);
/* Somebody else asks for what is held. */
void serving_release(struct serving *self);
/* For wait_until: no connection is open any more (context: the struct serving). */
bool serving_is_alone(void *context);

/* Answers lie in it; of a whole group of tests. */
extern struct arena *serving_arena;
int serving_arena_make(void **state);
int serving_arena_free(void **state);

#endif
