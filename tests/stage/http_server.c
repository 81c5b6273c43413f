/* http_server: one answer to each request, in order, in time, and seen by the client; on real sockets of the loopback.
 *
 * A server in a thread, and a client that sends bytes. /hold is answered when somebody asks for /release, so that no test
 * needs to know how long anything takes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/buffer.h"
#include "common/http_server.h"
#include "tests/support/http_client.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { SOON_MS = 10000, HELD_MAX = 64, SHORT_MS = 150, FRAME_BYTES = 1 << 20 };

struct serving {
    struct http_server_options options;
    struct event_base *base;
    struct http_server *server;
    struct event *commands;
    int command_fd;
    pthread_t thread;
    struct http_exchange *held[HELD_MAX];
    size_t held_count;
    struct http_stream *stream;
    atomic_int handled, refused, holding, streams_closed, streams_drained, received, is_drained, connections;
    atomic_size_t pending;
};

enum command { COMMAND_STOP = 1, COMMAND_DRAIN = 1 << 8, COMMAND_COUNT = 1 << 16 };

/* ---- the server's side ---- */

static void release_all(struct serving *self)
{
    /* The last first: the answers must come out in the order of the requests all the same. */
    while (self->held_count > 0) {
        struct http_exchange *exchange = self->held[--self->held_count];
        struct slice path = http_exchange_request(exchange)->path;
        http_respond(exchange, 200, "text/plain", arena_copy(http_exchange_arena(exchange), path), NULL, 0);
    }
    atomic_store(&self->holding, 0);
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
    char *large = memory_new(1, FRAME_BYTES);
    memset(large, 'x', FRAME_BYTES);
    struct http_bytes *frames[] = {http_bytes_new((struct slice){large, FRAME_BYTES}), http_bytes_new(SLICE("end\n"))};
    free(large);
    for (size_t i = 0; i < COUNT(frames) && self->stream; i++)
        http_stream_write(self->stream, frames[i]);
    atomic_store(&self->pending, self->stream ? http_stream_pending(self->stream) : 0);
    for (size_t i = 0; i < COUNT(frames); i++)
        http_bytes_release(frames[i]);
}

static void on_request(struct http_exchange *exchange, void *context)
{
    struct serving *self = context;
    const struct http_request *request = http_exchange_request(exchange);
    atomic_fetch_add(&self->handled, 1);
    if (slice_starts_with(request->path, "/hold")) {
        assert_true(self->held_count < HELD_MAX);
        self->held[self->held_count++] = exchange;
        atomic_fetch_add(&self->holding, 1);
        return;
    }
    if (slice_equals(request->path, "/stream")) {
        open_stream(self, exchange);
        return;
    }
    if (slice_equals(request->path, "/release"))
        release_all(self);
    else if (slice_equals(request->path, "/push"))
        push(self);
    struct http_header header = {"X-Sly", SLICE("a\r\nSet-Cookie: b")};
    http_respond(exchange, 200, "text/plain", request->body.len ? request->body : request->path, &header, 1);
}

static void on_head(struct http_exchange *exchange, void *context)
{
    (void)context;
    if (slice_equals(http_exchange_request(exchange)->path, "/none"))
        http_respond_error(exchange, 404, "not_found", "Nothing is here.");
}

static void on_refused(const struct http_refusal *refusal, struct slice peer, void *context)
{
    (void)refusal;
    (void)peer;
    struct serving *self = context;
    atomic_fetch_add(&self->refused, 1);
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
    if (commands & COMMAND_DRAIN)
        http_server_drain(self->server, on_drained, self);
    atomic_store(&self->connections, (int)http_server_connections(self->server));
    if (commands & COMMAND_STOP)
        event_base_loopbreak(self->base);
}

static void *run(void *context)
{
    struct serving *self = context;
    event_base_dispatch(self->base);
    return NULL;
}

static struct serving *serve(struct http_server_options options)
{
    struct serving *self = memory_new(1, sizeof *self);
    self->options = options;
    self->options.address = options.address ? options.address : "127.0.0.1:0";
    self->options.limits.body_max_bytes = 1000;
    self->options.head = on_head;
    self->options.handler = on_request;
    self->options.refused = on_refused;
    self->options.context = self;
    self->base = event_base_new();
    const char *problem = http_server_open(&self->server, self->base, &self->options);
    if (problem)
        fail_msg("%s", problem);
    self->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->commands = event_new(self->base, self->command_fd, EV_READ | EV_PERSIST, on_command, self);
    event_add(self->commands, NULL);
    pthread_create(&self->thread, NULL, run, self);
    return self;
}

