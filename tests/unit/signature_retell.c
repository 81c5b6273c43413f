/* signature_retell: the same verdict as the vendor's SDK (retell-sdk 5.66.1 made every signature here), for what is right,
 * nearly right, and out of time. */
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "ingest/provider.h"
#include "tests/unit/test.h"

#define KEY "key_0123456789abcdef0123456789ab"
#define V1  "v=1762862400000,d=d967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940"
#define D1  "d967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940"

static const int64_t AT = 1762862400000;

/* clang-format off: rows are the SDK's, bytes count */
#define BODY1                                                                                                          \
    "{\"event\":\"call_ended\",\"call\":{\"call_id\":\"119c3f8e47135a29e65947eeb34cf12d\",\"call_status\":\"ended\"}}"
#define BODY2                                                                                                          \
    "{\"event\":\"call_analyzed\",\"call\":{\"call_id\":\"call_\u00fc\",\"call_analysis\":{\"call_summary\":\"Herr "   \
    "M\u00fcller aus K\u00f6ln m\u00f6chte einen R\u00fcckruf \u2013 Gr\u00f6\u00dfe: gro\u00df, 5 \u20ac\"}}}"
#define BODY2_ESCAPED                                                                                                  \
    "{\"event\":\"call_analyzed\",\"call\":{\"call_id\":\"call_\\u00fc\",\"call_analysis\":{\"call_summary\":\"Herr "  \
    "M\\u00fcller aus K\\u00f6ln m\\u00f6chte einen R\\u00fcckruf \\u2013 Gr\\u00f6\\u00dfe: gro\\u00df, 5 "           \
    "\\u20ac\"}}}"
#define V2 "v=1762862400123,d=8ff2afee6f4248d8ef576dd6e4642f72f903f5c1a5ab6c251f4939ff8e4fb603"
/* clang-format on */

static enum signature_verdict check_with(const struct hmac_key *key, struct slice body, struct slice header,
                                         int64_t now_ms)
{
    struct signature signature;
    uint8_t digest[HMAC_BYTES];
    enum signature_verdict verdict = signature_retell_read(&signature, header, now_ms);
    if (verdict != SIGNATURE_VALID)
        return verdict;
    signature_digest(&signature, key, body, digest);
    return signature_retell_matches(&signature, digest) ? SIGNATURE_VALID : SIGNATURE_DIGEST;
}

static enum signature_verdict check(const char *key, struct slice body, struct slice header, int64_t now_ms)
{
    struct hmac_key *made = hmac_key_new(slice_of(key));
    enum signature_verdict verdict = check_with(made, body, header, now_ms);
    hmac_key_free(made);
    return verdict;
}

static const struct {
    const char *name, *key, *body, *header;
    int64_t now_ms;
    enum signature_verdict verdict;
} VECTORS[] = {
    {"V1 ASCII", KEY, BODY1, V1, 1762862400000, SIGNATURE_VALID},
    {"V2 UTF-8", KEY, BODY2, V2, 1762862400123, SIGNATURE_VALID},
    {"V3 an empty object", KEY, "{}",
     "v=1762862400999,d=4955582f76eb7cedd46b6caa9cabb77c10427698fc507b95928004aaab5ecca0", 1762862400999,
     SIGNATURE_VALID},
    {"V4 an empty body", KEY, "", "v=1762862400999,d=cb9714c8b8712537c8b519d77c18fb9b905381de9306ffe572424accddc125d9",
     1762862400999, SIGNATURE_VALID},
    {"V5 the vendor's own test", "test-api-key", "{\"event\":\"call_ended\"}",
     "v=1700000000000,d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e", 1700000000000,
     SIGNATURE_VALID},
    {"N1 written again with escapes", KEY, BODY2_ESCAPED, V2, 1762862400123, SIGNATURE_DIGEST},
    {"another key", KEY "x", BODY1, V1, AT, SIGNATURE_DIGEST},
    {"the key with a newline", KEY "\n", BODY1, V1, AT, SIGNATURE_DIGEST},
    {"a byte order mark before the body", KEY, "\xef\xbb\xbf" BODY1, V1, AT, SIGNATURE_DIGEST},
    {"a newline behind the body", KEY, BODY1 "\n", V1, AT, SIGNATURE_DIGEST},
    {"an empty body", KEY, "", V1, AT, SIGNATURE_DIGEST},
};

