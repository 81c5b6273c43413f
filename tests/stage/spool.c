/* hookline-ingest while the brokers are away, frozen, slow or strict: what got 200 is in the topic in the end, in its call's
 * order, and what the spool cannot take is answered 503. The program itself, against the mock broker. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { TOO_LARGE = 10, OUT_OF_ORDER_SEQUENCE = 45, FROZEN_MS = 120000, CALLS = 3, EVENTS = 20 };

static struct slice numbered(const char *call, int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e%02d\",\"call\":{\"call_id\":\"%s\"}}", number, call);
}

/* The first appearances of a call's events in the topic are in the order in which they were sent. */
static void assert_in_order(const char *call, int events)
{
    size_t count = 0;
    const struct broker_record *records = spool_records(&count);
    int next = 0;
    for (size_t i = 0; i < count; i++) {
        if (!slice_equals(records[i].key, call))
            continue;
        for (int later = next + 1; later < events; later++)
            assert_false(slice_same(records[i].value, numbered(call, later)));
        next += next < events && slice_same(records[i].value, numbered(call, next));
    }
    assert_int_equal(next, events);
}

/* ---- away, frozen, slow ---- */

static void what_comes_while_the_broker_is_away_is_accepted_and_drained_in_order(void **state)
{
    (void)state;
    char call[16];
    spool_ingest_begin(NULL);
    assert_int_equal(spool_deliver(numbered("direct", 0)), 200);
    spool_broker_away();
    for (int i = 0; i < EVENTS; i++)
        for (int n = 0; n < CALLS; n++) {
            snprintf(call, sizeof call, "away%d", n);
            assert_int_equal(spool_deliver(numbered(call, i)), 200);
        }
    assert_true(spool_metric("hookline_ingest_spool_records") >= EVENTS * CALLS);
    assert_true(spool_metric("hookline_ingest_spool_bytes") > 0);
    assert_true(process_ready(spool_world.ingest)); /* it takes more */
    spool_broker_back();
    spool_await_empty();
    spool_judge();
    for (int n = 0; n < CALLS; n++) {
        snprintf(call, sizeof call, "away%d", n);
        assert_in_order(call, EVENTS);
    }
    assert_true(spool_metric("hookline_ingest_drained_total") >= EVENTS * CALLS);
}

static void a_frozen_broker_costs_only_the_first_their_time(void **state)
{
    (void)state;
    spool_ingest_begin(NULL);
    assert_int_equal(spool_deliver(numbered("before", 0)), 200);
    spool_await_empty();
    double before = spool_metric("hookline_ingest_spooled_total"); /* one, if the broker was slow to say yes */
    broker_set_delay(spool_world.broker, FROZEN_MS);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(spool_deliver(numbered("frozen", i)), 200);
    assert_true(process_says(spool_world.ingest, "brokers_silent"));
    /* Only the first was sent to the brokers and waited; all others went to the spool at once. */
    assert_true(spool_metric("hookline_ingest_spooled_total") == before + EVENTS);
    assert_true(process_ready(spool_world.ingest));
    /* Frozen answers never come: the mock keeps them back. A broker that restarts has new connections. */
    broker_set_delay(spool_world.broker, 0);
    broker_set_down(spool_world.broker, true);
    spool_broker_back();
    spool_await_empty();
    assert_true(process_says(spool_world.ingest, "brokers_answer"));
    spool_judge();
    assert_in_order("frozen", EVENTS);
}

static void a_late_ack_deletes_the_row(void **state)
{
    (void)state;
    struct slice body = spool_body("call_started", "late");
    spool_ingest_begin(NULL);
    assert_int_equal(spool_deliver(numbered("before", 0)), 200);
    spool_await_empty();
    double before = spool_metric("hookline_ingest_spooled_total");
    broker_set_delay(spool_world.broker, 4 * SPOOL_ACK_TIMEOUT_MS);
    assert_int_equal(spool_deliver(body), 200);
    assert_true(spool_metric("hookline_ingest_spooled_total") == before + 1);
    spool_await_empty();
    broker_set_delay(spool_world.broker, 0);
    assert_int_equal(spool_times(body), 1); /* the row was not sent again */
}

/* ---- ends ---- */

