/* signature_stripe, signature_calcom, javascript_number: vectors made by stripe 23.1.0 and node:crypto, and each edge that
 * the vendors' code has. */
#include <math.h>

#include "ingest/javascript_number.h"
#include "ingest/provider.h"
#include "tests/unit/test.h"

#define STRIPE_KEY  "whsec_test_secret"
#define STRIPE_BODY "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"checkout.session.completed\"}"
#define V1          "ce535db81a6320de9f3383e7bb08719dab510ffad56e4625a2f682521abdd4bf"
#define ZEROS       "0000000000000000000000000000000000000000000000000000000000000000"

static const int64_t AT_MS = 1762862400000;

static enum signature_verdict check(enum source_provider provider, const char *key, struct slice body,
                                    struct slice header, int64_t now_ms)
{
    struct signature signature;
    uint8_t digest[HMAC_BYTES];
    enum signature_verdict verdict = PROVIDERS[provider].read(&signature, header, now_ms);
    if (verdict != SIGNATURE_VALID)
        return verdict;
    struct hmac_key *made = hmac_key_new(slice_of(key));
    signature_digest(&signature, made, body, digest);
    hmac_key_free(made);
    return PROVIDERS[provider].matches(&signature, digest) ? SIGNATURE_VALID : SIGNATURE_DIGEST;
}

static const struct {
    const char *name, *header;
    enum signature_verdict verdict;
} STRIPE[] = {
    {"as it is sent", "t=1762862400,v1=" V1, SIGNATURE_VALID},
    {"with the old scheme behind", "t=1762862400,v1=" V1 ",v0=" ZEROS, SIGNATURE_VALID},
    {"the digest first", "v1=" V1 ",t=1762862400", SIGNATURE_VALID},
    {"two keys at the sender, ours second", "t=1762862400,v1=" ZEROS ",v1=" V1, SIGNATURE_VALID},
    {"two keys at the sender, ours first", "t=1762862400,v1=" V1 ",v1=" ZEROS, SIGNATURE_VALID},
    {"a v1 of another length beside", "t=1762862400,v1=abc,v1=" V1, SIGNATURE_VALID},
    {"the last t counts", "t=1,t=1762862400,v1=" V1, SIGNATURE_VALID},
    {"the last t counts, and is another", "t=1762862400,v1=" V1 ",t=1762862401", SIGNATURE_DIGEST},
    {"a t with letters behind", "t=1762862400x,v1=" V1, SIGNATURE_VALID},
    {"a t with leading zeros", "t=0001762862400,v1=" V1, SIGNATURE_VALID},
    {"more behind a second =", "t=1762862400=7,v1=" V1 "=x", SIGNATURE_VALID},
    {"an empty v1 beside", "t=1762862400,v1=,v1=" V1, SIGNATURE_MALFORMED},
    {"a v1 without = beside", "t=1762862400,v1=" V1 ",v1", SIGNATURE_MALFORMED},
    {"a v1 of 64 bytes that is no ASCII",
     "t=1762862400,v1=" V1 ",v1=\xe9"
     "ce535db81a6320de9f3383e7bb08719dab510ffad56e4625a2f682521abdd4b",
     SIGNATURE_MALFORMED},
    {"capital letters", "t=1762862400,v1=CE535DB81A6320DE9F3383E7BB08719DAB510FFAD56E4625A2F682521ABDD4BF",
     SIGNATURE_DIGEST},
    {"a space after the comma", "t=1762862400, v1=" V1, SIGNATURE_MALFORMED},
    {"only the old scheme", "t=1762862400,v0=" V1, SIGNATURE_MALFORMED},
    {"no t", "v1=" V1, SIGNATURE_MALFORMED},
    {"t is the vendor's own none", "t=-1,v1=" V1, SIGNATURE_MALFORMED},
    {"t is no number", "t=x,v1=" V1, SIGNATURE_DIGEST},
    {"milliseconds", "t=1762862400000,v1=" V1, SIGNATURE_DIGEST},
    {"empty", "", SIGNATURE_MALFORMED},
    {"only a comma", ",", SIGNATURE_MALFORMED},
};

static void stripes_headers_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(STRIPE); i++) {
        enum signature_verdict verdict =
            check(SOURCE_STRIPE, STRIPE_KEY, SLICE(STRIPE_BODY), slice_of(STRIPE[i].header), AT_MS);
        if (verdict != STRIPE[i].verdict)
            fail_msg("%s: %s", STRIPE[i].name, signature_verdict_name(verdict));
    }
}

