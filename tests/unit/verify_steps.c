/* verify_steps: what an operator is told of a signature that fails: the step, and what would be right. */
#include "ctl/verify_steps.h"
#include "ctl/retell_sign.h"
#include "tests/unit/test.h"

#define KEY  "key_0123456789abcdef0123456789ab"
#define BODY "{\"event\":\"call_ended\",\"call\":{\"call_id\":\"c/1\",\"name\":\"Müller\",\"cost\":15.215,\"n\":[1,2]}}"

static const int64_t NOW_MS = 1762862400000;

static const struct source_key ACME[] = {{.id = "old", .text = {"key_of_long_ago", 15}, .expires_at_ms = 1},
                                         {.id = "2026-11", .text = {KEY, sizeof KEY - 1}}};
static const struct source_key SHOP[] = {{.id = "s", .text = {"key_of_the_shop", 15}}};
static const struct source_key SPACED[] = {{.id = "spaced", .text = {" key_of_spaces \n", 16}}};
static const struct source SOURCES[] = {
    {.name = "acme", .provider = SOURCE_RETELL, .keys = ACME, .key_count = COUNT(ACME)},
    {.name = "shop", .provider = SOURCE_RETELL, .keys = SHOP, .key_count = COUNT(SHOP)},
    {.name = "spaced", .provider = SOURCE_RETELL, .keys = SPACED, .key_count = COUNT(SPACED)},
};

static const struct {
    const char *body, *key; /* what was signed; the body that is shown is BODY */
    int64_t signed_at_ms;
    const char *source; /* that the path names */
    bool valid;
    int step; /* that says this: */
    const char *says;
} CASES[] = {
    {BODY, KEY, NOW_MS, NULL, true, VERIFY_KEY, "matches key id \"2026-11\" of source acme"},
    {BODY, KEY, NOW_MS, "acme", true, VERIFY_DIGEST, "it is the digest of this body"},
    {BODY, KEY, NOW_MS - 412000, NULL, false, VERIFY_TIME, "the clock is 412 s off: signed 2025-11-11T11:53:08.000Z"},
    {BODY, KEY, NOW_MS + 412000, NULL, false, VERIFY_TIME, "the clock is 412 s off (signed in the future)"},
    {BODY, KEY, NOW_MS / 1000, NULL, false, VERIFY_TIME, "; v is in milliseconds, and this looks like seconds"},
    {BODY, "key_of_the_shop", NOW_MS, "acme", false, VERIFY_KEY,
     "matches source shop's key \"s\", and the path names acme"},
    {BODY, "key_of_long_ago", NOW_MS, NULL, false, VERIFY_KEY,
     "of source acme, which expired 1970-01-01T00:00:00.001Z"},
    {BODY, "key_of_nobody", NOW_MS, NULL, false, VERIFY_KEY, "no key that is known here matches"},
    {BODY, "key_of_spaces", NOW_MS, NULL, false, VERIFY_KEY, "after trimming the key"},
    {BODY, "key_of_the_shop\n", NOW_MS, NULL, false, VERIFY_KEY, "with a newline behind it"},
    {"{}", KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "another key, or another body"},
    {BODY "\n", KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "matches if the body has a newline at its end"},
    {BODY "\r\n", KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "matches if the body has CR LF at its end"},
    {"\xef\xbb\xbf" BODY, KEY, NOW_MS, NULL, false, VERIFY_DIGEST,
     "matches if the body has a byte order mark before it"},
    {"{\"event\":\"call_ended\",\"call\":{\"call_id\":\"c/1\",\"name\":\"M\\u00fcller\",\"cost\":15.215,\"n\":[1,2]}}",
     KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "re-serialised with \\u escapes (compact)"},
    {"{\"event\":\"call_ended\",\"call\":{\"call_id\":\"c\\/"
     "1\",\"name\":\"M\\u00fcller\",\"cost\":15.215,\"n\":[1,2]}}",
     KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "PHP's json_encode"},
    {"{\"event\": \"call_ended\", \"call\": {\"call_id\": \"c/1\", \"name\": \"M\\u00fcller\", \"cost\": 15.215, "
     "\"n\": [1, 2]}}",
     KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "Python's json.dumps"},
    {"{\n  \"event\": \"call_ended\",\n  \"call\": {\n    \"call_id\": \"c/1\",\n    \"name\": \"Müller\",\n    "
     "\"cost\": 15.215,\n"
     "    \"n\": [\n      1,\n      2\n    ]\n  }\n}",
     KEY, NOW_MS, NULL, false, VERIFY_DIGEST, "with an indent of 2"},
};

