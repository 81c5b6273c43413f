/* A command line is read by its verb's table, and what is wrong with it is said in a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/arguments.h"

static const struct option_row OPTIONS[] = {
    {.name = "company", .kind = OPTION_COUNT, .value = "ID", .min = 1, .max = 1000, .required = true, .help = "Whose."},
    {.name = "share", .kind = OPTION_AMOUNT, .value = "SHARE", .max = 1, .help = "How much."},
    {.name = "to", .kind = OPTION_TEXTS, .value = "NUMBER", .help = "Where to."},
    {.name = "name", .kind = OPTION_TEXT, .value = "TEXT", .help = "What it is called."},
    {.name = "notes", .kind = OPTION_TEXT, .value = "TEXT", .help = "What else is to be said."},
    {.name = "watch", .kind = OPTION_FLAG, .help = "Again and again."},
};
static const struct verb VERB = {.name = "thing",
                                 .action = "add",
                                 .operand = "NAME",
                                 .about = "Adds a thing.",
                                 .options = OPTIONS,
                                 .option_count = COUNT(OPTIONS)};

enum { WORDS_MAX = 12 };

/* getopt sorts argv in place, so the words are copied. */
static const char *read_words(struct arguments **arguments, struct arena *arena, const char *const *words)
{
    char *argv[WORDS_MAX + 2] = {0};
    int argc = 0;
    const char *verb = "add";
    for (const char *word = verb; word; word = words[argc - 1]) {
        argv[argc] = arena_alloc(arena, strlen(word) + 1);
        memcpy(argv[argc++], word, strlen(word) + 1);
    }
    return arguments_read(arguments, arena, &VERB, argc, argv);
}

static void a_right_line_is_read(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct arguments *arguments = NULL;
    const char *const words[] = {"Praxis Nord", "--company", "7",       "--to=+491", "--share", "0.25",
                                 "--to",        "+492",      "--watch", "--json",    NULL};
    assert_null(read_words(&arguments, arena, words));
    assert_string_equal(arguments_operand(arguments), "Praxis Nord");
    assert_int_equal(argument_count(arguments, "company", 0), 7);
    assert_true(argument_amount(arguments, "share", 0) == 0.25);
    size_t count = 0;
    const char *const *numbers = argument_texts(arguments, "to", &count);
    assert_int_equal(count, 2);
    assert_string_equal(numbers[1], "+492");
    assert_true(argument_given(arguments, "watch"));
    assert_true(arguments_json(arguments));
    assert_string_equal(argument_text(arguments, "name", "nobody"), "nobody");
    arena_free(arena);
}

/* Each wrong line and the words that its refusal must hold. */
static void a_wrong_line_is_refused_with_its_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *said, *remedy;
    } CASES[] = {
        {{"x"}, "--company is missing", "--company ID"},
        {{"--company", "7"}, "NAME is missing", ""},
        {{"x", "y", "--company", "7"}, "\"y\" is one word too many", "quotes"},
        {{"x", "--company", "seven"}, "--company is \"seven\"", "from 1 to 1000"},
        {{"x", "--company", "1001"}, "--company is \"1001\"", "from 1 to 1000"},
        {{"x", "--company", "7", "--company", "8"}, "--company is given twice", ""},
        {{"x", "--company"}, "--company has no value", "write --company ID"},
        {{"x", "--company", "7", "--share", "1.5"}, "--share is \"1.5\"", "from 0 to 1"},
        {{"x", "--company", "7", "--share", "nan"}, "--share is \"nan\"", "from 0 to 1"},
        {{"x", "--company", "7", "--share", "0.5x"}, "--share is \"0.5x\"", ""},
        {{"x", "--company", "7", "--name="}, "--name is empty", ""},
        {{"x", "--company", "7", "--colour", "red"},
         "--colour is not an option of this verb",
         "its options are --company, --share, --to, --name, --notes, --watch, --help, --json. See: hookline help thing "
         "add"},
        {{"x", "--compnay=7"}, "--compnay is not an option of this verb", "perhaps --company is meant"},
        {{"x", "--company", "7", "--nmae", "y"}, "--nmae is not", "perhaps --name is meant"},
        {{"x", "--company", "7", "--n", "y"}, "--n stands for several", "write one of --name, --notes"},
        {{"x", "--company", "7", "--watch=yes"}, "--watch takes no value", "write it alone"},
        {{"x", "--company", "7", "--json=yes"}, "--json takes no value", "write it alone"},
        {{"x", "-c", "7"}, "-c is not an option of this verb", "two dashes"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct arena *arena = arena_new();
        struct arguments *arguments = NULL;
        const char *problem = read_words(&arguments, arena, CASES[i].words);
        assert_non_null(problem);
        if (!strstr(problem, CASES[i].said) || !strstr(problem, CASES[i].remedy))
            fail_msg("\"%s\" does not say \"%s\" and \"%s\"", problem, CASES[i].said, CASES[i].remedy);
        arena_free(arena);
    }
}

static void help_wants_nothing_else(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct arguments *arguments = NULL;
    const char *const words[] = {"--help", NULL};
    assert_null(read_words(&arguments, arena, words));
    assert_true(arguments_help(arguments));
    arena_free(arena);
}

static void the_table_is_the_manual(void **state)
{
    (void)state;
    struct buffer out = {0};
    arguments_manual(&VERB, &out);
    assert_string_equal(out.data, "usage: hookline thing add NAME --company ID [--share SHARE] [--to NUMBER]… [--name "
                                  "TEXT] [--notes TEXT] [--watch] [--json]\n\n"
                                  "Adds a thing.\n\n"
                                  "  --company ID                   Whose.\n"
                                  "  --share SHARE                  How much.\n"
                                  "  --to NUMBER                    Where to.\n"
                                  "  --name TEXT                    What it is called.\n"
                                  "  --notes TEXT                   What else is to be said.\n"
                                  "  --watch                        Again and again.\n"
                                  "  --json                         Answer in JSON, for programs.\n");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_line_is_read),
        cmocka_unit_test(a_wrong_line_is_refused_with_its_remedy),
        cmocka_unit_test(help_wants_nothing_else),
        cmocka_unit_test(the_table_is_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
