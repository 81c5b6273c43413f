/* bucket.c: at most 10^9 ns for a token and 10^6 tokens: 64 bits hold it. */
#include "ingest/bucket.h"

static const int64_t SECOND_NS = 1000000000;

/* How long after `now` the next token is there; 0 or less: there is one. */
static int64_t missing_ns(const struct bucket *bucket, struct bucket_rate rate, int64_t now_ns)
{
    int64_t token_ns = SECOND_NS / rate.per_s;
    return bucket->full_ns - now_ns - (rate.burst - 1) * token_ns;
}

bool bucket_allows(const struct bucket *bucket, struct bucket_rate rate, int64_t now_ns)
{
    return rate.per_s == 0 || missing_ns(bucket, rate, now_ns) <= 0;
}

void bucket_take(struct bucket *bucket, struct bucket_rate rate, int64_t now_ns)
{
    if (rate.per_s == 0)
        return;
    int64_t from_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
    bucket->full_ns = from_ns + SECOND_NS / rate.per_s;
}

int64_t bucket_wait_s(const struct bucket *bucket, struct bucket_rate rate, int64_t now_ns)
{
    int64_t missing = rate.per_s == 0 ? 0 : missing_ns(bucket, rate, now_ns);
    return missing > SECOND_NS ? (missing + SECOND_NS - 1) / SECOND_NS : 1;
}
