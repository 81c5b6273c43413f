/* bucket.h: so many requests a second, and some at once: a token bucket in one number. Pure: the time is passed in.
 *
 *      full_ns      when the bucket will be full again, if nobody takes anything until then
 *
 * Each token moves that time on by 1/rate; more than `burst` of them at once are not there. (The "generic cell rate
 * algorithm" of ATM: no float that drifts, no timer that fills.)
 */
#ifndef HOOKLINE_INGEST_BUCKET_H
#define HOOKLINE_INGEST_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_RATE_MAX = 1000000, BUCKET_BURST_MAX = 1000000 };

/* 1 to BUCKET_RATE_MAX and 1 to BUCKET_BURST_MAX; per_s 0: no limit. */
struct bucket_rate {
    int64_t per_s, burst;
};

struct bucket {
    int64_t full_ns; /* monotonic; 0 is a full bucket */
};

/* There is a token. */
bool bucket_allows(const struct bucket *bucket, struct bucket_rate rate, int64_t now_ns);
/* Takes one; also if there is none: the next comes later then. */
void bucket_take(struct bucket *bucket, struct bucket_rate rate, int64_t now_ns);
/* Whole seconds, 1 at least, until there is a token: what Retry-After says. */
int64_t bucket_wait_s(const struct bucket *bucket, struct bucket_rate rate, int64_t now_ns);

#endif
