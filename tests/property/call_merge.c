/* The laws of the merge, on random multisets of events of one call: any order, any repetition, any grouping, one state.
 *
 * HOOKLINE_SEED=n repeats a run, HOOKLINE_CASES=n sets how many multisets (100 000 by default).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "session/call_merge.h"
#include "session/call_read.h"
#include "session/call_stamps.h"

enum { EVENTS_MAX = 8, CASES_DEFAULT = 100000 };

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(void)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(size_t limit)
{
    return (size_t)(next_random() % limit);
}

/* Few different values, so that clocks and texts meet often. */
static const char *const MEMBERS[] = {
    "\"agent_id\":\"a\"",
    "\"agent_id\":\"b\"",
    "\"agent_id\":null",
    "\"agent_id\":7",
    "\"from_number\":\"+4930\"",
    "\"to_number\":\"+4989\"",
    "\"direction\":\"inbound\"",
    "\"direction\":\"outbound\"",
    "\"call_status\":\"registered\"",
    "\"call_status\":\"ongoing\"",
    "\"call_status\":\"ended\"",
    "\"call_status\":\"error\"",
    "\"call_status\":\"not_connected\"",
    "\"start_timestamp\":1703302407333",
    "\"start_timestamp\":1703302407334",
    "\"end_timestamp\":1703302428855",
    "\"end_timestamp\":1703302428856",
    "\"end_timestamp\":5",
    "\"duration_ms\":21522",
    "\"duration_ms\":0",
    "\"disconnection_reason\":\"user_hangup\"",
    "\"disconnection_reason\":\"dial_busy\"",
    "\"disconnection_reason\":\"tomorrow\"",
    "\"transcript\":\"one\"",
    "\"transcript\":\"two\"",
    "\"transcript\":\"\"",
    "\"recording_url\":\"u\"",
    "\"call_analysis\":{\"call_summary\":\"s\",\"call_successful\":true}",
    "\"call_analysis\":{\"user_sentiment\":\"Positive\",\"in_voicemail\":false}",
    "\"call_cost\":{\"combined_cost\":15.215}",
    "\"call_cost\":{\"combined_cost\":1}",
    "\"latency\":{\"e2e\":{\"p50\":812.5}}",
    "\"metadata\":{\"k\":1}",
    "\"metadata\":{\"k\":2}",
    "\"data_storage_setting\":\"basic_attributes_only\"",
    "\"data_storage_setting\":\"everything\"",
};
static const char *const TYPES[] = {
    "ai.retell.call_started",  "ai.retell.transcript_updated", "ai.retell.transfer_bridged", "ai.retell.call_ended",
    "ai.retell.call_analyzed", "ai.hookline.call_synced",      "ai.hookline.call_synced",    "ai.hookline.call_gone",
};
static const char *const CLOCKS[] = {"", "\"event_timestamp\":1703302430000,", "\"event_timestamp\":1703302430001,"};

static struct call_state random_facts(struct arena *arena)
{
    struct buffer body = {0};
    buffer_add_format(&body, "{%s\"n\":%llu,\"call\":{\"z\":0", CLOCKS[below(COUNT(CLOCKS))],
                      (unsigned long long)next_random());
    for (size_t i = below(12); i > 0; i--)
        buffer_add_format(&body, ",%s", MEMBERS[below(COUNT(MEMBERS))]);
    buffer_add_text(&body, "}}");
    struct slice text = arena_copy(arena, buffer_slice(&body));
    buffer_free(&body);
    const struct event event = {
        .id = event_id_of(SLICE("retell"), 0, text),
        .type = slice_of(TYPES[below(COUNT(TYPES))]),
        .source = below(8) ? SLICE("/retell/default") : SLICE("/retell/other"),
        .subject = SLICE("c"),
        .company_id = 1,
        .branch_id = (int64_t)below(3),
        .body = text,
    };
    struct call_facts facts;
    struct call_read_counts counts = {0};
    assert_int_equal(call_read(arena, &event, &facts, &counts), CALL_PROBLEM_NONE);
    return facts.state;
}

