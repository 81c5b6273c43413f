/* What we sign is what retell-sdk 5.66.1 signed: its own vectors, and the one of both vendor test suites (V5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/retell_sign.h"

static void the_vendors_vectors_hold(void **state)
{
    (void)state;
    static const char KEY[] = "key_0123456789abcdef0123456789ab";
    static const struct {
        const char *key, *body;
        int64_t ms;
        const char *value;
    } VECTORS[] = {
        {KEY,
         "{\"event\":\"call_ended\",\"call\":{\"call_id\":\"119c3f8e47135a29e65947eeb34cf12d\",\"call_status\":"
         "\"ended\"}}",
         1762862400000, "v=1762862400000,d=d967450bee3f55b6ee53402fe6622a56f1d000a2eeeff816b7bc23b5ed1ea940"},
        {KEY,
         "{\"event\":\"call_analyzed\",\"call\":{\"call_id\":\"call_ü\",\"call_analysis\":{\"call_summary\":\"Herr "
         "Müller aus Köln "
         "möchte einen Rückruf – Größe: groß, 5 €\"}}}",
         1762862400123, "v=1762862400123,d=8ff2afee6f4248d8ef576dd6e4642f72f903f5c1a5ab6c251f4939ff8e4fb603"},
        {KEY, "{}", 1762862400999,
         "v=1762862400999,d=4955582f76eb7cedd46b6caa9cabb77c10427698fc507b95928004aaab5ecca0"},
        {KEY, "", 1762862400999, "v=1762862400999,d=cb9714c8b8712537c8b519d77c18fb9b905381de9306ffe572424accddc125d9"},
        {"test-api-key", "{\"event\":\"call_ended\"}", 1700000000000,
         "v=1700000000000,d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e"},
    };
    for (size_t i = 0; i < COUNT(VECTORS); i++) {
        char value[RETELL_SIGNATURE_BYTES];
        retell_sign(value, slice_of(VECTORS[i].body), slice_of(VECTORS[i].key), VECTORS[i].ms);
        assert_string_equal(value, VECTORS[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_vendors_vectors_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
