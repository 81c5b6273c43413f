/* Whose webhook it is: the program with a sources file, as its senders and its operator meet it. Every path asks for a
 * signature; a file that is changed is in force at SIGHUP, and one that is wrong changes nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/event.h"
#include "ctl/retell_sign.h"
#include "ingest/provider.h"
#include "tests/support/broker.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define KEY_A      "key_a_0123456789"
#define KEY_B      "key_b_0123456789"
#define KEY_SHOP   "key_shop_0123456"
#define KEY_CAL    "Ein Satz, den jemand getippt hat"
#define KEY_STRIPE "whsec_0123456789"

enum { SOON_MS = 30000, END_MS = 60000, LINE_MAX_BYTES = 256 };

static struct {
    struct broker *broker;
    struct process *ingest;
    struct arena *arena;
    char directory[64], address[96], sources[96];
} with;

/* ---- the world ---- */

#define SOURCE(name, provider, more, keys)                                                                             \
    "{\"name\":\"" name "\",\"provider\":\"" provider "\"," more "\"keys\":[" keys "]}"
#define KEY(id, text)     "{\"id\":\"" id "\",\"key\":\"" text "\"}"
#define EXPIRED(id, text) "{\"id\":\"" id "\",\"key\":\"" text "\",\"expires_at\":\"2001-01-01T00:00:00Z\"}"
#define FILE_OF(sources)  "{\"sources\":[" sources "]}"
#define OTHERS                                                                                                         \
    SOURCE("shop", "retell", "\"company_id\":7,\"cost_unit\":\"dollars\",", KEY("s", KEY_SHOP))                        \
    "," SOURCE("acme", "calcom", "", KEY("c", KEY_CAL)) "," SOURCE("acme", "stripe", "\"company_id\":7,",              \
                                                                   KEY("p", KEY_STRIPE))
#define WITH_ACME(keys) FILE_OF(SOURCE("acme", "retell", "", keys) "," OTHERS)

static void write_sources(const char *text)
{
    FILE *file = fopen(with.sources, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct process *start(const char *legacy_paths)
{
    static char variables[4][LINE_MAX_BYTES];
    snprintf(variables[0], LINE_MAX_BYTES, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker));
    snprintf(variables[1], LINE_MAX_BYTES, "HOOKLINE_LISTEN=%s", with.address);
    snprintf(variables[2], LINE_MAX_BYTES, "HOOKLINE_SOURCES=%s", with.sources);
    snprintf(variables[3], LINE_MAX_BYTES, "HOOKLINE_LEGACY_PATHS=%s", legacy_paths);
    return process_start(HOOKLINE_INGEST, (const char *const[]){variables[0], variables[1], variables[2], variables[3],
                                                                "HOOKLINE_ACK_TIMEOUT_MS=20000", NULL});
}

static int begin(void **state)
{
    (void)state;
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(with.directory));
    snprintf(with.address, sizeof with.address, "unix:%s/ingest", with.directory);
    snprintf(with.sources, sizeof with.sources, "%s/sources.json", with.directory);
    with.broker = broker_start();
    with.arena = arena_new();
    write_sources(WITH_ACME(KEY("a", KEY_A)));
    with.ingest = start("serve");
    assert_true(process_wait_ready(with.ingest, END_MS));
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_free(with.ingest);
    broker_stop(with.broker);
    arena_free(with.arena);
    unlink(with.address + strlen("unix:"));
    unlink(with.sources);
    return rmdir(with.directory);
}

static size_t records_in(const char *topic)
{
    size_t count = 0;
    broker_read(with.broker, topic, with.arena, &count);
    return count;
}

static const struct broker_record *record_of(const char *topic, struct slice body)
{
    size_t count = 0;
    const struct broker_record *records = broker_read(with.broker, topic, with.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_same(records[i].value, body))
            return &records[i];
    fail_msg("%.*s is not in %s", SLICE_PRINT(body), topic);
    return NULL;
}

/* ---- senders ---- */

static struct http_answer post(const char *path, const char *fields, struct slice body)
{
    struct buffer request = {0};
    buffer_add_format(&request, "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", path, fields, body.len);
    buffer_add(&request, body);
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&request)));
    struct http_answer answer = http_client_receive(client, with.arena, SOON_MS);
    http_client_close(client);
    buffer_free(&request);
    return answer;
}

