/* webhook, traceparent: what ingest reads of a request that is not the signature. */
#include "common/buffer.h"
#include "ingest/traceparent.h"
#include "ingest/webhook.h"
#include "tests/unit/test.h"

#define ID128                                                                                                          \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef"

static const struct {
    const char *body;
    enum webhook_outcome outcome;
    const char *event, *call_id; /* NULL: absent */
} BODIES[] = {
    {"{\"event\":\"call_started\",\"call\":{\"call_id\":\"c1\"}}", WEBHOOK_FINE, "call_started", "c1"},
    {" {\"call\":{\"call_id\":\"c1\"},\"event\":\"call_ended\"} \n", WEBHOOK_FINE, "call_ended", "c1"},
    {"{\"event\":\"call_inbound\",\"call_inbound\":{}}", WEBHOOK_FINE, "call_inbound", NULL},
    {"{\"event\":\"something_new\"}", WEBHOOK_FINE, "something_new", NULL},
    {"{\"event\":\"\"}", WEBHOOK_FINE, "", NULL},
    {"{\"event\":\"a\",\"event\":\"b\"}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\\u0000b\"}", WEBHOOK_FINE,
     "a\xef\xbf\xbd"
     "b",
     NULL},
    {"{\"event\":\"a\xff\",\"call\":{\"call_id\":\"\xff\"}}", WEBHOOK_FINE, "a\xef\xbf\xbd", "\xff"},
    {"{\"event\":\"a\",\"call\":{\"call_id\":7}}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\",\"call\":{\"call_id\":null}}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\",\"call\":{\"call_id\":\"\"}}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\",\"call\":[\"call_id\"]}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\",\"call\":\"c\"}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"a\",\"call\":{\"call_id\":\"" ID128 "\"}}", WEBHOOK_FINE, "a", ID128},
    {"{\"event\":\"a\",\"call\":{\"call_id\":\"" ID128 "x\"}}", WEBHOOK_FINE, "a", NULL},
    {"{\"event\":\"" ID128 "xyz\"}", WEBHOOK_FINE, ID128, NULL},
    {"{\"event\":\"x" ID128 "\"}", WEBHOOK_FINE,
     "x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
     "0123456789abcde",
     NULL},
    {"{\"event\":7}", WEBHOOK_NO_EVENT, NULL, NULL},
    {"{\"event\":null}", WEBHOOK_NO_EVENT, NULL, NULL},
    {"{\"event\":[\"a\"]}", WEBHOOK_NO_EVENT, NULL, NULL},
    {"{\"Event\":\"a\"}", WEBHOOK_NO_EVENT, NULL, NULL},
    {"{}", WEBHOOK_NO_EVENT, NULL, NULL},
    {"[]", WEBHOOK_NOT_AN_OBJECT, NULL, NULL},
    {"\"event\"", WEBHOOK_NOT_AN_OBJECT, NULL, NULL},
    {"null", WEBHOOK_NOT_AN_OBJECT, NULL, NULL},
    {"", WEBHOOK_NOT_JSON, NULL, NULL},
    {"{", WEBHOOK_NOT_JSON, NULL, NULL},
    {"{\"event\":\"a\"} x", WEBHOOK_NOT_JSON, NULL, NULL},
    {"{'event':'a'}", WEBHOOK_NOT_JSON, NULL, NULL},
    {"event=a", WEBHOOK_NOT_JSON, NULL, NULL},
};

static bool same(struct slice got, const char *expected)
{
    return expected ? slice_equals(got, expected) : slice_absent(got);
}

static void bodies_and_what_they_say(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(BODIES); i++) {
        struct webhook webhook;
        const char *problem = NULL;
        enum webhook_outcome outcome = webhook_read(arena, slice_of(BODIES[i].body), "event", true, &webhook, &problem);
        if (outcome != BODIES[i].outcome || !same(webhook.event, BODIES[i].event) ||
            !same(webhook.call_id, BODIES[i].call_id) || (problem == NULL) != (outcome == WEBHOOK_FINE))
            fail_msg("%s: %d, event %.*s, call %.*s", BODIES[i].body, (int)outcome, SLICE_PRINT(webhook.event),
                     SLICE_PRINT(webhook.call_id));
        assert_int_equal(webhook.wants_answer, same(webhook.event, "call_inbound"));
    }
    arena_free(arena);
}

