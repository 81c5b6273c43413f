/* retell_sign.h: signs a webhook's body as Retell does. Pure.
 *
 *      X-Retell-Signature: v=<unix ms>,d=<hex HMAC-SHA256 of the body's bytes followed by the decimal ms>
 *
 * Source: retell-sdk 5.66.1, lib/webhook_auth (`sign`); tests/unit/retell_sign.c holds it to the SDK's own vectors.
 */
#ifndef HOOKLINE_CTL_RETELL_SIGN_H
#define HOOKLINE_CTL_RETELL_SIGN_H

#include <stdint.h>

#include "common/slice.h"

/* "v=" + 20 digits + ",d=" + 64 hex digits + NUL. */
enum { RETELL_SIGNATURE_BYTES = 96 };

/* The header's value for `body`, signed at `now_ms` with `key` (not empty: the SDK refuses an empty key). */
void retell_sign(char value[RETELL_SIGNATURE_BYTES], struct slice body, struct slice key, int64_t now_ms);

#endif
