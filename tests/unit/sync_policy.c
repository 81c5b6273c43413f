/* When a call is asked for, how often, and when we stop: tables, with the time and the dice passed in. */
#include "tests/unit/test.h"

#include "sync/policy.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t NOW = 1762862400000;
static const uint32_t HIGHEST = UINT32_MAX;

static const struct policy POLICY = {
    .live_after_ms = 5 * MINUTE, .missing_after_ms = MINUTE, .retry_first_ms = 10 * SECOND};

static struct call call_with(const char *status, unsigned missing)
{
    struct call call;
    call_init(&call);
    call.status = slice_of(status);
    call.missing = missing;
    return call;
}

static void the_reason_is_what_the_call_lacks(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        unsigned missing;
        enum reason reason;
    } CASES[] = {
        {"registered", 0, REASON_LIVE},
        {"ongoing", 0, REASON_LIVE},
        {"ongoing", MISSING_COST, REASON_LIVE},
        {"ended", MISSING_COST, REASON_MISSING},
        {"ended", 0, REASON_NONE},
        {"not_connected", 0, REASON_NONE},
        {"error", 0, REASON_NONE},
        {"error", MISSING_SUMMARY, REASON_MISSING},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call call = call_with(CASES[i].status, CASES[i].missing);
        if (policy_reason_of(&call) != CASES[i].reason)
            fail_msg("%s, missing %u: %s", CASES[i].status, CASES[i].missing, reason_name(policy_reason_of(&call)));
    }
    assert_int_equal(reason_read(SLICE("live")), REASON_LIVE);
    assert_int_equal(reason_read(SLICE("missing")), REASON_MISSING);
    assert_int_equal(reason_read(SLICE("LIVE")), REASON_NONE);
    assert_int_equal(reason_read(SLICE_ABSENT), REASON_NONE);
}

static void the_first_question_waits_for_what_still_comes_by_itself(void **state)
{
    (void)state;
    struct call call = call_with("ongoing", 0);
    call.first_seen_at = NOW - MINUTE;
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_LIVE, NOW), NOW + 4 * MINUTE);
    call.started_at = NOW - 2 * MINUTE;
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_LIVE, NOW), NOW + 3 * MINUTE);
    call.started_at = NOW + 720 * HOUR; /* a sender's clock a month ahead must not put the question off */
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_LIVE, NOW), NOW + 5 * MINUTE);

    call = call_with("ended", MISSING_COST);
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_MISSING, NOW), NOW + MINUTE);
    call.updated_at = NOW - 10 * SECOND;
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_MISSING, NOW), NOW + 50 * SECOND);
    call.ended_at = NOW - 20 * SECOND;
    assert_int_equal(policy_first_due(&POLICY, &call, REASON_MISSING, NOW), NOW + 40 * SECOND);
}

static void a_due_job_is_looked_at_again_before_it_is_asked(void **state)
{
    (void)state;
    struct call live = call_with("ongoing", 0);
    struct call lacking = call_with("ended", MISSING_COST);
    struct call whole = call_with("ended", 0);
    assert_int_equal(policy_step_of(REASON_LIVE, 0, &live), POLICY_ASK);
    assert_int_equal(policy_step_of(REASON_LIVE, 99, &live), POLICY_ASK);
    assert_int_equal(policy_step_of(REASON_LIVE, 0, &lacking), POLICY_TURN);
    assert_int_equal(policy_step_of(REASON_LIVE, 0, &whole), POLICY_CLOSE);
    assert_int_equal(policy_step_of(REASON_LIVE, 0, NULL), POLICY_CLOSE);
    assert_int_equal(policy_step_of(REASON_MISSING, 5, &lacking), POLICY_ASK);
    assert_int_equal(policy_step_of(REASON_MISSING, 6, &lacking), POLICY_GIVE_UP);
    assert_int_equal(policy_step_of(REASON_MISSING, 6, &whole), POLICY_CLOSE);
}

static void a_status_says_whose_turn_it_is(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum reply_kind kind;
    } CASES[] = {
        {200, REPLY_ANSWERED}, {204, REPLY_ODD},    {301, REPLY_ODD},   {400, REPLY_ODD},   {401, REPLY_DENIED},
        {402, REPLY_DENIED},   {403, REPLY_DENIED}, {404, REPLY_GONE},  {408, REPLY_LATER}, {422, REPLY_GONE},
        {425, REPLY_LATER},    {429, REPLY_LATER},  {500, REPLY_LATER}, {503, REPLY_LATER}, {599, REPLY_LATER},
        {600, REPLY_ODD},      {0, REPLY_LATER},
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        if (policy_reply_of(CASES[i].status) != CASES[i].kind)
            fail_msg("%d is %s", CASES[i].status, reply_kind_name(policy_reply_of(CASES[i].status)));
}

