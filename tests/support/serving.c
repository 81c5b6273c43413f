/* serving.c: the server's thread does all the answering; the test reads atomics. */
#include "tests/support/serving.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "tests/support/wait.h"
#include "tests/unit/test.h"

struct arena *serving_arena;

/* ---- the server's side ---- */

/* The first answers may let the connection hand over more requests at once: those are held anew, and counted anew. */
static void release_all(struct serving *self)
{
    struct http_exchange *held[SERVING_HELD_MAX];
    size_t count = self->held_count;
    memcpy(held, self->held, count * sizeof(struct http_exchange *));
    self->held_count = 0;
    atomic_store(&self->holding, 0);
    /* The last first: the answers must come out in the order of the requests all the same. */
    while (count > 0) {
        struct http_exchange *exchange = held[--count];
        struct slice path = http_exchange_request(exchange)->path;
        http_respond(exchange, 200, "text/plain", arena_copy(http_exchange_arena(exchange), path), NULL, 0);
    }
}

static void on_received(struct http_stream *stream, struct slice bytes, void *context)
{
    struct serving *self = context;
    atomic_fetch_add(&self->received, (int)bytes.len);
    if (slice_equals(bytes, "bye"))
        http_stream_close(stream);
}

static void on_stream_drained(struct http_stream *stream, void *context)
{
    struct serving *self = context;
    atomic_fetch_add(&self->streams_drained, 1);
    atomic_store(&self->pending, http_stream_pending(stream));
}

static void on_stream_closed(struct http_stream *stream, void *context)
{
    struct serving *self = context;
    if (self->stream == stream)
        self->stream = NULL;
    atomic_fetch_add(&self->streams_closed, 1);
}

static void open_stream(struct serving *self, struct http_exchange *exchange)
{
    static const struct http_stream_events EVENTS = {on_received, on_stream_drained, on_stream_closed};
    const struct http_header type = {"Content-Type", SLICE("text/event-stream")};
    self->stream = http_stream_open(exchange, 200, &type, 1, &EVENTS, self);
    struct http_bytes *hello = http_bytes_new(SLICE("hello\n"));
    http_stream_write(self->stream, hello);
    http_bytes_release(hello);
}

/* A megabyte, which is shared and not copied, and a small frame behind it. */
static void push(struct serving *self)
{
    char *large = memory_new(1, SERVING_FRAME_BYTES);
    memset(large, 'x', SERVING_FRAME_BYTES);
    struct http_bytes *frames[] = {http_bytes_new((struct slice){large, SERVING_FRAME_BYTES}),
                                   http_bytes_new(SLICE("end\n"))};
    free(large);
    for (size_t i = 0; i < COUNT(frames) && self->stream; i++)
        http_stream_write(self->stream, frames[i]);
    atomic_store(&self->pending, self->stream ? http_stream_pending(self->stream) : 0);
    for (size_t i = 0; i < COUNT(frames); i++)
        http_bytes_release(frames[i]);
}

/* Both are readable when the loop turns next, whatever the machine is busy with. */
static void ask_again(struct serving *self)
{
    int before = atomic_fetch_add(&self->again_count, 1);
    if (before == 0)
        assert_true(http_client_send(self->beside, SLICE(GET("/beside"))));
    if (before < SERVING_AGAIN_MAX && atomic_load(&self->beside_count) == 0)
        assert_true(http_client_send(self->again, SLICE(GET("/again"))));
}

static void on_request(struct http_exchange *exchange, void *context)
{
    struct serving *self = context;
    const struct http_request *request = http_exchange_request(exchange);
    atomic_fetch_add(&self->handled, 1);
    if (slice_starts_with(request->path, "/hold")) {
        assert_true(self->held_count < SERVING_HELD_MAX);
        self->held[self->held_count++] = exchange;
        atomic_fetch_add(&self->holding, 1);
        return;
    }
    if (slice_equals(request->path, "/stream")) {
        open_stream(self, exchange);
        return;
    }
    if (slice_equals(request->path, "/again")) {
        if (self->again)
            ask_again(self);
        http_respond_error(exchange, 401, "unauthorized", "Nobody knows you.");
        return;
    }
    if (slice_equals(request->path, "/beside"))
        atomic_fetch_add(&self->beside_count, 1);
    if (slice_equals(request->path, "/release"))
        release_all(self);
    else if (slice_equals(request->path, "/push"))
        push(self);
    struct http_header header = {"X-Sly", SLICE("a\r\nSet-Cookie: b")};
    struct slice said = request->body.len ? request->body : request->path;
    if (slice_equals(request->path, "/who"))
        said = http_exchange_peer(exchange);
    else if (slice_equals(request->path, "/pauses"))
        said = arena_format(http_exchange_arena(exchange), "%llu",
                            (unsigned long long)http_server_accept_pauses(self->server));
    http_respond(exchange, 200, "text/plain", said, &header, 1);
}

