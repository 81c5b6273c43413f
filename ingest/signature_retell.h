/* signature_retell.h: was this body signed by Retell, and just now?
 *
 *      X-Retell-Signature: v=1762862400000,d=d967450b…      v: Unix ms; d: HMAC-SHA256(API key, body followed by v), hex
 *
 * Says what retell-sdk 5.66.1 says (lib/webhook_auth.js, `symmetric.verify`), for every input: letters of either case,
 * leading zeros of v count for nothing, and v may be five minutes off in both directions, that included. Nothing may
 * stand before, between or after. Pure: the time is passed in.
 */
#ifndef HOOKLINE_INGEST_SIGNATURE_RETELL_H
#define HOOKLINE_INGEST_SIGNATURE_RETELL_H

#include <stdint.h>

#include "common/slice.h"

enum { SIGNATURE_WINDOW_MS = 300000 };

enum signature_verdict {
    SIGNATURE_VALID,
    SIGNATURE_MISSING,
    SIGNATURE_MALFORMED,
    SIGNATURE_TIME, /* well-formed, but from another time: a replay, or a clock that is wrong */
    SIGNATURE_DIGEST,
};

/* "valid", "missing", "malformed", "time", "digest": for logs and metrics; the sender is told none of it. */
const char *signature_verdict_name(enum signature_verdict verdict);

struct signature_key; /* a key with its part of the HMAC computed */

/* The key's bytes are copied. NULL for an empty key, with which everybody could sign. */
struct signature_key *signature_key_new(struct slice key);
void signature_key_free(struct signature_key *key);

/* `header` absent: there was none. `now_ms` since the epoch. */
enum signature_verdict signature_retell_check(const struct signature_key *key, struct slice body, struct slice header,
                                              int64_t now_ms);

#endif
