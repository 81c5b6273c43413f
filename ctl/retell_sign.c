/* retell_sign.c: see retell_sign.h. */
#include "ctl/retell_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHA256_BYTES = 32 };

static void hmac_sha256(unsigned char digest[SHA256_BYTES], struct slice key, struct slice body, struct slice time)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
    char name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0), OSSL_PARAM_construct_end()};
    size_t len = 0;
    if (!mac || !EVP_MAC_init(mac, (const unsigned char *)key.ptr, key.len, parameters) ||
        !EVP_MAC_update(mac, (const unsigned char *)body.ptr, body.len) ||
        !EVP_MAC_update(mac, (const unsigned char *)time.ptr, time.len) ||
        !EVP_MAC_final(mac, digest, &len, SHA256_BYTES) || len != SHA256_BYTES)
        abort(); /* only without memory, or without SHA-256 in the library */
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
}

void retell_sign(char value[RETELL_SIGNATURE_BYTES], struct slice body, struct slice key, int64_t now_ms)
{
    char time[24];
    int time_len = snprintf(time, sizeof time, "%lld", (long long)now_ms);
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(digest, key, body, (struct slice){time, (size_t)time_len});

    int at = snprintf(value, RETELL_SIGNATURE_BYTES, "v=%s,d=", time);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        at += snprintf(value + at, RETELL_SIGNATURE_BYTES - (size_t)at, "%02x", digest[i]);
}
