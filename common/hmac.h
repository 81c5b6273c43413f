/* hmac.h: HMAC-SHA256 under a key whose part of the work is done once. Pure.
 *
 * RFC 2104 over OpenSSL's EVP_MAC. What cannot fail (a digest of bytes in memory) ends the process if it does: going on
 * would mean to trust anybody.
 */
#ifndef HOOKLINE_COMMON_HMAC_H
#define HOOKLINE_COMMON_HMAC_H

#include <stdint.h>

#include "common/slice.h"

enum { HMAC_BYTES = 32 };

struct hmac_key;

/* The key's bytes are copied. NULL for an empty key, with which everybody could sign. */
struct hmac_key *hmac_key_new(struct slice key);
void hmac_key_free(struct hmac_key *key); /* cleanses it */

/* The digest of the parts, one behind the other. A key has one state: not for two threads at a time. */
void hmac_compute(const struct hmac_key *key, const struct slice *parts, size_t count, uint8_t digest[HMAC_BYTES]);

#endif
