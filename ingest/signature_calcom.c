/* signature_calcom.c: the digest of the body in 64 lower-case hex digits, and nothing else (calcom/cal.com,
 * packages/features/webhooks/lib/sendPayload.ts; receivers compare texts, so capital letters are another text). */
#include <openssl/crypto.h>

#include "ingest/signature.h"

static const char NO_SECRET[] = "no-secret-provided";

enum signature_verdict signature_calcom_read(struct signature *signature, struct slice header, int64_t now_ms)
{
    (void)now_ms;
    *signature = (struct signature){.said = header};
    if (slice_equals(header, NO_SECRET))
        return SIGNATURE_NO_SECRET;
    for (size_t i = 0; i < header.len; i++)
        if (!((header.ptr[i] >= '0' && header.ptr[i] <= '9') || (header.ptr[i] >= 'a' && header.ptr[i] <= 'f')))
            return SIGNATURE_MALFORMED;
    return header.len == SIGNATURE_HEX ? SIGNATURE_VALID : SIGNATURE_MALFORMED;
}

bool signature_calcom_matches(const struct signature *signature, const uint8_t digest[HMAC_BYTES])
{
    char hex[SIGNATURE_HEX + 1];
    signature_hex(digest, hex);
    return signature->said.len == SIGNATURE_HEX && CRYPTO_memcmp(signature->said.ptr, hex, SIGNATURE_HEX) == 0;
}