/* The vendor counts whole seconds of age, and none of what is to come. */
static void stripes_window_is_five_minutes_of_age(void **state)
{
    (void)state;
    static const struct {
        int64_t off_ms;
        enum signature_verdict verdict;
    } WINDOW[] = {{0, SIGNATURE_VALID},
                  {300999, SIGNATURE_VALID},
                  {301000, SIGNATURE_TIME},
                  {-301000, SIGNATURE_VALID},
                  {-86400000, SIGNATURE_VALID}};
    for (size_t i = 0; i < COUNT(WINDOW); i++)
        assert_int_equal(check(SOURCE_STRIPE, STRIPE_KEY, SLICE(STRIPE_BODY), SLICE("t=1762862400,v1=" V1),
                               AT_MS + WINDOW[i].off_ms),
                         WINDOW[i].verdict);
}

#define CAL_BODY                                                                                                       \
    "{\"triggerEvent\":\"BOOKING_CREATED\",\"createdAt\":\"2026-11-11T12:00:00.000Z\",\"payload\":{\"uid\":"           \
    "\"bFJeNb2uX8ANpT3JL5EfXw\",\"title\":\"Termin zwischen Müller und Köhler\"}}"
#define CAL_DIGEST "71002c74da9ddee978075c081ea538655a3895d34c948356b424e98c0a106dfd"

static const struct {
    const char *name, *header;
    enum signature_verdict verdict;
} CALCOM[] = {
    {"as it is sent", CAL_DIGEST, SIGNATURE_VALID},
    {"set up without a secret", "no-secret-provided", SIGNATURE_NO_SECRET},
    {"capital letters", "71002C74DA9DDEE978075C081EA538655A3895D34C948356B424E98C0A106DFD", SIGNATURE_MALFORMED},
    {"with a prefix", "sha256=" CAL_DIGEST, SIGNATURE_MALFORMED},
    {"63 digits", "1002c74da9ddee978075c081ea538655a3895d34c948356b424e98c0a106dfd", SIGNATURE_MALFORMED},
    {"65 digits", CAL_DIGEST "0", SIGNATURE_MALFORMED},
    {"a space before", " " CAL_DIGEST, SIGNATURE_MALFORMED},
    {"another's", ZEROS, SIGNATURE_DIGEST},
    {"empty", "", SIGNATURE_MALFORMED},
};

static void calcoms_headers_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CALCOM); i++) {
        enum signature_verdict verdict =
            check(SOURCE_CALCOM, "cal_whsec_test", SLICE(CAL_BODY), slice_of(CALCOM[i].header), AT_MS);
        if (verdict != CALCOM[i].verdict)
            fail_msg("%s: %s", CALCOM[i].name, signature_verdict_name(verdict));
    }
}

/* String(parseInt(text, 10)), as Node 20 prints it. */
static void numbers_are_read_and_written_as_javascript_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: undefined */
    } NUMBERS[] = {
        {"1762862400", "1762862400"},
        {"007", "7"},
        {"-0", "0"},
        {"+7", "7"},
        {"-5", "-5"},
        {" \t12", "12"},
        {"\xa0"
         "12",
         "12"},
        {"12x", "12"},
        {"0x10", "0"},
        {"1e3", "1"},
        {"1.9", "1"},
        {"", "NaN"},
        {"x", "NaN"},
        {"- 1", "NaN"},
        {NULL, "NaN"},
        {"9007199254740993", "9007199254740992"},
        {"123456789012345678901", "123456789012345680000"},
        {"999999999999999999999", "1e+21"},
        {"-123456789012345678901234", "-1.2345678901234569e+23"},
        {"100000000000000000000", "100000000000000000000"},
    };
    char text[JAVASCRIPT_NUMBER_BYTES];
    for (size_t i = 0; i < COUNT(NUMBERS); i++) {
        javascript_print(javascript_parse_int(slice_of(NUMBERS[i].text)), text);
        assert_string_equal(text, NUMBERS[i].printed);
    }
    javascript_print((double)INFINITY, text);
    assert_string_equal(text, "Infinity");
    javascript_print((double)-INFINITY, text);
    assert_string_equal(text, "-Infinity");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stripes_headers_to_the_letter),
        cmocka_unit_test(stripes_window_is_five_minutes_of_age),
        cmocka_unit_test(calcoms_headers_to_the_letter),
        cmocka_unit_test(numbers_are_read_and_written_as_javascript_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
