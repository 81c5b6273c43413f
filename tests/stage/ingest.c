/* hookline-ingest as its senders and its operator meet it: what it accepts is in the topic as it was sent, what it refuses
 * leaves no record, and everybody is answered, whatever the brokers do. The program itself, against the mock broker. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/text.h"
#include "ctl/retell_sign.h"
#include "tests/support/broker.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define KEY   "key_0123456789abcdef0123456789ab"
#define ROUTE "/api/retell/webhook"
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* The patient ingest waits for an ack longer than a busy machine ever lets it wait; the hasty one is for stories of brokers that
 * do not answer, and REFUSED is shorter than librdkafka's own patience (HASTY_ACK_MS + 8 s): a "no" in it is ingest's. */
enum {
    SOON_MS = 30000,
    PATIENT_ACK_MS = 20000,
    REFUSED_MS = 7000,
    HASTY_ACK_MS = 700,
    SLOW_MS = 2000,
    END_MS = 60000,
    OUT_OF_ORDER_SEQUENCE = 45
};

static struct {
    struct broker *broker;
    struct process *ingest;
    struct arena *arena;
    char directory[64], address[96];
} with;

/* ---- the world ---- */

static struct process *start(const char *key, int ack_timeout_ms)
{
    char variables[4][160];
    snprintf(variables[0], sizeof variables[0], "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker));
    snprintf(variables[1], sizeof variables[1], "HOOKLINE_LISTEN=%s", with.address);
    snprintf(variables[2], sizeof variables[2], "HOOKLINE_RETELL_API_KEY=%s", key);
    snprintf(variables[3], sizeof variables[3], "HOOKLINE_ACK_TIMEOUT_MS=%d", ack_timeout_ms);
    const char *environment[] = {variables[0], variables[1], variables[2], variables[3], NULL};
    return process_start(HOOKLINE_INGEST, environment);
}

static int begin(int ack_timeout_ms)
{
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(with.directory));
    snprintf(with.address, sizeof with.address, "unix:%s/ingest", with.directory);
    with.broker = broker_start();
    with.arena = arena_new();
    with.ingest = start(KEY, ack_timeout_ms);
    assert_true(process_wait_ready(with.ingest, END_MS));
    return 0;
}

static int begin_patient(void **state)
{
    (void)state;
    return begin(PATIENT_ACK_MS);
}

static int begin_hasty(void **state)
{
    (void)state;
    return begin(HASTY_ACK_MS);
}

static int end(void **state)
{
    (void)state;
    process_free(with.ingest);
    broker_stop(with.broker);
    arena_free(with.arena);
    unlink(with.address + strlen("unix:"));
    return rmdir(with.directory);
}

static struct broker_record *records(size_t *count)
{
    return broker_read(with.broker, TOPIC_WEBHOOKS_RETELL, with.arena, count);
}

static size_t record_count(void)
{
    size_t count = 0;
    records(&count);
    return count;
}

/* The records whose value is this body. */
static const struct broker_record *record_of(struct slice body, size_t *times)
{
    size_t count = 0;
    const struct broker_record *all = records(&count);
    const struct broker_record *found = NULL;
    *times = 0;
    for (size_t i = 0; i < count; i++)
        if (slice_same(all[i].value, body)) {
            found = &all[i];
            ++*times;
        }
    return found;
}

/* ---- a sender ---- */

/* A whole request, signed now; `fields` are more lines, each with its CR LF. */
static void add_webhook(struct buffer *out, struct slice body, const char *fields)
{
    char signature[RETELL_SIGNATURE_BYTES];
    retell_sign(signature, body, SLICE(KEY), clock_now_ms());
    buffer_add_format(out, "POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%s", fields);
    buffer_add_format(out, "X-Retell-Signature: %s\r\nContent-Length: %zu\r\n\r\n", signature, body.len);
    buffer_add(out, body);
}

static void send_webhook(struct http_client *client, struct slice body, const char *fields)
{
    struct buffer request = {0};
    add_webhook(&request, body, fields);
    assert_true(http_client_send(client, buffer_slice(&request)));
    buffer_free(&request);
}

/* One webhook on a connection of its own. */
static struct http_answer deliver_within(int64_t deadline_ms, struct slice body, const char *fields)
{
    struct http_client *client = http_client_open(with.address);
    send_webhook(client, body, fields);
    struct http_answer answer = http_client_receive(client, with.arena, deadline_ms);
    http_client_close(client);
    return answer;
}