static const char *retell_field(const char *key, struct slice body)
{
    char signature[RETELL_SIGNATURE_BYTES];
    retell_sign(signature, body, slice_of(key), clock_now_ms());
    return arena_format(with.arena, "X-Retell-Signature: %s\r\n", signature).ptr;
}

static const char *hex_of(const char *key, const char *before, struct slice body)
{
    uint8_t digest[HMAC_BYTES];
    char hex[SIGNATURE_HEX + 1];
    struct hmac_key *made = hmac_key_new(slice_of(key));
    hmac_compute(made, (const struct slice[]){slice_of(before), body}, 2, digest);
    hmac_key_free(made);
    signature_hex(digest, hex);
    return arena_format(with.arena, "%s", hex).ptr;
}

static const char *calcom_field(const char *key, struct slice body)
{
    return arena_format(with.arena, "X-Cal-Signature-256: %s\r\n", hex_of(key, "", body)).ptr;
}

static const char *stripe_field(const char *key, struct slice body, int64_t age_s)
{
    long long time = clock_now_ms() / 1000 - age_s;
    const char *before = arena_format(with.arena, "%lld.", time).ptr;
    return arena_format(with.arena, "Stripe-Signature: t=%lld,v1=%064d,v1=%s,v0=x\r\n", time, 0,
                        hex_of(key, before, body))
        .ptr;
}

static int deliver(const char *path, const char *key)
{
    static int number;
    struct slice body =
        arena_format(with.arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"c%d\"}}", ++number);
    return post(path, retell_field(key, body), body).status;
}

static double outcomes(const char *outcome, const char *provider, const char *source)
{
    char name[LINE_MAX_BYTES];
    snprintf(name, sizeof name, "hookline_ingest_requests_total{outcome=\"%s\",provider=\"%s\",source=\"%s\"}", outcome,
             provider, source);
    return process_metric(with.ingest, name);
}

/* ---- whose it is ---- */

static void the_key_or_the_path_says_whose_it_is(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"shops\"}}");
    assert_int_equal(post("/api/retell/webhook", retell_field(KEY_SHOP, body), body).status, 200);
    const struct broker_record *record = record_of(TOPIC_WEBHOOKS_RETELL, body);
    assert_slice(broker_record_header(record, "ce_source"), "/retell/shop");
    assert_slice(broker_record_header(record, "ce_sourcecompany"), "7");
    assert_slice(broker_record_header(record, "ce_costunit"), "dollars");
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 7, body), id);
    assert_slice(broker_record_header(record, "ce_id"), id);
    assert_true(process_says(with.ingest, "source=shop key=s "));

    assert_int_equal(deliver("/api/retell/webhook/shop", KEY_SHOP), 200);
    assert_int_equal(deliver("/api/retell/webhook/acme", KEY_A), 200);
    double before = outcomes("signature_digest", "retell", "shop");
    assert_int_equal(deliver("/api/retell/webhook/shop", KEY_A), 401); /* the path's keys, and no others */
    assert_true(outcomes("signature_digest", "retell", "shop") == before + 1);
    assert_int_equal(deliver("/api/retell/webhook", KEY_CAL), 401); /* another provider's */
}

static void a_booking_and_a_payment_have_topics_of_their_own(void **state)
{
    (void)state;
    struct slice booking = SLICE("{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{}}");
    struct http_answer answer = post("/api/calcom/webhook", calcom_field(KEY_CAL, booking), booking);
    assert_int_equal(answer.status, 200);
    const struct broker_record *record = record_of(TOPIC_WEBHOOKS_CALCOM, booking);
    assert_slice(broker_record_header(record, "ce_type"), "com.cal.BOOKING_CREATED");
    assert_slice(broker_record_header(record, "ce_source"), "/calcom/acme");
    assert_slice(broker_record_header(record, "ce_subject"), NULL);
    assert_true(slice_same(record->key, http_answer_field(&answer, "X-Event-Id")));

    struct slice payment = SLICE("{\"id\":\"evt_1\",\"type\":\"checkout.session.completed\"}");
    assert_int_equal(post("/api/stripe/webhook/acme", stripe_field(KEY_STRIPE, payment, 0), payment).status, 200);
    record = record_of(TOPIC_WEBHOOKS_STRIPE, payment);
    assert_slice(broker_record_header(record, "ce_type"), "com.stripe.checkout.session.completed");
    assert_slice(broker_record_header(record, "ce_source"), "/stripe/acme");
    assert_slice(broker_record_header(record, "ce_sourcecompany"), "7");
}

/* ---- refused ---- */

