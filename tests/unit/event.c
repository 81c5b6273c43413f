/* event.c: an envelope that is written and read again is the same envelope; what is no envelope is refused by name. */
#include "tests/unit/test.h"

#include "common/event.h"

static struct arena *arena;

static void same_webhook_same_id(void **state)
{
    (void)state;
    char text[33];
    event_id_print(event_id_of(SLICE("retell"), 0, SLICE("{\"event\":\"call_ended\"}")), text);
    /* printf 'retell\x1f\x1f{"event":"call_ended"}' | sha256sum | cut -c1-32 */
    assert_string_equal(text, "dceb94c17fc8d471b546714996c78749");
    event_id_print(event_id_of(SLICE("retell"), 42, SLICE("{\"event\":\"call_ended\"}")), text);
    /* printf 'retell\x1f42\x1f{"event":"call_ended"}' | sha256sum | cut -c1-32 */
    assert_string_equal(text, "5c1b73f3864a9946c64b92755a7aa979");
    struct event_id id;
    assert_true(event_id_read(slice_of(text), &id));
    assert_false(event_id_read(SLICE("12"), &id));
}

static void written_and_read_again(void **state)
{
    (void)state;
    const struct event written = {
        .id = event_id_of(SLICE("retell"), 0, SLICE("{}")),
        .type = SLICE("ai.retell.call_started"),
        .source = SLICE("/retell/default"),
        .subject = SLICE("call_1"),
        .time_ms = 1795253400123,
        .correlation_id = SLICE("0190a000-0000-7000-8000-000000000000"),
        .company_id = 1,
        .branch_id = 3,
        .resolved_by = SLICE("to_number"),
        .body = SLICE("{}"),
    };
    struct header headers[EVENT_HEADERS_MAX];
    size_t count = event_write(&written, arena, headers);
    struct event again;
    assert_null(event_read(&again, headers, count, SLICE("{}")));
    assert_memory_equal(&again.id, &written.id, sizeof again.id);
    assert_slice(again.type, "ai.retell.call_started");
    assert_slice(again.subject, "call_1");
    assert_int_equal(again.time_ms, written.time_ms);
    assert_int_equal(again.source_company, 0);
    assert_int_equal(again.company_id, 1);
    assert_int_equal(again.branch_id, 3);
    assert_slice(again.cost_unit, NULL);
    assert_slice(event_provider(&again), "retell");
    assert_slice(event_source_name(&again), "default");
    assert_slice(event_bare_type(&again), "call_started");
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(headers[i].name, "ce_sourcecompany"); /* bound to none: not there at all */
}

static void what_is_no_envelope_is_refused(void **state)
{
    (void)state;
    static const struct header ID = {"ce_id", {"00112233445566778899aabbccddeeff", 32}};
    static const struct header TYPE = {"ce_type", {"ai.retell.call_ended", 20}};
    static const char twice[] = "a ce_ header is there twice, with two values";
    struct {
        struct header headers[4];
        size_t count;
        const char *problem;
    } cases[] = {
        {{TYPE}, 1, "there is no ce_id"},
        {{ID}, 1, "there is no ce_type"},
        {{{"ce_id", SLICE("00")}, TYPE}, 2, "ce_id is not 32 hex digits"},
        {{ID, TYPE, {"ce_companyid", SLICE("0")}}, 3, "a company or branch header is no positive number"},
        {{ID, TYPE, {"ce_companyid", SLICE("1x")}}, 3, "a company or branch header is no positive number"},
        {{ID, TYPE, {"ce_time", SLICE("yesterday")}}, 3, "ce_time is no RFC 3339 time"},
        {{ID, TYPE, {"x-unknown", SLICE("is ignored")}}, 3, NULL},
        {{ID, TYPE, TYPE, ID}, 4, NULL},
        {{ID, TYPE, {"ce_id", SLICE("10112233445566778899aabbccddeeff")}}, 3, twice},
        {{ID, TYPE, {"ce_type", SLICE("ai.retell.call_started")}}, 3, twice},
        {{ID, TYPE, {"ce_sourcecompany", SLICE("1")}, {"ce_sourcecompany", SLICE("2")}}, 4, twice},
        {{ID, TYPE, {"ce_companyid", SLICE("1")}, {"ce_companyid", SLICE("01")}}, 4, NULL},
        {{ID, TYPE, {"ce_subject", SLICE("a")}, {"ce_subject", SLICE("b")}}, 4, twice},
        {{ID, TYPE, {"ce_time", SLICE("2026-11-21T09:50:00.123Z")}, {"ce_time", SLICE("2026-11-21T09:50:00.124Z")}},
         4,
         twice},
        {{ID, TYPE, {"traceparent", SLICE("a")}, {"traceparent", SLICE("b")}}, 4, NULL}, /* whoever traces adds one */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event event;
        const char *problem = event_read(&event, cases[i].headers, cases[i].count, SLICE("{}"));
        assert_slice(slice_of(problem), cases[i].problem);
    }
}

static void correlation_ids_are_uuid_v7(void **state)
{
    (void)state;
    static const uint8_t RANDOM[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    char text[37];
    event_correlation_id(0x0190a1b2c3d4, RANDOM, text);
    assert_string_equal(text, "0190a1b2-c3d4-7fff-bfff-ffffffffffff");
}

static void a_source_has_two_parts(void **state)
{
    (void)state;
    struct event event = {.source = SLICE("/retell")};
    assert_slice(event_provider(&event), "retell");
    assert_slice(event_source_name(&event), NULL);
    event.source = SLICE("nothing");
    assert_slice(event_provider(&event), NULL);
    event.source = SLICE_ABSENT;
    assert_slice(event_provider(&event), NULL);
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_webhook_same_id),           cmocka_unit_test(written_and_read_again),
        cmocka_unit_test(what_is_no_envelope_is_refused), cmocka_unit_test(correlation_ids_are_uuid_v7),
        cmocka_unit_test(a_source_has_two_parts),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
