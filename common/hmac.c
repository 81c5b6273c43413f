/* hmac.c: the keyed state is set back for each digest, so the key is hashed once in its life. */
#include "common/hmac.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "common/arena.h"

struct hmac_key {
    EVP_MAC_CTX *keyed;
};

struct hmac_key *hmac_key_new(struct slice key)
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
    struct hmac_key *made = memory_new(1, sizeof *made);
    made->keyed = keyed;
    return made;
}

void hmac_key_free(struct hmac_key *key)
{
    if (!key)
        return;
    EVP_MAC_CTX_free(key->keyed);
    free(key);
}

void hmac_compute(const struct hmac_key *key, const struct slice *parts, size_t count, uint8_t digest[HMAC_BYTES])
{
    size_t len = 0;
    EVP_MAC_CTX *context = key->keyed;
    if (!EVP_MAC_init(context, NULL, 0,
                      NULL)) /* without a key: the same again. A duplicate would cost nine allocations. */
        abort();
    for (size_t i = 0; i < count; i++)
        if (!EVP_MAC_update(context, (const unsigned char *)parts[i].ptr, parts[i].len))
            abort();
    if (!EVP_MAC_final(context, digest, &len, HMAC_BYTES) || len != HMAC_BYTES)
        abort();
}
