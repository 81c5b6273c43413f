/* http_server, about to go: what was read whole is answered, what is half here is told to come again, and nobody holds up the
 * end. */
#include "tests/support/serving.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { SHORT_MS = 150, NEVER_MS = 3600000 };

static void draining_answers_what_has_begun(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.drain_deadline_ms = SERVING_SOON_MS});
    struct http_client *idle = serving_connect(self);
    serving_say(idle, GET("/a"));
    serving_hear(idle, 200, "/a");
    struct http_client *half = serving_connect(self);
    serving_say(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold"));
    serving_await(&self->holding);
    serving_command(self, SERVING_DRAIN);
    serving_hear_end(idle);
    serving_say(half, "llo");
    struct http_answer answer = http_client_receive(half, serving_arena, SERVING_SOON_MS);
    assert_slice(answer.body, "hello");
    assert_slice(http_answer_field(&answer, "Connection"), "close");
    serving_hear_end(half);
    assert_int_equal(atomic_load(&self->is_drained), 0);
    serving_say(client, GET("/release")); /* pipelined: nobody else can connect any more */
    serving_hear(client, 200, "/hold");
    serving_hear(client, 200, "/release");
    serving_hear_end(client);
    serving_await(&self->is_drained);
    serving_stop(self);
}

static bool two_are_connected(void *context)
{
    struct serving *self = context;
    serving_command(self, SERVING_COUNT);
    return atomic_load(&self->connections) == 2;
}

/* Who was let in before the drain gets his first request answered, though it comes after it; who says nothing is let go. */
static void draining_waits_for_the_first_request_of_who_was_let_in(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *fresh = serving_connect(self);
    struct http_client *silent = serving_connect(self);
    assert_true(wait_until(two_are_connected, self, SERVING_SOON_MS));
    serving_command(self, SERVING_DRAIN);
    serving_say(fresh, GET("/late"));
    serving_hear(fresh, 200, "/late");
    serving_hear_end(fresh);
    serving_hear_end(silent);
    serving_await(&self->is_drained);
    serving_stop(self);
}

static bool one_is_connected(void *context)
{
    struct serving *self = context;
    serving_command(self, SERVING_COUNT);
    return atomic_load(&self->connections) == 1;
}

/* Who keeps his connection may be sending his next request as the drain begins, and a connection closed under it loses it. */
static void draining_answers_one_more_request_of_who_was_served(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.drain_idle_ms = SERVING_SOON_MS});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/a"));
    serving_hear(client, 200, "/a");
    serving_command(self, SERVING_DRAIN);
    assert_true(wait_until(one_is_connected, self, SERVING_SOON_MS)); /* counted after the drain has begun */
    serving_say(client, GET("/b"));
    struct http_answer answer = http_client_receive(client, serving_arena, SERVING_SOON_MS);
    assert_slice(answer.body, "/b");
    assert_slice(http_answer_field(&answer, "Connection"), "close");
    serving_hear_end(client);
    serving_await(&self->is_drained);
    serving_stop(self);
}

static bool two_are_handled(void *context)
{
    struct serving *self = context;
    return atomic_load(&self->handled) == 2;
}

/* A head or a body that is half here when we are to go would hold the end up for as long as its own deadline: it is told to come
 * again, while what was read whole is answered, also behind another answer. */
static void draining_waits_for_no_half_request(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.header_deadline_ms = NEVER_MS,
                                                                      .body_deadline_ms = NEVER_MS,
                                                                      .request_deadline_ms = NEVER_MS,
                                                                      .body_slow_after_ms = NEVER_MS,
                                                                      .drain_deadline_ms = SHORT_MS});
    struct http_client *clients[] = {serving_connect(self), serving_connect(self), serving_connect(self)};
    serving_say(clients[0], "POST /echo HTTP/1.1\r\nHost");
    serving_say(clients[1], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    serving_say(clients[2], GET("/hold") GET("/behind") "POST /echo HTTP/1.1\r\n");
    serving_await(&self->holding);
    assert_true(wait_until(two_are_handled, self, SERVING_SOON_MS));
    serving_command(self, SERVING_DRAIN);
    for (int i = 0; i < 2; i++) {
        struct http_answer answer = http_client_receive(clients[i], serving_arena, SERVING_SOON_MS);
        assert_int_equal(answer.status, 503);
        assert_slice(http_answer_field(&answer, "Retry-After"), "1");
        assert_slice(http_answer_field(&answer, "Connection"), "close");
        serving_hear_end(clients[i]);
    }
    serving_command(self, SERVING_RELEASE);
    serving_hear(clients[2], 200, "/hold");
    serving_hear(clients[2], 200, "/behind");
    serving_hear(clients[2], 503, NULL);
    serving_hear_end(clients[2]);
    serving_await(&self->is_drained);
    serving_stop(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draining_answers_what_has_begun),
        cmocka_unit_test(draining_waits_for_the_first_request_of_who_was_let_in),
        cmocka_unit_test(draining_answers_one_more_request_of_who_was_served),
        cmocka_unit_test(draining_waits_for_no_half_request),
    };
    return cmocka_run_group_tests(tests, serving_arena_make, serving_arena_free);
}
