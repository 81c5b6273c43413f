/* source_read: what a sources file may say, and what is said of one that is wrong: each mistake with its place and remedy. */
#include "common/source_read.h"

#include <stdio.h>

#include "common/source_changes.h"
#include "tests/unit/test.h"

#define KEY  "key_0123456789abcdef"
#define KEYS "\"keys\":[{\"id\":\"a\",\"key\":\"" KEY "\"}]"
#define ACME "{\"name\":\"acme\",\"provider\":\"retell\"," KEYS "}"

static const char *read_key_file(void *context, struct arena *arena, const char *path, struct slice *key)
{
    (void)context;
    if (strcmp(path, "there") != 0)
        return "No such file or directory";
    *key = arena_copy(arena, SLICE("key_of_a_file"));
    return NULL;
}

static struct sources *read_with(const char *text, const char *retell_api_key, struct buffer *problems)
{
    return sources_read(&(struct sources_input){.file = text ? "f.json" : NULL,
                                                .text = slice_of(text),
                                                .key_file = read_key_file,
                                                .retell_api_key = slice_of(retell_api_key)},
                        problems);
}

static struct sources *read_fine(const char *text)
{
    struct buffer problems = {0};
    struct sources *sources = read_with(text, NULL, &problems);
    if (!sources)
        fail_msg("%s", problems.data);
    assert_int_equal(problems.len, 0);
    return sources;
}

static void everything_that_may_be_said(void **state)
{
    (void)state;
    struct sources *sources = read_fine(
        "{\"sources\":[{\"name\":\"acme\",\"provider\":\"retell\",\"company_id\":7,\"keys\":[{\"id\":\"2026-11\","
        "\"key\":\"" KEY "\",\"expires_at\":\"2026-12-31T00:00:00Z\"},{\"id\":\"2026-12\",\"key_file\":\"there\"}],"
        "\"allow\":[\"100.20.5.228/32\",\"2001:db8::/32\"],\"rate_per_s\":50,\"burst\":100,\"body_max_bytes\":65536,"
        "\"spool\":\"never\",\"cost_unit\":\"dollars\"},"
        "{\"name\":\"acme\",\"provider\":\"calcom\",\"keys\":[{\"id\":\"a\",\"key\":\"Schlüssel mit "
        "Wörtern\"}],\"rate_per_s\":5},"
        "{\"name\":\"shop\",\"provider\":\"stripe\",\"spool\":\"outage\"," KEYS "}]}");
    assert_int_equal(sources->count, 3);
    const struct source *acme = sources_find(sources, SOURCE_RETELL, SLICE("acme"));
    assert_string_equal(acme->ce_source, "/retell/acme");
    assert_int_equal(acme->company_id, 7);
    assert_int_equal(acme->key_count, 2);
    assert_string_equal(acme->keys[0].id, "2026-11");
    assert_slice(acme->keys[0].text, KEY);
    assert_true(acme->keys[0].expires_at_ms == 1798675200000);
    assert_slice(acme->keys[1].text, "key_of_a_file");
    assert_int_equal(acme->allow.count, 2);
    assert_int_equal(acme->allow.items[1].bits, 32);
    assert_int_equal(acme->rate_per_s, 50);
    assert_int_equal(acme->burst, 100);
    assert_int_equal(acme->body_max_bytes, 65536);
    assert_int_equal(acme->spool, SOURCE_SPOOL_NEVER);
    assert_slice(acme->cost_unit, "dollars");
    assert_int_equal(sources->keys_most[SOURCE_RETELL], 2);
    assert_int_equal(sources_find(sources, SOURCE_CALCOM, SLICE("acme"))->burst, 5); /* the rate, if nothing is said */
    const struct source *shop = sources_find(sources, SOURCE_STRIPE, SLICE("shop"));
    assert_int_equal(shop->body_max_bytes, SOURCE_BODY_MAX_BYTES);
    assert_int_equal(shop->spool, SOURCE_SPOOL_OUTAGE);
    assert_slice(shop->cost_unit, NULL);
    assert_int_equal(shop->company_id, 0);
    assert_null(sources_find(sources, SOURCE_STRIPE, SLICE("acme")));
    sources_release(sources);
}

/* One source with this instead of, or beside, what is right. */
#define WITH(member)  "{\"sources\":[{\"name\":\"acme\",\"provider\":\"retell\"," KEYS "," member "}]}"
#define WITH_KEY(key) "{\"sources\":[{\"name\":\"acme\",\"provider\":\"retell\",\"keys\":[" key "]}]}"
#define NAMED(name)   "{\"sources\":[{\"name\":" name ",\"provider\":\"retell\"," KEYS "}]}"
#define KEY_OF(text)  WITH_KEY("{\"id\":\"a\",\"key\":\"" text "\"}")