static struct http_answer deliver(struct slice body, const char *fields)
{
    return deliver_within(SOON_MS, body, fields);
}

static struct slice body_of(const char *event, const char *call_id)
{
    return arena_format(with.arena, "{\"event\":\"%s\",\"call\":{\"call_id\":\"%s\"}}", event, call_id);
}

/* Of Retell's source, or of no provider where `source` is NULL. */
static double outcomes(const char *outcome, const char *source)
{
    char name[160];
    snprintf(name, sizeof name, "hookline_ingest_requests_total{outcome=\"%s\",provider=\"%s\",source=\"%s\"}", outcome,
             source ? "retell" : "", source ? source : "");
    return process_metric(with.ingest, name);
}

/* ---- accepted ---- */

static void what_is_accepted_is_in_the_topic_as_it_was_sent(void **state)
{
    (void)state;
    static const char BODY[] = "{ \"event\" : \"call_analyzed\",\r\n\t\"call\":{\"call_id\":\"Gr\xc3\xb6\xc3\x9f"
                               "e-1\", \"x\":\"\\u00fc\xff\", \"call_id\":\"second\"} }\n";
    struct slice body = {BODY, sizeof BODY - 1};
    int64_t before_ms = clock_now_ms();
    struct http_answer answer = deliver(body, "traceparent: " TRACE "\r\n");
    assert_int_equal(answer.status, 200);

    size_t times = 0;
    const struct broker_record *record = record_of(body, &times);
    assert_int_equal(times, 1);
    assert_slice(record->key, "Gr\xc3\xb6\xc3\x9f"
                              "e-1");
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 0, body), id);
    static const struct {
        const char *name, *value;
    } EXPECTED[] = {
        {"ce_specversion", "1.0"},
        {"ce_source", "/retell/default"},
        {"ce_sourcecompany", NULL},
        {"ce_type", "ai.retell.call_analyzed"},
        {"ce_subject", "Gr\xc3\xb6\xc3\x9f"
                       "e-1"},
        {"ce_costunit", NULL},
        {"ce_companyid", NULL},
        {"content-type", "application/json"},
    };
    for (size_t i = 0; i < COUNT(EXPECTED); i++)
        assert_slice(broker_record_header(record, EXPECTED[i].name), EXPECTED[i].value);
    assert_slice(broker_record_header(record, "ce_id"), id);
    int64_t time_ms = 0;
    assert_true(text_read_time(broker_record_header(record, "ce_time"), &time_ms));
    assert_in_range(time_ms, before_ms, clock_now_ms());
    struct slice trace = broker_record_header(record, "traceparent");
    assert_int_equal(trace.len, strlen(TRACE));
    assert_memory_equal(trace.ptr, TRACE, 36);               /* version and trace */
    assert_memory_not_equal(trace.ptr + 36, &TRACE[36], 16); /* a span of its own */
    struct slice correlation = broker_record_header(record, "ce_correlationid");
    assert_int_equal(correlation.len, 36);
    assert_int_equal(correlation.ptr[14], '7'); /* uuid v7 */

    assert_slice(http_answer_field(&answer, "X-Event-Id"), id);
    assert_true(slice_same(http_answer_field(&answer, "X-Correlation-Id"), correlation));
    struct slice said =
        arena_format(with.arena, "{\"event_id\":\"%s\",\"correlation_id\":\"%.*s\"}", id, SLICE_PRINT(correlation));
    assert_slice(answer.body, said.ptr);
    assert_true(process_says(with.ingest, arena_format(with.arena, "%.*s", SLICE_PRINT(correlation)).ptr));
    assert_false(process_said(with.ingest, KEY));
    assert_false(process_said(with.ingest, "second")); /* nothing of a body but the two members that are logged */
}

static void the_same_webhook_twice_has_the_same_id(void **state)
{
    (void)state;
    struct slice body = body_of("call_started", "twice");
    struct http_answer first = deliver(body, "");
    struct http_answer second = deliver(body, "");
    assert_true(slice_same(http_answer_field(&first, "X-Event-Id"), http_answer_field(&second, "X-Event-Id")));
    assert_false(
        slice_same(http_answer_field(&first, "X-Correlation-Id"), http_answer_field(&second, "X-Correlation-Id")));
    size_t times = 0;
    record_of(body, &times);
    assert_int_equal(times, 2);
}