struct forgery {
    const char *path, *fields;
    int status;
    const char *outcome, *provider, *source;
};

static void assert_refused(const struct forgery *forgery, struct slice body)
{
    double before = outcomes(forgery->outcome, forgery->provider, forgery->source);
    struct http_answer answer = post(forgery->path, forgery->fields, body);
    if (answer.status != forgery->status)
        fail_msg("%d for %s %s", answer.status, forgery->path, forgery->fields);
    if (answer.status == 401) /* one body for all of them */
        assert_slice(answer.body, "{\"error\":\"unauthorized\",\"message\":\"The signature is not valid.\"}");
    if (!(outcomes(forgery->outcome, forgery->provider, forgery->source) == before + 1))
        fail_msg("%s is not counted for %s %s", forgery->outcome, forgery->path, forgery->fields);
}

static void what_is_not_signed_leaves_no_record(void **state)
{
    (void)state;
    struct slice body = SLICE("{\"event\":\"e\",\"triggerEvent\":\"e\",\"type\":\"e\"}");
    const char *right = retell_field(KEY_A, body);
    const char *twice = arena_format(with.arena, "%s%s", right, right).ptr;
    const char *cal = calcom_field(KEY_CAL, body);
    const char *cal_twice = arena_format(with.arena, "%s%s", cal, cal).ptr;
    const char *wrong = retell_field("key_of_somebody_else", body);
    const struct forgery forgeries[] = {
        {"/api/retell/webhook", "", 401, "signature_missing", "retell", ""},
        {"/api/retell/webhook/acme", "", 401, "signature_missing", "retell", "acme"},
        {"/api/retell/webhook/acme", wrong, 401, "signature_digest", "retell", "acme"},
        {"/api/retell/webhook", wrong, 401, "signature_digest", "retell", ""},
        {"/api/retell/webhook/nobody", wrong, 401, "source_unknown", "retell", ""},
        {"/api/retell/webhook/nobody", right, 401, "source_unknown", "retell", ""},
        {"/api/retell/webhook/nobody", "", 401, "source_unknown", "retell", ""},
        {"/api/retell/webhook", twice, 400, "signature_twice", "retell", ""},
        {"/api/calcom/webhook", right, 401, "signature_missing", "calcom", ""},
        {"/api/calcom/webhook", "X-Cal-Signature-256: no-secret-provided\r\n", 401, "signature_no_secret", "calcom",
         ""},
        {"/api/calcom/webhook/acme", "X-Cal-Signature-256: no-secret-provided\r\n", 401, "signature_no_secret",
         "calcom", "acme"},
        {"/api/calcom/webhook", "X-Cal-Signature-256: abc\r\n", 401, "signature_malformed", "calcom", ""},
        {"/api/calcom/webhook", calcom_field(KEY_A, body), 401, "signature_digest", "calcom", ""},
        {"/api/calcom/webhook", cal_twice, 400, "signature_twice", "calcom", ""},
        {"/api/stripe/webhook", stripe_field(KEY_STRIPE, body, 302), 401, "signature_time", "stripe", ""},
        {"/api/stripe/webhook", stripe_field(KEY_A, body, 0), 401, "signature_digest", "stripe", ""},
        {"/api/stripe/webhook", "Stripe-Signature: t=1\r\n", 401, "signature_malformed", "stripe", ""},
        {"/api/stripe/webhook/nobody", stripe_field(KEY_STRIPE, body, 0), 401, "source_unknown", "stripe", ""},
    };
    size_t before =
        records_in(TOPIC_WEBHOOKS_RETELL) + records_in(TOPIC_WEBHOOKS_CALCOM) + records_in(TOPIC_WEBHOOKS_STRIPE);
    for (size_t i = 0; i < COUNT(forgeries); i++)
        assert_refused(&forgeries[i], body);
    assert_int_equal(records_in(TOPIC_WEBHOOKS_RETELL) + records_in(TOPIC_WEBHOOKS_CALCOM) +
                         records_in(TOPIC_WEBHOOKS_STRIPE),
                     before);
    assert_true(process_says(with.ingest, "cause=signature_no_secret"));
    assert_true(process_says(with.ingest, "source=\"\" path=/api/retell/webhook/nobody peer="));
    assert_int_equal(deliver("/api/retell/+4915112345678?x=4711", KEY_A), 404);
    assert_true(process_says(with.ingest, "path=/api/retell/+############# peer=")); /* nobody's number */
}

