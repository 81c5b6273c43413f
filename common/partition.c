/* partition.c: which partition a key belongs to: murmur2 as Kafka's own clients compute it, so that producers in every
 * language put a key in the same place. Pure.
 *
 * Source: MurmurHash2 (Austin Appleby, public domain), 32 bits, seed 0x9747b28c; Kafka takes the hash without its sign bit
 * modulo the number of partitions (org.apache.kafka.clients.producer.internals.BuiltInPartitioner). */
#include "common/producer.h"

static const uint32_t SEED = 0x9747b28c;
static const uint32_t FACTOR = 0x5bd1e995;

static uint32_t byte_at(struct slice key, size_t at)
{
    return (uint8_t)key.ptr[at];
}

static uint32_t mixed(uint32_t word)
{
    word *= FACTOR;
    word ^= word >> 24;
    return word * FACTOR;
}

static uint32_t murmur2(struct slice key)
{
    uint32_t hash = SEED ^ (uint32_t)key.len;
    size_t whole = key.len & ~(size_t)3;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t word =
            byte_at(key, i) | byte_at(key, i + 1) << 8 | byte_at(key, i + 2) << 16 | byte_at(key, i + 3) << 24;
        hash = hash * FACTOR ^ mixed(word);
    }
    for (size_t i = key.len; i > whole; i--)
        hash ^= byte_at(key, i - 1) << 8 * (i - 1 - whole);
    if (whole < key.len)
        hash *= FACTOR;
    hash ^= hash >> 13;
    hash *= FACTOR;
    return hash ^ hash >> 15;
}

int32_t partition_of_key(struct slice key, int32_t partitions)
{
    return (int32_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}
