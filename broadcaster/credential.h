/* credential.h: where in a request its token stands, and what the answer says about it.
 *
 *      Authorization: Bearer T        programs
 *      Cookie: hookline_token=T       the page (EventSource cannot set headers)
 *
 * A request with an Authorization header is judged by that alone. Never read from the URL but at GET /?token=T, whose
 * answer sets the cookie: URLs end up in logs. Pure.
 */
#ifndef HOOKLINE_BROADCASTER_CREDENTIAL_H
#define HOOKLINE_BROADCASTER_CREDENTIAL_H

#include "common/buffer.h"
#include "common/http_request.h"

enum { CREDENTIAL_MAX = 256, CREDENTIAL_HASH_BYTES = 32 };

/* A token as tokens are: 1 to 256 visible ASCII characters that need no quotes in a cookie (RFC 6265, 4.1.1). */
bool credential_valid(struct slice token);

/* The request's token; absent if there is none or it is no valid one. */
struct slice credential_of(const struct http_request *request);

/* SHA-256: all that is looked up, kept and compared. */
void credential_hash(struct slice token, uint8_t hash[CREDENTIAL_HASH_BYTES]);

/* The value of Set-Cookie that signs a browser in. `secure`: the page came over TLS. */
void credential_write_cookie(struct buffer *out, struct slice token, bool secure);

#endif
