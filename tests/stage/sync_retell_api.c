/* Asking the platform: the key in one place, the id in one segment, and an end to every question. */
#include "tests/unit/test.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>

#include "common/clock.h"
#include "sync/retell_api.h"
#include "tests/support/platform.h"
#include "tests/support/port.h"
#include "tests/support/wait.h"
#include "tests/support/wire_server.h"

enum { SOON_MS = 15000, BODY_MAX_BYTES = 100000 };

static struct {
    struct platform *platform;
    struct event_base *base;
    struct retell_api *api;
    struct arena *arena;
} with;

static struct {
    int times, status;
    const char *problem;
    struct slice body;
    int64_t retry_after_ms;
} heard;

static void hear(void *opaque, const struct web_answer *answer)
{
    (void)opaque;
    heard.times++;
    heard.status = answer->status;
    heard.problem = web_fault_name(answer->fault);
    heard.body = arena_copy(with.arena, answer->body);
    heard.retry_after_ms = answer->retry_after_ms;
}

static bool turned_until_heard(void *context)
{
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    return heard.times >= *(int *)context;
}

static void ask_at(struct retell_api *api, const char *call_id)
{
    int times = heard.times + 1;
    retell_api_ask(api, "key_0123", slice_of(call_id), hear, NULL);
    assert_int_equal(heard.times, times - 1); /* never from within */
    assert_true(wait_until(turned_until_heard, &times, SOON_MS));
    assert_int_equal(heard.times, times);
}

static int start(void **state)
{
    (void)state;
    heard.times = 0;
    with.arena = arena_new();
    with.platform = platform_start();
    with.base = event_base_new();
    assert_null(retell_api_open(&with.api, with.base, platform_url(with.platform), BODY_MAX_BYTES));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    retell_api_close(with.api);
    event_base_free(with.base);
    platform_stop(with.platform);
    arena_free(with.arena);
    return 0;
}

static void an_answer_comes_as_it_was_sent(void **state)
{
    (void)state;
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{ \"call_id\": \"\xff\" }\n"}, 1);
    ask_at(with.api, "call_119c3f8e");
    assert_int_equal(heard.status, 200);
    assert_null(heard.problem);
    assert_slice(heard.body, "{ \"call_id\": \"\xff\" }\n");
    assert_int_equal(heard.retry_after_ms, 0);
    assert_slice(platform_last_target(with.platform, with.arena), "/v2/get-call/call_119c3f8e");
    assert_slice(platform_last_authorization(with.platform, with.arena), "Bearer key_0123");
}

static void an_id_stays_one_segment_of_the_path(void **state)
{
    static const struct {
        const char *id, *target;
    } CASES[] = {
        {"a/../../b?c=d#e", "/v2/get-call/a%2F..%2F..%2Fb%3Fc%3Dd%23e"},
        {"..", "/v2/get-call/.."},
        {"a b\r\nX: y", "/v2/get-call/a%20b%0D%0AX%3A%20y"},
        {"%2e", "/v2/get-call/%252e"},
        {"\xc3\xbc", "/v2/get-call/%C3%BC"},
    };
    (void)state;
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{}"}, 1);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        ask_at(with.api, CASES[i].id);
        assert_slice(platform_last_target(with.platform, with.arena), CASES[i].target);
    }
}

static void a_refusal_says_when_to_come_back(void **state)
{
    (void)state;
    platform_script(with.platform,
                    &(struct platform_answer){.status = 429, .body = "{}", .header = "Retry-After", .value = "7"}, 1);
    ask_at(with.api, "c");
    assert_int_equal(heard.status, 429);
    assert_int_equal(heard.retry_after_ms, 7000);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/other", platform_url(with.platform));
    platform_script(with.platform,
                    &(struct platform_answer){.status = 302, .body = "", .header = "Location", .value = elsewhere}, 1);
    ask_at(with.api, "c");
    assert_int_equal(heard.status, 302);
    assert_int_equal(platform_asked(with.platform), 1);
}

static void an_answer_without_end_is_cut_off(void **state)
{
    (void)state;
    char *body = memory_new(1, BODY_MAX_BYTES + 2);
    memset(body, ' ', BODY_MAX_BYTES + 1);
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = body}, 1);
    ask_at(with.api, "c");
    assert_int_equal(heard.status, 0);
    assert_string_equal(heard.problem, "too_large");
    body[BODY_MAX_BYTES] = '\0';
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = body}, 1);
    ask_at(with.api, "c");
    assert_int_equal(heard.status, 200);
    assert_int_equal(heard.body.len, BODY_MAX_BYTES);
    free(body);
}

/* A client of the API at `url`, of which one question is asked. */
static void ask_there(const char *url)
{
    struct retell_api *api = NULL;
    assert_null(retell_api_open(&api, with.base, url, BODY_MAX_BYTES));
    ask_at(api, "c");
    retell_api_close(api);
}

static void nobody_there_is_a_problem_with_a_name(void **state)
{
    (void)state;
    int port = 0, taken = port_hold(&port); /* bound and not listening: refuses */
    ask_there(arena_format(with.arena, "http://127.0.0.1:%d", port).ptr);
    assert_int_equal(heard.status, 0);
    assert_string_equal(heard.problem, "connect");
    close(taken);
}

static bool distrusted(void *context)
{
    return wire_server_distrusted(context) > 0;
}

