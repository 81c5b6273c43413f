/* json.c: what senders really send can be read; what is written again is what PostgreSQL takes. */
#include "tests/unit/test.h"

#include "common/json.h"

static struct arena *arena;

static const struct json *read_text(const char *text)
{
    const char *problem = NULL;
    return json_read(arena, slice_of(text), &problem);
}

static void odd_but_legal_text_is_read(void **state)
{
    (void)state;
    static const char *const LEGAL[] = {
        "{}",
        " {\"a\":1} ",
        "{\"a\":1e999}",                    /* beyond double */
        "{\"a\":123456789012345678901234}", /* beyond 64 bits */
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}", /* a lone surrogate: RFC 8259, 8.2 */
        "{\"a\":\"\\udc00\\ud800x\"}",
        "{\"a\":\"\xff\xfe\"}", /* invalid UTF-8 */
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\t\"}", /* a bare control character */
    };
    for (size_t i = 0; i < COUNT(LEGAL); i++)
        if (!json_is_object(read_text(LEGAL[i])))
            fail_msg("refused: %s", LEGAL[i]);
}

static void what_is_no_json_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const BROKEN[] = {"",   " ", "{", "{\"a\":}", "{'a':1}", "{\"a\":01}", "{} {}", "\xef\xbb\xbf{}",
                                         "nul"};
    for (size_t i = 0; i < COUNT(BROKEN); i++) {
        const char *problem = NULL;
        if (json_read(arena, slice_of(BROKEN[i]), &problem) || !problem)
            fail_msg("case %zu was read: %s", i, BROKEN[i]);
    }
}

static void depth_does_not_matter(void **state)
{
    (void)state;
    const size_t DEPTH = 100000;
    char *text = arena_alloc(arena, 2 * DEPTH + 16);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    text[2 * DEPTH] = '\0';
    assert_true(json_is_array(read_text(text)));
}

static void of_duplicate_keys_the_first_counts(void **state)
{
    (void)state;
    int64_t number = 0;
    assert_true(json_int(json_get(read_text("{\"a\":1,\"a\":2}"), "a"), &number));
    assert_int_equal(number, 1);
}

static void wrong_types_are_absent(void **state)
{
    (void)state;
    const struct json *root = read_text("{\"text\":\"x\",\"number\":1.5,\"list\":[1],\"null\":null,\"flag\":true}");
    int64_t whole = 0;
    double real = 0;
    bool flag = false;
    assert_slice(json_text(json_get(root, "number")), NULL);
    assert_slice(json_text(json_get(root, "absent")), NULL);
    assert_slice(json_text(json_get(json_get(root, "text"), "deeper")), NULL);
    assert_false(json_int(json_get(root, "number"), &whole));
    assert_false(json_real(json_get(root, "text"), &real));
    assert_false(json_bool(json_get(root, "number"), &flag));
    assert_true(json_is_null(json_get(root, "null")));
    assert_false(json_is_null(NULL));
    assert_int_equal(json_length(json_get(root, "list")), 1);
    assert_int_equal(json_length(NULL), 0);
    assert_null(json_at(json_get(root, "list"), 1));
}

static void arrays_are_walked_to_their_end(void **state)
{
    (void)state;
    const struct json *list = json_get(read_text("{\"list\":[1,[2,3],{\"a\":4},5],\"after\":6}"), "list");
    size_t count = 0;
    for (const struct json *element = json_first(list); element; element = json_next(list, element))
        count++;
    assert_int_equal(count, 4);
    int64_t last = 0;
    assert_true(json_int(json_last(list), &last));
    assert_int_equal(last, 5);
    assert_null(json_first(read_text("[]")));
}

static void whole_numbers_and_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole, decimal;
        int64_t number, millionths;
    } CASES[] = {
        {"15.215", false, true, 0, 15215000},
        {"0.1", false, true, 0, 100000},
        {"1e3", true, true, 1000, 1000000000},
        {"3.0", true, true, 3, 3000000},
        {"-2.5000005", false, true, 0, -2500001},
        {"0.0000004", false, true, 0, 0},
        {"0.0000005", false, true, 0, 1},
        {"1e-30", false, true, 0, 0},
        {"9223372036854775807", true, false, INT64_MAX, 0},
        {"18446744073709551615", false, false, 0, 0},
        {"1e300", false, false, 0, 0},
        {"\"15\"", false, false, 0, 0},
        {"0", true, true, 0, 0},
        {"-0.0", true, true, 0, 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct json *value = read_text(CASES[i].text);
        int64_t number = 0;
        int64_t scaled = 0;
        if (json_int(value, &number) != CASES[i].whole || (CASES[i].whole && number != CASES[i].number))
            fail_msg("%s as a whole number: %lld", CASES[i].text, (long long)number);
        if (json_decimal(value, 6, &scaled) != CASES[i].decimal || (CASES[i].decimal && scaled != CASES[i].millionths))
            fail_msg("%s in millionths: %lld", CASES[i].text, (long long)scaled);
    }
}

static void what_is_written_suits_jsonb(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
        uint64_t repaired;
    } CASES[] = {
        {" { \"a\" : [ 1 , 2.50 ] } ", "{\"a\":[1,2.5]}", 0},
        {"{\"a\":\"x\\u0000y\"}", "{\"a\":\"x\xef\xbf\xbdy\"}", 1},
        {"{\"a\":\"\\\\u0000\"}", "{\"a\":\"\\\\u0000\"}", 0},
        {"{\"a\":\"\\\\\\u0000\"}", "{\"a\":\"\\\\\xef\xbf\xbd\"}", 1},
        {"{\"a\":\"\xff\"}", "{\"a\":\"\xef\xbf\xbd\"}", 1},
        {"{\"a\":\"\\ud800\"}", "{\"a\":\"\xef\xbf\xbd\"}", 0},
        {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}", 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        uint64_t repaired = 0;
        assert_slice(json_write(arena, read_text(CASES[i].text), &repaired), CASES[i].written);
        assert_int_equal(repaired, CASES[i].repaired);
    }
    uint64_t repaired = 0;
    assert_slice(json_write(arena, NULL, &repaired), NULL);
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
        cmocka_unit_test(odd_but_legal_text_is_read), cmocka_unit_test(what_is_no_json_is_refused_with_a_reason),
        cmocka_unit_test(depth_does_not_matter),      cmocka_unit_test(of_duplicate_keys_the_first_counts),
        cmocka_unit_test(wrong_types_are_absent),     cmocka_unit_test(arrays_are_walked_to_their_end),
        cmocka_unit_test(whole_numbers_and_decimals), cmocka_unit_test(what_is_written_suits_jsonb),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
