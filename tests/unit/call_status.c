/* What became of a call, told as stories of events; every order of each story must tell the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/call_merge.h"
#include "session/call_read.h"
#include "session/call_status.h"

enum { EVENTS_MAX = 5 };

/* An event as "type" or "type call-members". */
struct story {
    const char *events[EVENTS_MAX];
    const char *status;
    bool analyzed;
};

static struct call_facts facts_of(struct arena *arena, const char *event)
{
    const char *space = strchr(event, ' ');
    struct slice type = space ? (struct slice){event, (size_t)(space - event)} : slice_of(event);
    struct slice body = arena_format(arena, "{\"event_timestamp\":1703302430000,\"type\":\"%.*s\",\"call\":{%s}}",
                                     SLICE_PRINT(type), space ? space : "");
    bool ours = slice_equals(type, "call_synced") || slice_equals(type, "call_gone");
    struct event envelope = {
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = arena_format(arena, "ai.%s.%.*s", ours ? "hookline" : "retell", SLICE_PRINT(type)),
        .source = SLICE("/retell/default"),
        .subject = SLICE("c1"),
        .company_id = 1,
        .body = body,
    };
    struct call_facts facts;
    struct call_read_counts counts = {0};
    assert_int_equal(call_read(arena, &envelope, &facts, &counts), CALL_PROBLEM_NONE);
    return facts;
}

static size_t story_length(const struct story *story)
{
    size_t count = 0;
    while (count < EVENTS_MAX && story->events[count])
        count++;
    return count;
}

/* The state after the events in the order that `permutation` numbers (factorial base). */
static struct call_state state_after(struct arena *arena, const struct story *story, size_t permutation)
{
    struct call_state state;
    bool told[EVENTS_MAX] = {false};
    size_t count = story_length(story);
    call_state_init(&state);
    for (size_t left = count; left > 0; left--) {
        size_t skip = permutation % left;
        permutation /= left;
        for (size_t i = 0; i < count; i++) {
            if (told[i] || skip-- > 0)
                continue;
            struct call_facts facts = facts_of(arena, story->events[i]);
            if (facts.kind == CALL_EVENT_STATE)
                call_merge(&state, &facts.state);
            told[i] = true;
            break;
        }
    }
    return state;
}

