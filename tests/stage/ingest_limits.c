/* hookline-ingest, who must wait or stay outside: by address, by source, by what is in flight; told before the body is
 * read, with the time to wait; and a flood of refusals is a few lines in the log. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/text.h"
#include "tests/support/ingest_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define FROM(address) "X-Forwarded-For: " address "\r\n"

enum { BODY_TOO_LARGE = 1025, SLOW_MS = 3000 /* time enough for two to be seen in flight */ };

static struct ingest_world with;

static int begin(void **state)
{
    (void)state;
    static const char *const SETTINGS[] = {"HOOKLINE_ADDRESS_RATE_PER_S=1", "HOOKLINE_ADDRESS_BURST=5",
                                           "HOOKLINE_IN_FLIGHT_MAX=2", "HOOKLINE_LARGE_BODIES_MAX_BYTES=32M", NULL};
    ingest_world_begin(&with, SETTINGS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ingest_world_end(&with);
    return 0;
}

static int deliver(const char *path, const char *key, const char *fields, const char *call_id)
{
    return ingest_world_deliver(&with, &(struct ingest_sender){path, key, fields}, ingest_world_body(&with, call_id))
        .status;
}

static struct http_answer ask(struct http_client *client, const char *request)
{
    assert_true(http_client_send(client, slice_of(request)));
    return http_client_receive(client, with.arena, INGEST_SOON_MS);
}

/* ---- where from ---- */

static void a_source_may_be_reached_from_its_networks_only(void **state)
{
    (void)state;
    static const char NEAR[] = INGEST_ROUTE "/near";
    assert_int_equal(deliver(NEAR, INGEST_KEY_NEAR, FROM("192.0.2.7"), "near-1"), 200);
    assert_int_equal(deliver(NEAR, INGEST_KEY_NEAR, FROM("203.0.113.1"), "far"), 403);
    /* what stands left of the last address is the sender's own invention */
    assert_int_equal(deliver(NEAR, INGEST_KEY_NEAR, FROM("192.0.2.7, 203.0.113.2"), "far"), 403);
    assert_int_equal(deliver(NEAR, INGEST_KEY_NEAR, "", "far"), 403);
    assert_true(ingest_world_outcomes(&with, "address_not_allowed", "near") == 3);
}

/* Without a name in the path the signature says whose it is, and then the same holds. */
static void the_same_holds_when_the_signature_says_who_it_is(void **state)
{
    (void)state;
    assert_int_equal(deliver(INGEST_ROUTE, INGEST_KEY_NEAR, FROM("192.0.2.8"), "near-2"), 200);
    assert_int_equal(deliver(INGEST_ROUTE, INGEST_KEY_NEAR, FROM("203.0.113.3"), "far"), 403);
    struct slice large = arena_format(with.arena, "{\"event\":\"x\",\"y\":\"%0*d\"}", BODY_TOO_LARGE, 0);
    const struct ingest_sender small = {INGEST_ROUTE, INGEST_KEY_SMALL, FROM("203.0.113.4")};
    assert_int_equal(ingest_world_deliver(&with, &small, large).status, 413);
    assert_true(ingest_world_outcomes(&with, "body_too_large", "small") == 1);
}

/* ---- how much ---- */

static void a_source_has_its_rate_and_forgers_cannot_use_it_up(void **state)
{
    (void)state;
    static const char SLOW[] = INGEST_ROUTE "/slow";
    char from[64];
    for (int i = 0; i < 20; i++) { /* from many addresses, so that theirs do not count */
        snprintf(from, sizeof from, "X-Forwarded-For: 198.51.100.%d\r\n", i + 1);
        assert_int_equal(deliver(SLOW, INGEST_KEY, from, "forged"), 401);
    }
    assert_int_equal(deliver(SLOW, INGEST_KEY_SLOW, "", "slow-1"), 200);
    assert_int_equal(deliver(SLOW, INGEST_KEY_SLOW, "", "slow-2"), 200);
    struct http_answer answer = {0};
    for (int i = 0; i < 100 && answer.status != 429; i++) /* a busy machine may take longer than a token needs */
        answer = ingest_world_deliver(&with, &(struct ingest_sender){SLOW, INGEST_KEY_SLOW, NULL},
                                      ingest_world_body(&with, "slow-3"));
    assert_int_equal(answer.status, 429);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    assert_true(ingest_world_outcomes(&with, "rate_source", "slow") == 1);
}

static void an_address_has_its_rate_whatever_it_asks_for(void **state)
{
    (void)state;
    struct http_answer answer = {0};
    int passed = 0;
    for (; passed < 100 && answer.status != 429; passed++) {
        struct http_client *client = http_client_open(with.address);
        answer = ask(client, "GET /nothing HTTP/1.1\r\nHost: a\r\n" FROM("2001:db8:1:2::9") "\r\n");
        http_client_close(client);
    }
    assert_int_equal(answer.status, 429);
    assert_true(passed > 5);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    assert_int_equal(http_answer_field(&answer, "X-Correlation-Id").len, 36);
    /* the same /64 is the same sender, another one is not */
    assert_int_equal(deliver(INGEST_ROUTE, INGEST_KEY, FROM("2001:db8:1:3::9"), "beside"), 200);
    assert_true(ingest_world_outcomes(&with, "rate_address", NULL) >= 1);
}

static bool two_in_flight(void *context)
{
    (void)context;
    return process_metric(with.ingest, "hookline_ingest_in_flight") >= 2;
}

static void what_is_in_flight_is_bounded_and_shed_early(void **state)
{
    (void)state;
    struct http_client *clients[2];
    broker_set_delay(with.broker, SLOW_MS);
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = http_client_open(with.address);
        const struct ingest_sender sender = {INGEST_ROUTE, INGEST_KEY, NULL};
        assert_true(http_client_send(
            clients[i], ingest_world_request(&with, &sender, ingest_world_body(&with, i ? "wait-1" : "wait-2"))));
    }
    assert_true(wait_until(two_in_flight, NULL, INGEST_SOON_MS));
    struct http_client *third = http_client_open(with.address);
    struct http_answer answer =
        ask(third, "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"); /* and no body */
    assert_int_equal(answer.status, 503);
    assert_slice(http_answer_field(&answer, "Retry-After"), "1");
    http_client_close(third);
    for (size_t i = 0; i < COUNT(clients); i++) {
        assert_int_equal(http_client_receive(clients[i], with.arena, INGEST_SOON_MS).status, 200);
        http_client_close(clients[i]);
    }
    broker_set_delay(with.broker, 0);
    assert_int_equal(deliver(INGEST_ROUTE, INGEST_KEY, FROM("203.0.113.9"), "room-again"), 200);
    assert_true(process_says(with.ingest, " peer=203.0.113.9 by=")); /* the accepted line has it */
    assert_true(ingest_world_outcomes(&with, "in_flight", "") == 1);
}