static void what_waits_outlives_the_process(void **state)
{
    (void)state;
    spool_ingest_begin(NULL);
    spool_broker_away();
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(spool_deliver(numbered("outlives", i)), 200);
    process_signal(spool_world.ingest, SIGKILL);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), -SIGKILL);
    spool_ingest_begin(NULL); /* the broker is still away: the spool makes it ready */
    assert_true(spool_metric("hookline_ingest_spool_records") >= EVENTS);
    assert_int_equal(spool_deliver(numbered("outlives", EVENTS)), 200);
    spool_broker_back();
    spool_await_empty();
    spool_judge();
    assert_in_order("outlives", EVENTS + 1);
}

static bool in_flight(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_in_flight") > 0;
}

static void the_end_keeps_what_the_brokers_have_not(void **state)
{
    (void)state;
    static const char *const PATIENT[] = {"HOOKLINE_ACK_TIMEOUT_MS=5000", NULL}; /* time to be seen in flight */
    struct slice body = spool_body("call_ended", "last");
    spool_ingest_begin(PATIENT);
    assert_int_equal(spool_deliver(numbered("before", 0)), 200);
    broker_set_delay(spool_world.broker, FROZEN_MS);
    struct http_client *client = spool_send("/api/retell/webhook", body);
    assert_true(wait_until(in_flight, NULL, SPOOL_SOON_MS));
    process_signal(spool_world.ingest, SIGTERM);
    assert_int_equal(spool_receive(client, body), 200);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), 0);
    broker_set_delay(spool_world.broker, 0);
    spool_ingest_begin(NULL);
    spool_await_empty();
    spool_judge();
}

static bool orphan_drained(void *context)
{
    (void)context;
    return process_said(spool_world.ingest, "orphan_drained");
}

static void an_orphan_is_adopted(void **state)
{
    (void)state;
    const char *first_address = spool_world.address;
    spool_ingest_begin(NULL);
    spool_broker_away();
    assert_int_equal(spool_deliver(numbered("first", 0)), 200);
    struct process *first = spool_world.ingest;
    spool_world.ingest = NULL;
    spool_world.address = arena_format(spool_world.arena, "%s2", first_address).ptr;
    spool_ingest_begin(NULL); /* beside the first: the next slot */
    assert_true(process_says(spool_world.ingest, "ingest-1.db"));
    assert_int_equal(spool_deliver(numbered("second", 0)), 200);
    process_signal(first, SIGKILL);
    process_signal(spool_world.ingest, SIGKILL);
    assert_int_equal(process_wait_end(first, SPOOL_END_MS), -SIGKILL);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), -SIGKILL);
    process_free(first);
    unlink(spool_world.address + strlen("unix:"));
    spool_world.address = first_address;
    spool_ingest_begin(NULL);
    assert_true(process_says(spool_world.ingest, "orphan_adopted"));
    spool_broker_back();
    spool_await_empty();
    assert_true(wait_until(orphan_drained, NULL, SPOOL_END_MS));
    spool_judge();
}

/* Its records wait for an operator in a file that no process would ever open again. */
static void what_is_set_aside_in_nobodys_spool_is_counted(void **state)
{
    (void)state;
    const char *address = arena_format(spool_world.arena, "%s2", spool_world.address).ptr;
    struct process *first = spool_ingest_start(address, NULL);
    assert_true(process_wait_ready(first, SPOOL_END_MS));
    spool_ingest_begin(NULL);
    assert_true(process_says(spool_world.ingest, "ingest-1.db"));
    broker_fail_produces(spool_world.broker, TOO_LARGE, 1);
    assert_int_equal(spool_deliver(numbered("aside", 0)), 200);
    spool_await_empty();
    assert_true(spool_metric("hookline_ingest_spool_set_aside") == 1);
    process_free(first);
    unlink(address + strlen("unix:"));
    spool_ingest_begin(NULL);
    assert_true(process_says(spool_world.ingest, "ingest-0.db"));
    assert_true(spool_metric("hookline_ingest_spool_set_aside") <= 0);
    assert_true(process_wait_metric(spool_world.ingest, "hookline_ingest_spool_orphan_set_aside", 1));
}

static void a_producer_that_is_given_up_loses_nothing(void **state)
{
    (void)state;
    spool_ingest_begin(NULL);
    broker_fail_produces(spool_world.broker, OUT_OF_ORDER_SEQUENCE, 1);
    assert_int_equal(spool_deliver(numbered("fatal", 0)), 200);
    spool_await_empty();
    spool_judge();
    assert_true(spool_metric("hookline_ingest_producers_replaced_total") == 1);
}

