/* Asking others over HTTP: what was asked arrives as it is, what is answered comes once, and nothing is waited for without
 * end. Certificates, redirects and connections that are kept: sync_retell_api.c and ctl.c, by the programs that rest on
 * them. */
#include "tests/unit/test.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/web_client.h"
#include "tests/support/platform.h"
#include "tests/support/port.h"
#include "tests/support/serving.h"
#include "tests/support/wait.h"

enum { SOON_MS = 30000, PATIENT_MS = 60000, IMPATIENT_MS = 100, KEPT_BYTES = 65536, LARGE_BYTES = 2 * KEPT_BYTES };

static const struct platform_answer FINE = {.status = 200, .body = "{}"};
static const struct platform_answer HELD = {.status = 200, .body = "{}", .held = true};

static struct {
    struct platform *platform;
    struct event_base *base;
    struct web_client *client;
    struct arena *arena;
} with;

static struct {
    int times;
    struct web_answer answer;
    size_t under_way; /* while it was reported */
} heard;

static void hear(void *opaque, const struct web_answer *answer)
{
    (void)opaque;
    heard.times++;
    heard.answer = *answer;
    heard.answer.body = arena_copy(with.arena, answer->body);
    heard.under_way = web_client_under_way(with.client);
}

static int start(void **state)
{
    (void)state;
    heard.times = 0;
    with.arena = arena_new();
    with.platform = platform_start();
    with.base = event_base_new();
    with.client = web_client_open(with.base, 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    web_client_close(with.client);
    event_base_free(with.base);
    platform_stop(with.platform);
    arena_free(with.arena);
    return 0;
}

static bool turned_until_heard(void *times)
{
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    return heard.times >= *(int *)times;
}

static void await(int times)
{
    assert_true(wait_until(turned_until_heard, &times, SOON_MS));
    assert_int_equal(heard.times, times);
}

static struct web_request to_platform(void)
{
    return (struct web_request){.url = platform_url(with.platform), .timeout_ms = PATIENT_MS};
}

/* `words` are those that libcurl's sentence has had in all its versions. */
static void assert_fault(enum web_fault fault, const char *name, const char *words)
{
    assert_int_equal(heard.answer.fault, fault);
    assert_string_equal(web_fault_name(fault), name);
    assert_int_equal(heard.answer.status, 0);
    assert_non_null(strstr(heard.answer.problem, words));
}

/* In the loop and without one, what is asked and what is answered is the same. */
static void what_is_asked_arrives_as_it_is(void **state)
{
    static const char BODY[] = "{\"a\":\0 1}\r\n\r\n";
    const struct {
        const char *path;
        struct slice body, echo; /* serving.h: the body, else the path */
    } CASES[] = {
        {"/posted", {BODY, sizeof BODY - 1}, {BODY, sizeof BODY - 1}},
        {"/posted", SLICE(""), SLICE("/posted")},
        {"/got?a=b%20c", SLICE_ABSENT, SLICE("/got")},
        {"/a/../b", SLICE_ABSENT, SLICE("/a/../b")},
    };
    static const char *const HEADERS[] = {"Content-Type: application/json", NULL};
    (void)state;
    struct serving *echo = serving_start((struct http_server_options){0});
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        size_t at = i / 2;
        const char *url =
            arena_format(with.arena, "http://%s%s", http_server_address(echo->server), CASES[at].path).ptr;
        struct web_request request = {.url = url, .headers = HEADERS, .body = CASES[at].body, .timeout_ms = PATIENT_MS};
        if (i % 2)
            web_ask(&request, hear, NULL);
        else
            web_client_send(with.client, &request, hear, NULL);
        await((int)i + 1);
        assert_int_equal(heard.answer.status, 200);
        assert_null(heard.answer.problem);
        assert_true(slice_same(heard.answer.body, CASES[at].echo));
    }
    web_client_close(with.client); /* or the server waits for what is kept open */
    with.client = web_client_open(with.base, 1);
    serving_stop(echo);
}

static void of_a_large_answer_64_KiB_are_kept_or_none_is_one(void **state)
{
    (void)state;
    char *body = memory_new(LARGE_BYTES + 1, 1);
    memset(body, 'a', LARGE_BYTES);
    platform_script(with.platform, &(struct platform_answer){.status = 201, .body = body}, 1);
    struct web_request request = to_platform();
    web_ask(&request, hear, NULL);
    assert_int_equal(heard.answer.status, 201);
    assert_int_equal(heard.answer.body.len, KEPT_BYTES);

    request.answer_max_bytes = LARGE_BYTES;
    web_ask(&request, hear, NULL);
    assert_int_equal(heard.answer.status, 201);
    assert_int_equal(heard.answer.body.len, LARGE_BYTES);

    request.answer_max_bytes = LARGE_BYTES - 1;
    web_ask(&request, hear, NULL);
    assert_fault(WEB_TOO_LARGE, "too_large", "The answer is larger than it may be");
    platform_script(with.platform, &FINE, 1);
    free(body);
}