static const struct {
    const char *text, *problem; /* one of the lines begins so */
} MISTAKES[] = {
    {"", "f.json: line 1, column 1: is not JSON: "},
    {"{\"sources\":[\n  {\"name\": acme}]}", "f.json: line 2, column 12: is not JSON: "},
    {"[]", "f.json: is no object"},
    {"{}", "f.json: sources: is not there: it must be an array"},
    {"{\"sources\":[]}", "f.json: sources: is not right: it must be an array of 1 to 1000"},
    {"{\"sources\":{}}", "f.json: sources: is not right"},
    {"{\"source\":[" ACME "]}", "f.json: has a member \"source\", which is none of: sources\n"},
    {"{\"sources\":[" ACME "],\"x\":1}", "f.json: has a member \"x\""},
    {"{\"sources\":[" ACME "],\"sources\":[]}", "f.json: has \"sources\" twice"},
    {"{\"sources\":[1]}", "f.json: sources[0]: is no object"},
    {"{\"sources\":[{\"provider\":\"retell\"," KEYS "}]}", "f.json: sources[0].name: is not there"},
    {NAMED("\"Acme\""), "f.json: sources[0].name: must be 1 to 64 of a-z"},
    {NAMED("\"a/b\""), "f.json: sources[0].name: must be 1 to 64 of a-z"},
    {NAMED("\"\""), "f.json: sources[0].name: must be 1 to 64 of a-z"},
    {NAMED("\"a\\u0000b\""), "f.json: sources[0].name: has a NUL"},
    {NAMED("7"), "f.json: sources[0].name: is no string"},
    {NAMED("\"01234567890123456789012345678901234567890123456789012345678901234\""),
     "f.json: sources[0].name: must be 1 to 64 of a-z"},
    {"{\"sources\":[" ACME
     ",{\"name\":\"acme\",\"provider\":\"retell\",\"keys\":[{\"id\":\"b\",\"key\":\"another_key\"}]}]}",
     "f.json: sources[1].name: \"acme\" is another retell source's, too (sources[0])"},
    {"{\"sources\":[" ACME ",{\"name\":\"b\",\"provider\":\"retell\"," KEYS "}]}",
     "f.json: sources[1].keys[0]: is the key of sources[0].keys[0], too"},
    {"{\"sources\":[{\"name\":\"a\"," KEYS "}]}", "f.json: sources[0].provider: is not there"},
    {"{\"sources\":[{\"name\":\"a\",\"provider\":\"Retell\"," KEYS "}]}",
     "f.json: sources[0].provider: is not right: it must be \"retell\" or \"calcom\" or \"stripe\""},
    {"{\"sources\":[{\"name\":\"a\",\"provider\":\"retell\"}]}", "f.json: sources[0].keys: is not there"},
    {WITH_KEY(""), "f.json: sources[0].keys: is not right: it must be an array of 1 to 16"},
    {WITH_KEY("7"), "f.json: sources[0].keys[0]: is no object"},
    {WITH_KEY("{\"id\":\"a\"}"), "f.json: sources[0].keys[0]: must have either \"key\" or \"key_file\""},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"key_file\":\"there\"}"),
     "f.json: sources[0].keys[0]: must have either"},
    {WITH_KEY("{\"key\":\"" KEY "\"}"), "f.json: sources[0].keys[0].id: is not there"},
    {WITH_KEY("{\"id\":\"A\",\"key\":\"" KEY "\"}"), "f.json: sources[0].keys[0].id: must be 1 to 64"},
    {WITH_KEY("{\"id\":\"a\",\"key_file\":\"nowhere\"}"),
     "f.json: sources[0].keys[0].key_file: \"nowhere\" cannot be read: No such file"},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\"},{\"id\":\"a\",\"key\":\"another_key\"}"),
     "f.json: sources[0].keys[1].id: \"a\" is keys[0]'s, too"},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\"},{\"id\":\"b\",\"key\":\"" KEY "\"}"),
     "f.json: sources[0].keys[1]: is the key of sources[0].keys[0], too"},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires\":\"\"}"),
     "f.json: sources[0].keys[0]: has a member \"expires\""},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires_at\":\"tomorrow\"}"),
     "f.json: sources[0].keys[0].expires_at: \"tomorrow\" is no time: write 2026-12-31T00:00:00Z"},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires_at\":\"2026-02-30T00:00:00Z\"}"),
     "f.json: sources[0].keys[0].expires_at: "},
    {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires_at\":1798675200}"),
     "f.json: sources[0].keys[0].expires_at: is no string"},
    {KEY_OF(""), "f.json: sources[0].keys[0].key: the key is empty"},
    {KEY_OF("        "), "f.json: sources[0].keys[0].key: the key begins or ends with white space"},
    {KEY_OF(KEY "\\n"), "f.json: sources[0].keys[0].key: the key begins or ends with white space"},
    {KEY_OF("key_123"), "f.json: sources[0].keys[0].key: the key has fewer than 8 characters"},
    {KEY_OF("key_1234\\t5678"), "f.json: sources[0].keys[0].key: the key has a control character"},
    {KEY_OF("key 12345678"), "f.json: sources[0].keys[0].key: the key has a space"},
    {KEY_OF("schlüssel"), "f.json: sources[0].keys[0].key: the key has a space or a letter beyond ASCII"},
    {WITH("\"company_id\":0"), "f.json: sources[0].company_id: is not right: it must be a whole number from 1 to"},
    {WITH("\"company_id\":\"1\""), "f.json: sources[0].company_id: is not right"},
    {WITH("\"company_id\":1.5"), "f.json: sources[0].company_id: is not right"},
    {WITH("\"company_Id\":1"), "f.json: sources[0]: has a member \"company_Id\", which is none of: name, provider,"},
    {WITH("\"allow\":\"10.0.0.0/8\""), "f.json: sources[0].allow: is not right: it must be an array"},
    {WITH("\"allow\":[\"10.0.0.0/8\",\"10.0.0.1/8\"]"), "f.json: sources[0].allow[1]: \"10.0.0.1/8\" is no network"},
    {WITH("\"allow\":[\"10.0.0.0/33\"]"), "f.json: sources[0].allow[0]: "},
    {WITH("\"allow\":[\"fe80::1%eth0\"]"), "f.json: sources[0].allow[0]: "},
    {WITH("\"allow\":[null]"), "f.json: sources[0].allow[0]: "},
    {WITH("\"rate_per_s\":0"), "f.json: sources[0].rate_per_s: is not right"},
    {WITH("\"burst\":10"), "f.json: sources[0].burst: means nothing without \"rate_per_s\""},
    {WITH("\"body_max_bytes\":10485761"), "f.json: sources[0].body_max_bytes: is not right"},
    {WITH("\"spool\":\"always\""), "f.json: sources[0].spool: is not right: it must be \"outage\" or \"never\""},
    {WITH("\"cost_unit\":\"euros\""),
     "f.json: sources[0].cost_unit: is not right: it must be \"cents\" or \"dollars\""},
    {"{\"sources\":[{\"name\":\"a\",\"provider\":\"stripe\",\"cost_unit\":\"cents\"," KEYS "}]}",
     "f.json: sources[0].cost_unit: is only for Retell"},
};

