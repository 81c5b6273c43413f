/* limits.c: a table of sets of eight places each, like a processor's cache: no list, no growth, no clean-up. */
#include "ingest/limits.h"

#include <stdlib.h>

enum { SETS = 2048, PLACES = 8 };

struct place {
    struct address address;
    struct bucket bucket; /* full_ns 0: nobody's */
};

struct limits {
    struct limits_options options;
    size_t in_flight, in_flight_bytes;
    struct place (*sets)[PLACES]; /* NULL without a limit per address */
};

struct limits *limits_new(const struct limits_options *options)
{
    struct limits *limits = memory_new(1, sizeof *limits);
    limits->options = *options;
    if (options->address.per_s > 0)
        limits->sets = memory_new(SETS, sizeof *limits->sets);
    return limits;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    free(limits->sets);
    free(limits);
}

/* ---- addresses ---- */

/* The two halves, mixed with the seed (the finaliser of SplitMix64, twice). */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

static size_t set_of(const struct limits *limits, const struct address *address)
{
    uint64_t halves[2];
    memcpy(halves, address->bytes, sizeof halves);
    return mixed(mixed(limits->options.seed ^ halves[0]) ^ halves[1]) % SETS;
}

/* The address's own place, or the one that it takes. */
static struct place *place_of(struct limits *limits, const struct address *address)
{
    struct place *set = limits->sets[set_of(limits, address)];
    struct place *fullest = &set[0];
    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].bucket.full_ns > 0 && address_same(&set[i].address, address))
            return &set[i];
        if (set[i].bucket.full_ns < fullest->bucket.full_ns)
            fullest = &set[i];
    }
    *fullest = (struct place){.address = *address};
    return fullest;
}

bool limits_allow_address(struct limits *limits, const struct address *address, int64_t now_ns, int64_t *wait_s)
{
    if (!limits->sets || address_is_local_socket(address))
        return true;
    struct address counted = address_counted(address);
    struct bucket *bucket = &place_of(limits, &counted)->bucket;
    if (bucket_allows(bucket, limits->options.address, now_ns)) {
        bucket_take(bucket, limits->options.address, now_ns);
        return true;
    }
    *wait_s = bucket_wait_s(bucket, limits->options.address, now_ns);
    return false;
}

/* ---- what waits ---- */

bool limits_full(const struct limits *limits)
{
    return limits->in_flight >= limits->options.in_flight_max ||
           limits->in_flight_bytes >= limits->options.in_flight_max_bytes;
}

bool limits_enter(struct limits *limits, size_t bytes)
{
    if (limits_full(limits) && limits->in_flight > 0)
        return false;
    limits->in_flight++;
    limits->in_flight_bytes += bytes;
    return true;
}

void limits_leave(struct limits *limits, size_t bytes)
{
    limits->in_flight--;
    limits->in_flight_bytes -= bytes;
}

size_t limits_in_flight_bytes(const struct limits *limits)
{
    return limits->in_flight_bytes;
}