/* Everything that is stored, as text. */
static struct slice print(struct arena *arena, const struct call_state *state)
{
    struct buffer text = {0};
    call_json_write(&text, &state->call, CALL_JSON_WHOLE);
    struct slice stamps = call_stamps_write(arena, state);
    buffer_add_hex(&text, stamps.ptr, stamps.len);
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

static struct call_state merge_all(const struct call_state *events, const size_t *order, size_t count)
{
    struct call_state state;
    call_state_init(&state);
    for (size_t i = 0; i < count; i++)
        call_merge(&state, &events[order[i]]);
    return state;
}

/* Through `calls.stamps` and back between two events, as between two batches. */
static struct call_state merge_through_storage(struct arena *arena, const struct call_state *events,
                                               const size_t *order, size_t count)
{
    struct call_state state;
    call_state_init(&state);
    for (size_t i = 0; i < count; i++) {
        struct slice stamps = call_stamps_write(arena, &state);
        assert_null(call_stamps_read(&state, stamps));
        call_merge(&state, &events[order[i]]);
    }
    return state;
}

/* Each event at least once, some twice, in random order. */
static size_t shuffled_with_repeats(size_t *order, size_t count)
{
    size_t total = count;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    while (total < 2 * count && below(2))
        order[total++] = below(count);
    for (size_t i = total; i > 1; i--) {
        size_t other = below(i);
        size_t swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
    return total;
}

static void assert_same_state(struct arena *arena, const struct call_state *a, const struct call_state *b,
                              uint64_t case_seed, const char *law)
{
    struct slice left = print(arena, a);
    struct slice right = print(arena, b);
    if (!slice_same(left, right))
        fail_msg("%s; HOOKLINE_SEED=%llu HOOKLINE_CASES=1\n%.*s\n%.*s", law, (unsigned long long)case_seed,
                 SLICE_PRINT(left), SLICE_PRINT(right));
}

static void check_case(struct arena *arena, uint64_t case_seed)
{
    struct call_state events[EVENTS_MAX];
    size_t order[2 * EVENTS_MAX];
    size_t count = 1 + below(EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        events[i] = random_facts(arena);
        order[i] = i;
    }
    struct call_state once = merge_all(events, order, count);

    size_t total = shuffled_with_repeats(order, count);
    struct call_state mixed = merge_all(events, order, total);
    assert_same_state(arena, &once, &mixed, case_seed, "order or repetition matters");

    struct call_state stored = merge_through_storage(arena, events, order, total);
    assert_same_state(arena, &once, &stored, case_seed, "storage matters");

    size_t cut = below(total + 1);
    struct call_state left = merge_all(events, order, cut);
    struct call_state right = merge_all(events, order + cut, total - cut);
    call_merge(&left, &right);
    assert_same_state(arena, &once, &left, case_seed, "grouping matters");

    struct call_state again = once;
    bool changed = call_changed(call_merge(&again, &once));
    for (size_t i = 0; i < count; i++)
        changed = call_changed(call_merge(&again, &events[i])) || changed;
    if (changed)
        fail_msg("a repeat changed the state; HOOKLINE_SEED=%llu HOOKLINE_CASES=1", (unsigned long long)case_seed);
    assert_same_state(arena, &once, &again, case_seed, "a repeat matters");
}

static void any_order_any_repetition_one_state(void **state)
{
    (void)state;
    const char *given = getenv("HOOKLINE_SEED");
    const char *cases = getenv("HOOKLINE_CASES");
    uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)clock_ticks_ns();
    size_t count = cases ? strtoull(cases, NULL, 10) : CASES_DEFAULT;
    printf("HOOKLINE_SEED=%llu HOOKLINE_CASES=%zu\n", (unsigned long long)first, count);
    struct arena *arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        seed = first + i;
        check_case(arena, first + i);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void an_ended_call_never_becomes_live_again(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    seed = 1;
    for (size_t i = 0; i < CASES_DEFAULT / 10; i++) {
        struct call_state call;
        bool ended = false;
        call_state_init(&call);
        for (size_t j = 0; j < EVENTS_MAX; j++) {
            struct call_state facts = random_facts(arena);
            call_merge(&call, &facts);
            bool live = slice_equals(call.call.status, "ongoing") || slice_equals(call.call.status, "registered");
            assert_false(ended && live);
            ended = !live;
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_any_repetition_one_state),
        cmocka_unit_test(an_ended_call_never_becomes_live_again),
    };
    return cmocka_run_group_tests_name("call_merge", tests, NULL, NULL);
}
