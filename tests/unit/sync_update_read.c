/* What sync reads of an update, and which of several updates of a call it believes. */
#include "tests/unit/test.h"

#include "sync/update_read.h"

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

static const int64_t STARTED = 1762862400123;

/* An update as session writes it, by the same writer. */
static void what_session_writes_is_read(void **state)
{
    struct call call;
    call_init(&call);
    call.company_id = 7;
    call.call_id = SLICE("call_1");
    call.source = SLICE("default");
    call.status = SLICE("ended");
    call.started_at = STARTED;
    call.ended_at = STARTED + 60000;
    call.first_seen_at = STARTED + 5;
    call.updated_at = STARTED + 60007;
    call.missing = MISSING_COST | MISSING_RECORDING;
    call.version = 3;
    struct call_update_event event = {.id = SLICE("00"), .type = SLICE("ai.retell.call_ended"), .received_at = STARTED};
    struct buffer value = {0};
    call_update_write(&value, &call, &event, false);

    struct update update;
    assert_null(update_read(&update, *state, buffer_slice(&value)));
    assert_false(update.gone);
    assert_int_equal(update.call.company_id, 7);
    assert_true(slice_equals(update.call.call_id, "call_1"));
    assert_true(slice_equals(update.call.source, "default"));
    assert_true(slice_equals(update.call.status, "ended"));
    assert_int_equal(update.call.missing, MISSING_COST | MISSING_RECORDING);
    assert_int_equal(update.call.started_at, STARTED);
    assert_int_equal(update.call.ended_at, STARTED + 60000);
    assert_int_equal(update.call.first_seen_at, STARTED + 5);
    assert_int_equal(update.call.updated_at, STARTED + 60007);
    assert_int_equal(update.call.version, 3);

    buffer_clear(&value);
    call_update_write(&value, &call, &event, true);
    assert_null(update_read(&update, *state, buffer_slice(&value)));
    assert_true(update.gone);
    assert_true(slice_equals(update.call.call_id, "call_1"));
    buffer_free(&value);
}

static void what_is_no_update_is_refused(void **state)
{
    static const char *const CASES[] = {
        "",
        "[]",
        "{}",
        "{\"v\":2,\"company_id\":1,\"call_id\":\"c\",\"version\":1,\"gone\":true}",
        "{\"v\":1,\"company_id\":0,\"call_id\":\"c\",\"version\":1,\"gone\":true}",
        "{\"v\":1,\"company_id\":\"1\",\"call_id\":\"c\",\"version\":1,\"gone\":true}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"\",\"version\":1,\"gone\":true}",
        "{\"v\":1,\"company_id\":1,\"version\":1,\"gone\":true}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"gone\":true}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"version\":1}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"version\":1,\"call\":{\"source\":\"s\",\"missing\":[]}}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"version\":1,\"call\":{\"status\":\"ended\",\"missing\":[]}}",
        "{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"version\":1,\"call\":{\"source\":\"s\",\"status\":\"ended\"}}",
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct update update;
        if (!update_read(&update, *state, slice_of(CASES[i])))
            fail_msg("taken: %s", CASES[i]);
    }
}

static void names_of_a_newer_session_are_passed_over(void **state)
{
    struct update update;
    assert_null(update_read(
        &update, *state,
        SLICE("{\"v\":1,\"company_id\":1,\"call_id\":\"c\",\"version\":1,\"call\":{\"source\":\"default\","
              "\"status\":\"paused\",\"missing\":[\"video\",7,\"summary\"],\"started_at\":\"yesterday\"}}")));
    assert_int_equal(update.call.missing, MISSING_SUMMARY);
    assert_true(update.call.started_at == CALL_NULL);
}

static struct update update_of(int64_t company_id, const char *call_id, int64_t version)
{
    struct update update = {0};
    call_init(&update.call);
    update.call.company_id = company_id;
    update.call.call_id = slice_of(call_id);
    update.call.version = version;
    return update;
}

static void of_each_call_the_newest_stays(void **state)
{
    (void)state;
    struct update updates[] = {
        update_of(2, "a", 1), update_of(1, "b", 5),  update_of(1, "b", 7), update_of(1, "a", 2),
        update_of(1, "b", 6), update_of(1, "aa", 1), update_of(1, "a", 2),
    };
    assert_int_equal(updates_keep_newest(updates, COUNT(updates)), 4);
    assert_int_equal(updates[0].call.version, 2); /* 1, a */
    assert_true(slice_equals(updates[1].call.call_id, "aa"));
    assert_int_equal(updates[2].call.version, 7); /* 1, b */
    assert_int_equal(updates[3].call.company_id, 2);
    assert_int_equal(updates_keep_newest(updates, 0), 0);
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(what_session_writes_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_update_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_a_newer_session_are_passed_over, setup, teardown),
        cmocka_unit_test(of_each_call_the_newest_stays),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
