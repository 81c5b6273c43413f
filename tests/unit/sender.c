/* sender: whose key it was, by path and without, while keys come and go. */
#include "ctl/retell_sign.h"
#include "ingest/sender.h"
#include "tests/unit/test.h"

#define BODY "{\"event\":\"call_started\"}"

static const int64_t NOW_MS = 1762862400000;

static const struct source_key ACME[] = {
    {.id = "old", .text = {"key_old_1", 9}, .expires_at_ms = 1762862400000},
    {.id = "now", .text = {"key_now_1", 9}},
};
static const struct source_key SHOP[] = {{.id = "shop", .text = {"key_shop_1", 10}, .expires_at_ms = 1762862400001}};
static const struct source SOURCES[] = {
    {.name = "acme", .provider = SOURCE_RETELL, .keys = ACME, .key_count = COUNT(ACME)},
    {.name = "acme", .provider = SOURCE_STRIPE, .keys = SHOP, .key_count = COUNT(SHOP)},
    {.name = "shop", .provider = SOURCE_RETELL, .keys = SHOP, .key_count = COUNT(SHOP)},
};

static const struct {
    const char *path_source, *signed_with;
    int64_t now_ms;
    enum signature_verdict verdict;
    const char *source, *key; /* NULL: none */
} CASES[] = {
    {NULL, "key_now_1", NOW_MS, SIGNATURE_VALID, "acme", "now"},
    {NULL, "key_shop_1", NOW_MS, SIGNATURE_VALID, "shop", "shop"},
    {"acme", "key_now_1", NOW_MS, SIGNATURE_VALID, "acme", "now"},
    {"shop", "key_shop_1", NOW_MS, SIGNATURE_VALID, "shop", "shop"},
    {"acme", "key_shop_1", NOW_MS, SIGNATURE_DIGEST, "acme", NULL},
    {"acme", "key_old_1", NOW_MS - 1, SIGNATURE_VALID, "acme", "old"},
    {"acme", "key_old_1", NOW_MS, SIGNATURE_EXPIRED, "acme", NULL},
    {NULL, "key_old_1", NOW_MS - 1, SIGNATURE_VALID, "acme", "old"},
    {NULL, "key_old_1", NOW_MS, SIGNATURE_EXPIRED, "acme", NULL},
    {"shop", "key_old_1", NOW_MS, SIGNATURE_DIGEST, "shop", NULL},
    {"shop", "key_shop_1", NOW_MS + 1, SIGNATURE_EXPIRED, "shop", NULL}, /* it has no key any more */
    {"nobody", "key_old_1", NOW_MS, SIGNATURE_DIGEST, NULL, NULL},
    {"nobody", "key_now_1", NOW_MS, SIGNATURE_DIGEST, NULL, NULL},
    {"nobody", "nobody", NOW_MS, SIGNATURE_DIGEST, NULL, NULL}, /* the key that an unknown source is checked with */
    {NULL, "nobody", NOW_MS, SIGNATURE_DIGEST, NULL, NULL},
    {"acme", "key_now_1", NOW_MS + 300001, SIGNATURE_TIME, "acme", NULL},
};

static void the_key_says_whose_it_is(void **state)
{
    (void)state;
    struct sources *sources = sources_new(SOURCES, COUNT(SOURCES));
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char header[RETELL_SIGNATURE_BYTES];
        struct route route = {&PROVIDERS[SOURCE_RETELL], slice_of(CASES[i].path_source)};
        struct sender sender;
        retell_sign(header, SLICE(BODY), slice_of(CASES[i].signed_with), NOW_MS);
        enum signature_verdict verdict =
            sender_find(&sender, sources, &route, SLICE(BODY), slice_of(header), CASES[i].now_ms);
        if (verdict != CASES[i].verdict)
            fail_msg("case %zu: %s", i, signature_verdict_name(verdict));
        assert_slice(slice_of(sender.source ? sender.source->name : NULL), CASES[i].source);
        assert_slice(slice_of(sender.key ? sender.key->id : NULL), CASES[i].key);
    }
    sources_release(sources);
}

static void no_header_is_missing_and_no_source_is_nobodys(void **state)
{
    (void)state;
    struct sources *sources = sources_new(SOURCES, COUNT(SOURCES));
    struct sender sender;
    struct route retell = {&PROVIDERS[SOURCE_RETELL], SLICE("shop")};
    assert_int_equal(sender_find(&sender, sources, &retell, SLICE(BODY), SLICE_ABSENT, NOW_MS), SIGNATURE_MISSING);
    assert_string_equal(sender.source->name, "shop");
    struct route calcom = {&PROVIDERS[SOURCE_CALCOM], SLICE_ABSENT}; /* of which there is no source at all */
    assert_int_equal(sender_find(&sender, sources, &calcom, SLICE(BODY),
                                 SLICE("71002c74da9ddee978075c081ea538655a3895d34c948356b424e98c0a106dfd"), NOW_MS),
                     SIGNATURE_DIGEST);
    assert_null(sender.source);
    sources_release(sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_says_whose_it_is),
        cmocka_unit_test(no_header_is_missing_and_no_source_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