/* Large bodies that are still coming in are bounded together, small ones pass beside them. */
static void large_bodies_share_what_is_set(void **state)
{
    (void)state;
    enum { CLIENTS = 4, SENT_BYTES = 9 << 20 };
    struct http_client *clients[CLIENTS];
    char *bytes = memory_new(1, SENT_BYTES);
    struct slice part = {memset(bytes, ' ', SENT_BYTES), SENT_BYTES};
    for (int i = 0; i < CLIENTS; i++) {
        struct slice head = arena_format(with.arena,
                                         "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\n"
                                         "X-Forwarded-For: 203.0.113.%d\r\nContent-Length: 10485760\r\n\r\n",
                                         100 + i);
        clients[i] = http_client_open(with.address);
        assert_true(http_client_send(clients[i], head));
        bool taken = http_client_send(clients[i], part);
        assert_true(taken || i > 0); /* the first alone does not fill it */
    }
    assert_int_equal(deliver(INGEST_ROUTE, INGEST_KEY, FROM("203.0.113.110"), "beside-large-ones"), 200);
    assert_int_equal(http_client_receive(clients[CLIENTS - 1], with.arena, INGEST_SOON_MS).status, 503);
    assert_true(ingest_world_outcomes(&with, "too_many_large_bodies", NULL) >= 1);
    for (int i = 0; i < CLIENTS; i++)
        http_client_close(clients[i]);
    free(bytes);
}

/* ---- what strangers may learn ---- */

static struct slice stranger_hears(const char *method, const char *path, const char *rest)
{
    struct http_client *client = http_client_open(with.address);
    struct http_answer answer =
        ask(client, arena_format(with.arena, "%s %s HTTP/1.1\r\nHost: a\r\n%s", method, path, rest).ptr);
    http_client_close(client);
    return arena_format(with.arena, "%d %.*s\n", answer.status, SLICE_PRINT(answer.body));
}

/* Status and body of the answers to one stranger's requests for a path; nothing of it changes with time. */
static struct slice told_to_a_stranger(const char *path)
{
    struct slice large = arena_format(with.arena, "{\"event\":\"x\",\"y\":\"%0*d\"}", BODY_TOO_LARGE, 0);
    const struct ingest_sender forger = {path, "key_of_nobody_789abcdef0123456789ab", FROM("203.0.113.24")};
    struct http_answer forged = ingest_world_deliver(&with, &forger, large);
    struct buffer told = {0};
    buffer_add(&told, stranger_hears("POST", path,
                                     FROM("203.0.113.20") "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n"));
    buffer_add(&told, stranger_hears("POST", path, FROM("203.0.113.21") "Content-Length: 10485761\r\n\r\n"));
    buffer_add(&told, stranger_hears("POST", path, FROM("203.0.113.22") "Content-Length: 2\r\n\r\n{}"));
    buffer_add(&told, stranger_hears("GET", path, FROM("203.0.113.23") "\r\n"));
    buffer_add_format(&told, "%d %.*s\n", forged.status, SLICE_PRINT(forged.body));
    struct slice all = arena_copy(with.arena, buffer_slice(&told));
    buffer_free(&told);
    return all;
}

