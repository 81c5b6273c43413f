/* What the board takes from an update, and what nobody is shown. */
#include "tests/unit/test.h"

#include "broadcaster/update_read.h"
#include "common/call_json.h"

static struct slice update_of(struct buffer *out, const char *status, bool gone)
{
    struct call call;
    call_init(&call);
    call.company_id = 7;
    call.call_id = SLICE("call_1");
    call.source = SLICE("default");
    call.status = slice_of(status);
    call.version = 3;
    call.cost_cents = 15215000;
    call.first_seen_at = 1762862400000;
    call.updated_at = 1762862400123;
    struct call_update_event event = {SLICE("00112233445566778899aabbccddeeff"), SLICE("ai.retell.call_started"),
                                      1762862400100};
    call_update_write(out, &call, &event, gone);
    return buffer_slice(out);
}

static void what_session_writes_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        bool live;
    } CASES[] = {{"registered", true}, {"ongoing", true}, {"ended", false}, {"not_connected", false}, {"error", false}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct arena *arena = arena_new();
        struct buffer text = {0};
        struct update update;
        struct slice value = update_of(&text, CASES[i].status, false);
        assert_null(update_read(&update, arena, value));
        assert_int_equal(update.company_id, 7);
        assert_slice(update.call_id, "call_1");
        assert_int_equal(update.version, 3);
        assert_int_equal(update.updated_at_ms, 1762862400123);
        assert_int_equal(update.live, CASES[i].live);
        assert_false(update.gone);
        /* The call in a snapshot is byte for byte the call in the update. */
        assert_non_null(memmem(value.ptr, value.len, update.call.ptr, update.call.len));
        buffer_free(&text);
        arena_free(arena);
    }
}

static void a_call_that_goes_has_no_state(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer text = {0};
    struct update update;
    assert_null(update_read(&update, arena, update_of(&text, "ongoing", true)));
    assert_true(update.gone);
    assert_false(update.live);
    assert_true(slice_absent(update.call));
    buffer_free(&text);
    arena_free(arena);
}

#define HEAD "{\"v\":1,\"company_id\":7,\"call_id\":\"c\",\"version\":3,\"updated_at\":\"2026-11-21T09:00:00.000Z\","

static void what_is_odd_is_shown_to_nobody(void **state)
{
    (void)state;
    static const char *const VALUES[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"v\":2}",
        "not json",
        HEAD "\"call\":null}",
        HEAD "\"gone\":false}",
        HEAD "\"call\":{\"company_id\":8,\"call_id\":\"c\",\"version\":3,\"status\":\"ongoing\"}}",
        HEAD "\"call\":{\"company_id\":7,\"call_id\":\"d\",\"version\":3,\"status\":\"ongoing\"}}",
        HEAD "\"call\":{\"company_id\":7,\"call_id\":\"c\",\"version\":4,\"status\":\"ongoing\"}}",
        HEAD "\"call\":{\"company_id\":7,\"call_id\":\"c\",\"version\":3}}",
        "{\"v\":1,\"company_id\":0,\"call_id\":\"c\",\"version\":3,\"updated_at\":\"2026-11-21T09:00:00Z\",\"gone\":"
        "true}",
        "{\"v\":1,\"company_id\":7,\"call_id\":\"\",\"version\":3,\"updated_at\":\"2026-11-21T09:00:00Z\",\"gone\":"
        "true}",
        "{\"v\":1,\"company_id\":7,\"call_id\":\"c\",\"version\":0,\"updated_at\":\"2026-11-21T09:00:00Z\",\"gone\":"
        "true}",
        "{\"v\":1,\"company_id\":7,\"call_id\":\"c\",\"version\":3,\"updated_at\":\"today\",\"gone\":true}",
        "{\"v\":1,\"company_id\":\"7\",\"call_id\":\"c\",\"version\":3,\"updated_at\":\"2026-11-21T09:00:00Z\","
        "\"gone\":true}",
    };
    for (size_t i = 0; i < COUNT(VALUES); i++) {
        struct arena *arena = arena_new();
        struct update update;
        if (!update_read(&update, arena, slice_of(VALUES[i])))
            fail_msg("%s was taken for an update", VALUES[i]);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_session_writes_is_read),
        cmocka_unit_test(a_call_that_goes_has_no_state),
        cmocka_unit_test(what_is_odd_is_shown_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
