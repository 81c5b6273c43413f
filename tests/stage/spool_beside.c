/* Somebody else writes to the spool beside hookline-ingest: an operator's command, which must not keep it from its disk, or
 * whoever does keep it; then senders are told to come again, and nothing is lost. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ingest/spool.h"
#include "tests/support/command.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { TOO_LARGE = 10, REFUSED = 6, DELAY_MS = 2000 };
/* The command's one transaction may last 100 ms on a machine that is busy enough; one that waits for acks refuses twice as many. */
enum { REFUSED_MEANWHILE_MAX = 7 };

/* No broker listens there: all goes to the spool at once. */
static const char *const CUT_OFF[] = {"HOOKLINE_KAFKA_BOOTSTRAP=127.0.0.1:1", NULL};

static struct slice numbered(const char *call, int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e%d\",\"call\":{\"call_id\":\"%s\"}}", number, call);
}

static void begin_cut_off(void)
{
    spool_world.broker_away = true;
    spool_ingest_begin(CUT_OFF);
    spool_world.broker_away = false;
}

static bool is_kept(void *context)
{
    int *number = context;
    return spool_deliver(numbered("kept", (*number)++)) == 200;
}

/* Somebody's transaction is open for longer than a sender may be kept waiting. */
static void a_spool_that_somebody_else_locks_means_come_again(void **state)
{
    (void)state;
    struct spool *held = NULL;
    int number = 1;
    const char *path = arena_format(spool_world.arena, "%s/ingest-0.db", spool_world.spool).ptr;
    struct spool_row row = {.sequence = INT64_MAX, .record = {.topic = "t", .key = SLICE("k"), .value = SLICE("v")}};
    begin_cut_off();
    assert_int_equal(spool_deliver(numbered("kept", 0)), 200);
    assert_int_equal(spool_open(&held, path, SPOOL_TO_MEND), SPOOL_FINE);
    assert_int_equal(spool_append(held, &row), SPOOL_FINE); /* not committed: the lock is held */
    assert_int_equal(spool_deliver(numbered("refused", 0)), 503);
    assert_true(process_says(spool_world.ingest, "database is locked"));
    spool_close(held);
    assert_true(wait_until(is_kept, &number, SPOOL_END_MS));
    spool_ingest_begin(NULL);
    spool_await_empty();
    spool_judge();
    assert_int_equal(spool_times(numbered("refused", 0)), 0);
}

/* ---- hookline spool retry ---- */

static atomic_bool retried;

static void *retry(void *context)
{
    struct command *command = context;
    const char *words[] = {HOOKLINE_CTL, "spool", "retry", "ingest-0.db", NULL};
    char directory[160];
    char bootstrap[96];
    snprintf(directory, sizeof directory, "HOOKLINE_SPOOL_DIR=%s", spool_world.spool);
    snprintf(bootstrap, sizeof bootstrap, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(spool_world.broker));
    const char *const environment[] = {directory, bootstrap, NULL};
    *command = command_run(words, environment, NULL);
    atomic_store(&retried, true);
    return NULL;
}

struct counted {
    int kept, refused;
};

/* One more webhook meanwhile. */
static bool retry_is_over(void *context)
{
    struct counted *counted = context;
    bool over = atomic_load(&retried);
    int status = spool_deliver(numbered("meanwhile", counted->kept + counted->refused));
    *(status == 200 ? &counted->kept : &counted->refused) += 1;
    return over;
}

/* One of six is refused again, so they go one by one, and each ack takes two seconds: meanwhile ingest has its spool. A command that
 * kept the lock from the first ack to the last had all of them refused. */
static void a_retry_leaves_the_spool_to_the_process(void **state)
{
    (void)state;
    struct command command = {0};
    struct counted counted = {0};
    pthread_t thread;
    spool_ingest_begin(NULL);
    broker_fail_produces(spool_world.broker, TOO_LARGE, REFUSED);
    for (int i = 0; i < REFUSED; i++)
        assert_int_equal(spool_deliver(numbered("set-aside", i)), 200);
    spool_await_empty();
    assert_true(spool_metric("hookline_ingest_set_aside_total") == REFUSED);
    begin_cut_off();
    broker_set_delay(spool_world.broker, DELAY_MS);
    broker_fail_produces(spool_world.broker, TOO_LARGE, 1);
    assert_int_equal(pthread_create(&thread, NULL, retry, &command), 0);
    assert_true(wait_until(retry_is_over, &counted, SPOOL_END_MS));
    pthread_join(thread, NULL);
    assert_int_equal(command.exit_code, 0);
    assert_non_null(strstr(command.out, "6 sent, 0 refused"));
    command_free(&command);
    assert_in_range(counted.refused, 0, REFUSED_MEANWHILE_MAX);
    broker_set_delay(spool_world.broker, 0);
    spool_ingest_begin(NULL);
    spool_await_empty();
    spool_judge();
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(a_spool_that_somebody_else_locks_means_come_again),
        STORY(a_retry_leaves_the_spool_to_the_process),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
