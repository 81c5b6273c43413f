/* http_server: one answer to each request, in order, in time, and seen by the client; on real sockets of the loopback. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/text.h"

#include "tests/support/serving.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { SHORT_MS = 500 /* and long enough for a busy machine to say something on a connection that it has just made */ };

static bool reached_16(void *context)
{
    return atomic_load((atomic_int *)context) >= 16;
}

/* ---- the stories ---- */

static void requests_follow_each_other_on_one_connection(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    for (int i = 0; i < 3; i++) {
        serving_say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        serving_hear(client, 200, "hello");
    }
    serving_say(client,
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET("/x"));
    serving_hear(client, 200, "abc");
    struct http_answer answer = http_client_receive(client, serving_arena, SERVING_SOON_MS);
    assert_slice(http_answer_field(&answer, "Connection"), "keep-alive");
    assert_slice(http_answer_field(&answer, "X-Sly"), "a??Set-Cookie: b");
    assert_true(slice_absent(http_answer_field(&answer, "Set-Cookie")));
    serving_say(client, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/never"));
    serving_hear(client, 200, "/last");
    serving_hear_end(client);
    assert_int_equal(atomic_load(&self->handled), 6);
    serving_stop(self);
}

static void late_answers_keep_the_order_of_the_requests(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold1") GET("/a") GET("/hold2") GET("/hold3") GET("/b"));
    serving_await(&self->holding);
    serving_release(self);
    static const char *const ORDER[] = {"/hold1", "/a", "/hold2", "/hold3", "/b"};
    for (size_t i = 0; i < COUNT(ORDER); i++)
        serving_hear(client, 200, ORDER[i]);
    http_client_close(client);
    serving_stop(self);
}

/* More than 16 that wait: the rest stays unread in the socket, and is served afterwards. */
static void a_long_pipeline_is_not_read_ahead(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    for (int i = 0; i < 40; i++)
        serving_say(client, GET("/hold"));
    assert_true(wait_until(reached_16, &self->holding, SERVING_SOON_MS));
    serving_release(self);
    for (int i = 0; i < 16; i++)
        serving_hear(client, 200, "/hold");
    assert_true(wait_until(reached_16, &self->holding, SERVING_SOON_MS));
    assert_int_equal(atomic_load(&self->holding), 16);
    serving_release(self);
    for (int i = 0; i < 16; i++)
        serving_hear(client, 200, "/hold");
    http_client_close(client);
    serving_stop(self);
}

static void a_refusal_waits_for_the_answers_before_it_and_ends_the_connection(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold") "GET / HTTP/1.1\nHost: a\n\n" GET("/never"));
    serving_await(&self->holding);
    serving_release(self);
    serving_hear(client, 200, "/hold");
    serving_hear(client, 400,
                 "{\"error\":\"bad_request\",\"message\":\"A line must end in CR LF, and neither may stand alone.\"}");
    serving_hear_end(client);
    assert_int_equal(atomic_load(&self->refused), 1);
    serving_stop(self);
}

/* The client is still sending its 8 MB when the refusal comes: without a lingering close a reset would destroy it. */
static void too_large_a_body_is_refused_unread_and_the_client_sees_it(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
    char *part = memory_new(1, 65536);
    for (int i = 0; i < 128; i++)
        assert_true(http_client_send(client, (struct slice){part, 65536}));
    free(part);
    serving_hear(client, 413, NULL);
    http_client_finish(client);
    serving_hear_end(client);
    serving_stop(self);
}

static bool one_is_held(void *context)
{
    return atomic_load((atomic_int *)context) >= 1;
}

/* Many slow uploads hold memory before anybody knows who sends them: together no more than was said, and a small request
 * comes through all the same. */
static void large_bodies_share_a_limit(void **state)
{
    (void)state;
    struct serving *self = serving_start(
        (struct http_server_options){.limits = {.body_max_bytes = 1 << 20}, .large_bodies_max_bytes = 900000});
    char *bytes = memory_new(1, 500000);
    memset(bytes, 'x', 500000);
    struct slice body = {bytes, 500000};
    struct http_client *slow = serving_connect(self);
    serving_say(slow, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    assert_true(http_client_send(slow, body));
    assert_true(wait_until(one_is_held, &self->holding, SERVING_SOON_MS));

    struct http_client *other = serving_connect(self);
    serving_say(other, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    assert_true(http_client_send(other, body));
    struct http_answer answer = http_client_receive(other, serving_arena, SERVING_SOON_MS);
    assert_int_equal(answer.status, 503);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    assert_slice(http_answer_field(&answer, "X-Refused"), "yes");
    assert_int_equal(atomic_load(&self->refused), 1);
    http_client_close(other);

    serving_release(self); /* a small one, and it comes through */
    serving_hear(slow, 200, NULL);
    serving_say(slow, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    assert_true(http_client_send(slow, body));
    serving_hear(slow, 200, NULL); /* what was held is free again */
    http_client_close(slow);
    free(bytes);
    serving_stop(self);
}

static void a_head_can_be_refused_before_its_body(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/none") GET("/after")); /* without a body the connection goes on */
    serving_hear(client, 404, "{\"error\":\"not_found\",\"message\":\"Nothing is here.\"}");
    serving_hear(client, 200, "/after");
    serving_say(client, "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n");
    serving_hear(client, 404, NULL);
    serving_hear_end(client);
    assert_int_equal(atomic_load(&self->handled), 1);
    serving_stop(self);
}

static void continue_is_said_only_after_the_head_has_passed(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client,
                GET("/hold") "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    serving_await(&self->holding);
    serving_release(self);
    serving_hear(client, 200, "/hold"); /* and not 100 before it */
    serving_hear(client, 100, NULL);
    serving_say(client, "hello");
    serving_hear(client, 200, "hello");
    serving_say(client, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
    serving_hear(client, 413, NULL);
    serving_hear_end(client);
    client = serving_connect(self);
    serving_say(client, "POST /none HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    serving_hear(client, 404, NULL);
    serving_hear_end(client);
    serving_stop(self);
}

static void deadlines_are_for_the_whole(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){
        .header_deadline_ms = SHORT_MS, .body_deadline_ms = SHORT_MS, .idle_deadline_ms = SHORT_MS});
    struct http_client *client = serving_connect(self);
    serving_say(client, "GET / HTTP/1.1\r\nHo");
    serving_hear(client, 408, NULL);
    serving_hear_end(client);
    client = serving_connect(self);
    serving_say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    serving_hear(client, 408, NULL);
    serving_hear_end(client);
    client = serving_connect(self);
    serving_say(client, GET("/idle"));
    serving_hear(client, 200, "/idle");
    serving_hear_end(client); /* idle, and closed without a word */
    serving_hear_end(serving_connect(self));
    client = serving_connect(self);
    serving_say(client, GET("/hold")); /* whoever waits for us is not late */
    serving_await(&self->holding);
    serving_hear_end(serving_connect(self)); /* a deadline has passed meanwhile */
    serving_release(self);
    serving_hear(client, 200, "/hold");
    http_client_close(client);
    serving_stop(self);
}

/* One byte now and then keeps every pause short: what counts is the pace. A body that keeps it may take its time. */
static void a_body_that_trickles_is_refused(void **state)
{
    (void)state;
    struct serving *self =
        serving_start((struct http_server_options){.body_slow_after_ms = SHORT_MS, .body_min_bytes_per_s = 100});
    struct http_client *client = serving_connect(self);
    serving_say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nhe");
    serving_hear(client, 408, "{\"error\":\"body_too_slow\",\"message\":\"The body comes too slowly.\"}");
    serving_hear_end(client);
    serving_stop(self);
}

/* A request that keeps each part's deadline is late all the same if the whole takes too long. */
static void the_whole_request_has_a_deadline(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.request_deadline_ms = SHORT_MS});
    struct http_client *client = serving_connect(self);
    serving_say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    serving_hear(client, 408, "{\"error\":\"request_timeout\",\"message\":\"The request did not arrive in time.\"}");
    serving_hear_end(client);
    serving_stop(self);
}

static void a_client_may_shut_its_side_and_still_be_answered(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold") GET("/b") "GET /incomplete HTTP/1.1\r\n");
    http_client_finish(client);
    serving_await(&self->holding);
    serving_release(self);
    serving_hear(client, 200, "/hold");
    serving_hear(client, 200, "/b");
    serving_hear_end(client);
    serving_stop(self);
}

/* The exchange is answered into the void; a request whose body never came is forgotten. */
static void a_client_that_has_gone_breaks_nothing(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhalf");
    serving_await(&self->holding);
    http_client_reset(client);
    assert_true(wait_until(serving_is_alone, self, SERVING_SOON_MS));
    serving_release(self);
    http_client_close(client);
    serving_stop(self);
}

static void one_address_holds_no_more_than_its_share(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.connections_per_address_max = 3});
    struct http_client *clients[3];
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = serving_connect(self);
        serving_say(clients[i], GET("/in"));
        serving_hear(clients[i], 200, "/in");
    }
    struct http_client *fourth = serving_connect(self);
    struct http_answer answer = http_client_receive(fourth, serving_arena, SERVING_SOON_MS);
    assert_int_equal(answer.status, 503);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    assert_slice(http_answer_field(&answer, "X-Refused"), "yes");
    assert_slice(answer.body, "{\"error\":\"too_many_connections\",\"message\":\"Try again in a few seconds.\"}");
    serving_hear_end(fourth);
    for (size_t i = 0; i < COUNT(clients); i++)
        http_client_close(clients[i]);
    assert_true(wait_until(serving_is_alone, self, SERVING_SOON_MS));
    fourth = serving_connect(self);
    serving_say(fourth, GET("/in"));
    serving_hear(fourth, 200, "/in");
    http_client_close(fourth);
    serving_stop(self);
}

