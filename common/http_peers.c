/* http_peers.c: chains in a table of fixed size; there are never more entries than connections. The hash is seeded by the
 * table's own address (the kernel places it at random), and an attacker who still found collisions would only lengthen a
 * chain that each of his addresses must pay for with a connection. */
#include "common/http_peers.h"

#include <stdlib.h>

#include "common/arena.h"

enum { CHAINS = 4096 };

struct entry {
    struct entry *next;
    struct address peer;
    unsigned count;
};

struct http_peers {
    struct entry *chains[CHAINS];
};

static struct entry **find(struct http_peers *peers, const struct address *peer)
{
    uint64_t hash = (uint64_t)(uintptr_t)peers;
    for (size_t i = 0; i < ADDRESS_BYTES; i++)
        hash = (hash ^ peer->bytes[i]) * 0x100000001b3; /* FNV-1a */
    struct entry **at = &peers->chains[(hash >> 20) % CHAINS];
    while (*at && memcmp((*at)->peer.bytes, peer->bytes, ADDRESS_BYTES) != 0)
        at = &(*at)->next;
    return at;
}

struct http_peers *http_peers_new(void)
{
    return memory_new(1, sizeof(struct http_peers));
}

void http_peers_free(struct http_peers *peers)
{
    for (size_t i = 0; i < CHAINS; i++) {
        while (peers->chains[i]) {
            struct entry *entry = peers->chains[i];
            peers->chains[i] = entry->next;
            free(entry);
        }
    }
    free(peers);
}

bool http_peers_enter(struct http_peers *peers, const struct address *peer, unsigned max)
{
    if (address_is_local_socket(peer))
        return true;
    struct address key = address_counted(peer);
    struct entry **at = find(peers, &key);
    if (!*at) {
        *at = memory_new(1, sizeof **at);
        (*at)->peer = key;
    }
    if ((*at)->count >= max)
        return false;
    (*at)->count++;
    return true;
}

void http_peers_leave(struct http_peers *peers, const struct address *peer)
{
    if (address_is_local_socket(peer))
        return;
    struct address key = address_counted(peer);
    struct entry **at = find(peers, &key);
    if (!*at || --(*at)->count > 0)
        return;
    struct entry *entry = *at;
    *at = entry->next;
    free(entry);
}
