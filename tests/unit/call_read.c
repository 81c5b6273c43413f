/* What bodies say about a call: the vendor's samples, and bodies that no vendor should send. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "session/call_read.h"
#include "session/jsonb.h"

static struct arena *arena;
static struct call_read_counts counts;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    counts = (struct call_read_counts){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct event an_event(const char *type, struct slice body)
{
    return (struct event){
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = slice_of(type),
        .source = SLICE("/retell/default"),
        .subject = SLICE("c1"),
        .company_id = 1,
        .body = body,
    };
}

static struct call_facts facts_of(const char *type, struct slice body)
{
    struct event event = an_event(type, body);
    struct call_facts facts;
    assert_int_equal(call_read(arena, &event, &facts, &counts), CALL_PROBLEM_NONE);
    return facts;
}

/* Facts of a body's call object, as call_ended. */
static struct call_facts facts_of_call(const char *members)
{
    return facts_of("ai.retell.call_ended", arena_format(arena, "{\"event\":\"call_ended\",\"call\":{%s}}", members));
}

static struct slice sample(const char *name)
{
    struct slice path = arena_format(arena, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path.ptr, "rb");
    assert_non_null(file);
    char *text = arena_alloc(arena, 65536);
    size_t len = fread(text, 1, 65536, file);
    fclose(file);
    return (struct slice){text, len};
}

static bool said(const struct call_facts *facts, enum call_register which)
{
    return facts->state.stamps.known >> which & 1;
}

static void the_vendors_call_ended_is_read_whole(void **state)
{
    (void)state;
    struct call_facts facts = facts_of("ai.retell.call_ended", sample("retell_call_ended.json"));
    const struct call *call = &facts.state.call;
    assert_int_equal(facts.kind, CALL_EVENT_STATE);
    assert_true(slice_equals(call->agent_id, "oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD"));
    assert_true(slice_equals(call->call_type, "phone_call"));
    assert_true(slice_equals(call->metadata, "{\"customer_id\":\"cust_123\"}"));
    assert_int_equal(call->started_at, 1703302407333);
    assert_int_equal(call->ended_at, 1703302428855);
    assert_int_equal(call->duration_ms, 21522);
    assert_true(slice_starts_with(call->transcript, "Agent: hi how are you doing?\n"));
    assert_non_null(memmem(call->transcript.ptr, call->transcript.len, "Müller", strlen("Müller")));
    assert_false(slice_absent(call->recording_url));
    assert_int_equal(facts.state.storage, STORAGE_EVERYTHING);
    assert_int_equal(facts.state.end_said, CALL_ENDED);
    assert_int_equal(facts.state.evidence, EVIDENCE_TERMINAL);
    assert_false(said(&facts, REGISTER_SUMMARY));
    assert_int_equal(facts.state.stamps.of[REGISTER_TRANSCRIPT].rank, 3);
    assert_int_equal(counts.repaired + counts.absurd, 0);
}

static void the_vendors_call_analyzed_has_cost_and_analysis(void **state)
{
    (void)state;
    struct call_facts facts = facts_of("ai.retell.call_analyzed", sample("retell_call_analyzed.json"));
    const struct call *call = &facts.state.call;
    assert_false(slice_absent(call->summary));
    assert_false(slice_absent(call->sentiment));
    assert_int_equal(call->successful, 1);
    assert_true(call->cost_cents > 0);
    assert_false(slice_absent(call->cost_breakdown));
    assert_true(call->latency_e2e_p50_ms > 0);
    assert_int_equal(facts.state.evidence, EVIDENCE_TERMINAL | EVIDENCE_ANALYZED);
    assert_int_equal(facts.state.stamps.of[REGISTER_SUMMARY].rank, 4);
}

/* No start, no end, empty texts, a cost of 0: all of it said, none of it missing by mistake. */
static void a_call_that_never_connected_says_so(void **state)
{
    (void)state;
    struct call_facts facts = facts_of("ai.retell.call_analyzed", sample("retell_call_analyzed_not_connected.json"));
    const struct call *call = &facts.state.call;
    assert_true(slice_equals(call->disconnection_reason, "invalid_destination"));
    assert_int_equal(facts.state.end_said, CALL_NOT_CONNECTED);
    assert_int_equal(call->started_at, CALL_NULL);
    assert_true(slice_equals(call->summary, ""));
    assert_int_equal(call->cost_cents, 0);
    assert_int_equal(call->duration_ms, 0);
    assert_true(slice_equals(call->custom_analysis, "{}"));
    assert_int_equal(facts.state.stamps.of[REGISTER_SOURCE].clock, 1778699295274);
}

