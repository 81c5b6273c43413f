/* hookline-ingest at its start: it takes webhooks at once, Kafka or not, and whoever reads its log or not; and what it read then
 * it reads again at SIGHUP. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/ingest_world.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define KEY_FILE "retell.key"
#define KEY_NEXT "key_next_456789abcdef0123456789ab"

enum { PAGE_BYTES = 4096, LINE_BYTES_LEAST = 64 };

static bool listens(void *context)
{
    (void)context;
    struct http_client *client = http_client_try(spool_world.address);
    if (client)
        http_client_close(client);
    return client != NULL;
}

/* Nothing waits for brokers that were never there: not the start, and, however long they may take to acknowledge, no webhook. */
static void without_kafka_the_first_webhook_is_kept_at_once(void **state)
{
    (void)state;
    static const char *const PATIENT[] = {"HOOKLINE_ACK_TIMEOUT_MS=60000", NULL};
    struct slice body = spool_body("call_started", "first");
    spool_broker_away_at_once();
    spool_world.ingest = spool_ingest_start(spool_world.address, PATIENT);
    assert_true(wait_until(listens, NULL, SPOOL_END_MS));
    assert_int_equal(spool_deliver(body), 200); /* in SPOOL_SOON_MS */
    assert_true(spool_metric("hookline_ingest_spooled_total") == 1);
    spool_broker_back();
    spool_await_empty();
    spool_judge();
}

/* ---- the key's file ---- */

static double reloads(void)
{
    return spool_metric("hookline_ingest_sources_reloads_total{outcome=\"in_force\"}") +
           spool_metric("hookline_ingest_sources_reloads_total{outcome=\"refused\"}");
}

static bool read_again(void *before)
{
    return reloads() > *(double *)before;
}

/* True: what is in the file now is in force. */
static bool change_key(const char *key)
{
    double before = reloads();
    spool_file(KEY_FILE, key);
    process_signal(spool_world.ingest, SIGHUP);
    assert_true(wait_until(read_again, &before, SPOOL_END_MS));
    return spool_metric("hookline_ingest_sources_reload_failed") == 0;
}

static void assert_key(const char *key, int status)
{
    struct ingest_world world = {.arena = spool_world.arena};
    snprintf(world.address, sizeof world.address, "%s", spool_world.address);
    const struct ingest_sender sender = {INGEST_ROUTE, key, NULL};
    assert_int_equal(ingest_world_deliver(&world, &sender, ingest_world_body(&world, "keyed")).status, status);
}

static void a_key_in_a_file_of_its_own_is_read_again(void **state)
{
    (void)state;
    const char *path = spool_file(KEY_FILE, SPOOL_KEY "\n");
    const char *const environment[] = {
        arena_format(spool_world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(spool_world.broker)).ptr,
        arena_format(spool_world.arena, "HOOKLINE_LISTEN=%s", spool_world.address).ptr,
        arena_format(spool_world.arena, "HOOKLINE_RETELL_API_KEY_FILE=%s", path).ptr, INGEST_PATIENT, NULL};
    spool_world.ingest = process_start(HOOKLINE_INGEST, environment);
    assert_true(process_wait_ready(spool_world.ingest, SPOOL_END_MS));
    assert_key(SPOOL_KEY, 200);
    assert_key(KEY_NEXT, 401);
    assert_true(change_key(KEY_NEXT "\n"));
    assert_key(SPOOL_KEY, 401);
    assert_key(KEY_NEXT, 200);
    assert_false(change_key("\n")); /* no key at all: the one of before stays */
    assert_true(process_says(spool_world.ingest, "HOOKLINE_RETELL_API_KEY=(secret) is not right"));
    assert_key(KEY_NEXT, 200);
    assert_false(process_said(spool_world.ingest, SPOOL_KEY) || process_said(spool_world.ingest, KEY_NEXT));
    unlink(path);
}

/* ---- the log ---- */

/* Its standard error is a pipe that holds one page, and whose reader (the returned descriptor) never reads. */
static int start_into_a_pipe(void)
{
    const char *pipe = arena_format(spool_world.arena, "%s/log", spool_world.directory).ptr;
    const char *script = spool_file(
        "start", arena_format(spool_world.arena, "#!/bin/sh\nexec '%s' 2>'%s'\n", HOOKLINE_INGEST, pipe).ptr);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int reader = open(pipe, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0 && fcntl(reader, F_SETPIPE_SZ, PAGE_BYTES) == PAGE_BYTES);
    assert_int_equal(chmod(script, 0700), 0);
    const char *const environment[] = {
        arena_format(spool_world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(spool_world.broker)).ptr,
        arena_format(spool_world.arena, "HOOKLINE_LISTEN=%s", spool_world.address).ptr,
        arena_format(spool_world.arena, "HOOKLINE_RETELL_API_KEY=%s", SPOOL_KEY).ptr, INGEST_PATIENT, NULL};
    spool_world.ingest = process_start(script, environment);
    assert_true(process_wait_ready(spool_world.ingest, SPOOL_END_MS));
    unlink(pipe);
    unlink(script);
    return reader;
}

static void a_log_that_nobody_reads_holds_up_no_webhook(void **state)
{
    (void)state;
    int reader = start_into_a_pipe();
    for (int i = 0; i < PAGE_BYTES / LINE_BYTES_LEAST; i++) /* of each a line is written */
        assert_key(SPOOL_KEY, 200);
    process_signal(spool_world.ingest, SIGTERM);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), 0);
    close(reader);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(without_kafka_the_first_webhook_is_kept_at_once),
        STORY(a_key_in_a_file_of_its_own_is_read_again),
        STORY(a_log_that_nobody_reads_holds_up_no_webhook),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
