/* call_json.c: the same call is the same bytes, columns in table order, null kept. */
#include "tests/unit/test.h"

#include "common/arena.h"
#include "common/call_json.h"
#include "common/json.h"

static struct call a_call(void)
{
    struct call call;
    call_init(&call);
    call.company_id = 1;
    call.call_id = SLICE("call_ü\"1");
    call.source = SLICE("default");
    call.from_number = SLICE("+493083793369");
    call.started_at = 1795253400123;
    call.status = SLICE("ended");
    call.transcript = SLICE("Agent: Guten Tag");
    call.in_voicemail = 0;
    call.analyzed = true;
    call.cost_cents = 15215000;
    call.latency_e2e_p50_ms = 812500;
    call.latency = SLICE("{\"e2e\":{\"p50\":812.5}}");
    call.missing = MISSING_SUMMARY | MISSING_RECORDING;
    call.version = 7;
    call.first_seen_at = 1795253400200;
    call.updated_at = 1795253460000;
    return call;
}

static void brief_leaves_out_what_is_large(void **state)
{
    (void)state;
    const struct call call = a_call();
    struct buffer out = {0};
    call_json_write(&out, &call, CALL_JSON_BRIEF);
    assert_slice(
        buffer_slice(&out),
        "{\"company_id\":1,\"call_id\":\"call_ü\\\"1\",\"source\":\"default\",\"branch_id\":null,\"customer_id\":null,"
        "\"agent_id\":null,\"call_type\":null,\"direction\":null,\"from_number\":\"+493083793369\",\"to_number\":null,"
        "\"started_at\":\"2026-11-21T09:30:00.123Z\",\"ended_at\":null,\"duration_ms\":null,\"status\":\"ended\","
        "\"disconnection_reason\":null,\"recording_url\":null,\"summary\":null,\"sentiment\":null,\"successful\":null,"
        "\"in_voicemail\":false,\"analyzed\":true,\"cost_cents\":15.215,\"latency_e2e_p50_ms\":812.5,"
        "\"missing\":[\"summary\",\"recording\"],\"version\":7,\"first_seen_at\":\"2026-11-21T09:30:00.200Z\","
        "\"updated_at\":\"2026-11-21T09:31:00.000Z\"}");
    buffer_free(&out);
}

static void whole_has_every_column(void **state)
{
    (void)state;
    const struct call call = a_call();
    struct buffer out = {0};
    struct arena *arena = arena_new();
    const char *problem = NULL;
    call_json_write(&out, &call, CALL_JSON_WHOLE);
    const struct json *root = json_read(arena, buffer_slice(&out), &problem);
    assert_slice(json_text(json_get(root, "transcript")), "Agent: Guten Tag");
    assert_true(json_is_object(json_get(root, "latency")));
    assert_true(json_is_null(json_get(root, "metadata")));
    assert_int_equal(json_length(root), 32); /* the table has 33 columns; stamps never leave */
    arena_free(arena);
    buffer_free(&out);
}

static void an_update_names_its_event(void **state)
{
    (void)state;
    const struct call call = a_call();
    const struct call_update_event event = {SLICE("00112233445566778899aabbccddeeff"), SLICE("ai.retell.call_ended"),
                                            1795253460000};
    struct buffer out = {0};
    call_update_write(&out, &call, &event, true);
    assert_slice(buffer_slice(&out),
                 "{\"v\":1,\"company_id\":1,\"call_id\":\"call_ü\\\"1\",\"version\":7,\"updated_at\":\"2026-11-21T09:"
                 "31:00.000Z\","
                 "\"event\":{\"id\":\"00112233445566778899aabbccddeeff\",\"type\":\"ai.retell.call_ended\","
                 "\"received_at\":\"2026-11-21T09:31:00.000Z\"},\"gone\":true}");
    buffer_clear(&out);
    call_update_write(&out, &call, &event, false);
    assert_non_null(strstr(out.data, ",\"call\":{\"company_id\":1,"));
    assert_null(strstr(out.data, "gone"));
    buffer_free(&out);
}

static void decimals_have_no_trailing_zeros(void **state)
{
    (void)state;
    static const struct {
        int64_t scaled;
        const char *text;
    } CASES[] = {{0, "0"},           {15215000, "15.215"}, {1, "0.000001"},
                 {-1500000, "-1.5"}, {7000000, "7"},       {INT64_MIN + 1, "-9223372036854.775807"}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct buffer out = {0};
        call_json_write_decimal(&out, CASES[i].scaled, 6);
        assert_slice(buffer_slice(&out), CASES[i].text);
        buffer_free(&out);
    }
}

static void what_is_missing_has_names(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < MISSING_KINDS; bit++)
        assert_int_equal(call_missing_bit(slice_of(call_missing_name(bit))), 1U << bit);
    assert_int_equal(call_missing_bit(SLICE("nothing")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brief_leaves_out_what_is_large), cmocka_unit_test(whole_has_every_column),
        cmocka_unit_test(an_update_names_its_event),      cmocka_unit_test(decimals_have_no_trailing_zeros),
        cmocka_unit_test(what_is_missing_has_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