static void what_a_type_proves(void **state)
{
    (void)state;
    static const struct {
        const char *type, *call;
        enum call_event_kind kind;
        uint8_t rank, evidence;
    } CASES[] = {
        {"ai.retell.call_started", "{}", CALL_EVENT_STATE, 1, EVIDENCE_STARTED},
        {"ai.retell.transcript_updated", "{}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.retell.transfer_started", "{}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.retell.transfer_bridged", "{}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.retell.transfer_cancelled", "{}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.retell.transfer_ended", "{}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.retell.call_ended", "{}", CALL_EVENT_STATE, 3, EVIDENCE_TERMINAL},
        {"ai.retell.call_ended", "{\"call_status\":\"registered\"}", CALL_EVENT_STATE, 3, EVIDENCE_TERMINAL},
        {"ai.retell.call_analyzed", "{}", CALL_EVENT_STATE, 4, EVIDENCE_TERMINAL | EVIDENCE_ANALYZED},
        {"ai.hookline.call_synced", "{\"call_status\":\"registered\"}", CALL_EVENT_STATE, 2, 0},
        {"ai.hookline.call_synced", "{\"call_status\":\"ongoing\"}", CALL_EVENT_STATE, 2, EVIDENCE_STARTED},
        {"ai.hookline.call_synced", "{\"call_status\":\"ended\"}", CALL_EVENT_STATE, 3, EVIDENCE_TERMINAL},
        {"ai.hookline.call_synced", "{\"call_status\":\"not_connected\"}", CALL_EVENT_STATE, 3, EVIDENCE_TERMINAL},
        {"ai.hookline.call_synced", "{\"call_status\":\"error\"}", CALL_EVENT_STATE, 3, EVIDENCE_TERMINAL},
        {"ai.hookline.call_synced", "{\"call_status\":\"ended\",\"call_analysis\":{\"call_summary\":\"s\"}}",
         CALL_EVENT_STATE, 4, EVIDENCE_TERMINAL | EVIDENCE_ANALYZED},
        {"ai.hookline.call_synced", "{\"call_status\":\"a word of tomorrow\"}", CALL_EVENT_STATE, 2, 0},
        {"ai.hookline.call_gone", "{\"agent_id\":\"a\"}", CALL_EVENT_STATE, 0, EVIDENCE_GONE},
        {"ai.retell.call_dreamt", "{\"agent_id\":\"a\"}", CALL_EVENT_IGNORED, 0, 0},
        {"ai.retell.call_gone", "{}", CALL_EVENT_IGNORED, 0, 0},     /* only hookline says that a call is gone */
        {"ai.retell.call_assigned", "{}", CALL_EVENT_IGNORED, 0, 0}, /* or moves one */
        {"ai.retell.call_synced", "{}", CALL_EVENT_IGNORED, 0, 0},
        {"com.cal.BOOKING_CREATED", "{}", CALL_EVENT_IGNORED, 0, 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call_facts facts = facts_of(CASES[i].type, arena_format(arena, "{\"call\":%s}", CASES[i].call));
        assert_int_equal(facts.kind, CASES[i].kind);
        assert_int_equal(facts.state.evidence, CASES[i].evidence);
        assert_int_equal(facts.state.stamps.of[REGISTER_SOURCE].rank, CASES[i].rank);
        assert_int_equal(said(&facts, REGISTER_SOURCE), CASES[i].kind == CALL_EVENT_STATE);
        assert_false(said(&facts, REGISTER_AGENT_ID));
    }
}

static void the_body_clock_takes_the_best_that_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int64_t clock;
    } CASES[] = {
        {"{\"event_timestamp\":1703302430000,\"call\":{\"end_timestamp\":1703302428855}}", 1703302430000},
        {"{\"event_timestamp\":\"later\",\"call\":{\"end_timestamp\":1703302428855,\"start_timestamp\":1703302407333}}",
         1703302428855},
        {"{\"event_timestamp\":99,\"call\":{\"start_timestamp\":1703302407333}}", 1703302407333},
        {"{\"call\":{\"start_timestamp\":1703302407333,\"transcript_object\":[{\"words\":[{\"end\":1.5},{\"end\":2.25}]"
         "},{\"words\":[]}]}}",
         1703302409583},
        {"{\"call\":{\"start_timestamp\":1703302407333,\"transcript_object\":[{\"words\":[{\"end\":1e300}]}]}}",
         1703302407333},
        {"{\"call\":{\"transcript_object\":[{\"words\":[{\"end\":2.25}]}]}}", 0},
        {"{\"call\":null}", 0},
        {"{}", 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call_facts facts = facts_of("ai.retell.transcript_updated", slice_of(CASES[i].body));
        assert_int_equal(facts.state.stamps.of[REGISTER_SOURCE].clock, CASES[i].clock);
    }
}

