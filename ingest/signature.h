/* signature.h: what a signature header says, in each provider's way.
 *
 *      header ──read──> form and time are right ──> HMAC-SHA256(key, before ‖ body ‖ after) ──matches──> signed by that key
 *
 *      retell   v=1762862400000,d=d967450b…           body ‖ v             v: Unix ms, within 5 minutes, both ways
 *      calcom   71002c74…                             body                 says no time: whoever has one may send it again
 *      stripe   t=1762862400,v1=ce535d…[,v1=…]        t ‖ "." ‖ body       t: Unix s, at most 5 minutes old; any v1 is enough
 *
 * Each says what its vendor's own code says, for every header: retell-sdk 5.66.1 (lib/webhook_auth.js), stripe 23.1.0
 * (cjs/Webhooks.js), Cal.com's sendPayload.ts; tests/differential holds them to it. Over the bytes of the body as they came:
 * the vendors' code first makes text of them, which differs where they are no UTF-8 or (stripe) begin with U+FEFF.
 * Pure: the time is passed in. Digests are compared in constant time.
 */
#ifndef HOOKLINE_INGEST_SIGNATURE_H
#define HOOKLINE_INGEST_SIGNATURE_H

#include "common/hmac.h"

enum { SIGNATURE_WINDOW_MS = 300000, SIGNATURE_TIME_BYTES = 72 };

enum signature_verdict {
    SIGNATURE_VALID,
    SIGNATURE_MISSING,
    SIGNATURE_MALFORMED,
    SIGNATURE_NO_SECRET, /* Cal.com's own word for a webhook that was set up without a secret */
    SIGNATURE_TIME,      /* well-formed, but from another time: a replay, or a clock that is wrong */
    SIGNATURE_DIGEST,
    SIGNATURE_EXPIRED, /* right, but by a key that no longer counts */
};
enum { SIGNATURE_VERDICTS = SIGNATURE_EXPIRED + 1 };

/* "valid", "missing", "malformed", "no_secret", "time", "digest", "expired": for logs and metrics; the sender is told none of it. */
const char *signature_verdict_name(enum signature_verdict verdict);

struct signature {
    struct slice said; /* of the header: where its digests stand */
    char before[SIGNATURE_TIME_BYTES],
        after[SIGNATURE_TIME_BYTES]; /* what is signed around the body; terminated by NUL */
    bool has_time;
    double time_ms; /* since the epoch: when it was signed, if it says so */
};

/* `header` is there. VALID so far, or MALFORMED, NO_SECRET, TIME; `signature` is complete for VALID and TIME, and borrows
 * from the header. */
typedef enum signature_verdict signature_reader(struct signature *signature, struct slice header, int64_t now_ms);
/* Whether the header says this digest. */
typedef bool signature_matcher(const struct signature *signature, const uint8_t digest[HMAC_BYTES]);

signature_reader signature_retell_read, signature_calcom_read, signature_stripe_read;
signature_matcher signature_retell_matches, signature_calcom_matches, signature_stripe_matches;

/* What `key` makes of the body. */
void signature_digest(const struct signature *signature, const struct hmac_key *key, struct slice body,
                      uint8_t digest[HMAC_BYTES]);

enum { SIGNATURE_HEX = 2 * HMAC_BYTES };
/* The digest as the vendors write it; terminated by NUL. */
void signature_hex(const uint8_t digest[HMAC_BYTES], char hex[SIGNATURE_HEX + 1]);

#endif