static void nobody_there_is_told_in_a_word_and_a_sentence(void **state)
{
    (void)state;
    int port = 0, taken = port_hold(&port);
    struct web_request request = {.url = arena_format(with.arena, "http://127.0.0.1:%d/", port).ptr,
                                  .timeout_ms = PATIENT_MS};
    web_client_send(with.client, &request, hear, NULL);
    assert_int_equal(heard.times, 0); /* never from within */
    await(1);
    assert_fault(WEB_CONNECT, "connect", "connect to server");
    close(taken);
}

static void silence_is_not_waited_for(void **state)
{
    (void)state;
    platform_script(with.platform, &HELD, 1);
    struct web_request request = to_platform();
    request.timeout_ms = IMPATIENT_MS;
    web_client_send(with.client, &request, hear, NULL);
    await(1);
    assert_fault(WEB_TIMEOUT, "timeout", "Timeout was reached");
    web_ask(&request, hear, NULL);
    assert_int_equal(heard.times, 2);
    assert_fault(WEB_TIMEOUT, "timeout", "Timeout was reached");
}

static bool platform_was_asked(void *times)
{
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    return platform_asked(with.platform) >= *(size_t *)times;
}

/* What is asked beside the client, after its first request, shows that the second did not come before it. */
static void more_requests_than_connections_wait(void **state)
{
    static const char *const BESIDE[] = {"Authorization: beside", NULL};
    (void)state;
    const struct platform_answer script[] = {HELD, FINE};
    platform_script(with.platform, script, COUNT(script));
    struct web_request request = to_platform();
    for (int i = 0; i < 3; i++)
        web_client_send(with.client, &request, hear, NULL);
    assert_int_equal(web_client_under_way(with.client), 3);
    assert_true(wait_until(platform_was_asked, &(size_t){1}, SOON_MS));
    request.headers = BESIDE;
    web_ask(&request, hear, NULL);
    assert_int_equal(platform_asked(with.platform), 2);
    assert_slice(platform_last_authorization(with.platform, with.arena), "beside");
    assert_int_equal(heard.under_way, 3);
    platform_release(with.platform);
    await(4);
    assert_int_equal(heard.under_way, 0); /* of the last one, while it was reported */
}

static void ask_once_more(void *request, const struct web_answer *answer)
{
    hear(NULL, answer);
    web_client_send(with.client, request, hear, NULL);
}

static void who_is_answered_may_ask_again(void **state)
{
    (void)state;
    platform_script(with.platform, &FINE, 1);
    struct web_request request = to_platform();
    web_client_send(with.client, &request, ask_once_more, &request);
    await(2);
    assert_int_equal(heard.answer.status, 200);
    assert_int_equal(platform_asked(with.platform), 2);
}

static void a_closed_client_reports_nothing(void **state)
{
    (void)state;
    platform_script(with.platform, &HELD, 1);
    struct web_request request = to_platform();
    web_client_send(with.client, &request, hear, NULL);
    web_client_send(with.client, &request, hear, NULL); /* has no connection yet */
    assert_true(wait_until(platform_was_asked, &(size_t){1}, SOON_MS));
    web_client_close(with.client);
    with.client = NULL;
    event_base_loop(with.base, EVLOOP_NONBLOCK);
    assert_int_equal(heard.times, 0);
}

/* Nobody listens where the proxy is said to be. */
static void a_proxy_is_asked_only_where_it_is_wanted(void **state)
{
    (void)state;
    int port = 0, taken = port_hold(&port);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    setenv("http_proxy", arena_format(with.arena, "http://127.0.0.1:%d", port).ptr, 1);
    platform_script(with.platform, &FINE, 1);
    struct web_request request = to_platform();
    web_ask(&request, hear, NULL);
    assert_int_equal(heard.answer.status, 200);
    request.proxied = true;
    web_ask(&request, hear, NULL);
    assert_int_equal(heard.answer.fault, WEB_CONNECT);
    unsetenv("http_proxy");
    close(taken);
}

static void other_schemes_are_not_spoken(void **state)
{
    static const char *const CASES[] = {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/"};
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        web_ask(&(struct web_request){.url = CASES[i], .timeout_ms = PATIENT_MS}, hear, NULL);
        assert_fault(WEB_TRANSPORT, "transport", "Unsupported protocol");
        assert_int_equal(heard.answer.body.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(what_is_asked_arrives_as_it_is, start, stop),
        cmocka_unit_test_setup_teardown(of_a_large_answer_64_KiB_are_kept_or_none_is_one, start, stop),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_in_a_word_and_a_sentence, start, stop),
        cmocka_unit_test_setup_teardown(silence_is_not_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(more_requests_than_connections_wait, start, stop),
        cmocka_unit_test_setup_teardown(who_is_answered_may_ask_again, start, stop),
        cmocka_unit_test_setup_teardown(a_closed_client_reports_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_proxy_is_asked_only_where_it_is_wanted, start, stop),
        cmocka_unit_test_setup_teardown(other_schemes_are_not_spoken, start, stop),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
