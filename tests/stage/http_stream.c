/* http_stream: a connection that has become a stream: it takes over, says what has not been sent, and ends once. */
#include "tests/support/serving.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

static bool taken_by_the_kernel(void *context)
{
    struct serving *self = context;
    return atomic_load(&self->pending) == 0;
}

static void a_stream_takes_the_connection_over(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){.send_buffer_bytes = 16384});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/hold") GET("/stream") "some bytes");
    serving_await(&self->holding);
    serving_release(self);
    serving_hear(client, 200, "/hold");
    struct http_answer answer = http_client_receive(client, serving_arena, SERVING_SOON_MS);
    assert_int_equal(answer.status, 200);
    assert_slice(http_answer_field(&answer, "Content-Type"), "text/event-stream");
    assert_true(slice_absent(http_answer_field(&answer, "Content-Length")));
    assert_true(http_client_expect(client, "hello\n", SERVING_SOON_MS));
    serving_await(&self->received);
    struct http_client *other = serving_connect(self);
    serving_say(other, GET("/push"));
    serving_hear(other, 200, "/push");
    assert_true(atomic_load(&self->pending) > 4096); /* it cannot hide in the kernel */
    assert_true(http_client_expect(client, "xend\n", SERVING_SOON_MS));
    assert_true(wait_until(taken_by_the_kernel, self, SERVING_SOON_MS));
    serving_say(client, "bye");
    serving_hear_end(client);
    serving_await(&self->streams_closed);
    assert_int_equal(atomic_load(&self->streams_closed), 1);
    http_client_close(other);
    serving_stop(self);
}

static void a_stream_whose_peer_goes_is_closed_once(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *client = serving_connect(self);
    serving_say(client, GET("/stream"));
    assert_true(http_client_expect(client, "hello\n", SERVING_SOON_MS));
    http_client_reset(client);
    serving_await(&self->streams_closed);
    assert_int_equal(atomic_load(&self->streams_closed), 1);
    http_client_close(client);
    serving_stop(self);
}

/* The end of the process: streams and exchanges that are still open. */
static void closing_the_server_ends_all(void **state)
{
    (void)state;
    struct serving *self = serving_start((struct http_server_options){0});
    struct http_client *stream = serving_connect(self);
    struct http_client *held = serving_connect(self);
    serving_say(stream, GET("/stream"));
    assert_true(http_client_expect(stream, "hello\n", SERVING_SOON_MS));
    serving_say(held, GET("/hold"));
    serving_await(&self->holding);
    serving_stop(self);
    serving_hear_end(stream);
    serving_hear_end(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_takes_the_connection_over),
        cmocka_unit_test(a_stream_whose_peer_goes_is_closed_once),
        cmocka_unit_test(closing_the_server_ends_all),
    };
    return cmocka_run_group_tests(tests, serving_arena_make, serving_arena_free);
}