static void a_webhook_about_no_call_is_keyed_by_its_id(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"chat_started\",\"chat\":{\"chat_id\":\"x\"}}");
    struct http_answer answer = deliver(body, "");
    assert_int_equal(answer.status, 200);
    size_t times = 0;
    const struct broker_record *record = record_of(body, &times);
    assert_int_equal(times, 1);
    assert_true(slice_same(record->key, http_answer_field(&answer, "X-Event-Id")));
    assert_true(slice_absent(broker_record_header(record, "ce_subject")));
    assert_slice(broker_record_header(record, "ce_type"), "ai.retell.chat_started");
}

static void an_inbound_call_gets_the_answer_that_the_phone_waits_for(void **state)
{
    (void)state;
    struct http_answer answer =
        deliver(SLICE("{\"event\":\"call_inbound\",\"call_inbound\":{\"to_number\":\"+49\"}}"), "");
    assert_int_equal(answer.status, 200);
    assert_slice(answer.body, "{\"call_inbound\":{}}");
    assert_int_equal(http_answer_field(&answer, "X-Event-Id").len, 32);
    assert_int_equal(http_answer_field(&answer, "X-Correlation-Id").len, 36);
}

static void large_bodies_pass(void **state)
{
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    struct buffer body = {0};
    buffer_add_text(&body, "{\"event\":\"call_analyzed\",\"call\":{\"call_id\":\"large\",\"transcript\":\"");
    while (body.len < SIZE)
        buffer_add_text(&body, "0123456789abcdefghijklmnopqrstuvwxyz");
    buffer_add_text(&body, "\"}}");
    assert_int_equal(deliver(buffer_slice(&body), "").status, 200);
    size_t times = 0;
    record_of(buffer_slice(&body), &times);
    assert_int_equal(times, 1);
    buffer_free(&body);
}

static void one_connection_carries_many(void **state)
{
    (void)state;
    enum { MANY = 30 };
    struct buffer requests = {0};
    for (int i = 0; i < MANY; i++)
        add_webhook(&requests, arena_format(with.arena, "{\"event\":\"e%d\",\"call\":{\"call_id\":\"many\"}}", i), "");
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&requests)));
    for (int i = 0; i < MANY; i++) {
        struct http_answer answer = http_client_receive(client, with.arena, SOON_MS);
        char id[2 * EVENT_ID_BYTES + 1];
        struct slice body = arena_format(with.arena, "{\"event\":\"e%d\",\"call\":{\"call_id\":\"many\"}}", i);
        event_id_print(event_id_of(SLICE("retell"), 0, body), id);
        assert_int_equal(answer.status, 200);
        assert_slice(http_answer_field(&answer, "X-Event-Id"), id); /* in the order of the requests */
    }
    http_client_close(client);
    buffer_free(&requests);
}

/* ---- refused ---- */

struct refusal {
    const char *request;
    int status;
    const char *outcome, *source;
};

#define BODY2 "Content-Length: 2\r\n\r\n{}"

static const struct refusal REFUSALS[] = {
    {"POST /api/retell/webhook2 HTTP/1.1\r\nHost: a\r\n" BODY2, 404, "not_found", NULL},
    {"POST /api/retell/webhook/other HTTP/1.1\r\nHost: a\r\n" BODY2, 401, "source_unknown", ""},
    {"POST /api/retell/webhook-nosig HTTP/1.1\r\nHost: a\r\n" BODY2, 401, "signature_missing", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found", NULL},
    {"GET " ROUTE " HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed", ""},
    {"PUT " ROUTE "/default HTTP/1.1\r\nHost: a\r\n" BODY2, 405, "method_not_allowed", "default"},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n" BODY2, 415, "unsupported_media_type", ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Type: application/jsonx\r\n" BODY2, 415, "unsupported_media_type",
     ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n" BODY2, 415, "unsupported_media_type", ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Length: 10485761\r\n\r\n", 413, "body_too_large", NULL},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400, "bad_request",
     NULL},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "bad_request", NULL},
    {"POST " ROUTE " HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}", 400, "bad_request", NULL},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\n" BODY2, 401, "signature_missing", ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nX-Retell-Signature:\r\n" BODY2, 401, "signature_malformed", ""},
    {"POST " ROUTE "/default HTTP/1.1\r\nHost: a\r\n" BODY2, 401, "signature_missing", "default"},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nX-Retell-Signature: x\r\n" BODY2, 401, "signature_malformed", ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nX-Retell-Signature: "
     "v=1762862400999,d=4955582f76eb7cedd46b6caa9cabb77c10427698fc507b95928004aaab5ecca0\r\n" BODY2,
     401, "signature_time", ""},
    {"POST " ROUTE " HTTP/1.1\r\nHost: a\r\nX-Retell-Signature: x\r\nX-Retell-Signature: y\r\n" BODY2, 400,
     "signature_twice", ""},
};

