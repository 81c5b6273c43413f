/* A simulated call is one that could have been: times in order, costs that add up, and the same life from the same seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/text.h"
#include "ctl/simulate_body.h"
#include "ctl/simulate_plan.h"

static const char *const NUMBERS[] = {"+493023125001", "+494066969002"};
static const struct life_options OPTIONS = {.seed = 42,
                                            .numbers = NUMBERS,
                                            .number_count = COUNT(NUMBERS),
                                            .life_min_ms = 5000,
                                            .life_max_ms = 30000,
                                            .transcripts = 0.5};
static const int64_t START_MS = 1795254600123;
enum { LIVES = 2000 };

/* The call of a body or an answer, parsed; both must be valid UTF-8. */
static const struct json *parsed(struct arena *arena, const struct buffer *body)
{
    const char *problem = NULL;
    uint64_t repaired = 0;
    const struct json *root = json_read(arena, arena_copy(arena, buffer_slice(body)), &problem);
    assert_null(problem);
    (void)text_repair(arena, buffer_slice(body), &repaired);
    assert_int_equal(repaired, 0);
    return root;
}

static int64_t whole(const struct json *object, const char *key)
{
    int64_t number = INT64_MIN;
    (void)json_int(json_get(object, key), &number);
    return number;
}

static void check_cost(const struct json *cost)
{
    int64_t combined = 0, sum = 0;
    assert_true(json_decimal(json_get(cost, "combined_cost"), 7, &combined));
    const struct json *products = json_get(cost, "product_costs");
    for (const struct json *one = json_first(products); one; one = json_next(products, one)) {
        int64_t part = 0, price = 0;
        assert_true(json_decimal(json_get(one, "cost"), 7, &part));
        if (json_decimal(json_get(one, "unit_price"), 7, &price))
            assert_int_equal(part, price * whole(cost, "total_duration_seconds"));
        sum += part;
    }
    assert_int_equal(combined, sum);
    assert_true(combined < 100 * 10000000LL); /* half a minute costs cents, not dollars */
}

static void check_latency(const struct json *e2e)
{
    assert_true(whole(e2e, "min") <= whole(e2e, "p50"));
    assert_true(whole(e2e, "p50") <= whole(e2e, "p90"));
    assert_true(whole(e2e, "p90") <= whole(e2e, "p99"));
    assert_true(whole(e2e, "p99") <= whole(e2e, "max"));
    assert_int_equal(whole(e2e, "num"), json_length(json_get(e2e, "values")));
}

static void check_words(const struct json *call, const struct life *life)
{
    double last = 0;
    const struct json *turns = json_get(call, "transcript_object");
    for (const struct json *turn = json_first(turns); turn; turn = json_next(turns, turn)) {
        const struct json *words = json_get(turn, "words");
        for (const struct json *word = json_first(words); word; word = json_next(words, word)) {
            double start = -1, end = -1;
            assert_true(json_real(json_get(word, "start"), &start) && json_real(json_get(word, "end"), &end));
            assert_true(start >= last && end > start);
            last = end;
        }
    }
    assert_true(last * 1000 <= (double)(life->end_ms - life->start_ms) + 1);
}