static bool has_line(const char *text, const char *begin)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, begin, strlen(begin)) == 0)
            return true;
    return false;
}

static void each_mistake_is_named_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(MISTAKES); i++) {
        struct buffer problems = {0};
        struct sources *sources = read_with(MISTAKES[i].text, NULL, &problems);
        if (sources || !has_line(problems.data, MISTAKES[i].problem))
            fail_msg("%s\n is said to be:\n%s instead of: %s", MISTAKES[i].text, problems.data, MISTAKES[i].problem);
        assert_int_equal(problems.data[problems.len - 1], '\n');
        if (strstr(problems.data, "0123456789abcdef"))
            fail_msg("the key is shown: %s", problems.data);
        buffer_free(&problems);
    }
}

static void all_mistakes_are_said_at_once(void **state)
{
    (void)state;
    struct buffer problems = {0};
    assert_null(read_with("{\"sources\":[7,{\"name\":\"A\",\"provider\":\"x\",\"keys\":[]}]}", NULL, &problems));
    assert_true(has_line(problems.data, "f.json: sources[0]: is no object"));
    assert_true(has_line(problems.data, "f.json: sources[1].name: "));
    assert_true(has_line(problems.data, "f.json: sources[1].provider: "));
    assert_true(has_line(problems.data, "f.json: sources[1].keys: "));
    buffer_free(&problems);
}

static void one_key_alone_makes_the_source_default(void **state)
{
    (void)state;
    struct buffer problems = {0};
    struct sources *sources = read_with(NULL, KEY, &problems);
    assert_int_equal(sources->count, 1);
    assert_string_equal(sources->items[0].ce_source, "/retell/default");
    assert_int_equal(sources->items[0].company_id, 0);
    sources_release(sources);

    sources = read_with("{\"sources\":[{\"name\":\"acme\",\"provider\":\"stripe\"," KEYS "}]}", KEY, &problems);
    assert_int_equal(sources->count, 2); /* of another provider: no clash */
    sources_release(sources);

    assert_null(read_with("{\"sources\":[" ACME "]}", KEY, &problems));
    assert_true(has_line(problems.data, "f.json: sources[0].keys[0]: is RETELL_API_KEY, too"));
    buffer_clear(&problems);
    assert_null(read_with(NAMED("\"default\""), "key_of_another", &problems));
    assert_true(has_line(problems.data, "f.json: sources[0].name: is \"default\""));
    buffer_clear(&problems);
    assert_null(read_with(NULL, "key_1234 ", &problems));
    assert_true(has_line(problems.data, "RETELL_API_KEY begins or ends with white space"));
    buffer_free(&problems);

    sources = read_with(NULL, NULL, &problems);
    assert_int_equal(sources->count, 0);
    sources_release(sources);
}

