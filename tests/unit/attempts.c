/* Whatever goes wrong with a batch, every record of it ends exactly once: done, or set aside; and one bad record costs only
 * itself. A model of a stage answers the attempts: some records are poison, some are slow. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "common/attempts.h"

enum { RECORDS_MAX = 600, STEPS_MAX = 20000 };

enum nature { NATURE_GOOD, NATURE_POISON, NATURE_SLOW };

struct world {
    enum nature records[RECORDS_MAX];
    size_t total;
    int done[RECORDS_MAX], buried[RECORDS_MAX];
    size_t runs;
    int64_t waited_ms;
};

static enum stage_outcome world_answer(const struct world *world, struct attempt attempt)
{
    for (size_t i = attempt.first; i < attempt.first + attempt.count; i++) {
        if (world->records[i] == NATURE_POISON)
            return STAGE_BISECT;
        if (world->records[i] == NATURE_SLOW)
            return STAGE_SLOW;
    }
    return STAGE_DONE;
}

/* Runs until the batch is finished, or waits for a witness. */
static void world_run(struct world *world, struct attempts *attempts)
{
    for (size_t step = 0; step < STEPS_MAX; step++) {
        struct attempt attempt = attempts_next(attempts);
        if (attempt.kind == ATTEMPT_FINISHED)
            return;
        assert_true(attempt.first + attempt.count <= world->total);
        assert_true(attempt.count > 0);
        if (attempt.kind == ATTEMPT_BURY) {
            world->buried[attempt.first]++;
            attempts_succeeded(attempts);
            continue;
        }
        world->runs++;
        enum stage_outcome outcome = world_answer(world, attempt);
        for (size_t i = attempt.first; outcome == STAGE_DONE && i < attempt.first + attempt.count; i++)
            world->done[i]++;
        if (outcome == STAGE_DONE)
            attempts_succeeded(attempts);
        else
            world->waited_ms += attempts_failed(attempts, outcome);
        if (attempts_want_more(attempts))
            return;
    }
    fail_msg("no end after %d steps", STEPS_MAX);
}

static void assert_each_ended_once(const struct world *world)
{
    for (size_t i = 0; i < world->total; i++) {
        assert_int_equal(world->done[i], world->records[i] == NATURE_GOOD);
        assert_int_equal(world->buried[i], world->records[i] != NATURE_GOOD);
    }
}

static void one_poisoned_record_of_500_is_found_in_nine_halvings(void **state)
{
    (void)state;
    for (size_t culprit = 0; culprit < 500; culprit += 83) {
        struct world world = {.total = 500};
        struct attempts attempts;
        world.records[culprit] = NATURE_POISON;
        attempts_begin(&attempts, world.total);
        world_run(&world, &attempts);
        assert_each_ended_once(&world);
        assert_in_range(world.runs, 10, 20); /* nine halvings, the record alone, and the other halves whole */
        assert_int_equal(world.waited_ms, 0);
    }
}

static void any_mixture_ends(void **state)
{
    (void)state;
    const char *given = getenv("HOOKLINE_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 20261121;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 500; round++) {
        struct world world = {.total = 1 + (size_t)rand() % RECORDS_MAX};
        struct attempts attempts;
        int rare = 1 + rand() % 100;
        for (size_t i = 0; i < world.total; i++)
            world.records[i] = rand() % rare ? NATURE_GOOD : NATURE_POISON;
        attempts_begin(&attempts, world.total);
        world_run(&world, &attempts);
        assert_each_ended_once(&world);
    }
}

static void a_slow_record_is_set_aside_when_its_successor_passes(void **state)
{
    (void)state;
    struct world world = {.total = 8};
    struct attempts attempts;
    world.records[3] = NATURE_SLOW;
    attempts_begin(&attempts, world.total);
    world_run(&world, &attempts);
    assert_each_ended_once(&world);
}

