/* table.h: bytes -> pointer, for what is looked up with every update: calls, companies, tokens.
 *
 * Open addressing, linear probing, at most three quarters full. Borrows its keys: they must live and stay as they are
 * while they are in the table (keep them in the thing that is found). Keys come from signed senders and are hashed with
 * a seed all the same. Pure but for malloc.
 */
#ifndef HOOKLINE_BROADCASTER_TABLE_H
#define HOOKLINE_BROADCASTER_TABLE_H

#include <stdint.h>

#include "common/slice.h"

struct table_slot {
    struct slice key; /* absent: free */
    void *value;
    uint64_t hash;
};

struct table {
    struct table_slot *slots;
    size_t capacity, count;
    uint64_t seed;
};

void table_free(struct table *table);
void *table_get(const struct table *table, struct slice key); /* NULL: not there */
void table_put(struct table *table, struct slice key,
               void *value); /* replaces; the newer key is borrowed from then on */
void table_remove(struct table *table, struct slice key);

/* The values one after another, in no order: start with *at = 0; NULL ends. Nothing may be put or removed meanwhile. */
void *table_next(const struct table *table, size_t *at);

#endif
