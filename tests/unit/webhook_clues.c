/* What can be read from a webhook's body about whose call it is, however odd the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/webhook_clues.h"

static struct arena *arena;

static int arena_made(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int arena_gone(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct webhook_clues clues_of(const char *body)
{
    struct webhook_clues clues;
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), slice_of(body), &clues), CLUES_CALL);
    return clues;
}

static void assert_slice(struct slice got, const char *expected)
{
    if (!slice_same(got, slice_of(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(got), expected ? expected : "(absent)");
}

static void an_inbound_call_is_read(void **state)
{
    (void)state;
    struct webhook_clues clues = clues_of(
        "{\"event\":\"call_started\",\"call\":{\"call_id\":\"call_1\",\"direction\":\"inbound\",\"from_number\":"
        "\"+4915112345678\",\"to_number\":\"+493083793369\",\"agent_id\":\"agent_7\",\"metadata\":{\"company_id\":"
        "\"12\",\"branch_id\":3,\"askproai_branch_id\":9}}}");
    assert_slice(clues.call_id, "call_1");
    assert_slice(clues.call_id_text, "call_1");
    assert_int_equal(clues.metadata_company, 12);
    assert_int_equal(clues.metadata_branch, 3);
    assert_false(clues.outbound);
    assert_slice(clues.agent_id, "agent_7");
    assert_slice(webhook_clues_number(&clues), "+493083793369");
}

static void an_outbound_call_is_its_callers(void **state)
{
    (void)state;
    struct webhook_clues clues =
        clues_of("{\"call\":{\"call_id\":\"c\",\"direction\":\"outbound\",\"from_number\":\"+49301\","
                 "\"to_number\":\"+49302\"}}");
    assert_true(clues.outbound);
    assert_slice(webhook_clues_number(&clues), "+49301");
}

static void a_web_call_has_no_numbers(void **state)
{
    (void)state;
    struct webhook_clues clues = clues_of(
        "{\"call\":{\"call_id\":\"c\",\"call_type\":\"web_call\",\"agent_id\":\"a\",\"access_token\":\"secret\"}}");
    assert_slice(webhook_clues_number(&clues), NULL);
    assert_slice(clues.agent_id, "a");
    assert_int_equal(clues.metadata_company, 0);
    assert_int_equal(clues.metadata_branch, 0);
}

/* ids in metadata: 12 and "12" name something, nothing else does. */
static void only_positive_whole_numbers_are_ids(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t id;
    } IDS[] = {
        {"12", 12},
        {"\"12\"", 12},
        {"12.0", 12},
        {"9223372036854775807", INT64_MAX},
        {"\"9223372036854775807\"", INT64_MAX},
        {"0", 0},
        {"-1", 0},
        {"\"-1\"", 0},
        {"\"\"", 0},
        {"\" 12\"", 0},
        {"\"12a\"", 0},
        {"12.5", 0},
        {"\"1e3\"", 0},
        {"9223372036854775808", 0},
        {"\"9223372036854775808\"", 0},
        {"1e400", 0},
        {"null", 0},
        {"true", 0},
        {"[12]", 0},
        {"{\"id\":12}", 0},
    };
    for (size_t i = 0; i < COUNT(IDS); i++) {
        struct slice body =
            arena_format(arena, "{\"call\":{\"call_id\":\"c\",\"metadata\":{\"company_id\":%s,\"branch_id\":%s}}}",
                         IDS[i].value, IDS[i].value);
        struct webhook_clues clues = clues_of(body.ptr);
        if (clues.metadata_company != IDS[i].id || clues.metadata_branch != IDS[i].id)
            fail_msg("%s names %lld", IDS[i].value, (long long)clues.metadata_company);
        bool silent = strcmp(IDS[i].value, "null") == 0 || strcmp(IDS[i].value, "\"\"") == 0;
        assert_int_equal(clues.metadata_foreign, !silent && IDS[i].id == 0);
    }
}