/* Wrong types everywhere: nothing is said but the source, nothing is an error. */
static void wrong_types_are_absent(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"null", "17", "\"text\"", "true", "[]", "{}", "-1.5"};
    static const char *const TEXTS[] = {
        "agent_id",      "call_type",  "direction",   "from_number",         "to_number", "disconnection_reason",
        "recording_url", "transcript", "call_status", "data_storage_setting"};
    static const char *const OTHERS[] = {"start_timestamp", "end_timestamp", "duration_ms", "call_analysis",
                                         "call_cost",       "latency",       "metadata"};
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        if (WRONG[i][0] != '"')
            for (size_t j = 0; j < COUNT(TEXTS); j++) {
                struct call_facts facts = facts_of_call(arena_format(arena, "\"%s\":%s", TEXTS[j], WRONG[i]).ptr);
                assert_int_equal(facts.state.stamps.known, 1U << REGISTER_SOURCE);
            }
        if (strcmp(WRONG[i], "{}") != 0 && strcmp(WRONG[i], "17") != 0)
            for (size_t j = 0; j < COUNT(OTHERS); j++) {
                struct call_facts facts = facts_of_call(arena_format(arena, "\"%s\":%s", OTHERS[j], WRONG[i]).ptr);
                assert_int_equal(facts.state.stamps.known, 1U << REGISTER_SOURCE);
            }
    }
    assert_int_equal(counts.absurd, 0);
    facts_of("ai.retell.call_ended", SLICE("{\"call\":[1,2]}"));
}

static void absurd_values_are_absent_and_counted(void **state)
{
    (void)state;
    static const char *const ABSURD[] = {
        "\"start_timestamp\":0",
        "\"start_timestamp\":-1",
        "\"end_timestamp\":253402300800000",
        "\"end_timestamp\":9223372036854775807",
        "\"duration_ms\":-1",
        "\"call_cost\":{\"combined_cost\":1e8}",
        "\"latency\":{\"e2e\":{\"p50\":1e9}}",
        "\"metadata\":{\"n\":1e5000}",
    };
    for (size_t i = 0; i < COUNT(ABSURD); i++) {
        counts = (struct call_read_counts){0};
        facts_of_call(ABSURD[i]);
        assert_int_equal(counts.absurd, 1);
    }
    assert_int_equal(facts_of_call("\"start_timestamp\":1e12").state.call.started_at, INT64_C(1000000000000));
}

static void broken_text_is_repaired_and_counted(void **state)
{
    (void)state;
    struct call_facts facts = facts_of(
        "ai.retell.call_ended",
        SLICE("{\"call\":{\"agent_id\":\"a\\u0000b\",\"transcript\":\"x\xff\",\"metadata\":{\"k\":\"\\u0000\xc3\"}}}"));
    assert_true(slice_equals(facts.state.call.agent_id, "a\xef\xbf\xbd"
                                                        "b"));
    assert_true(slice_equals(facts.state.call.transcript, "x\xef\xbf\xbd"));
    assert_null(memchr(facts.state.call.metadata.ptr, '\xc3', facts.state.call.metadata.len));
    assert_null(memmem(facts.state.call.metadata.ptr, facts.state.call.metadata.len, "u0000", 5));
    assert_true(counts.repaired >= 4);
}

