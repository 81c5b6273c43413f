/* What a request to the broadcaster asks for, and with which token. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "broadcaster/credential.h"
#include "broadcaster/route.h"
#include "broadcaster/table.h"

static void every_path_has_one_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum route_kind kind;
        const char *text; /* of a call: its id; of the page: the file */
    } CASES[] = {
        {"/", ROUTE_PAGE, "index.html"},
        {"/page.js", ROUTE_PAGE, "page.js"},
        {"/../etc/passwd", ROUTE_PAGE, "../etc/passwd"}, /* no file of that name is inside the program */
        {"/api/calls", ROUTE_CALLS, NULL},
        {"/api/stats", ROUTE_STATS, NULL},
        {"/api/calls/stream", ROUTE_STREAM, NULL},
        {"/api/calls/call_1", ROUTE_CALL, "call_1"},
        {"/api/calls/a%2Fb%20c", ROUTE_CALL, "a/b c"},
        {"/api/calls/%73tream", ROUTE_CALL, "stream"},
        {"/api/calls/", ROUTE_NONE, NULL},
        {"/api/calls/a/b", ROUTE_NONE, NULL},
        {"/api/calls/%", ROUTE_NONE, NULL},
        {"/api/calls/%0", ROUTE_NONE, NULL},
        {"/api/calls/%00", ROUTE_NONE, NULL},
        {"/api/calls/%zz", ROUTE_NONE, NULL},
        {"/api/calls/%ff", ROUTE_NONE, NULL},
        {"/api/", ROUTE_NONE, NULL},
        {"/api/other", ROUTE_NONE, NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct arena *arena = arena_new();
        struct route route = route_of(slice_of(CASES[i].path), arena);
        if (route.kind != CASES[i].kind)
            fail_msg("%s is route %d", CASES[i].path, route.kind);
        assert_slice(route.kind == ROUTE_CALL ? route.call_id : route.file, CASES[i].text);
        arena_free(arena);
    }
}

static void a_call_id_has_at_most_128_bytes(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char path[200] = "/api/calls/";
    memset(path + strlen(path), 'x', 128);
    assert_int_equal(route_of(slice_of(path), arena).kind, ROUTE_CALL);
    path[strlen(path)] = 'x';
    assert_int_equal(route_of(slice_of(path), arena).kind, ROUTE_NONE);
    arena_free(arena);
}

static void a_list_goes_on_where_it_said(void **state)
{
    (void)state;
    int64_t time_us = 0;
    struct slice id;
    assert_true(route_read_before(SLICE("1762862400123456:call:1"), &time_us, &id));
    assert_int_equal(time_us, 1762862400123456);
    assert_slice(id, "call:1");
    assert_false(route_read_before(SLICE("1762862400123456"), &time_us, &id));
    assert_false(route_read_before(SLICE("x:call"), &time_us, &id));
    assert_false(route_read_before(SLICE("1:"), &time_us, &id));
    assert_false(route_read_before(SLICE("1:a\0b"), &time_us, &id)); /* PostgreSQL would refuse these four */
    assert_false(route_read_before(SLICE("1:\xff"), &time_us, &id));
    assert_false(route_read_before(SLICE("9223372036854775807:a"), &time_us, &id));
    assert_false(route_read_before(SLICE("-9223372036854775808:a"), &time_us, &id));
    assert_false(route_read_before(SLICE_ABSENT, &time_us, &id));
}

static void the_token_stands_in_one_place(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *cookie, *token;
    } CASES[] = {
        {"Bearer abc", NULL, "abc"},
        {"bearer abc", NULL, "abc"},
        {"Bearer abc", "hookline_token=other", "abc"},
        {"Basic abc", "hookline_token=other", NULL}, /* one who shows a credential is judged by it */
        {"Bearer ", NULL, NULL},
        {"Bearer a b", NULL, NULL},
        {"Bearer a\"b", NULL, NULL},
        {NULL, "hookline_token=abc", "abc"},
        {NULL, "a=1; hookline_token=abc; b=2", "abc"},
        {NULL, "xhookline_token=abc", NULL},
        {NULL, "hookline_token=", NULL},
        {NULL, "", NULL},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct http_field fields[2];
        struct http_request request = {.fields = fields};
        if (CASES[i].authorization)
            fields[request.field_count++] =
                (struct http_field){SLICE("Authorization"), slice_of(CASES[i].authorization)};
        if (CASES[i].cookie)
            fields[request.field_count++] = (struct http_field){SLICE("Cookie"), slice_of(CASES[i].cookie)};
        assert_slice(credential_of(&request), CASES[i].token);
    }
}

static void the_cookie_is_out_of_reach_of_scripts(void **state)
{
    (void)state;
    struct buffer cookie = {0};
    credential_write_cookie(&cookie, SLICE("abc"), false);
    assert_slice(buffer_slice(&cookie), "hookline_token=abc; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
    buffer_clear(&cookie);
    credential_write_cookie(&cookie, SLICE("abc"), true);
    assert_slice(buffer_slice(&cookie), "hookline_token=abc; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
    buffer_free(&cookie);
}

/* Against a model: an array that says which of 512 keys are in. */
static void the_table_finds_what_was_put(void **state)
{
    (void)state;
    enum { KEYS = 512, STEPS = 200000 };
    static char keys[KEYS][8];
    bool in[KEYS] = {false};
    struct table table = {.seed = 42};
    uint32_t random = 1;
    for (int i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "%d", i);
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525 + 1013904223;
        int i = (int)(random >> 8) % KEYS;
        struct slice key = slice_of(keys[i]);
        assert_ptr_equal(table_get(&table, key), in[i] ? keys[i] : NULL);
        in[i] = (random >> 24) % 2;
        if (in[i])
            table_put(&table, key, keys[i]);
        else
            table_remove(&table, key);
    }
    size_t at = 0;
    size_t found = 0;
    while (table_next(&table, &at))
        found++;
    assert_int_equal(found, table.count);
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_has_one_meaning),
        cmocka_unit_test(a_call_id_has_at_most_128_bytes),
        cmocka_unit_test(a_list_goes_on_where_it_said),
        cmocka_unit_test(the_token_stands_in_one_place),
        cmocka_unit_test(the_cookie_is_out_of_reach_of_scripts),
        cmocka_unit_test(the_table_finds_what_was_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