static void stop(struct serving *self)
{
    eventfd_write(self->command_fd, COMMAND_STOP);
    pthread_join(self->thread, NULL);
    http_server_close(self->server);
    release_all(self); /* what outlived its connection and its server */
    event_free(self->commands);
    event_base_free(self->base);
    close(self->command_fd);
    free(self);
}

/* ---- the client's side ---- */

static struct arena *arena;

static struct http_client *connected(const struct serving *self)
{
    return http_client_open(http_server_address(self->server));
}

static void say(struct http_client *client, const char *text)
{
    assert_true(http_client_send(client, slice_of(text)));
}

static void hear(struct http_client *client, int status, const char *body)
{
    struct http_answer answer = http_client_receive(client, arena, SOON_MS);
    assert_int_equal(answer.status, status);
    if (body)
        assert_slice(answer.body, body);
}

static void hear_end(struct http_client *client)
{
    assert_true(http_client_ended(client, SOON_MS));
    http_client_close(client);
}

static bool one_more_holding(void *context)
{
    return atomic_load((atomic_int *)context) > 0;
}

static bool reached_17(void *context)
{
    return atomic_load((atomic_int *)context) >= 17;
}

static void await(atomic_int *number)
{
    assert_true(wait_until(one_more_holding, number, SOON_MS));
}

/* Somebody else asks for what is held. */
static void release(struct serving *self)
{
    struct http_client *other = connected(self);
    say(other, GET("/release"));
    hear(other, 200, "/release");
    http_client_close(other);
}

/* ---- the stories ---- */

static void requests_follow_each_other_on_one_connection(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    for (int i = 0; i < 3; i++) {
        say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        hear(client, 200, "hello");
    }
    say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET("/x"));
    hear(client, 200, "abc");
    struct http_answer answer = http_client_receive(client, arena, SOON_MS);
    assert_slice(http_answer_field(&answer, "Connection"), "keep-alive");
    assert_slice(http_answer_field(&answer, "X-Sly"), "a??Set-Cookie: b");
    assert_true(slice_absent(http_answer_field(&answer, "Set-Cookie")));
    say(client, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/never"));
    hear(client, 200, "/last");
    hear_end(client);
    assert_int_equal(atomic_load(&self->handled), 6);
    stop(self);
}

static void late_answers_keep_the_order_of_the_requests(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/hold1") GET("/a") GET("/hold2") GET("/hold3") GET("/b"));
    await(&self->holding);
    release(self);
    static const char *const ORDER[] = {"/hold1", "/a", "/hold2", "/hold3", "/b"};
    for (size_t i = 0; i < COUNT(ORDER); i++)
        hear(client, 200, ORDER[i]);
    http_client_close(client);
    stop(self);
}

/* More than 16 that wait: the rest stays unread in the socket, and is served afterwards. */
static void a_long_pipeline_is_not_read_ahead(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    for (int i = 0; i < 40; i++)
        say(client, GET("/hold"));
    assert_true(wait_until(reached_17, &self->holding, SOON_MS));
    release(self);
    for (int i = 0; i < 17; i++)
        hear(client, 200, "/hold");
    assert_true(wait_until(reached_17, &self->holding, SOON_MS));
    assert_int_equal(atomic_load(&self->holding), 17);
    release(self);
    for (int i = 0; i < 17; i++)
        hear(client, 200, "/hold");
    http_client_close(client);
    stop(self);
}

static void a_refusal_waits_for_the_answers_before_it_and_ends_the_connection(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/hold") "GET / HTTP/1.1\nHost: a\n\n" GET("/never"));
    await(&self->holding);
    release(self);
    hear(client, 200, "/hold");
    hear(client, 400,
         "{\"error\":\"bad_request\",\"message\":\"A line must end in CR LF, and neither may stand alone.\"}");
    hear_end(client);
    assert_int_equal(atomic_load(&self->refused), 1);
    stop(self);
}

/* The client is still sending its 8 MB when the refusal comes: without a lingering close a reset would destroy it. */
static void too_large_a_body_is_refused_unread_and_the_client_sees_it(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
    char *part = memory_new(1, 65536);
    for (int i = 0; i < 128; i++)
        assert_true(http_client_send(client, (struct slice){part, 65536}));
    free(part);
    hear(client, 413, NULL);
    http_client_finish(client);
    hear_end(client);
    stop(self);
}

