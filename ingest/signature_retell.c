/* signature_retell.c: reads the header to the letter, then compares digests in constant time. */
#include "ingest/signature_retell.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/text.h"

enum {
    DIGEST_BYTES = 32,
    TIME_DIGITS_MAX = 16,
};

static const int64_t TIME_MAX = 9007199254740991; /* 2^53 - 1: the greatest that JavaScript takes */

struct signature_key {
    EVP_MAC_CTX *keyed;
};

const char *signature_verdict_name(enum signature_verdict verdict)
{
    static const char *const NAMES[] = {
        [SIGNATURE_VALID] = "valid", [SIGNATURE_MISSING] = "missing", [SIGNATURE_MALFORMED] = "malformed",
        [SIGNATURE_TIME] = "time",   [SIGNATURE_DIGEST] = "digest",
    };
    return NAMES[verdict];
}

struct signature_key *signature_key_new(struct slice key)
{
    if (key.len == 0)
        return NULL;
    char sha256[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", sha256, 0), OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *keyed = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    if (!keyed || !EVP_MAC_init(keyed, (const unsigned char *)key.ptr, key.len, parameters))
        abort(); /* no HMAC-SHA256 in this OpenSSL: nothing could be verified */
    EVP_MAC_free(hmac);
    struct signature_key *made = memory_new(1, sizeof *made);
    made->keyed = keyed;
    return made;
}

void signature_key_free(struct signature_key *key)
{
    if (!key)
        return;
    EVP_MAC_CTX_free(key->keyed); /* cleanses the key */
    free(key);
}

/* "v=" digits ",d=" 64 hex digits, and nothing else. */
static bool read_header(struct slice header, int64_t *time_ms, uint8_t digest[DIGEST_BYTES])
{
    size_t at = 2;
    if (header.len < at || (header.ptr[0] | 0x20) != 'v' || header.ptr[1] != '=')
        return false;
    size_t begin = at;
    while (at < header.len && header.ptr[at] == '0')
        at++;
    size_t digits = at;
    *time_ms = 0;
    while (at < header.len && header.ptr[at] >= '0' && header.ptr[at] <= '9') {
        if (at - digits >= TIME_DIGITS_MAX)
            return false;
        *time_ms = *time_ms * 10 + (header.ptr[at++] - '0');
    }
    if (at == begin || *time_ms > TIME_MAX)
        return false;
    struct slice rest = slice_from(header, at);
    if (rest.len < 3 || rest.ptr[0] != ',' || (rest.ptr[1] | 0x20) != 'd' || rest.ptr[2] != '=')
        return false;
    return text_read_hex(slice_from(rest, 3), digest, DIGEST_BYTES);
}

static void compute(const struct signature_key *key, struct slice body, int64_t time_ms, uint8_t digest[DIGEST_BYTES])
{
    char time[24];
    int time_len = snprintf(time, sizeof time, "%lld", (long long)time_ms);
    size_t len = 0;
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->keyed);
    if (!context || !EVP_MAC_update(context, (const unsigned char *)body.ptr, body.len) ||
        !EVP_MAC_update(context, (const unsigned char *)time, (size_t)time_len) ||
        !EVP_MAC_final(context, digest, &len, DIGEST_BYTES) || len != DIGEST_BYTES)
        abort(); /* an HMAC of bytes in memory cannot fail; going on would mean to trust anybody */
    EVP_MAC_CTX_free(context);
}

enum signature_verdict signature_retell_check(const struct signature_key *key, struct slice body, struct slice header,
                                              int64_t now_ms)
{
    if (slice_absent(header))
        return SIGNATURE_MISSING;
    int64_t time_ms = 0;
    uint8_t said[DIGEST_BYTES];
    if (!read_header(header, &time_ms, said))
        return SIGNATURE_MALFORMED;
    int64_t off_ms = now_ms > time_ms ? now_ms - time_ms : time_ms - now_ms;
    if (off_ms > SIGNATURE_WINDOW_MS)
        return SIGNATURE_TIME;
    uint8_t right[DIGEST_BYTES];
    compute(key, body, time_ms, right);
    return CRYPTO_memcmp(said, right, DIGEST_BYTES) == 0 ? SIGNATURE_VALID : SIGNATURE_DIGEST;
}
