/* hookline-ingest killed at each of its failpoints, with the brokers away and back: whatever got 200 is in the topic after the
 * next start, or still in the spool. And each of them failing now and then: nobody's 200 is worth less for it. */
#include <signal.h>
#include <stdio.h>

#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { WEBHOOKS = 6, TRIES = 40 };

/* Which pass kills: the place must have been passed by something before, where it can be. */
static const struct {
    const char *name, *rule;
} PLACES[] = {
    {"received", "HOOKLINE_FAILPOINT=ingest.received:kill:3"},
    {"acked", "HOOKLINE_FAILPOINT=ingest.acked:kill:2"},
    {"spooling", "HOOKLINE_FAILPOINT=ingest.spooling:kill:3"},
    {"spooled", "HOOKLINE_FAILPOINT=ingest.spooled:kill:3"},
    {"drain_sent", "HOOKLINE_FAILPOINT=ingest.drain_sent:kill:1"},
    {"drain_acked", "HOOKLINE_FAILPOINT=ingest.drain_acked:kill:3"},
    {"drain_deleted", "HOOKLINE_FAILPOINT=ingest.drain_deleted:kill:1"},
};

/* Three of a call. */
static struct slice webhook(const char *place, int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e%d\",\"call\":{\"call_id\":\"%s%d\"}}", number, place,
                        number / 3);
}

/* Sends until it dies, or `most`; the number of the next. */
static int send_some(const char *place, int number, int most)
{
    for (int sent = 0; sent < most && process_alive(spool_world.ingest); sent++)
        spool_deliver(webhook(place, number++));
    return number;
}

struct dying {
    const char *place;
    int number;
};

static bool dies(void *context)
{
    struct dying *dying = context;
    dying->number = send_some(dying->place, dying->number, 1);
    return !process_alive(spool_world.ingest);
}

static void die_at(const char *place, const char *rule)
{
    const char *const armed[] = {rule, NULL};
    struct dying dying = {place, 0};
    spool_ingest_begin(armed);
    spool_broker_away_at_once();
    dying.number = send_some(place, 0, WEBHOOKS);
    spool_broker_back();
    if (!wait_until(dies, &dying, SPOOL_END_MS))
        fail_msg("%s was not reached", place);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), -SIGKILL);
}

static void a_death_at_any_place_loses_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        spool_world_clean(NULL);
        die_at(PLACES[i].name, PLACES[i].rule);
        size_t accepted = spool_world.accepted_count;
        spool_ingest_begin(NULL);
        assert_int_equal(spool_deliver(webhook(PLACES[i].name, 1000)), 200);
        spool_await_empty();
        spool_judge();
        assert_true(spool_world.accepted_count == accepted + 1);
    }
}

static void failures_at_all_places_lose_nothing(void **state)
{
    (void)state;
    static const char *const FAILING[] = {
        "HOOKLINE_FAILPOINT=ingest.received:error:1/7,ingest.acked:error:1/5,ingest.spooling:error:1/6,"
        "ingest.spooled:error:1/4,ingest.drain_acked:error:1/3,ingest.drain_sent:error:1/"
        "2,ingest.drain_deleted:error:1/2",
        NULL};
    spool_ingest_begin(FAILING);
    for (int round = 0; round < 3; round++) {
        if (round == 1)
            spool_broker_away_at_once();
        else
            spool_broker_back();
        send_some("failing", 100 * round, TRIES);
    }
    assert_true(spool_world.accepted_count >
                TRIES / 2); /* a disk that failed is left alone for a second: many get 503 */
    assert_true(process_says(spool_world.ingest, "spool_failed"));
    spool_broker_back();
    spool_await_empty();
    spool_judge();
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(a_death_at_any_place_loses_nothing),
        STORY(failures_at_all_places_lose_nothing),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