static void a_head_can_be_refused_before_its_body(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/none") GET("/after")); /* without a body the connection goes on */
    hear(client, 404, "{\"error\":\"not_found\",\"message\":\"Nothing is here.\"}");
    hear(client, 200, "/after");
    say(client, "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n");
    hear(client, 404, NULL);
    hear_end(client);
    assert_int_equal(atomic_load(&self->handled), 1);
    stop(self);
}

static void continue_is_said_only_after_the_head_has_passed(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/hold") "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await(&self->holding);
    release(self);
    hear(client, 200, "/hold"); /* and not 100 before it */
    hear(client, 100, NULL);
    say(client, "hello");
    hear(client, 200, "hello");
    say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
    hear(client, 413, NULL);
    hear_end(client);
    client = connected(self);
    say(client, "POST /none HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    hear(client, 404, NULL);
    hear_end(client);
    stop(self);
}

static void deadlines_are_for_the_whole(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){
        .header_deadline_ms = SHORT_MS, .body_deadline_ms = SHORT_MS, .idle_deadline_ms = SHORT_MS});
    struct http_client *client = connected(self);
    say(client, "GET / HTTP/1.1\r\nHo");
    hear(client, 408, NULL);
    hear_end(client);
    client = connected(self);
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    hear(client, 408, NULL);
    hear_end(client);
    client = connected(self);
    say(client, GET("/idle"));
    hear(client, 200, "/idle");
    hear_end(client); /* idle, and closed without a word */
    hear_end(connected(self));
    client = connected(self);
    say(client, GET("/hold")); /* whoever waits for us is not late */
    await(&self->holding);
    hear_end(connected(self)); /* a deadline has passed meanwhile */
    release(self);
    hear(client, 200, "/hold");
    http_client_close(client);
    stop(self);
}

static void a_client_may_shut_its_side_and_still_be_answered(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/hold") GET("/b") "GET /incomplete HTTP/1.1\r\n");
    http_client_finish(client);
    await(&self->holding);
    release(self);
    hear(client, 200, "/hold");
    hear(client, 200, "/b");
    hear_end(client);
    stop(self);
}

static bool nobody_connected(void *context)
{
    struct serving *self = context;
    eventfd_write(self->command_fd, COMMAND_COUNT);
    return atomic_load(&self->handled) > 0 && atomic_load(&self->connections) == 0;
}

/* The exchange is answered into the void; a request whose body never came is forgotten. */
static void a_client_that_has_gone_breaks_nothing(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/hold") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhalf");
    await(&self->holding);
    http_client_reset(client);
    assert_true(wait_until(nobody_connected, self, SOON_MS));
    release(self);
    http_client_close(client);
    stop(self);
}

static void one_address_holds_no_more_than_its_share(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){.connections_per_address_max = 3});
    struct http_client *clients[3];
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = connected(self);
        say(clients[i], GET("/in"));
        hear(clients[i], 200, "/in");
    }
    struct http_client *fourth = connected(self);
    struct http_answer answer = http_client_receive(fourth, arena, SOON_MS);
    assert_int_equal(answer.status, 503);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    assert_slice(answer.body, "{\"error\":\"too_many_connections\",\"message\":\"Try again in a few seconds.\"}");
    hear_end(fourth);
    for (size_t i = 0; i < COUNT(clients); i++)
        http_client_close(clients[i]);
    assert_true(wait_until(nobody_connected, self, SOON_MS));
    fourth = connected(self);
    say(fourth, GET("/in"));
    hear(fourth, 200, "/in");
    http_client_close(fourth);
    stop(self);
}

static bool has_drained(void *context)
{
    return atomic_load((atomic_int *)context) != 0;
}