static bool two_are_connected(void *context)
{
    struct serving *self = context;
    serving_command(self, SERVING_COUNT);
    return atomic_load(&self->connections) == 2;
}

/* Whoever was only ever refused does not go before those who come: else strangers that ask without end would shut everybody
 * else out (2026-11-21: twenty connections of forgeries did). */
static void who_is_refused_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *refused = serving_connect(self);
    serving_say(refused, GET("/again"));
    serving_hear(refused, 401, NULL);
    struct http_client *fresh = serving_connect(self);
    assert_true(wait_until(two_are_connected, self, SERVING_SOON_MS));
    self->again = refused;
    self->beside = fresh;
    serving_say(refused, GET("/again"));
    serving_hear(fresh, 200, "/beside");
    assert_true(atomic_load(&self->again_count) < SERVING_AGAIN_MAX);
    http_client_close(refused);
    http_client_close(fresh);
    serving_stop(self);
}

/* Who connects through a trusted proxy is who it says; anybody else is himself. */
static void a_trusted_proxy_names_the_client(void **state)
{
    (void)state;
    static const struct network LOOPBACK = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}}, 104};
    struct serving *self =
        serving_start((struct http_server_options){.trusted = {&LOOPBACK, 1}, .connections_per_address_max = 1});
    struct http_client *first = serving_connect(self);
    struct http_client *client = serving_connect(self); /* no cap holds for a proxy */
    serving_say(client, "GET /who HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 2001:DB8::0:7\r\n\r\n");
    serving_hear(client, 200, "2001:db8::7");
    serving_say(client, GET("/who")); /* on the same connection: it says so anew for every request */
    serving_hear(client, 200, "127.0.0.1");
    http_client_close(first);
    http_client_close(client);
    serving_stop(self);
    self = serving_start((struct http_server_options){0});
    client = serving_connect(self);
    serving_say(client, "GET /who HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    serving_hear(client, 200, "127.0.0.1");
    http_client_close(client);
    serving_stop(self);
}