/* An update larger than Kafka takes could never be published, and would stop its stage for good. */
static void what_travels_in_updates_is_cut_between_two_characters(void **state)
{
    (void)state;
    enum { MAX = 65536 };
    char *text = arena_alloc(arena, MAX + 3);
    memset(text, 'x', MAX - 1);
    memcpy(text + MAX - 1, "ü!", 4);
    struct call_facts facts =
        facts_of_call(arena_format(arena, "\"agent_id\":\"%s\",\"transcript\":\"%s\"", text, text).ptr);
    assert_int_equal(facts.state.call.agent_id.len, MAX - 1);
    assert_int_equal(facts.state.call.transcript.len, MAX + 2); /* no update carries it */
    assert_int_equal(counts.absurd, 1);
}

static void cents_unless_the_source_says_dollars(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        int64_t cost;
    } CASES[] = {{NULL, 15215000}, {"cents", 15215000}, {"dollars", 1521500000}, {"pounds", CALL_NULL}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct event event =
            an_event("ai.retell.call_ended", SLICE("{\"call\":{\"call_cost\":{\"combined_cost\":15.215}}}"));
        event.cost_unit = slice_of(CASES[i].unit);
        struct call_facts facts;
        assert_int_equal(call_read(arena, &event, &facts, &counts), CALL_PROBLEM_NONE);
        assert_int_equal(facts.state.call.cost_cents, CASES[i].cost);
    }
    assert_int_equal(counts.absurd, 1);
}

static void what_can_never_be_read_is_named(void **state)
{
    (void)state;
    char long_id[130];
    memset(long_id, 'x', sizeof long_id);
    const struct event good = an_event("ai.retell.call_ended", SLICE("{}"));
    struct event no_subject = good;
    struct event long_subject = good;
    struct event no_company = good;
    struct event not_json = good;
    struct event not_object = good;
    struct event assigned = good;
    no_subject.subject = SLICE_ABSENT;
    long_subject.subject = (struct slice){long_id, 129};
    no_company.company_id = 0;
    not_json.body = SLICE("{\"call\":");
    not_object.body = SLICE("[]");
    assigned.type = SLICE("ai.hookline.call_assigned");
    assigned.body = SLICE("{\"from\":1,\"to\":1}");
    struct call_facts facts;
    assert_int_equal(call_read(arena, &good, &facts, &counts), CALL_PROBLEM_NONE);
    assert_int_equal(call_read(arena, &no_subject, &facts, &counts), CALL_PROBLEM_NO_CALL_ID);
    assert_int_equal(call_read(arena, &long_subject, &facts, &counts), CALL_PROBLEM_CALL_ID_TOO_LONG);
    assert_int_equal(call_read(arena, &no_company, &facts, &counts), CALL_PROBLEM_NO_COMPANY);
    assert_int_equal(call_read(arena, &not_json, &facts, &counts), CALL_PROBLEM_NOT_JSON);
    assert_int_equal(call_read(arena, &not_object, &facts, &counts), CALL_PROBLEM_NOT_JSON);
    assert_int_equal(call_read(arena, &assigned, &facts, &counts), CALL_PROBLEM_NO_ASSIGNMENT);
    assigned.body = SLICE("{\"from\":1,\"to\":2}");
    assert_int_equal(call_read(arena, &assigned, &facts, &counts), CALL_PROBLEM_NONE);
    assert_int_equal(facts.assigned_to, 2);
    for (int problem = CALL_PROBLEM_NOT_JSON; problem <= CALL_PROBLEM_NO_ASSIGNMENT; problem++) {
        assert_true(strlen(call_problem_code((enum call_problem)problem)) > 0);
        assert_true(strlen(call_problem_sentence((enum call_problem)problem)) > 0);
    }
}

static void jsonb_takes_what_postgresql_can_hold(void **state)
{
    (void)state;
    char deep[1024];
    memset(deep, '[', 300);
    memset(deep + 300, ']', 300);
    assert_false(jsonb_takes((struct slice){deep, 600}));
    assert_true(jsonb_takes((struct slice){deep + 44, 512}));
    assert_true(jsonb_takes(SLICE("{\"[[[\\\"[\":\"{1e99999}\",\"n\":[-1.5e+300,0]}")));
    assert_false(jsonb_takes(SLICE("{\"n\":1E+1000}")));
    char digits[80];
    memset(digits, '9', sizeof digits);
    assert_true(jsonb_takes((struct slice){digits, 64}));
    assert_false(jsonb_takes((struct slice){digits, 65}));
}