static void a_key_is_active_until_it_expires(void **state)
{
    (void)state;
    struct sources *sources =
        read_fine(WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires_at\":\"2026-12-31T00:00:00Z\"},"
                           "{\"id\":\"b\",\"key\":\"key_of_later\"}"));
    const struct source *source = &sources->items[0];
    assert_true(source_key_active(&source->keys[0], 1798675199999));
    assert_false(source_key_active(&source->keys[0], 1798675200000));
    assert_string_equal(source_first_key(source, 1798675199999)->id, "a");
    assert_string_equal(source_first_key(source, 1798675200000)->id, "b");
    sources_release(sources);
}

static void a_set_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct sources *sources = sources_hold(read_fine("{\"sources\":[" ACME "]}"));
    sources_release(sources);
    assert_string_equal(sources->items[0].name, "acme");
    sources_release(sources);
}

static void changes_are_told_without_keys(void **state)
{
    (void)state;
    static const struct {
        const char *after, *what; /* NULL: nothing */
    } CASES[] = {
        {"{\"sources\":[" ACME "]}", NULL},
        {KEY_OF("another_key"), "keys a replaced"},
        {WITH_KEY("{\"id\":\"b\",\"key\":\"another_key\"},{\"id\":\"a\",\"key\":\"" KEY "\"}"), "keys +b"},
        {WITH_KEY("{\"id\":\"b\",\"key\":\"another_key\"}"), "keys +b -a"},
        {WITH_KEY("{\"id\":\"a\",\"key\":\"" KEY "\",\"expires_at\":\"2026-12-31T00:00:00Z\"}"),
         "keys a expires otherwise"},
        {WITH("\"rate_per_s\":5,\"company_id\":2"), "company_id 0 -> 2, rate_per_s 0 -> 5, burst 0 -> 5"},
        {WITH("\"allow\":[\"10.0.0.0/8\"],\"spool\":\"never\",\"cost_unit\":\"dollars\""), "allow, spool, cost_unit"},
        {WITH("\"body_max_bytes\":2048"), "body_max_bytes 10485760 -> 2048"},
    };
    struct arena *arena = arena_new();
    struct sources *before = read_fine("{\"sources\":[" ACME "]}");
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct sources *after = read_fine(CASES[i].after);
        assert_slice(source_changes(arena, &before->items[0], &after->items[0]), CASES[i].what);
        sources_release(after);
    }
    assert_slice(source_changes(arena, NULL, &before->items[0]), "added");
    assert_slice(source_changes(arena, &before->items[0], NULL), "removed");
    sources_release(before);
    arena_free(arena);
}

/* deploy/sources.example.json is right but for its keys: whoever runs it as it stands would be signed for by anybody. */
static void the_example_wants_only_keys(void **state)
{
    (void)state;
    static const char SENTENCE[] =
        ".key: the key is still the example's, which everybody can read: put the provider's key there\n";
    char text[8192] = "";
    FILE *file = fopen(SOURCES_EXAMPLE, "re");
    assert_non_null(file);
    assert_in_range(fread(text, 1, sizeof text - 1, file), 1, sizeof text - 2);
    fclose(file);
    struct buffer problems = {0};
    assert_null(read_with(text, NULL, &problems));
    size_t refused = 0;
    for (const char *line = problems.data; *line; line = strchr(line, '\n') + 1, refused++)
        assert_memory_equal(strchr(line, '\n') + 2 - sizeof SENTENCE, SENTENCE, sizeof SENTENCE - 1);
    assert_int_equal(refused, 4);
    buffer_free(&problems);
    for (char *at = text; (at = strstr(at, "replace_me")); at++)
        memcpy(at, "0123456789", 10);
    sources_release(read_fine(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_may_be_said),      cmocka_unit_test(each_mistake_is_named_with_its_place),
        cmocka_unit_test(all_mistakes_are_said_at_once),    cmocka_unit_test(one_key_alone_makes_the_source_default),
        cmocka_unit_test(a_key_is_active_until_it_expires), cmocka_unit_test(a_set_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(changes_are_told_without_keys),    cmocka_unit_test(the_example_wants_only_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
