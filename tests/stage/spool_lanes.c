/* One partition is without a leader, or its broker frozen, while the others answer: what is for it waits in the spool and keeps
 * nobody else there. Three brokers: all partitions are the first one's, but for those of some calls. */
#include <stdio.h>
#include <unistd.h>

#include "common/hmac.h"
#include "ingest/signature.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { HEALTHY = 1, OTHER = 2, THIRD = 3, NOBODY = -1, MORE_THAN_A_BATCH = 205, FEW = 5, SILENT = 3 };

static int32_t stuck;

static int32_t partition_of(const char *call)
{
    return partition_of_key(slice_of(call), TOPIC_PARTITIONS);
}

static int begin(void **state)
{
    spool_world_begin(state);
    broker_stop(spool_world.broker);
    spool_world.broker = broker_start_several("3");
    stuck = partition_of("stuck");
    assert_int_not_equal(partition_of("free"), stuck);
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        broker_set_leader(spool_world.broker, TOPIC_WEBHOOKS_RETELL, i, i == stuck ? OTHER : HEALTHY);
    return 0;
}

static struct slice numbered(const char *call, int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e%03d\",\"call\":{\"call_id\":\"%s\"}}", number, call);
}

static void deliver(const char *call, int from, int count)
{
    for (int i = from; i < from + count; i++)
        assert_int_equal(spool_deliver(numbered(call, i)), 200);
}

/* The stuck call's first appearances are in the order in which they were sent. */
static void assert_in_order(int events)
{
    size_t count = 0;
    const struct broker_record *records = spool_records(&count);
    int next = 0;
    for (size_t i = 0; i < count && next < events; i++)
        next += slice_same(records[i].value, numbered("stuck", next));
    assert_int_equal(next, events);
}

/* The topic itself cannot be read meanwhile: one of its partitions has no leader. */
static bool free_ones_have_left(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_drained_total") >= FEW &&
           spool_metric("hookline_ingest_spool_records") == MORE_THAN_A_BATCH;
}

static void a_partition_without_leader_keeps_nobody_else_waiting(void **state)
{
    (void)state;
    static const char *const CUT_OFF[] = {"HOOKLINE_KAFKA_BOOTSTRAP=127.0.0.1:1", NULL};
    spool_world.broker_away = true;
    spool_ingest_begin(CUT_OFF);
    spool_world.broker_away = false;
    broker_set_leader(spool_world.broker, TOPIC_WEBHOOKS_RETELL, stuck, NOBODY);
    deliver("stuck", 0, MORE_THAN_A_BATCH); /* before all others in the spool */
    deliver("free", 0, FEW);
    spool_ingest_begin(NULL);
    assert_true(wait_until(free_ones_have_left, NULL, SPOOL_END_MS));
    broker_set_leader(spool_world.broker, TOPIC_WEBHOOKS_RETELL, stuck, HEALTHY);
    spool_await_empty();
    broker_set_leader(spool_world.broker, TOPIC_WEBHOOKS_RETELL, stuck, OTHER);
    spool_judge();
    assert_in_order(MORE_THAN_A_BATCH);
}

static bool only_it_is_silent(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_partitions_silent") == 1 && spool_metric("hookline_ingest_brokers_answer") > 0;
}

/* A webhook that goes to the brokers, and not through the spool. */
static bool goes_directly(void *context)
{
    int *number = context;
    double before = spool_metric("hookline_ingest_spooled_total");
    assert_int_equal(spool_deliver(numbered("directly", (*number)++)), 200);
    return spool_metric("hookline_ingest_spooled_total") <= before;
}

static void a_frozen_broker_among_several_costs_only_its_own(void **state)
{
    (void)state;
    int number = 0;
    assert_int_not_equal(partition_of("directly"), stuck);
    spool_ingest_begin(NULL);
    deliver("stuck", 0, 1);
    broker_set_frozen(spool_world.broker, OTHER, true);
    deliver("stuck", 1, FEW);
    deliver("free", 0, FEW);
    assert_true(wait_until(only_it_is_silent, NULL, SPOOL_END_MS));
    deliver("stuck", 1 + FEW, FEW); /* none is sent to find out, none waits: all others go on */
    assert_true(wait_until(goes_directly, &number, SPOOL_END_MS));
    assert_true(wait_until(only_it_is_silent, NULL, SPOOL_END_MS));
    broker_set_frozen(spool_world.broker, OTHER, false);
    spool_await_empty();
    assert_true(process_said(spool_world.ingest, "partition_answers"));
    spool_judge();
    assert_in_order(1 + 2 * FEW);
}

/* ---- a topic is missing ---- */

#define BOOKING_KEY "key_of_the_calendar"

