/* signature.h: what holds for every provider's signature header: nobody is let in whose header does not hold the digest of
 * this body under this key, and reading it never depends on what stands behind it. */
#ifndef HOOKLINE_TESTS_FUZZ_SIGNATURE_H
#define HOOKLINE_TESTS_FUZZ_SIGNATURE_H

#include "ingest/provider.h"
#include "tests/fuzz/fuzz.h"

enum { SIGNATURE_NOW_S = 1762862400 };

static inline bool signature_holds_hex(struct slice header, const char *hex)
{
    size_t len = strlen(hex);
    for (size_t at = 0; at + len <= header.len; at++) {
        size_t same = 0;
        while (same < len && (header.ptr[at + same] == hex[same] || (header.ptr[at + same] | 0x20) == hex[same]))
            same++;
        if (same == len)
            return true;
    }
    return false;
}

static inline void signature_try(enum source_provider id, struct slice input)
{
    static struct hmac_key *key;
    if (!key)
        key = hmac_key_new(SLICE("key_0123456789abcdef0123456789ab")); /* the process's */
    const struct provider *provider = &PROVIDERS[id];
    struct slice body = input;
    struct slice header = fuzz_take(&body, '\n');
    struct signature signature;
    enum signature_verdict verdict = provider->read(&signature, header, INT64_C(1000) * SIGNATURE_NOW_S);
    REQUIRE(verdict != SIGNATURE_MISSING && verdict != SIGNATURE_DIGEST);
    if (verdict != SIGNATURE_VALID)
        return;
    uint8_t digest[HMAC_BYTES];
    char hex[SIGNATURE_HEX + 1];
    signature_digest(&signature, key, body, digest);
    signature_hex(digest, hex);
    REQUIRE(!provider->matches(&signature, digest) || signature_holds_hex(header, hex));
}

#endif
