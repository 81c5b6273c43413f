/* Stamps come back as they were written, and what was not written by us is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/call_stamps.h"

static struct call_stamp a_stamp(uint8_t rank, int64_t clock, uint8_t id)
{
    struct call_stamp stamp = {.rank = rank, .clock = clock};
    memset(stamp.id.bytes, id, sizeof stamp.id.bytes);
    return stamp;
}

static struct call_state a_state(void)
{
    struct call_state state;
    call_state_init(&state);
    state.evidence = EVIDENCE_STARTED | EVIDENCE_ANALYZED;
    state.end_said = CALL_ERROR;
    state.storage = STORAGE_BASIC;
    state.stamps.known =
        1U << REGISTER_SOURCE | 1U << REGISTER_TRANSCRIPT | 1U << REGISTER_STORAGE | 1U << REGISTER_AGENT_ID;
    state.stamps.of[REGISTER_SOURCE] = a_stamp(4, 1703302430000, 9);
    state.stamps.of[REGISTER_TRANSCRIPT] = a_stamp(3, -5, 1);
    state.stamps.of[REGISTER_STORAGE] = a_stamp(4, 1703302430000, 9);
    state.stamps.of[REGISTER_AGENT_ID] = a_stamp(0, INT64_MAX, 255);
    return state;
}

static void stamps_come_back(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new();
    struct call_state state = a_state();
    struct slice bytes = call_stamps_write(arena, &state);
    assert_int_equal(bytes.len, 6 + 3 * 25 + CALL_REGISTERS); /* two registers share a stamp */
    struct call_state read;
    call_state_init(&read);
    assert_null(call_stamps_read(&read, bytes));
    assert_int_equal(read.evidence, state.evidence);
    assert_int_equal(read.end_said, state.end_said);
    assert_int_equal(read.storage, state.storage);
    assert_int_equal(read.stamps.known, state.stamps.known);
    for (size_t i = 0; i < CALL_REGISTERS; i++)
        if (state.stamps.known >> i & 1)
            assert_int_equal(call_stamp_compare(&read.stamps.of[i], &state.stamps.of[i]), 0);
    struct slice again = call_stamps_write(arena, &read);
    assert_true(slice_same(again, bytes));
    arena_free(arena);
}

static void nothing_known_is_short(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new();
    struct call_state state;
    call_state_init(&state);
    struct slice bytes = call_stamps_write(arena, &state);
    assert_int_equal(bytes.len, 6 + CALL_REGISTERS);
    assert_null(call_stamps_read(&state, bytes));
    assert_int_equal(state.stamps.known, 0);
    arena_free(arena);
}

/* A row written when there were fewer registers: the newer ones were never said. */
static void fewer_registers_are_an_older_row(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new();
    struct call_state state = a_state();
    struct slice bytes = call_stamps_write(arena, &state);
    char *old = arena_alloc(arena, bytes.len);
    memcpy(old, bytes.ptr, bytes.len);
    old[5] = CALL_REGISTERS - 1;
    assert_null(call_stamps_read(&state, (struct slice){old, bytes.len - 1}));
    assert_int_equal(state.stamps.known >> REGISTER_STORAGE & 1, 0);
    assert_int_equal(state.stamps.known >> REGISTER_TRANSCRIPT & 1, 1);
    arena_free(arena);
}

static void what_we_did_not_write_is_refused(void **unused)
{
    (void)unused;
    struct arena *arena = arena_new();
    struct call_state state = a_state();
    struct slice bytes = call_stamps_write(arena, &state);
    for (size_t len = 0; len < bytes.len; len++)
        assert_non_null(call_stamps_read(&state, (struct slice){bytes.ptr, len}));
    char *broken = arena_alloc(arena, bytes.len);
    static const struct {
        size_t at;
        char byte;
    } BREAKS[] = {{0, 2}, {0, 0}, {4, 2}, {5, CALL_REGISTERS + 1}, {6 + 3 * 25, 3}};
    for (size_t i = 0; i < COUNT(BREAKS); i++) {
        memcpy(broken, bytes.ptr, bytes.len);
        broken[BREAKS[i].at] = BREAKS[i].byte;
        assert_non_null(call_stamps_read(&state, (struct slice){broken, bytes.len}));
    }
    assert_non_null(call_stamps_read(&state, SLICE_ABSENT));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_come_back),
        cmocka_unit_test(nothing_known_is_short),
        cmocka_unit_test(fewer_registers_are_an_older_row),
        cmocka_unit_test(what_we_did_not_write_is_refused),
    };
    return cmocka_run_group_tests_name("call_stamps", tests, NULL, NULL);
}
