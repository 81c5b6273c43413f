/* address.h: who is at the other end, and whether a network holds him: IPv4 and IPv6 in one form. Pure.
 *
 *      10.1.2.3        ::ffff:10.1.2.3, so that one comparison serves both
 *      2001:db8::7     itself
 *      a UNIX socket   ::, which nobody can connect from
 *
 * Refuses text that two readers could read differently: a leading zero in a number of IPv4 (octal to some), zones (%eth0),
 * a network whose address has bits beyond its prefix.
 */
#ifndef HOOKLINE_COMMON_ADDRESS_H
#define HOOKLINE_COMMON_ADDRESS_H

#include <stdint.h>

#include "common/arena.h"

enum { ADDRESS_BYTES = 16, ADDRESS_BITS = 128 };

struct address {
    uint8_t bytes[ADDRESS_BYTES];
};

/* "10.1.2.3", "2001:db8::7", "::ffff:10.1.2.3" (the same as the first). False, *address untouched: it is none. */
bool address_read(struct slice text, struct address *address);
/* It came through a UNIX socket. */
bool address_is_local_socket(const struct address *address);
bool address_same(const struct address *a, const struct address *b);
/* Whoever is counted as one: an IPv4 address; the /64 of an IPv6 address, since its owner may use each in it. */
struct address address_counted(const struct address *address);

struct network {
    struct address address;
    unsigned bits; /* of `address`: 96 more than IPv4's own */
};

/* "10.0.0.0/8", "2001:db8::/32", an address alone, or "unix" (UNIX sockets). False: it is none. */
bool network_read(struct slice text, struct network *network);
bool network_holds(const struct network *network, const struct address *address);

struct networks {
    const struct network *items;
    size_t count;
};

/* A list parted by commas, blanks around each item; none at all is an empty list. NULL when fine (memory in `arena`), else
 * a sentence in `arena` that names the item. */
const char *networks_read(struct networks *networks, struct slice text, struct arena *arena);
/* False for an empty list. */
bool networks_hold(const struct networks *networks, const struct address *address);

#endif
