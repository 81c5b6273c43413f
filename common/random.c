/* random.c: a pool that is used up from the front; what was handed out is wiped. */
#include "common/random.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { POOL_BYTES = 4096 };

static struct {
    unsigned char bytes[POOL_BYTES];
    size_t left;
} pool;

static void pool_fill(void)
{
    for (size_t have = 0; have < POOL_BYTES;) {
        ssize_t got = getrandom(pool.bytes + have, POOL_BYTES - have, 0);
        if (got > 0)
            have += (size_t)got; /* a signal may cut it short (getrandom(2)) */
    }
    pool.left = POOL_BYTES;
}

void random_take(void *bytes, size_t size)
{
    if (size > POOL_BYTES)
        abort();
    if (size > pool.left)
        pool_fill();
    unsigned char *from = pool.bytes + POOL_BYTES - pool.left;
    memcpy(bytes, from, size);
    explicit_bzero(from, size);
    pool.left -= size;
}
