/* http_forwarded.h: whose request it is when proxies stand between: X-Forwarded-For, as far as it can be believed. Pure.
 *
 *      X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.2      from 10.0.0.1; trusted: 10.0.0.0/8
 *                       invented  the client   ours          each proxy adds the address that it sees, on the right
 *
 * Read from the right: an address that we trust to add the next one is passed over, the first that we do not is the
 * client. What stands left of him is his own invention. From a peer that is not trusted the field says nothing.
 */
#ifndef HOOKLINE_COMMON_HTTP_FORWARDED_H
#define HOOKLINE_COMMON_HTTP_FORWARDED_H

#include "common/address.h"
#include "common/http_request.h"

/* `peer` is who connected. What cannot be read ends the search: the last address that was vouched for counts. A port
 * behind an address is dropped. */
struct address http_forwarded_client(const struct http_request *request, const struct networks *trusted,
                                     const struct address *peer);

#endif