/* RFC 8259 leaves it open; jsonb keeps the last. One reader, one answer: the first. */
static void the_first_of_duplicate_keys_counts(void **state)
{
    (void)state;
    static const struct {
        const char *json, *kept;
        uint64_t dropped;
    } CASES[] = {
        {"{}", "{}", 0},
        {"{\"a\":1,\"b\":1,\"ab\":1}", "{\"a\":1,\"b\":1,\"ab\":1}", 0},
        {"{\"a\":1,\"a\":2}", "{\"a\":1}", 1},
        {"{\"a\":1,\"b\":0,\"a\":2,\"a\":3,\"c\":0}", "{\"a\":1,\"b\":0,\"c\":0}", 2},
        {"{\"a\":{\"x\":1,\"x\":2},\"x\":3}", "{\"a\":{\"x\":1},\"x\":3}", 1},
        {"{\"a\":1,\"a\":{\"x\":1,\"x\":2}}", "{\"a\":1}", 1},
        {"[{\"a\":1,\"a\":2},{\"a\":3,\"a\":[{\"a\":4}]}]", "[{\"a\":1},{\"a\":3}]", 2},
        {"{\"a\":\"a\",\"b\":[\"a\",\"a\"],\"\":0,\"\":1}", "{\"a\":\"a\",\"b\":[\"a\",\"a\"],\"\":0}", 1},
        {"{\"\\\"a\":1,\"\\\"a\":2,\"}\":3}", "{\"\\\"a\":1,\"}\":3}", 1},
        {"7", "7", 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        uint64_t dropped = 0;
        assert_slice(jsonb_first_keys(arena, slice_of(CASES[i].json), &dropped), CASES[i].kept);
        assert_int_equal(dropped, CASES[i].dropped);
    }
    struct call_facts facts =
        facts_of_call("\"agent_id\":\"a\",\"agent_id\":\"b\",\"metadata\":{\"k\":1},"
                      "\"metadata\":{},\"latency\":{\"k\":1,\"\\u006b\":2,\"\xff\":3,\"\xfe\":4}");
    assert_slice(facts.state.call.agent_id, "a");
    assert_slice(facts.state.call.metadata, "{\"k\":1}");
    assert_slice(facts.state.call.latency, "{\"k\":1,\"\xef\xbf\xbd\":3}"); /* repaired to one key are one */
    assert_int_equal(counts.absurd, 2);
}

static void a_gone_call_has_a_clock_and_says_nothing(void **state)
{
    (void)state;
    struct call_facts facts =
        facts_of("ai.hookline.call_gone",
                 SLICE("{\"call\":{\"start_timestamp\":1703302407333,\"end_timestamp\":1703302428855}}"));
    assert_int_equal(facts.state.stamps.of[REGISTER_SOURCE].clock, 1703302428855);
    assert_int_equal(facts.state.stamps.known, 1U << REGISTER_SOURCE);
    assert_int_equal(facts.state.call.ended_at, CALL_NULL);
}

#define CALL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(the_vendors_call_ended_is_read_whole),
        CALL_TEST(the_vendors_call_analyzed_has_cost_and_analysis),
        CALL_TEST(a_call_that_never_connected_says_so),
        CALL_TEST(what_a_type_proves),
        CALL_TEST(the_body_clock_takes_the_best_that_is_there),
        CALL_TEST(wrong_types_are_absent),
        CALL_TEST(absurd_values_are_absent_and_counted),
        CALL_TEST(broken_text_is_repaired_and_counted),
        CALL_TEST(what_travels_in_updates_is_cut_between_two_characters),
        CALL_TEST(cents_unless_the_source_says_dollars),
        CALL_TEST(what_can_never_be_read_is_named),
        CALL_TEST(jsonb_takes_what_postgresql_can_hold),
        CALL_TEST(the_first_of_duplicate_keys_counts),
        CALL_TEST(a_gone_call_has_a_clock_and_says_nothing),
    };
    return cmocka_run_group_tests_name("call_read", tests, NULL, NULL);
}