static void every_body_of_a_life_is_consistent(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LIVES; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS + i);
        int64_t at_ms = START_MS + i;
        size_t transcript = 0;
        for (size_t step = 0; step < life.step_count; step++) {
            struct arena *arena = arena_new();
            struct buffer body = {0};
            life_write_webhook(&life, &life.steps[step], &body);
            const struct json *root = parsed(arena, &body), *call = json_get(root, "call");

            assert_true(slice_equals(json_text(json_get(root, "event")), life_step_event(life.steps[step].kind)));
            assert_int_equal(whole(root, "event_timestamp"), life.steps[step].at_ms);
            assert_true(life.steps[step].at_ms >= at_ms);
            at_ms = life.steps[step].at_ms;
            assert_true(slice_equals(json_text(json_get(call, "call_id")), life.call_id));
            struct slice text = json_text(json_get(call, "transcript"));
            assert_true(text.len >= transcript); /* transcripts only grow */
            transcript = text.len;
            if (life.steps[step].kind >= LIFE_CALL_ENDED) {
                bool connected = life.outcome != LIFE_NOT_CONNECTED;
                assert_int_equal(whole(call, "duration_ms"), connected ? life.end_ms - life.start_ms : 0);
                assert_int_equal(json_get(call, "start_timestamp") != NULL, connected);
                check_cost(json_get(call, "call_cost"));
                assert_int_equal(json_get(call, "latency") != NULL, connected);
                if (connected) /* or the pipeline would ask for it again and again */
                    check_latency(json_get(json_get(call, "latency"), "e2e"));
                check_words(call, &life);
            }
            assert_int_equal(json_get(call, "call_analysis") != NULL, life.steps[step].kind == LIFE_CALL_ANALYZED);
            buffer_free(&body);
            arena_free(arena);
        }
        assert_int_equal(life.steps[life.step_count - 1].kind, LIFE_CALL_ANALYZED);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buffer once = {0}, again = {0}, other = {0};
    struct life_options changed = OPTIONS;
    changed.seed = 43;
    for (uint32_t i = 0; i < 50; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS);
        life_write_webhook(&life, &life.steps[life.step_count - 1], &once);
        life_make(&life, &OPTIONS, i, START_MS);
        life_write_webhook(&life, &life.steps[life.step_count - 1], &again);
        life_make(&life, &changed, i, START_MS);
        life_write_webhook(&life, &life.steps[life.step_count - 1], &other);
    }
    assert_string_equal(once.data, again.data);
    assert_string_not_equal(once.data, other.data);
    buffer_free(&once);
    buffer_free(&again);
    buffer_free(&other);
}

static void a_life_comes_back_from_its_call_id(void **state)
{
    (void)state;
    struct life_options later_run = OPTIONS;
    later_run.seed = 7;
    for (uint32_t i = 0; i < 300; i++) {
        struct life life, again;
        life_make(&life, &OPTIONS, i * 7919, START_MS + i);
        assert_int_equal(strlen(life.call_id), 37);
        assert_true(life_of_call_id(&again, &later_run, slice_of(life.call_id)));
        assert_memory_equal(&life, &again, sizeof life);
        char broken[LIFE_CALL_ID_BYTES];
        memcpy(broken, life.call_id, sizeof broken);
        broken[20] = broken[20] == '0' ? '1' : '0';
        if (life_of_call_id(&again, &later_run,
                            slice_of(broken))) /* one byte of check: some pass, never as this call */
            assert_string_not_equal(again.call_id, life.call_id);
    }
    struct life none;
    assert_false(life_of_call_id(&none, &OPTIONS, SLICE("call_")));
    assert_false(life_of_call_id(&none, &OPTIONS, SLICE("Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6")));
    assert_false(life_of_call_id(&none, &OPTIONS, SLICE("call_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ")));
    assert_false(life_of_call_id(&none, &OPTIONS, SLICE_ABSENT));
}

static const struct json *answer_at(struct arena *arena, const struct life *life, int64_t now_ms,
                                    enum life_detail detail)
{
    struct buffer out = {0};
    life_write_call(life, now_ms, detail, &out);
    const struct json *call = parsed(arena, &out);
    buffer_free(&out);
    return call;
}

static void the_api_knows_a_call_as_of_now(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct life life;
    uint32_t index = 0;
    do
        life_make(&life, &OPTIONS, index++, START_MS);
    while (life.outcome != LIFE_CONVERSATION || life.utterance_count < 3);

    const struct json *live = answer_at(arena, &life, life.start_ms + life.utterances[0].end_ms, LIFE_WHOLE);
    assert_true(slice_equals(json_text(json_get(live, "call_status")), "ongoing"));
    assert_int_equal(json_length(json_get(live, "transcript_object")), 1);
    assert_null(json_get(live, "end_timestamp"));
    assert_null(json_get(live, "call_cost"));

    const struct json *over = answer_at(arena, &life, life.end_ms, LIFE_WHOLE);
    assert_true(slice_equals(json_text(json_get(over, "call_status")), "ended"));
    assert_non_null(json_get(over, "call_cost"));
    assert_null(json_get(over, "call_analysis"));

    const struct json *analyzed = answer_at(arena, &life, life.analyzed_ms, LIFE_LISTED);
    assert_non_null(json_get(analyzed, "call_analysis"));
    assert_null(json_get(analyzed, "transcript"));
    arena_free(arena);
}

static void the_last_webhook_is_what_the_api_says_afterwards(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS);
        struct buffer body = {0}, call = {0};
        life_write_webhook(&life, &life.steps[life.step_count - 1], &body);
        life_write_call(&life, life.analyzed_ms + 1000, LIFE_WHOLE, &call);
        assert_non_null(strstr(body.data, call.data));
        buffer_free(&body);
        buffer_free(&call);
    }
}