/* ---- what it does not take ---- */

static bool refuses(void *context)
{
    int *number = context;
    return spool_deliver(numbered("bounded", (*number)++)) == 503;
}

static bool is_not_ready(void *context)
{
    (void)context;
    return !process_ready(spool_world.ingest);
}

static void a_full_spool_means_come_again(void **state)
{
    (void)state;
    static const char *const SMALL[] = {"HOOKLINE_SPOOL_MAX_BYTES=65536", NULL};
    struct buffer body = {0};
    int status = 200;
    spool_ingest_begin(SMALL);
    spool_broker_away();
    for (int i = 0; i < EVENTS && status == 200; i++) {
        buffer_clear(&body);
        buffer_add_format(&body, "{\"event\":\"big%d\",\"x\":\"%010000d\",\"call\":{\"call_id\":\"c%d\"}}", i, 0, i);
        status = spool_deliver(buffer_slice(&body));
    }
    assert_int_equal(status, 503);
    assert_in_range(spool_world.accepted_count, 4, 6);
    assert_true(process_says(spool_world.ingest, "; the spool takes nothing: it is full; raise SPOOL_MAX_BYTES"));
    spool_broker_back();
    spool_await_empty();
    spool_judge();
    assert_true(process_says(spool_world.ingest, "event=spool_emptied"));
    assert_int_equal(spool_deliver(buffer_slice(&body)), 200);
    buffer_free(&body);
}

static void a_source_that_wants_no_spool_is_told_to_come_again(void **state)
{
    (void)state;
    const char *path =
        spool_file("sources.json", "{\"sources\":[{\"name\":\"strict\",\"provider\":\"retell\",\"spool\":\"never\","
                                   "\"keys\":[{\"id\":\"1\",\"key\":\"" SPOOL_KEY "\"}]}]}");
    const char *const strict[] = {arena_format(spool_world.arena, "HOOKLINE_SOURCES=%s", path).ptr,
                                  "HOOKLINE_RETELL_API_KEY=key_of_the_source_default", NULL};
    spool_ingest_begin(strict);
    assert_int_equal(spool_deliver_to("/api/retell/webhook/strict", numbered("strict", 0)), 200);
    spool_broker_away();
    assert_int_equal(spool_deliver_to("/api/retell/webhook/strict", numbered("strict", 1)), 503);
    assert_true(process_says(spool_world.ingest, "; the spool is not for this source"));
    assert_true(spool_metric("hookline_ingest_spooled_total") <= 0);
    unlink(path);
}

static void a_spool_that_waited_too_long_takes_no_more_and_loses_nothing(void **state)
{
    (void)state;
    static const char *const SHORT[] = {"HOOKLINE_SPOOL_MAX_AGE_MS=1000", NULL};
    int number = 0;
    spool_ingest_begin(SHORT);
    spool_broker_away();
    assert_false(refuses(&number));
    assert_true(wait_until(refuses, &number, SPOOL_SOON_MS));
    assert_true(wait_until(is_not_ready, NULL, SPOOL_SOON_MS)); /* neither brokers nor spool */
    spool_broker_back();
    spool_await_empty();
    spool_judge();
}

static void what_kafka_refuses_is_set_aside_and_blocks_nobody(void **state)
{
    (void)state;
    spool_ingest_begin(NULL);
    broker_fail_produces(spool_world.broker, TOO_LARGE, 1);
    assert_int_equal(spool_deliver(numbered("refused", 0)), 200);
    assert_int_equal(spool_deliver(numbered("refused", 1)), 200);
    spool_await_empty();
    assert_true(spool_metric("hookline_ingest_set_aside_total") == 1);
    assert_true(process_says(spool_world.ingest, "record_set_aside"));
    assert_int_equal(spool_times(numbered("refused", 0)), 0);
    assert_int_equal(spool_times(numbered("refused", 1)), 1);
    process_signal(spool_world.ingest, SIGTERM);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), 0);
    spool_ingest_begin(NULL); /* it is still there */
    assert_true(spool_metric("hookline_ingest_spool_set_aside") == 1);
}

/* ---- its files ---- */

static void spool_path(char path[192], const char *name)
{
    snprintf(path, 192, "%s/%s", spool_world.spool, name);
}