static void vectors_of_the_sdk(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        enum signature_verdict verdict =
            check(VECTORS[i].key, slice_of(VECTORS[i].body), slice_of(VECTORS[i].header), VECTORS[i].now_ms);
        if (verdict != VECTORS[i].verdict)
            fail_msg("%s: %s", VECTORS[i].name, signature_verdict_name(verdict));
    }
}

/* The edge cases of the vendor's verify(), each run against it. */
static const struct {
    const char *name, *header;
    enum signature_verdict verdict;
} HEADERS[] = {
    {"capital letters", "V=1762862400000,D=D967450BEE3F55B6EE53402FE6622A56F1D000A2EEEFF816B7BC23B5ED1EA940",
     SIGNATURE_VALID},
    {"mixed letters", "v=1762862400000,D=D967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940",
     SIGNATURE_VALID},
    {"a leading zero", "v=01762862400000,d=" D1, SIGNATURE_VALID},
    {"forty leading zeros", "v=00000000000000000000000000000000000000001762862400000,d=" D1, SIGNATURE_VALID},
    {"empty", "", SIGNATURE_MALFORMED},
    {"bare hex", D1, SIGNATURE_MALFORMED},
    {"a space before", " " V1, SIGNATURE_MALFORMED},
    {"a space behind", V1 " ", SIGNATURE_MALFORMED},
    {"a newline behind", V1 "\n", SIGNATURE_MALFORMED},
    {"a space after the comma", "v=1762862400000, d=" D1, SIGNATURE_MALFORMED},
    {"swapped", "d=" D1 ",v=1762862400000", SIGNATURE_MALFORMED},
    {"a third field", V1 ",x=1", SIGNATURE_MALFORMED},
    {"twice", V1 ", " V1, SIGNATURE_MALFORMED},
    {"63 digits", "v=1762862400000,d=d967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea94",
     SIGNATURE_MALFORMED},
    {"65 digits", V1 "0", SIGNATURE_MALFORMED},
    {"a letter that is no digit", "v=1762862400000,d=g967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940",
     SIGNATURE_MALFORMED},
    {"no digest", "v=1762862400000,d=", SIGNATURE_MALFORMED},
    {"no time", "v=,d=" D1, SIGNATURE_MALFORMED},
    {"only v", "v", SIGNATURE_MALFORMED},
    {"only v=", "v=", SIGNATURE_MALFORMED},
    {"only a time", "v=1762862400000", SIGNATURE_MALFORMED},
    {"a time and a comma", "v=1762862400000,d", SIGNATURE_MALFORMED},
    {"a negative time", "v=-1762862400000,d=" D1, SIGNATURE_MALFORMED},
    {"a plus", "v=+1762862400000,d=" D1, SIGNATURE_MALFORMED},
    {"a fraction", "v=1762862400000.0,d=" D1, SIGNATURE_MALFORMED},
    {"over 2^53", "v=9007199254740992,d=" D1, SIGNATURE_MALFORMED},
    {"at 2^53 - 1", "v=9007199254740991,d=" D1, SIGNATURE_TIME},
    {"twenty digits", "v=17628624000001762862,d=" D1, SIGNATURE_MALFORMED},
    {"seconds", "v=1762862400,d=" D1, SIGNATURE_TIME},
    {"zero", "v=0,d=" D1, SIGNATURE_TIME},
    {"another time", "v=1762862400001,d=" D1, SIGNATURE_DIGEST},
};

static void headers_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(HEADERS); i++) {
        enum signature_verdict verdict = check(KEY, SLICE(BODY1), slice_of(HEADERS[i].header), AT);
        if (verdict != HEADERS[i].verdict)
            fail_msg("%s: %s", HEADERS[i].name, signature_verdict_name(verdict));
    }
    assert_int_equal(check(KEY, SLICE(BODY1), ((struct slice){V1 "\0", sizeof V1}), AT), SIGNATURE_MALFORMED);
}