static void on_head(struct http_exchange *exchange, void *context)
{
    (void)context;
    struct slice path = http_exchange_request(exchange)->path;
    if (slice_equals(path, "/none"))
        http_respond_error(exchange, 404, "not_found", "Nothing is here.");
}

static struct http_header on_refused(const struct http_refusal *refusal, struct slice peer, void *context)
{
    (void)refusal;
    (void)peer;
    struct serving *self = context;
    atomic_fetch_add(&self->refused, 1);
    return (struct http_header){"X-Refused", SLICE("yes")};
}

static void on_drained(void *context)
{
    struct serving *self = context;
    atomic_store(&self->is_drained, 1);
}

static void on_command(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct serving *self = context;
    eventfd_t commands = 0;
    eventfd_read(fd, &commands);
    if (commands & SERVING_RELEASE)
        release_all(self);
    if (commands & SERVING_DRAIN)
        http_server_drain(self->server, on_drained, self);
    if (commands >= SERVING_COUNT)
        atomic_store(&self->connections, (int)http_server_connections(self->server));
    if (commands & SERVING_STOP)
        event_base_loopbreak(self->base);
}

static void *run(void *context)
{
    struct serving *self = context;
    event_base_dispatch(self->base);
    return NULL;
}

struct serving *serving_start(struct http_server_options options)
{
    struct serving *self = memory_new(1, sizeof *self);
    atomic_store(&self->connections, SERVING_NOT_COUNTED);
    self->options = options;
    self->options.address = options.address ? options.address : "127.0.0.1:0";
    if (!options.limits.body_max_bytes)
        self->options.limits.body_max_bytes = SERVING_BODY_MAX_BYTES;
    self->options.head = on_head;
    self->options.handler = on_request;
    self->options.refused = on_refused;
    self->options.context = self;
    self->base = http_server_base_new();
    const char *problem = http_server_open(&self->server, self->base, &self->options);
    if (problem)
        fail_msg("%s", problem);
    self->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->commands = event_new(self->base, self->command_fd, EV_READ | EV_PERSIST, on_command, self);
    event_add(self->commands, NULL);
    pthread_create(&self->thread, NULL, run, self);
    return self;
}

void serving_command(struct serving *self, enum serving_command command)
{
    eventfd_write(self->command_fd, (eventfd_t)command);
}

void serving_stop(struct serving *self)
{
    serving_command(self, SERVING_STOP);
    pthread_join(self->thread, NULL);
    http_server_close(self->server);
    release_all(self); /* what outlived its connection and its server */
    event_free(self->commands);
    event_base_free(self->base);
    close(self->command_fd);
    free(self);
}

/* ---- the other side ---- */

struct http_client *serving_connect(const struct serving *self)
{
    return http_client_open(http_server_address(self->server));
}

void serving_say(struct http_client *client, const char *text)
{
    assert_true(http_client_send(client, slice_of(text)));
}

void serving_hear(struct http_client *client, int status, const char *body)
{
    struct http_answer answer = http_client_receive(client, serving_arena, SERVING_SOON_MS);
    assert_int_equal(answer.status, status);
    if (body)
        assert_slice(answer.body, body);
}

void serving_hear_end(struct http_client *client)
{
    assert_true(http_client_ended(client, SERVING_SOON_MS));
    http_client_close(client);
}

static bool serving_true(void *context)
{
    return atomic_load((atomic_int *)context) > 0;
}

void serving_await(atomic_int *number)
{
    assert_true(wait_until(serving_true, number, SERVING_SOON_MS));
}

/* Somebody else asks for what is held. */
void serving_release(struct serving *self)
{
    struct http_client *other = serving_connect(self);
    serving_say(other, GET("/release"));
    serving_hear(other, 200, "/release");
    http_client_close(other);
}

bool serving_is_alone(void *context)
{
    struct serving *self = context;
    int counted = atomic_load(&self->connections);
    if (counted == SERVING_NOT_COUNTED) {
        if (!self->count_asked)
            serving_command(self, SERVING_COUNT);
        self->count_asked = true;
        return false;
    }
    atomic_store(&self->connections, SERVING_NOT_COUNTED); /* an answer counts once: a later question needs its own */
    self->count_asked = false;
    return atomic_load(&self->handled) > 0 && counted == 0;
}

int serving_arena_make(void **state)
{
    (void)state;
    serving_arena = arena_new();
    return 0;
}

int serving_arena_free(void **state)
{
    (void)state;
    arena_free(serving_arena);
    return 0;
}
