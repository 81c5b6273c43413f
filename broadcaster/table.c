/* table.c: linear probing, and removal by moving back what follows, so that no tombstones gather. */
#include "broadcaster/table.h"

#include <stdlib.h>

#include "common/arena.h"

enum { CAPACITY_FIRST = 64 };

/* FNV-1a with a seed, its bits mixed at the end (the finaliser of MurmurHash3, public domain). */
static uint64_t hash_of(uint64_t seed, struct slice key)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.ptr[i]) * 0x100000001b3u;
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 33);
}

/* The slot that holds the key, or the free one where it belongs. */
static struct table_slot *slot_of(const struct table *table, struct slice key, uint64_t hash)
{
    size_t mask = table->capacity - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct table_slot *slot = &table->slots[at];
        if (slice_absent(slot->key) || (slot->hash == hash && slice_same(slot->key, key)))
            return slot;
    }
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->capacity = old.capacity ? old.capacity * 2 : CAPACITY_FIRST;
    table->slots = memory_new(table->capacity, sizeof *table->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (!slice_absent(old.slots[i].key))
            *slot_of(table, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void table_free(struct table *table)
{
    free(table->slots);
    *table = (struct table){.seed = table->seed};
}

void *table_get(const struct table *table, struct slice key)
{
    if (!table->capacity)
        return NULL;
    const struct table_slot *slot = slot_of(table, key, hash_of(table->seed, key));
    return slice_absent(slot->key) ? NULL : slot->value;
}

void table_put(struct table *table, struct slice key, void *value)
{
    if (table->count * 4 >= table->capacity * 3)
        grow(table);
    uint64_t hash = hash_of(table->seed, key);
    struct table_slot *slot = slot_of(table, key, hash);
    if (slice_absent(slot->key))
        table->count++;
    *slot = (struct table_slot){key, value, hash};
}

void table_remove(struct table *table, struct slice key)
{
    if (!table->capacity)
        return;
    struct table_slot *slot = slot_of(table, key, hash_of(table->seed, key));
    if (slice_absent(slot->key))
        return;
    table->count--;
    size_t mask = table->capacity - 1;
    size_t hole = (size_t)(slot - table->slots);
    for (size_t at = (hole + 1) & mask; !slice_absent(table->slots[at].key); at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        /* Moves back only what would otherwise not be found any more: whose home is not between the hole and itself. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct table_slot){0};
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        const struct table_slot *slot = &table->slots[(*at)++];
        if (!slice_absent(slot->key))
            return slot->value;
    }
    return NULL;
}