static void each_provider_names_its_event_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *body, *member, *event; /* NULL: refused */
    } CASES[] = {
        {"{\"triggerEvent\":\"BOOKING_CREATED\",\"call\":{\"call_id\":\"c\"}}", "triggerEvent", "BOOKING_CREATED"},
        {"{\"id\":\"evt_1\",\"type\":\"checkout.session.completed\"}", "type", "checkout.session.completed"},
        {"{\"event\":\"call_inbound\"}", "type", NULL},
        {"{\"type\":\"call_inbound\"}", "type", "call_inbound"},
        {"{\"triggerEvent\":{}}", "triggerEvent", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct webhook webhook;
        const char *problem = NULL;
        enum webhook_outcome outcome =
            webhook_read(arena, slice_of(CASES[i].body), CASES[i].member, false, &webhook, &problem);
        assert_int_equal(outcome, CASES[i].event ? WEBHOOK_FINE : WEBHOOK_NO_EVENT);
        assert_true(same(webhook.event, CASES[i].event));
        assert_true(slice_absent(webhook.call_id)); /* only Retell's are about calls */
        assert_false(webhook.wants_answer);
        if (problem)
            assert_non_null(strstr(problem, CASES[i].member));
    }
    arena_free(arena);
}

/* A name is never cut through a character: 127 letters and an umlaut become 127 letters. */
static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer body = {0};
    buffer_add_text(&body, "{\"event\":\"");
    for (int i = 0; i < WEBHOOK_EVENT_MAX - 1; i++)
        buffer_add_char(&body, 'a');
    buffer_add_text(&body, "\xc3\xbc\"}");
    struct webhook webhook;
    const char *problem = NULL;
    assert_int_equal(webhook_read(arena, buffer_slice(&body), "event", true, &webhook, &problem), WEBHOOK_FINE);
    assert_int_equal(webhook.event.len, WEBHOOK_EVENT_MAX - 1);
    buffer_free(&body);
    arena_free(arena);
}

/* Nesting that would overflow a recursive reader's stack is either read or refused, at once. */
static void a_million_brackets_do_no_harm(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer body = {0};
    buffer_add_text(&body, "{\"event\":\"a\",\"x\":");
    for (int i = 0; i < 1000000; i++)
        buffer_add_char(&body, '[');
    struct webhook webhook;
    const char *problem = NULL;
    assert_int_equal(webhook_read(arena, buffer_slice(&body), "event", true, &webhook, &problem), WEBHOOK_NOT_JSON);
    for (int i = 0; i < 1000000; i++)
        buffer_add_char(&body, ']');
    buffer_add_char(&body, '}');
    assert_int_equal(webhook_read(arena, buffer_slice(&body), "event", true, &webhook, &problem), WEBHOOK_FINE);
    assert_true(slice_equals(webhook.event, "a"));
    buffer_free(&body);
    arena_free(arena);
}

#define NEW "00-000102030405060708090a0b0c0d0e0f-1011121314151617-00"

static const struct {
    const char *sent, *text;
} TRACES[] = {
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
     "00-4bf92f3577b34da6a3ce929d0e0e4736-1011121314151617-01"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
     "00-4bf92f3577b34da6a3ce929d0e0e4736-1011121314151617-00"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
     "00-4bf92f3577b34da6a3ce929d0e0e4736-1011121314151617-01"},
    {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NEW},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", NEW},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", NEW},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", NEW},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", NEW},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", NEW},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", NEW},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", NEW},
    {"00-4bf92f3577b34da6a3ce929d0e0e473z-00f067aa0ba902b7-01", NEW},
    {"", NEW},
    {NULL, NEW},
};

static void a_trace_goes_on_or_begins(void **state)
{
    (void)state;
    uint8_t random[TRACEPARENT_RANDOM_BYTES];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)i;
    for (size_t i = 0; i < COUNT(TRACES); i++) {
        char text[TRACEPARENT_LEN + 1];
        bool went_on = traceparent_continue(slice_of(TRACES[i].sent), random, text);
        assert_string_equal(text, TRACES[i].text);
        assert_int_equal(went_on, strcmp(TRACES[i].text, NEW) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_and_what_they_say),
        cmocka_unit_test(each_provider_names_its_event_elsewhere),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(a_million_brackets_do_no_harm),
        cmocka_unit_test(a_trace_goes_on_or_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