static void every_outcome_and_both_directions_occur(void **state)
{
    (void)state;
    size_t outcomes[4] = {0}, outbound = 0, second_number = 0, transcripts = 0;
    for (uint32_t i = 0; i < LIVES; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS);
        outcomes[life.outcome]++;
        outbound += life.outbound;
        second_number += strcmp(life.our_number, NUMBERS[1]) == 0;
        transcripts += life.step_count > 3;
    }
    for (size_t i = 0; i < COUNT(outcomes); i++)
        assert_true(outcomes[i] > 0);
    assert_in_range(outbound, LIVES / 10, LIVES / 5);
    assert_in_range(second_number, LIVES * 2 / 5, LIVES * 3 / 5);
    assert_in_range(transcripts, LIVES / 4, LIVES / 2);
}

static void no_line_is_cut(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LIVES; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS);
        assert_true(strlen(life.summary) < LIFE_TEXT_BYTES - 1);
        for (size_t at = 0; at < life.utterance_count; at++)
            assert_true(strlen(life.utterances[at].text) < LIFE_TEXT_BYTES - 1);
    }
}

static void mischief_has_its_shares(void **state)
{
    (void)state;
    const struct mischief mischief = {.repeat = 0.1, .disorder = 0.1, .lose = 0.05};
    struct delivery deliveries[PLAN_DELIVERIES_MAX];
    size_t steps = 0, repeated = 0, late = 0, lost = 0, calls_with_losses = 0;
    for (uint32_t i = 0; i < LIVES; i++) {
        struct life life;
        life_make(&life, &OPTIONS, i, START_MS);
        size_t missing = 0, count = plan_deliveries(&life, OPTIONS.seed, i, &mischief, deliveries, &missing);
        size_t copies = 0;
        for (size_t at = 0; at < count; at++) {
            copies += deliveries[at].repeated;
            late += !deliveries[at].repeated && deliveries[at].due_ms > life.steps[deliveries[at].step].at_ms;
        }
        assert_int_equal(count, life.step_count - missing + copies);
        steps += life.step_count;
        repeated += copies;
        lost += missing;
        calls_with_losses += missing > 0;
    }
    assert_in_range(repeated, steps * 8 / 100, steps * 12 / 100);
    assert_in_range(late, steps * 8 / 100, steps * 12 / 100);
    assert_in_range(calls_with_losses, LIVES * 3 / 100, LIVES * 7 / 100);
    assert_true(lost > calls_with_losses);
    double mean = plan_webhooks_per_call(&OPTIONS, &mischief);
    assert_true(fabs(mean - (double)(steps - lost + repeated) / (double)LIVES) < 0.1);
}

static void without_mischief_every_step_comes_once_and_on_time(void **state)
{
    (void)state;
    const struct mischief none = {0};
    struct delivery deliveries[PLAN_DELIVERIES_MAX];
    struct life life;
    size_t lost = 1;
    life_make(&life, &OPTIONS, 3, START_MS);
    assert_int_equal(plan_deliveries(&life, OPTIONS.seed, 3, &none, deliveries, &lost), life.step_count);
    assert_int_equal(lost, 0);
    for (size_t i = 0; i < life.step_count; i++)
        assert_int_equal(deliveries[i].due_ms, life.steps[i].at_ms);
}

static void the_heap_gives_the_earliest_first(void **state)
{
    (void)state;
    struct due_heap heap = {0};
    uint64_t random = 99;
    assert_null(due_first(&heap));
    for (uint32_t i = 0; i < 1000; i++)
        due_add(&heap, (struct delivery){.due_ms = (int64_t)(life_random(&random) % 500), .index = i});
    int64_t last_ms = -1;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(due_first(&heap)->due_ms >= last_ms, 1);
        last_ms = due_take(&heap).due_ms;
    }
    assert_null(due_first(&heap));
    due_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_of_a_life_is_consistent),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(a_life_comes_back_from_its_call_id),
        cmocka_unit_test(the_api_knows_a_call_as_of_now),
        cmocka_unit_test(the_last_webhook_is_what_the_api_says_afterwards),
        cmocka_unit_test(every_outcome_and_both_directions_occur),
        cmocka_unit_test(no_line_is_cut),
        cmocka_unit_test(mischief_has_its_shares),
        cmocka_unit_test(without_mischief_every_step_comes_once_and_on_time),
        cmocka_unit_test(the_heap_gives_the_earliest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
