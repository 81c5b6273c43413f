/* What the topic of updates says while session is killed again and again: per call versions rise, a version that comes again
 * comes with the same call, and the newest is PostgreSQL's. */
#include "tests/support/session_world.h"

#include <signal.h>

#include "common/json.h"
#include "tests/support/wait.h"

enum { CALLS = 60, TOLD_MAX = 16, DEATHS = 4 };

static const char *const TYPES[] = {"ai.retell.call_started", "ai.retell.transcript_updated",
                                    "ai.retell.transfer_started", "ai.retell.call_ended", "ai.retell.call_analyzed"};

static void died(int expected)
{
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), expected);
    process_free(world.session);
}

static void tell_all(int round)
{
    for (int call = 0; call < CALLS; call++)
        world_tell(TYPES[(round + call) % (int)COUNT(TYPES)], arena_format(world.arena, "risen-%d", call).ptr,
                   arena_format(world.arena, "\"agent_id\":\"agent %d\",\"end_timestamp\":%lld", round,
                                1703302428855LL + (round * 7 + call) % 5)
                       .ptr);
}

/* The latest state of each version of each call, as it was first published. */
struct shown {
    struct slice call[TOLD_MAX];
    int64_t newest;
};

/* Everything but `event` must be the same for the same version. */
static void look(struct shown *shown, const struct broker_record *record, size_t *repeats)
{
    const char *problem = NULL;
    const struct json *update = json_read(world.arena, record->value, &problem);
    int64_t version = 0;
    uint64_t repaired = 0;
    assert_true(json_int(json_get(update, "version"), &version));
    assert_in_range(version, 1, TOLD_MAX - 1);
    struct slice call = json_write(world.arena, json_get(update, "call"), &repaired);
    assert_false(slice_absent(call));
    if (slice_absent(shown->call[version]))
        shown->call[version] = call;
    else
        ++*repeats;
    if (!slice_same(shown->call[version], call))
        fail_msg("version %lld was published with two contents:\n%.*s\n%.*s", (long long)version,
                 SLICE_PRINT(shown->call[version]), SLICE_PRINT(call));
    /* One process at a time, no zombie: whoever publishes has read the row; a version never falls. */
    if (version < shown->newest)
        fail_msg("version %lld came after %lld", (long long)version, (long long)shown->newest);
    shown->newest = version;
}

static void check_topic(size_t *repeats)
{
    static struct shown shown[CALLS];
    size_t count = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_UPDATES, world.arena, &count);
    memset(shown, 0, sizeof shown);
    for (size_t i = 0; i < count; i++) {
        static const char KEY[] = "1/risen-";
        int64_t call = -1;
        assert_true(slice_starts_with(records[i].key, KEY));
        assert_true(text_read_int(slice_from(records[i].key, sizeof KEY - 1), &call));
        assert_in_range(call, 0, CALLS - 1);
        look(&shown[call], &records[i], repeats);
    }
    for (int call = 0; call < CALLS; call++)
        world_wait_answer(arena_format(world.arena, "SELECT version FROM calls WHERE call_id = 'risen-%d'", call).ptr,
                          arena_format(world.arena, "%lld", (long long)shown[call].newest).ptr);
}

static bool all_committed(void *context)
{
    return broker_committed(world.broker, "hookline-session", TOPIC_CALLS_EVENTS) == *(int64_t *)context;
}

static void versions_rise_over_crashes_and_never_say_two_things(void **state)
{
    (void)state;
    /* in the window after the commit, in that after the acks, and wherever a kill meets it */
    static const char *const PLACES[DEATHS] = {"session.decided:kill:2", "session.published:kill:1", "",
                                               "session.stored:kill:1"};
    int round = 0;
    process_signal(world.session, SIGTERM);
    died(0);
    for (int death = 0; death < DEATHS; death++) {
#ifdef HOOKLINE_FAILPOINTS
        const char *place = PLACES[death];
#else
        const char *place = "";
        (void)PLACES;
#endif
        tell_all(round++);
        world_start_session(*place ? place : NULL); /* each reads again what the one before left unsaid */
        tell_all(round++);
        if (!*place)
            process_signal(world.session, SIGKILL);
        died(-SIGKILL);
    }
    world_start_session(NULL);
    int64_t sent = (int64_t)round * CALLS;
    assert_true(wait_until(all_committed, &sent, WORLD_SOON_MS));
    size_t repeats = 0;
    check_topic(&repeats);
    assert_true(repeats > 0); /* else nothing was done twice, and the story tells nothing */
}

/* What lies there when it starts is several batches, however busy the machine is: it dies in the second. */
static int start(void **state)
{
    world.batch_records = CALLS / 3;
    return world_start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_rise_over_crashes_and_never_say_two_things),
    };
    return cmocka_run_group_tests_name("session_versions", tests, start, world_stop);
}
