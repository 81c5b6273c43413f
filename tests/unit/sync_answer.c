/* What the platform says becomes an event, byte for byte; what it says of another call does not. */
#include "tests/unit/test.h"

#include "common/call_json.h"
#include "sync/answer.h"

static const int64_t FETCHED = 1762862400123;

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void only_an_object_about_this_call_is_an_answer(void **state)
{
    static const struct {
        const char *bytes;
        bool fine;
    } CASES[] = {
        {"{\"call_id\":\"call_1\"}", true},
        {" {\"call_id\":\"call_1\",\"x\":[{}]}\r\n", true},
        {"{\"call_id\":\"call_2\"}", false},
        {"{\"call_id\":\"call_\"}", false},
        {"{\"call_id\":7}", false},
        {"{}", false},
        {"[{\"call_id\":\"call_1\"}]", false},
        {"\"call_1\"", false},
        {"", false},
        {"<html>502 Bad Gateway</html>", false},
        {"{\"call_id\":\"call_1\"", false},
        {"{\"call\":{\"call_id\":\"call_1\"}}", false},
        {"{\"call_id\":\"call_1\"}{}", false},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct answer answer;
        const char *problem = answer_read(&answer, *state, slice_of(CASES[i].bytes), SLICE("call_1"));
        if ((problem == NULL) != CASES[i].fine)
            fail_msg("%s: %s", CASES[i].bytes, problem ? problem : "taken");
    }
}

static void cost_and_latency_are_read_where_they_are(void **state)
{
    struct answer answer;
    assert_null(answer_read(&answer, *state,
                            SLICE("{\"call_id\":\"c\",\"call_cost\":{\"combined_cost\":15.215},"
                                  "\"latency\":{\"e2e\":{\"p50\":1.5,\"p95\":5200.5}}}"),
                            SLICE("c")));
    assert_int_equal(answer.cost, 15215000);
    assert_int_equal(answer.e2e_p95_ms, 5201);
    assert_null(
        answer_read(&answer, *state, SLICE("{\"call_id\":\"c\",\"latency\":null,\"call_cost\":[1]}"), SLICE("c")));
    assert_true(answer.cost == CALL_NULL);
    assert_true(answer.e2e_p95_ms == CALL_NULL);
}

static bool differs(int64_t stored, int64_t answered, bool analyzed)
{
    struct call call;
    call_init(&call);
    call.cost_cents = stored;
    call.analyzed = analyzed;
    return answer_cost_differs(&call, answered);
}

static void a_cost_differs_by_more_than_a_hundredth(void **state)
{
    (void)state;
    assert_false(differs(15215000, 15215000, true));
    assert_false(differs(15215000, 15225000, true));
    assert_true(differs(15215000, 15225001, true));
    assert_true(differs(15225001, 15215000, true));
    assert_true(differs(15215000, INT64_MIN + 1, true));
    assert_false(differs(CALL_NULL, 15215000, true));
    assert_false(differs(15215000, CALL_NULL, true));
    assert_false(differs(1365000, 3065000, false)); /* its analysis is billed after call_ended: 1.7 cents more */
}

static void the_answers_bytes_stand_in_the_event_as_they_came(void **state)
{
    struct slice value = answer_synced_value(*state, SLICE("{ \"call_id\" : \"c\",\"x\":1.50 }\n"), FETCHED);
    assert_true(slice_equals(value, "{\"event\":\"call_synced\",\"event_timestamp\":1762862400123,"
                                    "\"call\":{ \"call_id\" : \"c\",\"x\":1.50 }\n}"));
    assert_true(slice_equals(answer_gone_value(*state, SLICE("a\"b\\c"), FETCHED),
                             "{\"event\":\"call_gone\",\"event_timestamp\":1762862400123,"
                             "\"call\":{\"call_id\":\"a\\\"b\\\\c\"}}"));
}

static struct answer_about about(int64_t source_company)
{
    return (struct answer_about){
        .company_id = 7,
        .call_id = SLICE("call_1"),
        .source = SLICE("default"),
        .source_company = source_company,
        .correlation_id = SLICE("0197-x"),
        .fetched_ms = FETCHED,
    };
}

static struct slice header_of(const struct header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return SLICE_ABSENT;
}

static void the_envelope_is_that_of_the_calls_source(void **state)
{
    struct answer_about job = about(0);
    struct slice value = SLICE("{}");
    struct event event = answer_event(*state, ANSWER_SYNCED, &job, value);
    struct header headers[EVENT_HEADERS_MAX];
    size_t count = event_write(&event, *state, headers);

    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 0, value), id);
    assert_true(slice_equals(header_of(headers, count, "ce_id"), id));
    assert_true(slice_equals(header_of(headers, count, "ce_source"), "/retell/default"));
    assert_true(slice_absent(header_of(headers, count, "ce_sourcecompany")));
    assert_true(slice_absent(header_of(headers, count, "ce_costunit")));
    assert_true(slice_equals(header_of(headers, count, "ce_type"), "ai.hookline.call_synced"));
    assert_true(slice_equals(header_of(headers, count, "ce_subject"), "call_1"));
    assert_true(slice_equals(header_of(headers, count, "ce_time"), "2025-11-11T12:00:00.123Z"));
    assert_true(slice_equals(header_of(headers, count, "ce_correlationid"), "0197-x"));
    assert_true(slice_equals(header_of(headers, count, "ce_companyid"), "7"));
    assert_true(slice_absent(header_of(headers, count, "ce_branchid")));
    assert_true(slice_equals(header_of(headers, count, "ce_resolvedby"), "sync"));
}

static void a_bound_source_is_named_only_if_it_is_the_jobs_company(void **state)
{
    struct answer_about own = about(7);
    struct answer_about foreign = about(8);
    assert_int_equal(answer_event(*state, ANSWER_SYNCED, &own, SLICE("{}")).source_company, 7);
    struct event event = answer_event(*state, ANSWER_GONE, &foreign, SLICE("{}"));
    assert_int_equal(event.source_company, 0);
    assert_int_equal(event.company_id, 7);
    assert_true(slice_equals(event.type, "ai.hookline.call_gone"));
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(only_an_object_about_this_call_is_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(cost_and_latency_are_read_where_they_are, setup, teardown),
        cmocka_unit_test(a_cost_differs_by_more_than_a_hundredth),
        cmocka_unit_test_setup_teardown(the_answers_bytes_stand_in_the_event_as_they_came, setup, teardown),
        cmocka_unit_test_setup_teardown(the_envelope_is_that_of_the_calls_source, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bound_source_is_named_only_if_it_is_the_jobs_company, setup, teardown),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
