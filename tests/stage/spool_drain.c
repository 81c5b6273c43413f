/* In which order rows leave a spool, while records that are older than they are still under way: a row waits for those of its
 * own lane, and for no others. The drain itself, with the mock broker, and the test in the place of keep.c. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/spool_drain.h"
#include "tests/support/broker.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { BATCH = 200, POLL_MS = 10, END_MS = 60000, RECORDS_MAX = 4096, NEVER_PATIENT_MS = 120000 };

static const struct setting TABLE[] = {SETTINGS_OF_KAFKA};

static struct {
    struct broker *broker;
    struct settings *settings;
    struct event_base *base;
    struct producer *producer;
    struct arena *arena;
    char directory[64];
    struct spool_slot *slot;
    struct spool_group *group;
    struct spool_drain *drain;
    int64_t below[LANES + 1];
    unsigned stuck;      /* a lane; the key `other` is of another one */
    size_t stuck_before; /* of that key in the topic, when the story begins */
} with;

/* ---- what the drain is told, and tells ---- */

static enum lane_state open_lane(void *context, unsigned lane)
{
    (void)context, (void)lane;
    return LANE_OPEN;
}

static void on_lane(void *context, unsigned lane)
{
    (void)context, (void)lane;
}

static void on_timed_out(void *context, unsigned lane, int64_t sent_ns)
{
    (void)context, (void)sent_ns;
    fail_msg("the broker did not take a row of lane %u", lane);
}

static void on_refused(void *context)
{
    (void)context;
    fail_msg("the broker refused a row");
}

static void on_again(void *context, int64_t rest_ns)
{
    (void)context, (void)rest_ns;
}

static const struct spool_drain_events EVENTS = {open_lane, on_lane, on_timed_out, on_refused, on_again};

/* ---- the world ---- */

static struct spool *spool(void)
{
    return spool_slot_spool(with.slot);
}

static struct record record_of(const char *key, int64_t number)
{
    static const struct header HEADER = {"ce_id", {"abc", 3}};
    return (struct record){.topic = TOPIC_WEBHOOKS_RETELL,
                           .partition = RECORD_PARTITION_BY_KEY,
                           .key = slice_of(key),
                           .value = arena_format(with.arena, "%s%04d", key, (int)number),
                           .headers = &HEADER,
                           .header_count = 1};
}

static unsigned lane_of_key(const char *key)
{
    struct record record = record_of(key, 0);
    return lane_of(&record);
}

static void on_kept(void *opaque, const char *problem)
{
    (void)opaque;
    assert_null(problem);
}

static void add(const char *key, int64_t sequence)
{
    spool_group_append(with.group,
                       &(struct spool_row){.sequence = sequence, .received_ms = 1, .record = record_of(key, sequence)},
                       on_kept, NULL);
    spool_group_commit(with.group);
}

static void step(void)
{
    spool_drain_step(with.drain, with.producer, with.below, SIZE_MAX);
}

static void turn(void)
{
    producer_poll(with.producer, POLL_MS);
    event_base_loop(with.base, EVLOOP_NONBLOCK);
}

static void nothing_is_under_way(void)
{
    for (unsigned lane = 0; lane <= LANES; lane++)
        with.below[lane] = INT64_MAX;
}

static bool is_ready(void *context)
{
    (void)context;
    turn();
    return producer_ready(with.producer);
}

static int begin(void **state)
{
    (void)state;
    static const char *const WRITES[] = {TOPIC_WEBHOOKS_RETELL, NULL};
    char bootstrap[64];
    char *arguments[] = {(char[]){"test"}, NULL};
    int exit_code = 0;
    with.broker = broker_start();
    snprintf(bootstrap, sizeof bootstrap, "%s", broker_address(with.broker));
    setenv("HOOKLINE_KAFKA_BOOTSTRAP", bootstrap, 1);
    if (settings_load("test", "A test.", TABLE, COUNT(TABLE), 1, arguments, &with.settings, &exit_code) != SETTINGS_RUN)
        return -1;
    with.arena = arena_new();
    with.base = event_base_new();
    assert_null(producer_open(&with.producer, with.settings, "test", WRITES, NEVER_PATIENT_MS));
    with.stuck = lane_of_key("stuck");
    assert_int_not_equal(lane_of_key("other"), with.stuck);
    assert_true(wait_until(is_ready, NULL, END_MS));
    return 0;
}

static int end(void **state)
{
    (void)state;
    producer_close(with.producer);
    event_base_free(with.base);
    broker_stop(with.broker);
    settings_free(with.settings);
    arena_free(with.arena);
    return 0;
}