static void refusals_leave_no_record(void **state)
{
    (void)state;
    size_t before = record_count();
    struct slice unauthorized = SLICE("{\"error\":\"unauthorized\",\"message\":\"The signature is not valid.\"}");
    for (size_t i = 0; i < COUNT(REFUSALS); i++) {
        double counted = outcomes(REFUSALS[i].outcome, REFUSALS[i].source);
        struct http_client *client = http_client_open(with.address);
        assert_true(http_client_send(client, slice_of(REFUSALS[i].request)));
        struct http_answer answer = http_client_receive(client, with.arena, SOON_MS);
        if (answer.status != REFUSALS[i].status)
            fail_msg("%d for %s", answer.status, REFUSALS[i].request);
        if (answer.status == 401)
            assert_true(slice_same(answer.body, unauthorized)); /* the same for every cause */
        if (answer.status == 405)
            assert_slice(http_answer_field(&answer, "Allow"), "POST");
        assert_slice(http_answer_field(&answer, "Content-Type"), "application/json");
        assert_true(outcomes(REFUSALS[i].outcome, REFUSALS[i].source) == counted + 1);
        http_client_close(client);
    }
    assert_int_equal(record_count(), before);
}

static void deliver_signed(struct slice body, struct slice key, int64_t now_ms, int status)
{
    char signature[RETELL_SIGNATURE_BYTES];
    struct buffer request = {0};
    retell_sign(signature, body, key, now_ms);
    buffer_add_format(&request, "POST " ROUTE "/default HTTP/1.1\r\nHost: a\r\nx-retell-signature: %s\r\n", signature);
    buffer_add_format(&request, "Content-Type: Application/JSON ; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
                      body.len);
    buffer_add(&request, body);
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&request)));
    assert_int_equal(http_client_receive(client, with.arena, SOON_MS).status, status);
    http_client_close(client);
    buffer_free(&request);
}

static void only_the_right_key_and_the_right_time_sign(void **state)
{
    (void)state;
    struct slice body = body_of("call_started", "signed");
    size_t before = record_count();
    deliver_signed(body, SLICE(KEY "x"), clock_now_ms(), 401);
    deliver_signed(body, SLICE(KEY), clock_now_ms() - 301000, 401);
    deliver_signed(body, SLICE(KEY), clock_now_ms() + 310000, 401);
    assert_int_equal(record_count(), before);
    deliver_signed(body, SLICE(KEY), clock_now_ms() - 290000, 200);
    deliver_signed(body, SLICE(KEY), clock_now_ms() + 290000, 200);
    assert_int_equal(record_count(), before + 2);
}

/* Signed, and still not taken: only what is no JSON object with a string `event`. */
static void signed_nonsense_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *body, *outcome;
    } NONSENSE[] = {
        {"", "not_json"},
        {"{", "not_json"},
        {"hello", "not_json"},
        {"[1]", "not_an_object"},
        {"{}", "no_event"},
        {"{\"event\":1}", "no_event"},
        {"{\"call\":{}}", "no_event"},
    };
    size_t before = record_count();
    for (size_t i = 0; i < COUNT(NONSENSE); i++) {
        double counted = outcomes(NONSENSE[i].outcome, "default");
        struct http_answer answer = deliver(slice_of(NONSENSE[i].body), "");
        assert_int_equal(answer.status, 400);
        assert_true(slice_starts_with(answer.body, "{\"error\":\"bad_request\",\"message\":\""));
        assert_true(outcomes(NONSENSE[i].outcome, "default") == counted + 1);
    }
    assert_int_equal(record_count(), before);
}

/* ---- brokers that do not answer ---- */

static bool accepted_again(void *context)
{
    (void)context;
    return deliver(body_of("call_started", "again"), "").status == 200;
}

static bool late_ack_counted(void *context)
{
    return process_metric(with.ingest, "hookline_ingest_late_acks_total") > *(double *)context;
}

static void a_broker_that_is_away_means_come_again(void **state)
{
    (void)state;
    broker_set_down(with.broker, true);
    struct http_answer answer = deliver_within(REFUSED_MS, body_of("call_started", "away"), "");
    assert_int_equal(answer.status, 503);
    assert_slice(http_answer_field(&answer, "Retry-After"), "5");
    assert_int_equal(http_answer_field(&answer, "X-Event-Id").len, 32);
    assert_true(outcomes("not_kept", "default") >= 1);
    broker_set_down(with.broker, false);
    assert_true(wait_until(accepted_again, NULL, END_MS));
    assert_true(process_wait_ready(with.ingest, END_MS));
}

