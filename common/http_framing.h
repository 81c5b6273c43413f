/* http_framing.h: where a request's body ends, and every reason to doubt it.
 *
 * A proxy and we must never disagree about that: what one takes for a body the other would take for a second request
 * (request smuggling; RFC 9112, 6.3 and 11.2). So every doubt is a refusal. Pure.
 */
#ifndef HOOKLINE_COMMON_HTTP_FRAMING_H
#define HOOKLINE_COMMON_HTTP_FRAMING_H

#include "common/http_request.h"

struct http_framing {
    bool chunked;
    uint64_t length; /* of a body that is not chunked; 0: none */
};

/* Checks Host, Content-Length, Transfer-Encoding and Expect of a head whose fields and version are known; sets
 * expects_continue. NULL when fine. */
const struct http_refusal *http_framing_read(struct http_request *request, struct http_framing *framing);

#endif
