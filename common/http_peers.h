/* http_peers.h: how many connections each address holds. Pure.
 *
 * An IPv6 host owns a /64 and may use every address of it, so that network counts as one. UNIX sockets are not counted.
 */
#ifndef HOOKLINE_COMMON_HTTP_PEERS_H
#define HOOKLINE_COMMON_HTTP_PEERS_H

#include "common/address.h"

struct http_peers;

struct http_peers *http_peers_new(void);
void http_peers_free(struct http_peers *peers);
/* False, and nothing counted, if the address already holds `max`. */
bool http_peers_enter(struct http_peers *peers, const struct address *peer, unsigned max);
void http_peers_leave(struct http_peers *peers, const struct address *peer);

#endif