static int deliver_booking(struct slice body)
{
    uint8_t digest[HMAC_BYTES];
    char hex[SIGNATURE_HEX + 1];
    struct hmac_key *key = hmac_key_new(SLICE(BOOKING_KEY));
    hmac_compute(key, &body, 1, digest);
    hmac_key_free(key);
    signature_hex(digest, hex);
    struct slice request = arena_format(
        spool_world.arena,
        "POST /api/calcom/webhook HTTP/1.1\r\nHost: a\r\nX-Cal-Signature-256: %s\r\nContent-Length: %zu\r\n\r\n%.*s",
        hex, body.len, SLICE_PRINT(body));
    struct http_client *client = http_client_open(spool_world.address);
    assert_true(http_client_send(client, request));
    int status = http_client_receive(client, spool_world.arena, SPOOL_SOON_MS).status;
    http_client_close(client);
    return status;
}

static bool a_booking_waits(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_spool_records") == 1;
}

static bool the_booking_has_left(void *context)
{
    size_t count = 0;
    const struct broker_record *records =
        broker_read(spool_world.broker, TOPIC_WEBHOOKS_CALCOM, spool_world.arena, &count);
    return count > 0 && slice_same(records[0].value, *(struct slice *)context);
}

/* A source was added whose topic nobody has made: the calls of all others are on the screens all the same. */
static void a_missing_topic_costs_only_its_own(void **state)
{
    (void)state;
    const char *path = spool_file("sources.json", "{\"sources\":[{\"name\":\"calendar\",\"provider\":\"calcom\","
                                                  "\"keys\":[{\"id\":\"1\",\"key\":\"" BOOKING_KEY "\"}]}]}");
    const char *const sources[] = {arena_format(spool_world.arena, "HOOKLINE_SOURCES=%s", path).ptr, NULL};
    struct slice booking = SLICE("{\"triggerEvent\":\"BOOKING_CREATED\"}");
    int number = 0;
    broker_lose_topic(spool_world.broker, TOPIC_WEBHOOKS_CALCOM, true);
    spool_world.broker_away = true; /* so it looks from outside: not all webhooks go to the brokers */
    spool_ingest_begin(sources);
    spool_world.broker_away = false;
    assert_true(wait_until(goes_directly, &number, SPOOL_END_MS));
    spool_await_empty();
    assert_int_equal(deliver_booking(booking), 200);
    assert_true(wait_until(a_booking_waits, NULL, SPOOL_END_MS));
    assert_true(wait_until(goes_directly, &number, SPOOL_END_MS));
    broker_lose_topic(spool_world.broker, TOPIC_WEBHOOKS_CALCOM, false);
    assert_true(wait_until(the_booking_has_left, &booking, SPOOL_END_MS));
    spool_await_empty();
    spool_judge();
    unlink(path);
}

/* ---- several are silent ---- */

static const char *const CALLS[SILENT] = {"a", "b", "c"};

static void set_leaders(const int leaders[SILENT])
{
    for (int i = 0; i < SILENT; i++)
        broker_set_leader(spool_world.broker, TOPIC_WEBHOOKS_RETELL, partition_of(CALLS[i]), leaders[i]);
}

/* Nobody has been acknowledged for so long that what is under way was given up: only rows of the spool ask now. */
static bool all_are_silent_and_asked(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_partitions_silent") == SILENT &&
           spool_metric("hookline_ingest_drained_total") >= 1;
}

static bool one_has_left(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_spool_records") == SILENT - 1;
}

/* Two partitions of one frozen broker, and behind their rows that of another, which comes back: it does not wait for the first. */
static void of_several_silent_partitions_each_is_asked(void **state)
{
    (void)state;
    struct http_client *clients[SILENT];
    set_leaders((int[]){OTHER, OTHER, THIRD});
    spool_ingest_begin(NULL);
    for (int i = 0; i < SILENT; i++)
        deliver(CALLS[i], 0, 1);
    broker_set_frozen(spool_world.broker, OTHER, true);
    broker_set_frozen(spool_world.broker, THIRD, true);
    for (int i = 0; i < SILENT; i++) /* side by side: each is waited for, and so known to be silent */
        clients[i] = spool_send("/api/retell/webhook", numbered(CALLS[i], 1));
    for (int i = 0; i < SILENT; i++)
        assert_int_equal(spool_receive(clients[i], numbered(CALLS[i], 1)), 200);
    deliver("free", 0, 1);
    assert_true(wait_until(all_are_silent_and_asked, NULL, SPOOL_END_MS));
    broker_set_frozen(spool_world.broker, THIRD, false);
    assert_true(wait_until(one_has_left, NULL, SPOOL_END_MS));
    assert_true(spool_metric("hookline_ingest_partitions_silent") == SILENT - 1);
    broker_set_frozen(spool_world.broker, OTHER, false);
    spool_await_empty();
    set_leaders((int[]){HEALTHY, HEALTHY, HEALTHY});
    spool_judge();
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(a_partition_without_leader_keeps_nobody_else_waiting),
        STORY(a_frozen_broker_among_several_costs_only_its_own),
        STORY(of_several_silent_partitions_each_is_asked),
        STORY(a_missing_topic_costs_only_its_own),
    };
    return cmocka_run_group_tests(tests, begin, spool_world_end);
}