/* Whoever cannot sign gets the same answers for every name in the path, whatever limits the source of that name has. */
static void nobody_learns_which_sources_there_are(void **state)
{
    (void)state;
    static const char *const PATHS[] = {INGEST_ROUTE "/near", INGEST_ROUTE "/small", INGEST_ROUTE "/slow",
                                        INGEST_ROUTE "/default"};
    for (int i = 0; i < 100 && deliver(PATHS[2], INGEST_KEY_SLOW, "", "used-up") != 429; i++)
        continue; /* its bucket is empty now, or nearly */
    struct slice nobody = told_to_a_stranger(INGEST_ROUTE "/nobody");
    assert_true(slice_starts_with(nobody, "100 \n413 "));
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        struct slice told = told_to_a_stranger(PATHS[i]);
        if (!slice_same(told, nobody))
            fail_msg("%s: %.*snot %.*s", PATHS[i], SLICE_PRINT(told), SLICE_PRINT(nobody));
    }
}

/* ---- before the body ---- */

#define EXPECT "Host: a\r\nExpect: 100-continue\r\n"

/* Whoever asks before he sends hears the refusal, and never "100 Continue" before it. */
static void who_asks_before_the_body_is_refused_before_it(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
    } ROWS[] = {
        {"POST /nothing HTTP/1.1\r\n" EXPECT "Content-Length: 2\r\n\r\n", 404},
        {"PUT " INGEST_ROUTE " HTTP/1.1\r\n" EXPECT "Content-Length: 2\r\n\r\n", 405},
        {"POST " INGEST_ROUTE " HTTP/1.1\r\n" EXPECT "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n", 415},
        {"POST " INGEST_ROUTE " HTTP/1.1\r\n" EXPECT "Content-Length: 10485761\r\n\r\n", 413},
        {"POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 2\r\n\r\n", 417},
        {"POST " INGEST_ROUTE " HTTP/1.1\r\n" EXPECT "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", 400},
        {"POST " INGEST_ROUTE " HTTP/1.1\r\n" EXPECT "Content-Length: 2\r\n\r\n", 100},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct http_client *client = http_client_open(with.address);
        struct http_answer answer = ask(client, ROWS[i].request);
        if (answer.status != ROWS[i].status)
            fail_msg("%d for %s", answer.status, ROWS[i].request);
        assert_true(answer.status == 100 || http_client_ended(client, INGEST_SOON_MS));
        http_client_close(client);
    }
}

/* ---- the log ---- */

/* Lines of one cause, and what other lines say was withheld of it. */
static int64_t told(const char *cause, int64_t *lines)
{
    struct slice log = process_output(with.ingest, with.arena);
    char refused[96];
    char withheld[96];
    int64_t sum = 0;
    snprintf(refused, sizeof refused, "event=refused cause=%s ", cause);
    snprintf(withheld, sizeof withheld, "event=refused_unlogged cause=%s count=", cause);
    *lines = 0;
    for (const char *at = log.ptr; (at = strstr(at, refused)); at++)
        ++*lines;
    for (const char *at = log.ptr; (at = strstr(at, withheld)); at++)
        sum += strtol(at + strlen(withheld), NULL, 10);
    return sum + *lines;
}

static bool all_told(void *context)
{
    int64_t lines = 0;
    return told("signature_malformed", &lines) == *(int64_t *)context;
}

static void a_flood_is_told_in_few_lines(void **state)
{
    (void)state;
    static const char FORGED[] =
        "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\nX-Retell-Signature: x\r\nContent-Length: 2\r\n\r\n{}";
    int64_t lines = 0;
    int64_t flood = 1000;
    struct http_client *client = http_client_open(with.address);
    for (int64_t i = 0; i < flood; i++)
        assert_int_equal(ask(client, FORGED).status, 401);
    http_client_close(client);
    assert_true(wait_until(all_told, &flood, INGEST_SOON_MS)); /* none is forgotten */
    told("signature_malformed", &lines);
    assert_true(lines < flood);
    assert_true(ingest_world_outcomes(&with, "signature_malformed", "") == (double)flood);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_may_be_reached_from_its_networks_only),
        cmocka_unit_test(the_same_holds_when_the_signature_says_who_it_is),
        cmocka_unit_test(a_source_has_its_rate_and_forgers_cannot_use_it_up),
        cmocka_unit_test(an_address_has_its_rate_whatever_it_asks_for),
        cmocka_unit_test(what_is_in_flight_is_bounded_and_shed_early),
        cmocka_unit_test(large_bodies_share_what_is_set),
        cmocka_unit_test(nobody_learns_which_sources_there_are),
        cmocka_unit_test(who_asks_before_the_body_is_refused_before_it),
        cmocka_unit_test(a_flood_is_told_in_few_lines),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