static void draining_answers_what_has_begun(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *idle = connected(self);
    say(idle, GET("/a"));
    hear(idle, 200, "/a");
    struct http_client *half = connected(self);
    say(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    struct http_client *client = connected(self);
    say(client, GET("/hold"));
    await(&self->holding);
    eventfd_write(self->command_fd, COMMAND_DRAIN);
    hear_end(idle);
    say(half, "llo");
    struct http_answer answer = http_client_receive(half, arena, SOON_MS);
    assert_slice(answer.body, "hello");
    assert_slice(http_answer_field(&answer, "Connection"), "close");
    hear_end(half);
    assert_int_equal(atomic_load(&self->is_drained), 0);
    say(client, GET("/release")); /* pipelined: nobody else can connect any more */
    hear(client, 200, "/hold");
    hear_end(client);
    assert_true(wait_until(has_drained, &self->is_drained, SOON_MS));
    stop(self);
}

static bool taken_by_the_kernel(void *context)
{
    struct serving *self = context;
    return atomic_load(&self->pending) == 0;
}

static void a_stream_takes_the_connection_over(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){.send_buffer_bytes = 16384});
    struct http_client *client = connected(self);
    say(client, GET("/hold") GET("/stream") "some bytes");
    await(&self->holding);
    release(self);
    hear(client, 200, "/hold");
    struct http_answer answer = http_client_receive(client, arena, SOON_MS);
    assert_int_equal(answer.status, 200);
    assert_slice(http_answer_field(&answer, "Content-Type"), "text/event-stream");
    assert_true(slice_absent(http_answer_field(&answer, "Content-Length")));
    assert_true(http_client_expect(client, "hello\n", SOON_MS));
    assert_true(wait_until(has_drained, &self->received, SOON_MS));
    struct http_client *other = connected(self);
    say(other, GET("/push"));
    hear(other, 200, "/push");
    assert_true(atomic_load(&self->pending) > 4096); /* it cannot hide in the kernel */
    assert_true(http_client_expect(client, "xend\n", SOON_MS));
    assert_true(wait_until(taken_by_the_kernel, self, SOON_MS));
    say(client, "bye");
    hear_end(client);
    assert_int_equal(atomic_load(&self->streams_closed), 1);
    http_client_close(other);
    stop(self);
}

static void a_stream_whose_peer_goes_is_closed_once(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *client = connected(self);
    say(client, GET("/stream"));
    assert_true(http_client_expect(client, "hello\n", SOON_MS));
    http_client_reset(client);
    assert_true(wait_until(has_drained, &self->streams_closed, SOON_MS));
    assert_int_equal(atomic_load(&self->streams_closed), 1);
    http_client_close(client);
    stop(self);
}

/* The end of the process: streams and exchanges that are still open. */
static void closing_the_server_ends_all(void **state)
{
    (void)state;
    struct serving *self = serve((struct http_server_options){0});
    struct http_client *stream = connected(self);
    struct http_client *held = connected(self);
    say(stream, GET("/stream"));
    assert_true(http_client_expect(stream, "hello\n", SOON_MS));
    say(held, GET("/hold"));
    await(&self->holding);
    stop(self);
    hear_end(stream);
    hear_end(held);
}

static void a_socket_file_is_an_address_too(void **state)
{
    (void)state;
    char directory[] = "/tmp/hookline-test.XXXXXX";
    char address[64];
    assert_non_null(mkdtemp(directory));
    snprintf(address, sizeof address, "unix:%s/http", directory);
    for (int turn = 0; turn < 2; turn++) { /* the second finds the place clean */
        struct serving *self = serve((struct http_server_options){.address = address});
        assert_string_equal(http_server_address(self->server), address);
        struct http_client *client = connected(self);
        say(client, GET("/a"));
        hear(client, 200, "/a");
        http_client_close(client);
        stop(self);
    }
    assert_int_equal(rmdir(directory), 0); /* nothing is left in it */
}

static void bad_addresses_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "127.0.0.1", "127.0.0.1:", "unix:", "127.0.0.1:http", "[::1", "300.1.1.1:0"};
    struct event_base *base = event_base_new();
    for (size_t i = 0; i < COUNT(BAD); i++) {
        struct http_server *server = NULL;
        const char *problem = http_server_open(&server, base, &(struct http_server_options){.address = BAD[i]});
        assert_non_null(problem);
        assert_non_null(strstr(problem, "cannot listen on"));
    }
    event_base_free(base);
}

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(late_answers_keep_the_order_of_the_requests),
        cmocka_unit_test(a_long_pipeline_is_not_read_ahead),
        cmocka_unit_test(a_refusal_waits_for_the_answers_before_it_and_ends_the_connection),
        cmocka_unit_test(too_large_a_body_is_refused_unread_and_the_client_sees_it),
        cmocka_unit_test(a_head_can_be_refused_before_its_body),
        cmocka_unit_test(continue_is_said_only_after_the_head_has_passed),
        cmocka_unit_test(deadlines_are_for_the_whole),
        cmocka_unit_test(a_client_may_shut_its_side_and_still_be_answered),
        cmocka_unit_test(a_client_that_has_gone_breaks_nothing),
        cmocka_unit_test(one_address_holds_no_more_than_its_share),
        cmocka_unit_test(draining_answers_what_has_begun),
        cmocka_unit_test(a_stream_takes_the_connection_over),
        cmocka_unit_test(a_stream_whose_peer_goes_is_closed_once),
        cmocka_unit_test(closing_the_server_ends_all),
        cmocka_unit_test(a_socket_file_is_an_address_too),
        cmocka_unit_test(bad_addresses_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