/* ---- the paths of before ---- */

/* Calls `visit` with each path of deploy/legacy-paths.txt. */
static void each_legacy_path(void (*visit)(const char *path))
{
    char line[LINE_MAX_BYTES];
    size_t count = 0;
    FILE *file = fopen(HOOKLINE_LEGACY_PATHS, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '/')
            continue;
        visit(line);
        count++;
    }
    fclose(file);
    assert_int_equal(count, 13);
}

static double legacy_requests(const char *path)
{
    char name[LINE_MAX_BYTES + 64];
    snprintf(name, sizeof name, "hookline_ingest_legacy_requests_total{path=\"%s\"}", path);
    return process_metric(with.ingest, name);
}

static void asks_for_a_signature(const char *path)
{
    struct slice unsigned_body = arena_format(with.arena, "{\"event\":\"e\",\"path\":\"%s\"}", path);
    struct slice signed_body = arena_format(with.arena, "{\"event\":\"e\",\"signed\":\"%s\"}", path);
    const char *right = retell_field(KEY_A, signed_body);
    size_t before = records_in(TOPIC_WEBHOOKS_RETELL);
    double counted = legacy_requests(path);
    assert_int_equal(post(path, "", unsigned_body).status, 401);
    assert_int_equal(post(path, "X-Retell-Signature: x\r\n", unsigned_body).status, 401);
    assert_int_equal(post(path, retell_field(KEY_B, unsigned_body), unsigned_body).status, 401);
    assert_int_equal(post(path, right, unsigned_body).status, 401); /* signed, but something else */
    assert_int_equal(records_in(TOPIC_WEBHOOKS_RETELL), before);
    assert_int_equal(post(path, right, signed_body).status, 200);
    assert_slice(broker_record_header(record_of(TOPIC_WEBHOOKS_RETELL, signed_body), "ce_source"), "/retell/acme");
    assert_true(legacy_requests(path) == counted + 5);
}

static void no_path_of_before_skips_the_signature(void **state)
{
    (void)state;
    each_legacy_path(asks_for_a_signature);
    assert_true(process_says(with.ingest, "event=legacy_path path=/mcp/webhook/retell"));
}

static void is_gone(const char *path)
{
    struct slice body = SLICE("{\"event\":\"e\"}");
    struct http_answer answer = post(path, retell_field(KEY_A, body), body);
    assert_int_equal(answer.status, 410);
    assert_non_null(memmem(answer.body.ptr, answer.body.len, "/api/retell/webhook", 19));
    assert_true(legacy_requests(path) == 1);
}

static void or_they_are_gone(void **state)
{
    (void)state;
    size_t before = records_in(TOPIC_WEBHOOKS_RETELL);
    process_signal(with.ingest, SIGTERM);
    assert_int_equal(process_wait_end(with.ingest, END_MS), 0);
    process_free(with.ingest);
    with.ingest = start("gone");
    assert_true(process_wait_ready(with.ingest, END_MS));
    each_legacy_path(is_gone);
    assert_int_equal(records_in(TOPIC_WEBHOOKS_RETELL), before);
    assert_int_equal(deliver("/api/retell/webhook", KEY_A), 200);
}

/* ---- the file changes ---- */

#define RELOADS(outcome) "hookline_ingest_sources_reloads_total{outcome=\"" outcome "\"}"

static double reloads(void)
{
    return process_metric(with.ingest, RELOADS("in_force")) + process_metric(with.ingest, RELOADS("refused"));
}

static bool read_again(void *before)
{
    return reloads() > *(double *)before;
}

/* The file is read again; true: it is in force. */
static bool change(const char *text)
{
    double before = reloads();
    write_sources(text);
    process_signal(with.ingest, SIGHUP);
    assert_true(wait_until(read_again, &before, END_MS));
    return process_metric(with.ingest, "hookline_ingest_sources_reload_failed") == 0;
}

static void assert_keys(bool a, bool b)
{
    assert_int_equal(deliver("/api/retell/webhook", KEY_A), a ? 200 : 401);
    assert_int_equal(deliver("/api/retell/webhook/acme", KEY_A), a ? 200 : 401);
    assert_int_equal(deliver("/api/retell/webhook", KEY_B), b ? 200 : 401);
    assert_int_equal(deliver("/api/retell/webhook/acme", KEY_B), b ? 200 : 401);
}