static struct policy_next after(enum reason reason, int attempts, enum reply_kind reply, int64_t retry_after_ms,
                                uint32_t random)
{
    struct call call = call_with(reason == REASON_LIVE ? "ongoing" : "ended", MISSING_COST);
    call.started_at = NOW - 6 * MINUTE;
    return policy_next_of(&POLICY, &(struct policy_attempt){.reason = reason,
                                                            .attempts = attempts,
                                                            .reply = reply,
                                                            .retry_after_ms = retry_after_ms,
                                                            .call = &call,
                                                            .now_ms = NOW,
                                                            .random = random});
}

static void distances_grow_and_are_jittered(void **state)
{
    (void)state;
    static const int64_t LONGEST[] = {10 * SECOND, MINUTE, 5 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR};
    for (int attempts = 0; attempts < (int)COUNT(LONGEST); attempts++) {
        struct policy_next longest = after(REASON_LIVE, attempts, REPLY_LATER, 0, HIGHEST);
        struct policy_next shortest = after(REASON_LIVE, attempts, REPLY_LATER, 0, 0);
        assert_int_equal(longest.attempts, attempts + 1);
        assert_int_equal(longest.due_at - NOW, LONGEST[attempts]);
        assert_int_equal(shortest.due_at - NOW, SECOND);
    }
}

static void retry_after_is_honoured_up_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(after(REASON_MISSING, 0, REPLY_LATER, 30 * SECOND, 0).due_at - NOW, 30 * SECOND);
    assert_int_equal(after(REASON_MISSING, 0, REPLY_LATER, 24 * HOUR, 0).due_at - NOW, HOUR);
    assert_int_equal(after(REASON_MISSING, 0, REPLY_LATER, 2 * SECOND, HIGHEST).due_at - NOW, 10 * SECOND);
}

static void after_the_sixth_answer_only_its_update_is_waited_for(void **state)
{
    (void)state;
    struct policy_next last = after(REASON_MISSING, 5, REPLY_ANSWERED, 0, HIGHEST);
    assert_int_equal(last.attempts, 6);
    assert_int_equal(last.due_at - NOW, MINUTE);
}

/* Three hours of outage must not give up every call that ended in them. */
static void an_outage_never_uses_up_the_attempts(void **state)
{
    (void)state;
    struct policy_next next = after(REASON_MISSING, 5, REPLY_LATER, 0, HIGHEST);
    assert_int_equal(next.attempts, 5);
    assert_int_equal(next.due_at - NOW, 2 * HOUR);
}

static void a_refused_key_costs_no_attempt(void **state)
{
    (void)state;
    struct policy_next next = after(REASON_MISSING, 3, REPLY_DENIED, 0, HIGHEST);
    assert_int_equal(next.attempts, 3);
    assert_int_equal(next.due_at - NOW, 5 * MINUTE);
}

static void unknown_is_believed_after_a_day_and_asked_for_until_then(void **state)
{
    (void)state;
    assert_false(policy_gone_is_final(NOW - 24 * HOUR + 1, NOW));
    assert_true(policy_gone_is_final(NOW - 24 * HOUR, NOW));
    assert_false(policy_gone_is_final(CALL_NULL, NOW));
    struct policy_next next = after(REASON_MISSING, 5, REPLY_GONE, 0, HIGHEST);
    assert_int_equal(next.attempts, 5); /* a sixth would give up before the day is over */
    assert_int_equal(next.due_at - NOW, 2 * HOUR);
}

static void a_live_call_is_looked_at_ever_more_rarely(void **state)
{
    (void)state;
    static const struct {
        int64_t age_ms, again_ms;
    } CASES[] = {{6 * MINUTE, 5 * MINUTE},
                 {HOUR, 5 * MINUTE},
                 {2 * HOUR, 10 * MINUTE},
                 {24 * HOUR, 2 * HOUR},
                 {240 * HOUR, 6 * HOUR}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call call = call_with("ongoing", 0);
        call.first_seen_at = NOW - CASES[i].age_ms;
        struct policy_attempt attempt = {
            .reason = REASON_LIVE, .attempts = 4, .reply = REPLY_ANSWERED, .call = &call, .now_ms = NOW};
        struct policy_next next = policy_next_of(&POLICY, &attempt);
        assert_int_equal(next.attempts, 0);
        assert_int_equal(next.due_at - NOW, CASES[i].again_ms);
    }
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(the_reason_is_what_the_call_lacks),
        cmocka_unit_test(the_first_question_waits_for_what_still_comes_by_itself),
        cmocka_unit_test(a_due_job_is_looked_at_again_before_it_is_asked),
        cmocka_unit_test(a_status_says_whose_turn_it_is),
        cmocka_unit_test(distances_grow_and_are_jittered),
        cmocka_unit_test(retry_after_is_honoured_up_to_an_hour),
        cmocka_unit_test(after_the_sixth_answer_only_its_update_is_waited_for),
        cmocka_unit_test(an_outage_never_uses_up_the_attempts),
        cmocka_unit_test(a_refused_key_costs_no_attempt),
        cmocka_unit_test(unknown_is_believed_after_a_day_and_asked_for_until_then),
        cmocka_unit_test(a_live_call_is_looked_at_ever_more_rarely),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
