/* http_peers.h: how many connections each address holds. Pure.
 *
 * An IPv6 host owns a /64 and may use every address of it, so that network counts as one.
 */
#ifndef HOOKLINE_COMMON_HTTP_PEERS_H
#define HOOKLINE_COMMON_HTTP_PEERS_H

#include <stdint.h>

#include "common/slice.h"

enum { HTTP_PEER_BYTES = 16 };

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d; all zero: no address (a UNIX socket), which is not counted. */
struct http_peer {
    uint8_t bytes[HTTP_PEER_BYTES];
};

struct http_peers;

struct http_peers *http_peers_new(void);
void http_peers_free(struct http_peers *peers);
/* False, and nothing counted, if the address already holds `max`. */
bool http_peers_enter(struct http_peers *peers, const struct http_peer *peer, unsigned max);
void http_peers_leave(struct http_peers *peers, const struct http_peer *peer);

#endif