static void a_successor_that_is_poison_is_witness_enough(void **state)
{
    (void)state;
    struct world world = {.total = 3};
    struct attempts attempts;
    world.records[0] = NATURE_SLOW;
    world.records[1] = NATURE_POISON;
    attempts_begin(&attempts, world.total);
    world_run(&world, &attempts);
    assert_each_ended_once(&world);
}

/* Everything is slow: nobody is to blame but the database. */
static void when_all_are_slow_nobody_is_set_aside(void **state)
{
    (void)state;
    struct attempts attempts;
    int64_t waited_ms = 0;
    attempts_begin(&attempts, 16);
    for (int step = 0; step < 200; step++) {
        assert_int_equal(attempts_next(&attempts).kind, ATTEMPT_RUN);
        waited_ms += attempts_failed(&attempts, STAGE_SLOW);
    }
    assert_true(waited_ms > 10000);
    assert_int_equal(attempts.done, 0);
}

static void a_slow_last_record_waits_for_another(void **state)
{
    (void)state;
    struct world world = {.total = 1};
    struct attempts attempts;
    world.records[0] = NATURE_SLOW;
    attempts_begin(&attempts, 1);
    world_run(&world, &attempts);
    assert_true(attempts_want_more(&attempts));
    assert_int_equal(world.buried[0], 0);
    world.total = 2;
    attempts_extend(&attempts, 2);
    assert_false(attempts_want_more(&attempts));
    assert_int_equal(attempts_next(&attempts).count, 1);
    world_run(&world, &attempts);
    assert_each_ended_once(&world);
}

static void waiting_grows_from_50_ms_to_5_s(void **state)
{
    (void)state;
    static const int64_t DELAYS[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct attempts attempts;
    attempts_begin(&attempts, 500);
    for (size_t i = 0; i < COUNT(DELAYS); i++)
        assert_int_equal(attempts_failed(&attempts, STAGE_WAIT), DELAYS[i]);
    assert_int_equal(attempts_next(&attempts).count, 500);
    attempts_succeeded(&attempts);
    assert_int_equal(attempts_next(&attempts).kind, ATTEMPT_FINISHED);
}

static void a_lost_race_is_run_again_at_once_but_not_for_ever(void **state)
{
    (void)state;
    struct attempts attempts;
    attempts_begin(&attempts, 5);
    for (int i = 1; i < ATTEMPTS_AGAIN_MAX; i++)
        assert_int_equal(attempts_failed(&attempts, STAGE_AGAIN), 0);
    assert_int_equal(attempts_failed(&attempts, STAGE_AGAIN), ATTEMPTS_WAIT_FIRST_MS);
}

/* A dead letter that Kafka does not take is sent again, and nothing else is tried before it. */
static void a_burial_that_fails_is_repeated(void **state)
{
    (void)state;
    struct attempts attempts;
    attempts_begin(&attempts, 1);
    assert_int_equal(attempts_failed(&attempts, STAGE_BISECT), 0);
    assert_int_equal(attempts_next(&attempts).kind, ATTEMPT_BURY);
    assert_int_equal(attempts_failed(&attempts, STAGE_WAIT), ATTEMPTS_WAIT_FIRST_MS);
    assert_int_equal(attempts_next(&attempts).kind, ATTEMPT_BURY);
    attempts_succeeded(&attempts);
    assert_int_equal(attempts_next(&attempts).kind, ATTEMPT_FINISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_poisoned_record_of_500_is_found_in_nine_halvings),
        cmocka_unit_test(any_mixture_ends),
        cmocka_unit_test(a_slow_record_is_set_aside_when_its_successor_passes),
        cmocka_unit_test(a_successor_that_is_poison_is_witness_enough),
        cmocka_unit_test(when_all_are_slow_nobody_is_set_aside),
        cmocka_unit_test(a_slow_last_record_waits_for_another),
        cmocka_unit_test(waiting_grows_from_50_ms_to_5_s),
        cmocka_unit_test(a_lost_race_is_run_again_at_once_but_not_for_ever),
        cmocka_unit_test(a_burial_that_fails_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
