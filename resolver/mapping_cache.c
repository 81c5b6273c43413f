/* mapping_cache.c: a chained hash table whose entries are also a list from the newest used to the oldest. */
#include "resolver/mapping_cache.h"

#include "common/arena.h"

#include <stdlib.h>

struct entry {
    struct entry *chain; /* the next one of its bucket */
    struct entry *newer, *older;
    uint64_t hash;
    int64_t expires_ms;
    struct mapping mapping;
    enum mapping_kind kind;
    size_t key_length;
    char key[];
};

struct mapping_cache {
    struct entry **buckets; /* a power of two, so that a hash is cut instead of divided */
    size_t bucket_mask, entries_max, count;
    struct entry *newest, *oldest;
    uint64_t hash_seed, jitter;
};

/* splitmix64 (Steele, Lea, Flood 2014): the next of a sequence, and a good mixer of bits. */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Seeded, because the keys are the senders' to choose. */
static uint64_t hash_of(const struct mapping_cache *cache, enum mapping_kind kind, struct slice key)
{
    uint64_t hash = cache->hash_seed ^ kind;
    for (size_t at = 0; at < key.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, key.ptr + at, key.len - at < sizeof word ? key.len - at : sizeof word);
        hash ^= word;
        hash = splitmix(&hash);
    }
    return hash ^ key.len;
}

static struct entry **link_to(struct mapping_cache *cache, enum mapping_kind kind, struct slice key, uint64_t hash)
{
    struct entry **link = &cache->buckets[hash & cache->bucket_mask];
    while (*link && ((*link)->hash != hash || (*link)->kind != kind ||
                     !slice_same((struct slice){(*link)->key, (*link)->key_length}, key)))
        link = &(*link)->chain;
    return link;
}

static void list_remove(struct mapping_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void list_put_first(struct mapping_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void forget(struct mapping_cache *cache, struct entry **link)
{
    struct entry *entry = *link;
    *link = entry->chain;
    list_remove(cache, entry);
    cache->count--;
    free(entry);
}

static void forget_oldest(struct mapping_cache *cache)
{
    struct entry *oldest = cache->oldest;
    struct entry **link = &cache->buckets[oldest->hash & cache->bucket_mask];
    while (*link != oldest)
        link = &(*link)->chain;
    forget(cache, link);
}

static int64_t time_to_live_ms(struct mapping_cache *cache, const struct mapping *mapping)
{
    int64_t longest = mapping->company_id ? MAPPING_TTL_MS : MAPPING_NEGATIVE_TTL_MS;
    return longest - (int64_t)(splitmix(&cache->jitter) % (uint64_t)(longest / 10 + 1));
}

struct mapping_cache *mapping_cache_new(size_t entries, uint64_t seed)
{
    struct mapping_cache *cache = memory_new(1, sizeof *cache);
    cache->entries_max = entries ? entries : 1;
    size_t buckets = 16;
    while (buckets < cache->entries_max)
        buckets *= 2;
    cache->buckets = memory_new(buckets, sizeof(struct entry *));
    cache->bucket_mask = buckets - 1;
    cache->jitter = seed;
    cache->hash_seed = splitmix(&cache->jitter);
    return cache;
}

void mapping_cache_free(struct mapping_cache *cache)
{
    if (!cache)
        return;
    mapping_cache_flush(cache);
    free(cache->buckets);
    free(cache);
}

bool mapping_cache_find(struct mapping_cache *cache, enum mapping_kind kind, struct slice key, int64_t now_ms,
                        struct mapping *found)
{
    struct entry **link = link_to(cache, kind, key, hash_of(cache, kind, key));
    if (!*link)
        return false;
    if ((*link)->expires_ms <= now_ms) {
        forget(cache, link);
        return false;
    }
    list_remove(cache, *link);
    list_put_first(cache, *link);
    *found = (*link)->mapping;
    return true;
}

void mapping_cache_put(struct mapping_cache *cache, enum mapping_kind kind, struct slice key,
                       const struct mapping *mapping, int64_t now_ms)
{
    uint64_t hash = hash_of(cache, kind, key);
    struct entry **link = link_to(cache, kind, key, hash);
    if (*link)
        forget(cache, link);
    if (cache->count == cache->entries_max)
        forget_oldest(cache);

    struct entry *entry = memory_new(1, sizeof *entry + key.len);
    entry->hash = hash;
    entry->expires_ms = now_ms + time_to_live_ms(cache, mapping);
    entry->mapping = *mapping;
    entry->kind = kind;
    entry->key_length = key.len;
    if (key.len)
        memcpy(entry->key, key.ptr, key.len);
    struct entry **bucket = &cache->buckets[hash & cache->bucket_mask];
    entry->chain = *bucket;
    *bucket = entry;
    list_put_first(cache, entry);
    cache->count++;
}

void mapping_cache_flush(struct mapping_cache *cache)
{
    while (cache->oldest)
        forget_oldest(cache);
}

size_t mapping_cache_count(const struct mapping_cache *cache)
{
    return cache->count;
}