static void a_broker_that_is_slow_means_come_again_and_the_late_ack_is_counted(void **state)
{
    (void)state;
    double late = process_metric(with.ingest, "hookline_ingest_late_acks_total");
    broker_set_delay(with.broker, 4 * HASTY_ACK_MS);
    assert_int_equal(deliver_within(REFUSED_MS, body_of("call_started", "slow"), "").status, 503);
    assert_true(wait_until(late_ack_counted, &late, END_MS));
    broker_set_delay(with.broker, 0);
    assert_true(wait_until(accepted_again, NULL, END_MS));
}

static void a_producer_that_was_given_up_is_replaced(void **state)
{
    (void)state;
    double replaced = process_metric(with.ingest, "hookline_ingest_producers_replaced_total");
    broker_fail_produces(with.broker, OUT_OF_ORDER_SEQUENCE, 1);
    assert_int_equal(deliver_within(REFUSED_MS, body_of("call_started", "fatal"), "").status, 503);
    assert_true(wait_until(accepted_again, NULL, END_MS));
    assert_true(process_metric(with.ingest, "hookline_ingest_producers_replaced_total") > replaced);
}

/* ---- its end ---- */

static bool in_flight(void *context)
{
    (void)context;
    return process_metric(with.ingest, "hookline_ingest_in_flight") > 0;
}

static void the_end_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    broker_set_delay(with.broker, SLOW_MS);
    struct http_client *idle = http_client_open(with.address);
    struct http_client *client = http_client_open(with.address);
    send_webhook(client, body_of("call_ended", "last"), "");
    assert_true(wait_until(in_flight, NULL, SOON_MS));
    process_signal(with.ingest, SIGTERM);
    struct http_answer answer = http_client_receive(client, with.arena, SOON_MS);
    assert_int_equal(answer.status, 200);
    assert_slice(http_answer_field(&answer, "Connection"), "close");
    assert_true(http_client_ended(client, SOON_MS));
    assert_true(http_client_ended(idle, SOON_MS));
    http_client_close(client);
    http_client_close(idle);
    assert_int_equal(process_wait_end(with.ingest, END_MS), 0);
    broker_set_delay(with.broker, 0);
    size_t times = 0;
    record_of(body_of("call_ended", "last"), &times);
    assert_int_equal(times, 1);
}

static void a_key_that_cannot_be_right_is_refused_at_the_start(void **state)
{
    (void)state;
    static const char *const KEYS[] = {"", "key_1 ", "key_1\n"};
    for (size_t i = 0; i < COUNT(KEYS); i++) {
        struct process *process = start(KEYS[i], PATIENT_ACK_MS);
        assert_int_equal(process_wait_end(process, END_MS), 78);
        assert_true(process_says(process, "RETELL_API_KEY"));
        process_free(process);
    }
}

int main(void)
{
    const struct CMUnitTest patient[] = {
        cmocka_unit_test(what_is_accepted_is_in_the_topic_as_it_was_sent),
        cmocka_unit_test(the_same_webhook_twice_has_the_same_id),
        cmocka_unit_test(a_webhook_about_no_call_is_keyed_by_its_id),
        cmocka_unit_test(an_inbound_call_gets_the_answer_that_the_phone_waits_for),
        cmocka_unit_test(large_bodies_pass),
        cmocka_unit_test(one_connection_carries_many),
        cmocka_unit_test(refusals_leave_no_record),
        cmocka_unit_test(only_the_right_key_and_the_right_time_sign),
        cmocka_unit_test(signed_nonsense_is_refused_with_a_reason),
        cmocka_unit_test(the_end_waits_for_what_is_in_flight),
        cmocka_unit_test(a_key_that_cannot_be_right_is_refused_at_the_start),
    };
    const struct CMUnitTest hasty[] = {
        cmocka_unit_test(a_broker_that_is_away_means_come_again),
        cmocka_unit_test(a_broker_that_is_slow_means_come_again_and_the_late_ack_is_counted),
        cmocka_unit_test(a_producer_that_was_given_up_is_replaced),
    };
    int failed = cmocka_run_group_tests(patient, begin_patient, end);
    return failed + cmocka_run_group_tests(hasty, begin_hasty, end);
}