/* "acme", branch 3 of another system: our branch 3 belongs to somebody else. */
static void the_branch_of_a_foreign_company_is_none_of_ours(void **state)
{
    (void)state;
    static const char *const FOREIGN[] = {"\"acme\"", "-1", "0", "1.5", "true", "1e400", "\"1e3\"", "{}", "[1]"};
    for (size_t i = 0; i < COUNT(FOREIGN); i++) {
        struct slice body = arena_format(
            arena, "{\"call\":{\"call_id\":\"c\",\"metadata\":{\"company_id\":%s,\"branch_id\":3}}}", FOREIGN[i]);
        struct webhook_clues clues = clues_of(body.ptr);
        assert_true(clues.metadata_foreign);
        assert_int_equal(clues.metadata_branch, 0);
    }
    static const char *const SILENT[] = {"null", "\"\""};
    for (size_t i = 0; i < COUNT(SILENT); i++) {
        struct slice body = arena_format(
            arena, "{\"call\":{\"call_id\":\"c\",\"metadata\":{\"company_id\":%s,\"branch_id\":3}}}", SILENT[i]);
        assert_int_equal(clues_of(body.ptr).metadata_branch, 3);
    }
}

/* Whatever a signed body of Cal.com or Stripe looks like, it is about no call. */
static void other_providers_speak_of_no_calls(void **state)
{
    (void)state;
    struct webhook_clues clues;
    struct slice body = SLICE("{\"type\":\"x\",\"call\":{\"call_id\":\"c\",\"metadata\":{\"company_id\":1}}}");
    assert_int_equal(webhook_clues_read(arena, SLICE("stripe"), body, &clues), CLUES_NOT_A_CALL);
    assert_int_equal(webhook_clues_read(arena, SLICE("calcom"), body, &clues), CLUES_NOT_A_CALL);
    assert_true(slice_absent(clues.call_id));
    assert_int_equal(clues.metadata_company, 0);
    assert_int_equal(webhook_clues_read(arena, SLICE("stripe"), SLICE("{\"type\""), &clues), CLUES_NOT_JSON);
    assert_int_equal(webhook_clues_read(arena, SLICE_ABSENT, body, &clues), CLUES_CALL);
}

static void the_older_branch_name_counts_if_the_newer_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(
        clues_of("{\"call\":{\"call_id\":\"c\",\"metadata\":{\"askproai_branch_id\":\"9\"}}}").metadata_branch, 9);
    assert_int_equal(
        clues_of("{\"call\":{\"call_id\":\"c\",\"metadata\":{\"branch_id\":\"main\",\"askproai_branch_id\":9}}}")
            .metadata_branch,
        9);
}

static void fields_of_other_types_are_no_clues(void **state)
{
    (void)state;
    struct webhook_clues clues =
        clues_of("{\"call\":{\"call_id\":\"c\",\"metadata\":[1],\"direction\":1,\"from_number\":{},"
                 "\"to_number\":4930,\"agent_id\":null}}");
    assert_int_equal(clues.metadata_company, 0);
    assert_false(clues.outbound);
    assert_slice(clues.to_number, NULL);
    assert_slice(clues.from_number, NULL);
    assert_slice(clues.agent_id, NULL);
}

static void bodies_without_a_call_are_no_calls(void **state)
{
    (void)state;
    static const char *const BODIES[] = {
        "{}",
        "{\"event\":\"chat_started\",\"chat\":{\"chat_id\":\"x\"}}",
        "{\"event\":\"call_inbound\",\"call_inbound\":{\"call_id\":\"x\",\"from_number\":\"+1\",\"to_number\":\"+2\"}}",
        "{\"event\":\"test\",\"call\":null}",
        "{\"event\":\"call_started\",\"call\":{}}",
        "{\"event\":\"call_started\",\"call\":{\"call_id\":null}}",
        "{\"event\":\"call_started\",\"call\":{\"call_id\":12}}",
        "{\"event\":\"call_started\",\"call\":{\"call_id\":\"\"}}",
        "{\"event\":\"call_started\",\"call\":[{\"call_id\":\"x\"}]}",
        "{\"call_id\":\"x\"}",
        "{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{\"uid\":\"x\"}}",
    };
    for (size_t i = 0; i < COUNT(BODIES); i++) {
        struct webhook_clues clues;
        if (webhook_clues_read(arena, SLICE("retell"), slice_of(BODIES[i]), &clues) != CLUES_NOT_A_CALL)
            fail_msg("%s", BODIES[i]);
        assert_slice(clues.call_id, NULL);
        assert_slice(clues.to_number, NULL);
    }
}

