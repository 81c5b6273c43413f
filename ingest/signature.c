/* signature.c: what all providers' signatures have in common. */
#include "ingest/signature.h"

const char *signature_verdict_name(enum signature_verdict verdict)
{
    static const char *const NAMES[SIGNATURE_VERDICTS] = {
        [SIGNATURE_VALID] = "valid",         [SIGNATURE_MISSING] = "missing", [SIGNATURE_MALFORMED] = "malformed",
        [SIGNATURE_NO_SECRET] = "no_secret", [SIGNATURE_TIME] = "time",       [SIGNATURE_DIGEST] = "digest",
        [SIGNATURE_EXPIRED] = "expired",
    };
    return NAMES[verdict];
}

void signature_digest(const struct signature *signature, const struct hmac_key *key, struct slice body,
                      uint8_t digest[HMAC_BYTES])
{
    const struct slice parts[] = {slice_of(signature->before), body, slice_of(signature->after)};
    hmac_compute(key, parts, COUNT(parts), digest);
}

void signature_hex(const uint8_t digest[HMAC_BYTES], char hex[SIGNATURE_HEX + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < HMAC_BYTES; i++) {
        hex[2 * i] = DIGITS[digest[i] >> 4];
        hex[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    hex[SIGNATURE_HEX] = '\0';
}