static void tell(const struct story *stories, size_t count)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        size_t permutations = 1;
        for (size_t n = 2; n <= story_length(&stories[i]); n++)
            permutations *= n;
        for (size_t permutation = 0; permutation < permutations; permutation++) {
            struct call_state state = state_after(arena, &stories[i], permutation);
            if (!slice_equals(state.call.status, stories[i].status) || state.call.analyzed != stories[i].analyzed)
                fail_msg("%s, … in order %zu: %.*s, not %s", stories[i].events[0], permutation,
                         SLICE_PRINT(state.call.status), stories[i].status);
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

static void a_call_becomes_what_its_events_say(void **state)
{
    (void)state;
    static const struct story STORIES[] = {
        {{"call_started"}, "ongoing", false},
        {{"call_started \"call_status\":\"registered\""}, "ongoing", false},
        {{"transcript_updated"}, "ongoing", false},
        {{"transfer_started"}, "ongoing", false},
        {{"call_ended"}, "ended", false},
        {{"call_ended \"call_status\":\"registered\""}, "ended", false},
        {{"call_analyzed"}, "ended", true},
        {{"call_analyzed", "call_started"}, "ended", true},
        {{"call_ended", "call_started", "transcript_updated"}, "ended", false},
        {{"call_started", "call_ended", "call_analyzed", "transfer_ended"}, "ended", true},
        {{"call_ended \"call_status\":\"error\""}, "error", false},
        {{"call_ended \"call_status\":\"not_connected\"", "call_started"}, "not_connected", false},
        {{"call_ended \"disconnection_reason\":\"user_hangup\",\"call_status\":\"error\""}, "ended", false},
        {{"call_ended \"disconnection_reason\":\"a_reason_of_tomorrow\",\"call_status\":\"error\""}, "error", false},
        {{"call_ended \"disconnection_reason\":\"a_reason_of_tomorrow\""}, "ended", false},
        {{"call_ended \"call_status\":\"error\"", "call_analyzed \"call_status\":\"ended\""}, "ended", true},
        {{"call_ended \"disconnection_reason\":\"user_hangup\"",
          "call_analyzed \"disconnection_reason\":\"error_asr\""},
         "error",
         true},
    };
    tell(STORIES, COUNT(STORIES));
}

static void a_synced_answer_counts_by_its_status(void **state)
{
    (void)state;
    static const struct story STORIES[] = {
        {{"call_synced"}, "registered", false},
        {{"call_synced \"call_status\":\"registered\""}, "registered", false},
        {{"call_synced \"call_status\":\"registered\"", "call_started"}, "ongoing", false},
        {{"call_synced \"call_status\":\"ongoing\""}, "ongoing", false},
        {{"call_synced \"call_status\":\"ended\""}, "ended", false},
        {{"call_synced \"call_status\":\"not_connected\"", "call_started"}, "not_connected", false},
        {{"call_synced \"call_status\":\"error\""}, "error", false},
        {{"call_synced \"call_status\":\"ongoing\"", "call_ended"}, "ended", false},
        {{"call_synced \"call_status\":\"ended\",\"call_analysis\":{\"call_summary\":\"s\"}", "call_started"},
         "ended",
         true},
        {{"call_synced \"call_status\":\"ended\",\"disconnection_reason\":\"dial_busy\""}, "not_connected", false},
        {{"transcript_updated \"call_status\":\"ended\""},
         "ongoing",
         false}, /* a webhook ends a call only by its type */
    };
    tell(STORIES, COUNT(STORIES));
}

static void a_call_that_is_gone_is_an_error_unless_it_ended(void **state)
{
    (void)state;
    static const struct story STORIES[] = {
        {{"call_gone"}, "error", false},
        {{"call_gone", "call_started"}, "error", false},
        {{"call_gone", "call_started", "call_ended \"disconnection_reason\":\"user_hangup\""}, "ended", false},
        {{"call_gone", "call_analyzed"}, "ended", true},
        {{"call_gone", "call_synced \"call_status\":\"not_connected\""}, "not_connected", false},
    };
    tell(STORIES, COUNT(STORIES));
}

/* retell-sdk 5.66.1 lists 34; the families cover those of tomorrow. */
static void every_disconnection_reason_has_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *status;
    } REASONS[] = {
        {"user_hangup", "ended"},
        {"agent_hangup", "ended"},
        {"call_transfer", "ended"},
        {"voicemail_reached", "ended"},
        {"ivr_reached", "ended"},
        {"inactivity", "ended"},
        {"max_duration_reached", "ended"},
        {"concurrency_limit_reached", "error"},
        {"no_concurrency_fallback", "said"},
        {"no_valid_payment", "error"},
        {"scam_detected", "error"},
        {"dial_busy", "not_connected"},
        {"dial_failed", "not_connected"},
        {"dial_no_answer", "not_connected"},
        {"invalid_destination", "not_connected"},
        {"telephony_provider_permission_denied", "not_connected"},
        {"telephony_provider_unavailable", "not_connected"},
        {"sip_routing_error", "not_connected"},
        {"marked_as_spam", "not_connected"},
        {"user_declined", "not_connected"},
        {"error_llm_websocket_open", "error"},
        {"error_llm_websocket_lost_connection", "error"},
        {"error_llm_websocket_runtime", "error"},
        {"error_llm_websocket_corrupt_payload", "error"},
        {"error_no_audio_received", "error"},
        {"error_asr", "error"},
        {"error_retell", "error"},
        {"error_unknown", "error"},
        {"error_user_not_joined", "error"},
        {"error_inbound_webhook", "error"},
        {"registered_call_timeout", "said"},
        {"transfer_bridged", "said"},
        {"transfer_cancelled", "said"},
        {"manual_stopped", "said"},
        {"call_take_over", "said"},
        {"machine_detected", "said"},
        {"", "said"},
        {"user_hangup_", "said"},
    };
    static const enum call_status SAID[] = {CALL_ENDED, CALL_NOT_CONNECTED, CALL_ERROR};
    for (size_t i = 0; i < COUNT(REASONS); i++)
        for (size_t j = 0; j < COUNT(SAID); j++) {
            struct call_state call;
            call_state_init(&call);
            call.evidence = EVIDENCE_TERMINAL;
            call.end_said = (uint8_t)SAID[j];
            call.call.disconnection_reason = slice_of(REASONS[i].reason);
            struct slice status = call_status_name(call_status_of(&call));
            bool by_word = strcmp(REASONS[i].status, "said") == 0;
            assert_true(by_word ? call_status_of(&call) == SAID[j] : slice_equals(status, REASONS[i].status));
        }
}

static void what_is_missing_depends_on_what_may_come(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    static const struct {
        const char *call;
        unsigned missing;
    } CASES[] = {
        {" \"duration_ms\":1", 31},
        {" \"duration_ms\":0", 0},
        {" ", 0},
        {" \"duration_ms\":1,\"disconnection_reason\":\"dial_busy\"", 0},
        {" \"duration_ms\":1,\"transcript\":\"\",\"recording_url\":\"u\"",
         MISSING_COST | MISSING_SUMMARY | MISSING_LATENCY},
        {" \"duration_ms\":1,\"call_cost\":{\"combined_cost\":0},\"latency\":{}",
         MISSING_TRANSCRIPT | MISSING_SUMMARY | MISSING_RECORDING},
        {" \"duration_ms\":1,\"data_storage_setting\":\"basic_attributes_only\"", MISSING_COST | MISSING_LATENCY},
        {" \"duration_ms\":1,\"data_storage_setting\":\"everything_except_pii\"", 31},
        {" \"duration_ms\":1,\"data_storage_setting\":null", 31},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call_facts facts = facts_of(arena, arena_format(arena, "call_ended%s", CASES[i].call).ptr);
        struct call_state call;
        call_state_init(&call);
        call_merge(&call, &facts.state);
        assert_int_equal(call.call.missing, CASES[i].missing);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_becomes_what_its_events_say),
        cmocka_unit_test(a_synced_answer_counts_by_its_status),
        cmocka_unit_test(a_call_that_is_gone_is_an_error_unless_it_ended),
        cmocka_unit_test(every_disconnection_reason_has_its_status),
        cmocka_unit_test(what_is_missing_depends_on_what_may_come),
    };
    return cmocka_run_group_tests_name("call_status", tests, NULL, NULL);
}