static void what_is_no_json_object_is_a_dead_letter(void **state)
{
    (void)state;
    static const char *const BODIES[] = {"",   " ", "null",       "[]",      "\"text\"",
                                         "12", "{", "{\"call\":", "{'a':1}", "{} {}"};
    struct webhook_clues clues;
    for (size_t i = 0; i < COUNT(BODIES); i++)
        if (webhook_clues_read(arena, SLICE("retell"), slice_of(BODIES[i]), &clues) != CLUES_NOT_JSON)
            fail_msg("%s", BODIES[i]);
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), SLICE_ABSENT, &clues), CLUES_NOT_JSON);
}

static struct slice body_with_call_id(size_t length)
{
    static char id[8192];
    memset(id, 'x', length);
    id[length] = '\0';
    return arena_format(arena, "{\"call\":{\"call_id\":\"%s\"}}", id);
}

static void a_call_id_has_at_most_128_bytes(void **state)
{
    (void)state;
    struct webhook_clues clues;
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), body_with_call_id(1), &clues), CLUES_CALL);
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), body_with_call_id(128), &clues), CLUES_CALL);
    assert_int_equal(clues.call_id.len, 128);
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), body_with_call_id(129), &clues),
                     CLUES_CALL_ID_TOO_LONG);
    assert_int_equal(webhook_clues_read(arena, SLICE("retell"), body_with_call_id(4096), &clues),
                     CLUES_CALL_ID_TOO_LONG);
    assert_slice(clues.call_id, NULL);
}

/* The subject keeps the sender's bytes, since the key has them too; what PostgreSQL is asked for is text that it can hold. */
static void odd_bytes_are_repaired_for_postgresql_only(void **state)
{
    (void)state;
    struct webhook_clues clues =
        clues_of("{\"call\":{\"call_id\":\"a\\u0000b\xFF\",\"agent_id\":\"x\\u0000\",\"to_number\":\"+49\xFF\"}}");
    assert_true(slice_same(clues.call_id, SLICE("a\0b\xFF")));
    assert_slice(clues.call_id_text, "a\xEF\xBF\xBD"
                                     "b\xEF\xBF\xBD");
    assert_slice(clues.agent_id, "x\xEF\xBF\xBD");
    assert_slice(clues.to_number, "+49\xEF\xBF\xBD");
}

static void an_agent_id_without_end_is_none(void **state)
{
    (void)state;
    char id[300];
    memset(id, 'a', sizeof id);
    id[255] = '\0';
    assert_int_equal(
        clues_of(arena_format(arena, "{\"call\":{\"call_id\":\"c\",\"agent_id\":\"%s\"}}", id).ptr).agent_id.len, 255);
    id[255] = 'a';
    id[256] = '\0';
    assert_slice(clues_of(arena_format(arena, "{\"call\":{\"call_id\":\"c\",\"agent_id\":\"%s\"}}", id).ptr).agent_id,
                 NULL);
    assert_slice(clues_of("{\"call\":{\"call_id\":\"c\",\"agent_id\":\"\"}}").agent_id, NULL);
}

static void the_first_of_duplicate_keys_counts(void **state)
{
    (void)state;
    assert_slice(
        clues_of("{\"call\":{\"call_id\":\"first\",\"call_id\":\"second\"},\"call\":{\"call_id\":\"third\"}}").call_id,
        "first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inbound_call_is_read),
        cmocka_unit_test(an_outbound_call_is_its_callers),
        cmocka_unit_test(a_web_call_has_no_numbers),
        cmocka_unit_test(only_positive_whole_numbers_are_ids),
        cmocka_unit_test(the_branch_of_a_foreign_company_is_none_of_ours),
        cmocka_unit_test(other_providers_speak_of_no_calls),
        cmocka_unit_test(the_older_branch_name_counts_if_the_newer_says_nothing),
        cmocka_unit_test(fields_of_other_types_are_no_clues),
        cmocka_unit_test(bodies_without_a_call_are_no_calls),
        cmocka_unit_test(what_is_no_json_object_is_a_dead_letter),
        cmocka_unit_test(a_call_id_has_at_most_128_bytes),
        cmocka_unit_test(odd_bytes_are_repaired_for_postgresql_only),
        cmocka_unit_test(an_agent_id_without_end_is_none),
        cmocka_unit_test(the_first_of_duplicate_keys_counts),
    };
    return cmocka_run_group_tests_name("webhook_clues", tests, arena_made, arena_gone);
}