static void a_key_is_rotated_without_a_restart(void **state)
{
    (void)state;
    assert_keys(true, false);
    assert_true(change(WITH_ACME(KEY("a", KEY_A) "," KEY("b", KEY_B))));
    assert_keys(true, true);
    assert_true(process_says(with.ingest, "source=acme what=\"keys +b\""));
    assert_true(change(WITH_ACME(EXPIRED("a", KEY_A) "," KEY("b", KEY_B))));
    assert_keys(false, true);
    assert_true(outcomes("signature_expired", "retell", "acme") == 2); /* with a name in the path, and without */
    assert_true(process_says(with.ingest, "cause=signature_expired status=401 provider=retell source=acme "));
    assert_true(change(WITH_ACME(KEY("b", KEY_B))));
    assert_keys(false, true);
    assert_true(change(WITH_ACME(KEY("a", KEY_A))));
    assert_keys(true, false);
    assert_false(process_said(with.ingest, KEY_A) || process_said(with.ingest, KEY_B));
}

static void a_file_that_is_wrong_changes_nothing(void **state)
{
    (void)state;
    assert_false(change("{\"sources\":[\n{\"name\":"));
    assert_true(process_says(with.ingest, "sources.json: line 2, column "));
    assert_keys(true, false);
    assert_false(change(FILE_OF(SOURCE("acme", "retell", "\"burst\":1,", KEY("b", KEY_B)))));
    assert_true(process_says(with.ingest, "sources[0].burst: means nothing"));
    assert_keys(true, false);
    unlink(with.sources);
    double before = reloads();
    process_signal(with.ingest, SIGHUP);
    assert_true(wait_until(read_again, &before, END_MS));
    assert_true(process_says(with.ingest, "cannot be read: No such file or directory"));
    assert_keys(true, false);
    assert_true(change(WITH_ACME(KEY("a", KEY_A))));
}

static bool in_flight(void *context)
{
    (void)context;
    return process_metric(with.ingest, "hookline_ingest_in_flight") > 0;
}

static void a_request_in_flight_keeps_the_sources_it_began_with(void **state)
{
    (void)state;
    enum { SLOW_MS = 2000 };
    struct slice body = SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"in_flight\"}}");
    struct buffer request = {0};
    buffer_add_format(&request, "POST /api/retell/webhook/acme HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
                      retell_field(KEY_A, body), body.len);
    buffer_add(&request, body);
    broker_set_delay(with.broker, SLOW_MS);
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&request)));
    assert_true(wait_until(in_flight, NULL, END_MS));
    assert_true(change(FILE_OF(OTHERS)));
    assert_int_equal(http_client_receive(client, with.arena, SOON_MS).status, 200);
    broker_set_delay(with.broker, 0);
    http_client_close(client);
    buffer_free(&request);
    assert_int_equal(deliver("/api/retell/webhook/acme", KEY_A), 401);
    assert_true(process_says(with.ingest, "source=acme what=removed"));
    assert_true(change(WITH_ACME(KEY("a", KEY_A))));
}

static void a_file_that_is_wrong_is_refused_at_the_start(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"", "{}", FILE_OF(SOURCE("acme", "retell", "", KEY("a", "short")))};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        write_sources(TEXTS[i]);
        struct process *process = start("serve");
        assert_int_equal(process_wait_end(process, END_MS), 78);
        assert_true(process_says(process, "sources.json: "));
        process_free(process);
    }
    write_sources(WITH_ACME(KEY("a", KEY_A)));
}

static void without_any_key_it_does_not_start(void **state)
{
    (void)state;
    struct process *process = process_start(HOOKLINE_INGEST, (const char *const[]){NULL});
    assert_int_equal(process_wait_end(process, END_MS), 78);
    assert_true(process_says(process, "neither SOURCES nor RETELL_API_KEY is set"));
    process_free(process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_or_the_path_says_whose_it_is),
        cmocka_unit_test(a_booking_and_a_payment_have_topics_of_their_own),
        cmocka_unit_test(what_is_not_signed_leaves_no_record),
        cmocka_unit_test(no_path_of_before_skips_the_signature),
        cmocka_unit_test(a_key_is_rotated_without_a_restart),
        cmocka_unit_test(a_file_that_is_wrong_changes_nothing),
        cmocka_unit_test(a_request_in_flight_keeps_the_sources_it_began_with),
        cmocka_unit_test(or_they_are_gone),
        cmocka_unit_test(a_file_that_is_wrong_is_refused_at_the_start),
        cmocka_unit_test(without_any_key_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