static void its_files_are_nobody_elses(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"ingest-0.db", "ingest-0.db-wal", "ingest-0.lock"};
    char path[192];
    struct stat stat_of;
    spool_ingest_begin(NULL);
    spool_broker_away();
    assert_int_equal(spool_deliver(numbered("private", 0)), 200);
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        spool_path(path, NAMES[i]);
        assert_int_equal(stat(path, &stat_of), 0);
        assert_int_equal(stat_of.st_mode & 0777, 0600);
    }
    assert_int_equal(stat(spool_world.spool, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0700);
}

/* The bytes of a file hold this text. */
static bool file_holds(const char *name, const char *text)
{
    char path[192];
    struct buffer bytes = {0};
    char chunk[4096];
    size_t got = 0;
    spool_path(path, name);
    FILE *file = fopen(path, "re");
    while (file && (got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buffer_add(&bytes, (struct slice){chunk, got});
    if (file)
        fclose(file);
    bool holds = bytes.len > 0 && memmem(bytes.data, bytes.len, text, strlen(text));
    buffer_free(&bytes);
    return holds;
}

static bool nothing_is_left(void *context)
{
    return !file_holds("ingest-0.db", context) && !file_holds("ingest-0.db-wal", context);
}

static void what_was_drained_is_in_no_file_any_more(void **state)
{
    (void)state;
    static char secret[] = "c4ll-about-something-private";
    spool_ingest_begin(NULL);
    spool_broker_away();
    assert_int_equal(spool_deliver(spool_body(secret, "private")), 200);
    assert_false(nothing_is_left(secret));
    spool_broker_back();
    spool_await_empty();
    assert_true(wait_until(nothing_is_left, secret, SPOOL_SOON_MS));
}

static bool corrupt_file_is_there(void)
{
    DIR *entries = opendir(spool_world.spool);
    bool found = false;
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        found = found || strncmp(entry->d_name, "ingest-0.corrupt-", strlen("ingest-0.corrupt-")) == 0;
    closedir(entries);
    return found;
}

static void a_file_that_is_no_spool_any_more_is_put_aside(void **state)
{
    (void)state;
    char path[192];
    assert_int_equal(mkdir(spool_world.spool, 0700), 0);
    spool_path(path, "ingest-0.db");
    FILE *file = fopen(path, "we");
    for (int i = 0; i < 4096; i++)
        assert_true(fputs("this is no database ", file) >= 0);
    assert_int_equal(fclose(file), 0);
    spool_ingest_begin(NULL);
    assert_true(process_says(spool_world.ingest, "spool_corrupt"));
    assert_true(corrupt_file_is_there());
    spool_broker_away();
    assert_int_equal(spool_deliver(numbered("anew", 0)), 200);
}

static void a_directory_that_cannot_be_used_is_refused_at_the_start(void **state)
{
    (void)state;
    static const char *const NOWHERE[] = {"HOOKLINE_SPOOL_DIR=/proc/nowhere", NULL};
    struct process *process = spool_ingest_start(spool_world.address, NOWHERE);
    assert_int_equal(process_wait_end(process, SPOOL_END_MS), 78);
    assert_true(process_says(process, "HOOKLINE_SPOOL_DIR=/proc/nowhere"));
    process_free(process);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(what_comes_while_the_broker_is_away_is_accepted_and_drained_in_order),
        STORY(a_frozen_broker_costs_only_the_first_their_time),
        STORY(a_late_ack_deletes_the_row),
        STORY(what_waits_outlives_the_process),
        STORY(the_end_keeps_what_the_brokers_have_not),
        STORY(an_orphan_is_adopted),
        STORY(what_is_set_aside_in_nobodys_spool_is_counted),
        STORY(a_producer_that_is_given_up_loses_nothing),
        STORY(a_full_spool_means_come_again),
        STORY(a_source_that_wants_no_spool_is_told_to_come_again),
        STORY(a_spool_that_waited_too_long_takes_no_more_and_loses_nothing),
        STORY(what_kafka_refuses_is_set_aside_and_blocks_nobody),
        STORY(its_files_are_nobody_elses),
        STORY(what_was_drained_is_in_no_file_any_more),
        STORY(a_file_that_is_no_spool_any_more_is_put_aside),
        STORY(a_directory_that_cannot_be_used_is_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
