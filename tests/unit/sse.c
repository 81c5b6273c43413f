/* Server-sent events: fields, one a line; no value can forge another field or event. */
#include "tests/unit/test.h"

#include "broadcaster/sse.h"

static void check(struct buffer *out, const char *expected)
{
    assert_slice(buffer_slice(out), expected);
    buffer_free(out);
}

static void an_event_has_an_id_a_name_and_data(void **state)
{
    (void)state;
    struct buffer out = {0};
    sse_write_event(&out, &(struct sse_event){"call", SLICE("e:1:7"), SLICE("{\"v\":1}")});
    check(&out, "id: e:1:7\nevent: call\ndata: {\"v\":1}\n\n");
    sse_write_event(&out, &(struct sse_event){"reset", SLICE_ABSENT, SLICE("{}")});
    check(&out, "event: reset\ndata: {}\n\n");
}

static void data_is_split_at_every_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *data, *expected;
    } CASES[] = {
        {"", "event: x\ndata: \n\n"},
        {"a\nb", "event: x\ndata: a\ndata: b\n\n"},
        {"a\r\nb", "event: x\ndata: a\ndata: b\n\n"},
        {"a\rb", "event: x\ndata: a\ndata: b\n\n"},
        {"a\n", "event: x\ndata: a\ndata: \n\n"},
        {"\n\nevent: forged\n", "event: x\ndata: \ndata: \ndata: event: forged\ndata: \n\n"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct buffer out = {0};
        sse_write_event(&out, &(struct sse_event){"x", SLICE_ABSENT, slice_of(CASES[i].data)});
        check(&out, CASES[i].expected);
    }
}

static void a_heartbeat_is_an_event_that_may_carry_the_cursor(void **state)
{
    (void)state;
    struct buffer out = {0};
    sse_write_heartbeat(&out, SLICE_ABSENT);
    check(&out, ": still here\nevent: heartbeat\ndata: {}\n\n");
    sse_write_heartbeat(&out, SLICE("e:1:7"));
    check(&out, ": still here\nid: e:1:7\nevent: heartbeat\ndata: {}\n\n");
    sse_write_retry(&out, 1234);
    check(&out, "retry: 1234\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_an_id_a_name_and_data),
        cmocka_unit_test(data_is_split_at_every_line_end),
        cmocka_unit_test(a_heartbeat_is_an_event_that_may_carry_the_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