static size_t count_of(const char *key)
{
    size_t all = 0;
    size_t count = 0;
    const struct broker_record *records = broker_read(with.broker, TOPIC_WEBHOOKS_RETELL, with.arena, &all);
    for (size_t i = 0; i < all; i++)
        count += slice_equals(records[i].key, key);
    return count;
}

static int begin_spool(void **state)
{
    (void)state;
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(with.directory));
    assert_null(spool_slot_take(&with.slot, with.directory));
    with.group = spool_group_new(with.base, with.slot);
    with.drain = spool_drain_new(with.slot, with.group, &EVENTS, NULL);
    nothing_is_under_way();
    with.stuck_before = count_of("stuck");
    return 0;
}

static int end_spool(void **state)
{
    (void)state;
    char path[96];
    spool_drain_free(with.drain);
    spool_group_free(with.group);
    spool_slot_release(with.slot);
    snprintf(path, sizeof path, "%s/ingest-0.db", with.directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/ingest-0.lock", with.directory);
    unlink(path);
    return rmdir(with.directory);
}

/* ---- the stories ---- */

static bool only_so_many_wait(void *context)
{
    turn();
    return !spool_drain_busy(with.drain) && spool_group_removals(with.group) == 0 &&
           spool_stat(spool()).records == *(int64_t *)context;
}

static bool they_have_left(void *context)
{
    step();
    return only_so_many_wait(context);
}

static void await_left(int64_t records)
{
    assert_true(wait_until(they_have_left, &records, END_MS));
}

/* What the topic has of the stuck key since the story began: exactly these, in this order. */
static void assert_stuck_arrived(const int64_t *sequences, size_t count)
{
    size_t all = 0;
    size_t seen = 0;
    const struct broker_record *records = broker_read(with.broker, TOPIC_WEBHOOKS_RETELL, with.arena, &all);
    for (size_t i = 0; i < all; i++)
        if (slice_equals(records[i].key, "stuck") && seen++ >= with.stuck_before && seen <= with.stuck_before + count)
            assert_slice(records[i].value, record_of("stuck", sequences[seen - 1 - with.stuck_before]).value.ptr);
    assert_int_equal(seen, with.stuck_before + count);
}

static void rows_wait_for_older_records_of_their_own_lane_only(void **state)
{
    (void)state;
    static const int64_t STUCK[] = {1, 3};
    size_t other_before = count_of("other");
    add("stuck", 1);
    add("other", 2);
    add("stuck", 3);
    add("other", 4);
    with.below[with.stuck] = 1; /* the first one's own record is under way */
    await_left(2);
    assert_int_equal(count_of("other"), other_before + 2);
    assert_stuck_arrived(NULL, 0);
    nothing_is_under_way();
    await_left(0);
    assert_stuck_arrived(STUCK, COUNT(STUCK));
}

/* A record is under way when the drain passes by its place; then it fails and becomes a row there. What is younger than it and
 * comes later in the same pass must not go before it. */
static void a_row_that_comes_late_is_not_overtaken(void **state)
{
    (void)state;
    enum { LATE = 100 };
    static const int64_t STUCK[] = {LATE, BATCH + 2};
    int64_t left = 1;
    for (int64_t sequence = 1; sequence <= BATCH + 1; sequence++)
        if (sequence != LATE)
            add("other", sequence);
    add("stuck", BATCH + 2);
    with.below[with.stuck] = LATE;
    step();
    assert_true(wait_until(only_so_many_wait, &left, END_MS));
    add("stuck", LATE);
    nothing_is_under_way();
    await_left(0);
    assert_stuck_arrived(STUCK, COUNT(STUCK));
}

static bool the_stuck_one_has_left(void *context)
{
    int64_t *last = context;
    add("other", ++*last);
    step();
    turn();
    return !spool_key_waits(spool(), SLICE("stuck"));
}

/* What was passed over has its turn, though there is a new row behind it whenever the drain looks. */
static void new_rows_do_not_keep_one_waiting_that_was_passed_over(void **state)
{
    (void)state;
    int64_t last = 1;
    add("stuck", last);
    with.below[with.stuck] = last;
    add("other", ++last);
    step();
    assert_true(spool_drain_busy(with.drain));
    nothing_is_under_way();
    assert_true(wait_until(the_stuck_one_has_left, &last, END_MS));
    await_left(0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin_spool, end_spool)
    const struct CMUnitTest tests[] = {
        STORY(rows_wait_for_older_records_of_their_own_lane_only),
        STORY(a_row_that_comes_late_is_not_overtaken),
        STORY(new_rows_do_not_keep_one_waiting_that_was_passed_over),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
