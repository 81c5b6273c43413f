/* signature_retell.c: v=<ms>,d=<64 hex digits>, letters of either case; leading zeros of v count for nothing. Nothing may
 * stand before, between or after (retell-sdk 5.66.1, lib/webhook_auth.js, `symmetric.verify`). */
#include <openssl/crypto.h>
#include <stdio.h>

#include "common/text.h"
#include "ingest/signature.h"

enum { TIME_DIGITS_MAX = 16 };

static const int64_t TIME_MAX = 9007199254740991; /* 2^53 - 1: the greatest that JavaScript takes */

/* "v=" digits ",d=" 64 hex digits, and nothing else. */
static bool read_header(struct slice header, int64_t *time_ms, struct slice *hex)
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
    uint8_t digest[HMAC_BYTES];
    *hex = slice_from(rest, 3);
    return text_read_hex(*hex, digest, HMAC_BYTES);
}

enum signature_verdict signature_retell_read(struct signature *signature, struct slice header, int64_t now_ms)
{
    int64_t time_ms = 0;
    *signature = (struct signature){.has_time = true};
    if (!read_header(header, &time_ms, &signature->said))
        return SIGNATURE_MALFORMED;
    signature->time_ms = (double)time_ms;
    snprintf(signature->after, sizeof signature->after, "%lld", (long long)time_ms);
    int64_t off_ms = now_ms > time_ms ? now_ms - time_ms : time_ms - now_ms;
    return off_ms > SIGNATURE_WINDOW_MS ? SIGNATURE_TIME : SIGNATURE_VALID;
}

bool signature_retell_matches(const struct signature *signature, const uint8_t digest[HMAC_BYTES])
{
    uint8_t said[HMAC_BYTES];
    return text_read_hex(signature->said, said, HMAC_BYTES) && CRYPTO_memcmp(said, digest, HMAC_BYTES) == 0;
}