/* The key must not reach whoever sits between us and the platform. */
static void who_cannot_prove_to_be_the_platform_is_told_nothing(void **state)
{
    (void)state;
    struct wire_server *stranger = wire_server_start_tls("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    ask_there(arena_format(with.arena, "https://%s", wire_server_address(stranger)).ptr);
    assert_int_equal(heard.status, 0);
    assert_string_equal(heard.problem, "tls");
    assert_true(wait_until(distrusted, stranger, SOON_MS));
    assert_int_equal(wire_server_questions(stranger), 0);
    wire_server_stop(stranger);
}

static void a_connection_serves_one_question_after_the_other(void **state)
{
    (void)state;
    struct wire_server *server = wire_server_start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    struct retell_api *api = NULL;
    const char *url = arena_format(with.arena, "http://%s", wire_server_address(server)).ptr;
    assert_null(retell_api_open(&api, with.base, url, BODY_MAX_BYTES));
    for (int i = 0; i < 3; i++) {
        ask_at(api, "c");
        assert_int_equal(heard.status, 200);
    }
    assert_int_equal(wire_server_questions(server), 3);
    assert_int_equal(wire_server_connections(server), 1);
    retell_api_close(api);
    wire_server_stop(server);
}

/* Nobody listens where the proxy is said to be: whoever asks it gets no further. */
static void a_proxy_of_the_environment_is_for_the_world_outside(void **state)
{
    (void)state;
    int port = 0, taken = port_hold(&port);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    setenv("http_proxy", arena_format(with.arena, "http://127.0.0.1:%d", port).ptr, 1);
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{}"}, 1);
    ask_there(platform_url(with.platform));
    assert_int_equal(heard.status, 200);
    ask_there("http://retell.invalid"); /* no such host can be (RFC 6761, 6.4): only the proxy could look for it */
    assert_string_equal(heard.problem, "connect");
    assert_int_equal(heard.status, 0);
    unsetenv("http_proxy");
    close(taken);
}

static void a_platform_that_says_nothing_is_not_waited_for(void **state)
{
    (void)state;
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{}", .held = true}, 1);
    ask_at(with.api, "c");
    assert_int_equal(heard.status, 0);
    assert_string_equal(heard.problem, "timeout");
    platform_release(with.platform);
}

static bool platform_was_asked(void *context)
{
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    return platform_asked(with.platform) >= *(size_t *)context;
}

static bool platform_was_asked_for(void *call_id)
{
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    return platform_asked_for(with.platform, call_id) > 0;
}

/* What another client asks after the eight shows how many of the rest came before it: none. */
static void no_more_than_eight_are_asked_at_once(void **state)
{
    enum { AT_ONCE = 8, TIMES = 2 * AT_ONCE };
    (void)state;
    struct retell_api *beside = NULL;
    int all = TIMES;
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{}", .held = true}, 1);
    for (int i = 0; i < TIMES; i++)
        retell_api_ask(with.api, "key", SLICE("c"), hear, NULL);
    assert_true(wait_until(platform_was_asked, &(size_t){AT_ONCE}, SOON_MS));
    assert_null(retell_api_open(&beside, with.base, platform_url(with.platform), BODY_MAX_BYTES));
    retell_api_ask(beside, "key", SLICE("beside"), hear, NULL);
    assert_true(wait_until(platform_was_asked_for, (char[]){"beside"}, SOON_MS));
    assert_int_equal(platform_asked(with.platform), AT_ONCE + 1);
    retell_api_close(beside);
    platform_release(with.platform);
    assert_true(wait_until(turned_until_heard, &all, SOON_MS));
    assert_int_equal(heard.status, 200);
}

static void what_is_under_way_at_the_end_is_dropped(void **state)
{
    (void)state;
    platform_script(with.platform, &(struct platform_answer){.status = 200, .body = "{}", .held = true}, 1);
    retell_api_ask(with.api, "key", SLICE("a"), hear, NULL);
    retell_api_ask(with.api, "key", SLICE("b"), hear, NULL);
    assert_true(wait_until(platform_was_asked, &(size_t){2}, SOON_MS));
    retell_api_close(with.api);
    with.api = NULL;
    assert_int_equal(heard.times, 0);
}

static void an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "",           "api.retellai.com", "ftp://api.retellai.com", "file:///etc/passwd", "https://", "https://a/?b=c",
        "https://a b"};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct retell_api *api = NULL;
        if (!retell_api_open(&api, with.base, CASES[i], BODY_MAX_BYTES))
            fail_msg("taken: %s", CASES[i]);
    }
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(an_answer_comes_as_it_was_sent, start, stop),
        cmocka_unit_test_setup_teardown(an_id_stays_one_segment_of_the_path, start, stop),
        cmocka_unit_test_setup_teardown(a_refusal_says_when_to_come_back, start, stop),
        cmocka_unit_test_setup_teardown(a_redirect_is_not_followed, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_without_end_is_cut_off, start, stop),
        cmocka_unit_test_setup_teardown(nobody_there_is_a_problem_with_a_name, start, stop),
        cmocka_unit_test_setup_teardown(who_cannot_prove_to_be_the_platform_is_told_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_connection_serves_one_question_after_the_other, start, stop),
        cmocka_unit_test_setup_teardown(a_proxy_of_the_environment_is_for_the_world_outside, start, stop),
        cmocka_unit_test_setup_teardown(a_platform_that_says_nothing_is_not_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(no_more_than_eight_are_asked_at_once, start, stop),
        cmocka_unit_test_setup_teardown(what_is_under_way_at_the_end_is_dropped, start, stop),
        cmocka_unit_test_setup_teardown(an_address_that_is_none_is_refused, start, stop),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