static bool holds(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void the_step_that_fails_says_why(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct sources *sources = sources_new(SOURCES, COUNT(SOURCES));
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char text[RETELL_SIGNATURE_BYTES];
        retell_sign(text, slice_of(CASES[i].body), slice_of(CASES[i].key), CASES[i].signed_at_ms);
        struct slice header = slice_of(text);
        struct verify_answer answer =
            verify_find(arena, &(struct verify_question){.sources = sources,
                                                         .provider = &PROVIDERS[SOURCE_RETELL],
                                                         .source = CASES[i].source,
                                                         .body = SLICE(BODY),
                                                         .headers = &header,
                                                         .header_count = 1,
                                                         .now_ms = NOW_MS});
        const struct verify_step *step = &answer.steps[CASES[i].step];
        if (answer.valid != CASES[i].valid || !holds(step->says, CASES[i].says))
            fail_msg("case %zu: %s: %.*s", i, step->name, SLICE_PRINT(step->says));
        size_t failed = 0;
        for (size_t at = 0; at < VERIFY_STEPS; at++) {
            failed += answer.steps[at].state == VERIFY_FAILED;
            assert_false(holds(answer.steps[at].says, "key_"));
        }
        assert_int_equal(failed > 0,
                         !answer.valid); /* never "NOT valid" without a step that failed, nor the other way */
    }
    sources_release(sources);
    arena_free(arena);
}

#define D1 "d967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940"

static void a_header_that_cannot_be_read_is_told_its_fault(void **state)
{
    (void)state;
    static const struct {
        enum source_provider provider;
        const char *header, *says;
    } HEADERS[] = {
        {SOURCE_RETELL, "", "it is empty"},
        {SOURCE_RETELL, "v=1762862400000, d=" D1, "it has white space in it"},
        {SOURCE_RETELL, "v=1762862400000,d=" D1 "\n", "it has white space in it"},
        {SOURCE_RETELL, "\"v=1762862400000,d=" D1 "\"", "it has quotes around it"},
        {SOURCE_RETELL, "d=" D1 ",v=1762862400000", "d stands before v"},
        {SOURCE_RETELL, "v=1762862400000,d=d967450bee", "has 10 hex digits instead of 64"},
        {SOURCE_RETELL, "Bearer xyz", "it has not the form v="},
        {SOURCE_CALCOM, "no-secret-provided", "set up without a secret"},
        {SOURCE_CALCOM, "sha256=" D1, "begins with sha256="},
        {SOURCE_CALCOM, "D967450BEE3F55B6EE53402FE6622A56F1D000A2EEEFF816B7BC23B5ED1EA940", "capital letters"},
        {SOURCE_STRIPE, "t=1762862400,v0=" D1, "it has no v1"},
        {SOURCE_STRIPE, "t=1762862400, v1=" D1, "it has white space in it"},
    };
    struct arena *arena = arena_new();
    struct sources *sources = sources_new(SOURCES, COUNT(SOURCES));
    for (size_t i = 0; i < COUNT(HEADERS); i++) {
        struct slice header = slice_of(HEADERS[i].header);
        struct verify_answer answer =
            verify_find(arena, &(struct verify_question){.sources = sources,
                                                         .provider = &PROVIDERS[HEADERS[i].provider],
                                                         .body = SLICE(BODY),
                                                         .headers = &header,
                                                         .header_count = 1,
                                                         .now_ms = NOW_MS});
        assert_false(answer.valid);
        assert_int_equal(answer.steps[VERIFY_HEADER].state, VERIFY_FAILED);
        if (!holds(answer.steps[VERIFY_HEADER].says, HEADERS[i].says))
            fail_msg("%s: %.*s", HEADERS[i].header, SLICE_PRINT(answer.steps[VERIFY_HEADER].says));
        assert_int_equal(answer.steps[VERIFY_DIGEST].state, VERIFY_UNKNOWN);
    }
    sources_release(sources);
    arena_free(arena);
}

/* Stripe's own code accepts a time to come, and so does ingest: the sentence must not say otherwise beside "ok". */
static void stripe_allows_no_age_beyond_the_window(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct sources *sources = sources_new(SOURCES, COUNT(SOURCES));
    for (int late = 0; late <= 1; late++) {
        long long signed_at_s = NOW_MS / 1000 + (late ? -4000 : 4000);
        struct slice header = arena_format(arena, "t=%lld,v1=" D1, signed_at_s);
        struct verify_answer answer =
            verify_find(arena, &(struct verify_question){.sources = sources,
                                                         .provider = &PROVIDERS[SOURCE_STRIPE],
                                                         .body = SLICE(BODY),
                                                         .headers = &header,
                                                         .header_count = 1,
                                                         .now_ms = NOW_MS});
        assert_int_equal(answer.steps[VERIFY_TIME].state, late ? VERIFY_FAILED : VERIFY_FINE);
        assert_true(holds(answer.steps[VERIFY_TIME].says, "at most 300 s of age are allowed"));
    }
    sources_release(sources);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_step_that_fails_says_why),
        cmocka_unit_test(a_header_that_cannot_be_read_is_told_its_fault),
        cmocka_unit_test(stripe_allows_no_age_beyond_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
