/* What a caller is called: which variables say it, and whose word wins whatever order the words come in. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "common/text.h"
#include "session/customer_name.h"

static struct customer_name name_in(struct arena *arena, const char *members, const char *direction)
{
    struct call call;
    const char *problem = NULL;
    uint64_t repaired = 0;
    call_init(&call);
    call.direction = slice_of(direction);
    call.from_number = SLICE("+493083793369");
    call.to_number = SLICE("+4989123456");
    call.started_at = 1703302407333;
    const struct json *object = json_read(arena, arena_format(arena, "{%s}", members), &problem);
    assert_null(problem);
    return customer_name_read(arena, object, &call, &repaired);
}

static const struct {
    const char *members, *name;
    bool collected;
} SAID[] = {
    {"", NULL, false},
    {"\"retell_llm_dynamic_variables\":{\"customer_name\":\"John Doe\"}", "John Doe", false},
    {"\"retell_llm_dynamic_variables\":{\"caller_name\":\" John\\n\"}", "John", false},
    {"\"retell_llm_dynamic_variables\":{\"name\":\"John\",\"customer_name\":\"Jane\"}", "Jane", false},
    {"\"retell_llm_dynamic_variables\":{\"customer_name\":\"Given\"},"
     "\"collected_dynamic_variables\":{\"name\":\"Collected\"}",
     "Collected", true},
    {"\"retell_llm_dynamic_variables\":{\"customer_name\":\"Given\"},"
     "\"collected_dynamic_variables\":{\"name\":\"  \"}",
     "Given", false},
    {"\"retell_llm_dynamic_variables\":{\"customer_name\":\"{{customer_name}}\",\"name\":\"N\"}", "N", false},
    {"\"retell_llm_dynamic_variables\":{\"customer_name\":7,\"name\":null}", NULL, false},
    {"\"retell_llm_dynamic_variables\":[\"customer_name\"]", NULL, false},
    {"\"retell_llm_dynamic_variables\":{\"agent_name\":\"Clara\"}", NULL, false},
    {"\"retell_llm_dynamic_variables\":{\"name\":\"\\u0000\"}", "\xef\xbf\xbd", false},
};

static void the_variables_say_the_name(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(SAID); i++) {
        struct customer_name said = name_in(arena, SAID[i].members, "inbound");
        assert_slice(said.name, SAID[i].name);
        assert_slice(said.number, SAID[i].name ? "+493083793369" : NULL);
        assert_int_equal(said.collected, SAID[i].collected);
    }
    arena_free(arena);
}

static void it_is_the_other_partys_name(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    static const char NAMED[] = "\"retell_llm_dynamic_variables\":{\"customer_name\":\"John\"}";
    assert_slice(name_in(arena, NAMED, "outbound").number, "+4989123456");
    assert_slice(name_in(arena, NAMED, NULL).name, NULL); /* whose would it be? */
    arena_free(arena);
}

static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buffer members = {0};
    buffer_add_text(&members, "\"collected_dynamic_variables\":{\"name\":\"x");
    for (int i = 0; i < 150; i++)
        buffer_add_text(&members, "\xc3\xbc");
    buffer_add_text(&members, "\"}");
    struct customer_name said = name_in(arena, members.data, "inbound");
    assert_int_equal(said.name.len, 199);
    assert_int_equal(text_utf8_length(slice_from(said.name, 197)), 2);
    buffer_free(&members);
    arena_free(arena);
}

static struct customer_naming naming(int64_t company, const char *number, int64_t at, bool collected, const char *name)
{
    return (struct customer_naming){
        company, {.name = slice_of(name), .number = slice_of(number), .said_at = at, .collected = collected}};
}

/* Every order of five words about one number, and one about another company's: always the same. */
static void the_newest_call_wins_then_what_was_collected(void **state)
{
    (void)state;
    const struct customer_naming said[] = {
        naming(1, "+491", 100, true, "old collected"),
        naming(1, "+491", 200, false, "new given"),
        naming(1, "+491", 200, true, "Anna"),
        naming(1, "+491", 200, true, "Berta"),
        naming(2, "+491", 300, true, "another company"),
    };
    unsigned seed = 1;
    for (int round = 0; round < 200; round++) {
        struct customer_naming shuffled[COUNT(said)];
        memcpy(shuffled, said, sizeof said);
        for (size_t i = COUNT(said) - 1; i > 0; i--) {
            size_t j = (size_t)rand_r(&seed) % (i + 1);
            struct customer_naming swap = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = swap;
        }
        assert_int_equal(customer_namings_settle(shuffled, COUNT(said)), 2);
        assert_slice(shuffled[0].said.name, "Berta");
        assert_slice(shuffled[1].said.name, "another company");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_variables_say_the_name),
        cmocka_unit_test(it_is_the_other_partys_name),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(the_newest_call_wins_then_what_was_collected),
    };
    return cmocka_run_group_tests_name("customer_name", tests, NULL, NULL);
}