static int64_t pauses_of(struct http_client *client)
{
    serving_say(client, GET("/pauses"));
    struct http_answer answer = http_client_receive(client, serving_arena, SERVING_SOON_MS);
    int64_t pauses = -1;
    assert_true(text_read_int(answer.body, &pauses));
    return pauses;
}

static bool has_paused(void *context)
{
    return pauses_of(context) > 0;
}

/* One file may still be opened: the next client's own socket. */
static void leave_one_file(void)
{
    int lowest = dup(STDERR_FILENO);
    assert_true(lowest > 0);
    close(lowest);
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = (rlim_t)lowest + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

/* Out of files: the listening socket stays readable, and a loop that went on trying would do nothing else. It pauses, and
 * who waits is served once there is a file again. */
static void without_files_it_pauses_and_goes_on(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *inside = serving_connect(self);
    serving_say(inside, GET("/in"));
    serving_hear(inside, 200, "/in");
    int64_t begun_ms = clock_ticks_ms();
    leave_one_file();
    struct http_client *outside = serving_connect(self);
    assert_true(wait_until(has_paused, inside, SERVING_SOON_MS)); /* who is in is served meanwhile */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    serving_say(outside, GET("/late"));
    serving_hear(outside, 200, "/late");
    assert_in_range(pauses_of(inside), 1, (clock_ticks_ms() - begun_ms) / 100 + 2);
    http_client_close(inside);
    http_client_close(outside);
    serving_stop(self);
}

static void a_socket_file_is_an_address_too(void **state)
{
    (void)state;
    char directory[] = "/tmp/hookline-test.XXXXXX";
    char address[64];
    assert_non_null(mkdtemp(directory));
    snprintf(address, sizeof address, "unix:%s/http", directory);
    for (int turn = 0; turn < 2; turn++) { /* the second finds the place clean */
        struct serving *self = serving_start((struct http_server_options){.address = address});
        assert_string_equal(http_server_address(self->server), address);
        struct http_client *client = serving_connect(self);
        serving_say(client, GET("/a"));
        serving_hear(client, 200, "/a");
        http_client_close(client);
        serving_stop(self);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(late_answers_keep_the_order_of_the_requests),
        cmocka_unit_test(a_long_pipeline_is_not_read_ahead),
        cmocka_unit_test(a_refusal_waits_for_the_answers_before_it_and_ends_the_connection),
        cmocka_unit_test(too_large_a_body_is_refused_unread_and_the_client_sees_it),
        cmocka_unit_test(large_bodies_share_a_limit),
        cmocka_unit_test(a_head_can_be_refused_before_its_body),
        cmocka_unit_test(continue_is_said_only_after_the_head_has_passed),
        cmocka_unit_test(deadlines_are_for_the_whole),
        cmocka_unit_test(a_body_that_trickles_is_refused),
        cmocka_unit_test(the_whole_request_has_a_deadline),
        cmocka_unit_test(a_client_may_shut_its_side_and_still_be_answered),
        cmocka_unit_test(a_client_that_has_gone_breaks_nothing),
        cmocka_unit_test(one_address_holds_no_more_than_its_share),
        cmocka_unit_test(who_is_refused_keeps_nobody_waiting),
        cmocka_unit_test(a_trusted_proxy_names_the_client),
        cmocka_unit_test(without_files_it_pauses_and_goes_on),
        cmocka_unit_test(a_socket_file_is_an_address_too),
        cmocka_unit_test(bad_addresses_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, serving_arena_make, serving_arena_free);
}
