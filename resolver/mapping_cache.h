/* mapping_cache.h: what PostgreSQL said about numbers, agents, companies and branches, for a while.
 *
 * A bounded LRU. What exists is believed for 300 s, what does not for 10 s, each less up to a tenth, so that what was asked
 * at once does not expire at once. Whoever owns it flushes it when a mapping changed or might have changed unseen; the
 * times are for what even that misses.
 *
 * No I/O, no clock: time is passed in, the jitter comes from the seed. Keys are copied.
 */
#ifndef HOOKLINE_RESOLVER_MAPPING_CACHE_H
#define HOOKLINE_RESOLVER_MAPPING_CACHE_H

#include "common/slice.h"

#include <stdint.h>

enum mapping_kind {
    MAPPING_NUMBER,  /* key: E.164, or the text if it is none */
    MAPPING_AGENT,   /* key: Retell's agent id */
    MAPPING_COMPANY, /* key: the id in decimal */
    MAPPING_BRANCH,  /* key: the id in decimal */
    MAPPING_OWNER,   /* key: a call id; never put into the cache (mapping.h) */
};

enum { MAPPING_KINDS = 5, MAPPING_TTL_MS = 300000, MAPPING_NEGATIVE_TTL_MS = 10000 };

/* What a key stands for; all 0: there is no such thing. */
struct mapping {
    int64_t company_id;
    int64_t branch_id; /* 0: none */
    char region[3];    /* of a company: ISO 3166 alpha-2 and NUL; else "" */
};

struct mapping_cache;

/* At most `entries` mappings (at least 1), about 150 bytes each. */
struct mapping_cache *mapping_cache_new(size_t entries, uint64_t seed);
void mapping_cache_free(struct mapping_cache *cache);

/* True if it is known, and not for too long, what `key` stands for, be it nothing. */
bool mapping_cache_find(struct mapping_cache *cache, enum mapping_kind kind, struct slice key, int64_t now_ms,
                        struct mapping *found);

/* Remembers, in place of what was known about the key; the least recently used entry makes room. */
void mapping_cache_put(struct mapping_cache *cache, enum mapping_kind kind, struct slice key,
                       const struct mapping *mapping, int64_t now_ms);

void mapping_cache_flush(struct mapping_cache *cache);
size_t mapping_cache_count(const struct mapping_cache *cache);

#endif
