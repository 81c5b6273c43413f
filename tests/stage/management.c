/* management: what an operator's probe hears, while the program's own thread does something else. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/management.h"
#include "common/metrics.h"
#include "tests/support/http_client.h"
#include "tests/unit/test.h"

enum { SOON_MS = 30000 };

static struct {
    struct arena *arena;
    struct management *management;
    char directory[64], address[96];
} with;

static struct http_answer ask(const char *method, const char *target)
{
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(
        client, arena_format(with.arena, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method, target)));
    struct http_answer answer = http_client_receive(client, with.arena, SOON_MS);
    assert_true(http_client_ended(client, SOON_MS));
    http_client_close(client);
    return answer;
}

static int begin(void **state)
{
    (void)state;
    with.arena = arena_new();
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(with.directory));
    snprintf(with.address, sizeof with.address, "unix:%s/management", with.directory);
    assert_null(management_open(&with.management, with.address));
    return 0;
}

static int end(void **state)
{
    (void)state;
    management_close(with.management);
    arena_free(with.arena);
    return rmdir(with.directory); /* it has removed its socket */
}

static void ready_means_that_every_check_is_green(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/readyz").status, 200); /* nothing is asked of it yet */
    struct readiness *kafka = readiness_new("kafka");
    struct readiness *database = readiness_new("database");
    struct http_answer answer = ask("GET", "/readyz?verbose");
    assert_int_equal(answer.status, 503);
    assert_slice(answer.body, "-- kafka: starting\n-- database: starting\nnot ready\n");
    readiness_set(kafka, true, "connected");
    assert_int_equal(ask("GET", "/readyz").status, 503);
    readiness_set(database, true, "connected");
    answer = ask("GET", "/readyz");
    assert_int_equal(answer.status, 200);
    assert_slice(answer.body, "ready\n");
    readiness_set(kafka, false, "no broker");
    answer = ask("GET", "/readyz?verbose=1");
    assert_int_equal(answer.status, 503);
    assert_slice(answer.body, "-- kafka: no broker\nok database: connected\nnot ready\n");
    assert_int_equal(ask("GET", "/livez").status, 200); /* an outage is no reason to be restarted */
}

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    metric_add(metrics_counter("hookline_test_total", "kind=\"a\"", "For this test."), 3);
    struct http_answer answer = ask("GET", "/metrics");
    assert_int_equal(answer.status, 200);
    assert_slice(http_answer_field(&answer, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(answer.body.ptr, "\nhookline_test_total{kind=\"a\"} 3\n"));
}

static void nothing_else_is_answered(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/").status, 404);
    assert_int_equal(ask("GET", "/metrics/").status, 404);
    assert_int_equal(ask("POST", "/livez").status, 405);
}

static void no_address_means_no_port(void **state)
{
    (void)state;
    struct management *none = NULL;
    assert_null(management_open(&none, ""));
    assert_null(none);
    assert_null(management_open(&none, NULL));
    management_close(none);
    assert_non_null(management_open(&none, "nowhere"));
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_means_that_every_check_is_green),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(nothing_else_is_answered),
        cmocka_unit_test(no_address_means_no_port),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