static void the_window_is_five_minutes_both_ways(void **state)
{
    (void)state;
    static const struct {
        int64_t off_ms;
        enum signature_verdict verdict;
    } WINDOW[] = {
        {300000, SIGNATURE_VALID},        {-300000, SIGNATURE_VALID}, {300001, SIGNATURE_TIME},
        {-300001, SIGNATURE_TIME},        {0, SIGNATURE_VALID},       {3600000, SIGNATURE_TIME},
        {-1762862400000, SIGNATURE_TIME},
    };
    for (size_t i = 0; i < COUNT(WINDOW); i++)
        assert_int_equal(check(KEY, SLICE(BODY1), SLICE(V1), AT + WINDOW[i].off_ms), WINDOW[i].verdict);
}

static void no_flipped_bit_passes(void **state)
{
    (void)state;
    struct hmac_key *key = hmac_key_new(SLICE(KEY));
    char body[] = BODY1;
    char header[] = V1;
    struct slice body_slice = {body, sizeof body - 1};
    struct slice header_slice = {header, sizeof header - 1};
    for (size_t bit = 0; bit < 8 * body_slice.len; bit++) {
        body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(check_with(key, body_slice, header_slice, AT), SIGNATURE_DIGEST);
        body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t bit = 0; bit < 8 * header_slice.len; bit++) {
        char before = header[bit / 8];
        header[bit / 8] = (char)(before ^ (1 << bit % 8));
        enum signature_verdict verdict = check_with(key, body_slice, header_slice, AT);
        bool only_case = bit % 8 == 5 && ((before | 0x20) >= 'a' && (before | 0x20) <= 'z');
        if ((verdict == SIGNATURE_VALID) != only_case)
            fail_msg("bit %zu of the header: %s", bit, signature_verdict_name(verdict));
        header[bit / 8] = before;
    }
    assert_int_equal(check_with(key, body_slice, header_slice, AT), SIGNATURE_VALID);
    hmac_key_free(key);
}

static const struct {
    const char *file, *header;
    int64_t now_ms;
} FILES[] = {
    {"retell_call_ended.json", "v=1703302429100,d=d43b12489ff4759d0d1594ac580d5c8d2db5c5c34e5d272efe4ffea41eb43dfb",
     1703302429100},
    {"retell_call_analyzed.json", "v=1703302433512,d=588405ee82e52a651a5aa99323637f7a49e1129145dd5e1ede6e0f6e497b2f78",
     1703302433512},
};

static void real_bodies_with_the_sdks_signatures(void **state)
{
    (void)state;
    enum { FILE_MAX = 65536 };
    char *bytes = memory_new(1, FILE_MAX);
    for (size_t i = 0; i < COUNT(FILES); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", TEST_DATA, FILES[i].file);
        FILE *file = fopen(path, "rb");
        if (!file)
            fail_msg("%s is not there", path);
        struct slice body = {bytes, fread(bytes, 1, FILE_MAX, file)};
        fclose(file);
        assert_int_equal(check(KEY, body, slice_of(FILES[i].header), FILES[i].now_ms), SIGNATURE_VALID);
        bytes[body.len / 2] = (char)(bytes[body.len / 2] ^ 1);
        assert_int_equal(check(KEY, body, slice_of(FILES[i].header), FILES[i].now_ms), SIGNATURE_DIGEST);
    }
    free(bytes);
}

static void an_empty_key_is_no_key(void **state)
{
    (void)state;
    assert_null(hmac_key_new(SLICE("")));
    assert_null(hmac_key_new(SLICE_ABSENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_sdk),
        cmocka_unit_test(headers_to_the_letter),
        cmocka_unit_test(the_window_is_five_minutes_both_ways),
        cmocka_unit_test(no_flipped_bit_passes),
        cmocka_unit_test(real_bodies_with_the_sdks_signatures),
        cmocka_unit_test(an_empty_key_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
