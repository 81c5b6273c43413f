/* sender.c: see sender.h. */
#include "ingest/sender.h"

struct attempt {
    const struct provider *provider;
    const struct signature *signature;
    struct slice body;
    int64_t now_ms;
    size_t tried;
    const struct source *expired; /* whose key it was, once */
};

static bool try_key(struct attempt *attempt, const struct hmac_key *key)
{
    uint8_t digest[HMAC_BYTES];
    attempt->tried++;
    signature_digest(attempt->signature, key, attempt->body, digest);
    return attempt->provider->matches(attempt->signature, digest);
}

static void try_source(struct attempt *attempt, const struct source *source, struct sender *sender)
{
    for (size_t i = 0; i < source->key_count; i++) {
        const struct source_key *key = &source->keys[i];
        if (!try_key(attempt, key->hmac))
            continue;
        if (source_key_active(key, attempt->now_ms))
            *sender = (struct sender){source, key};
        else
            attempt->expired = source;
    }
}

enum signature_verdict sender_find(struct sender *sender, const struct sources *sources, const struct route *route,
                                   struct slice body, struct slice header, int64_t now_ms)
{
    enum source_provider provider = route->provider->id;
    bool named = !slice_absent(route->source);
    *sender = (struct sender){named ? sources_find(sources, provider, route->source) : NULL, NULL};
    if (slice_absent(header))
        return SIGNATURE_MISSING;
    struct signature signature;
    enum signature_verdict verdict = route->provider->read(&signature, header, now_ms);
    if (verdict != SIGNATURE_VALID)
        return verdict;
    struct attempt attempt = {route->provider, &signature, body, now_ms, 0, NULL};
    if (sender->source)
        try_source(&attempt, sender->source, sender);
    for (size_t i = 0; !named && i < sources->count; i++)
        if (sources->items[i].provider == provider)
            try_source(&attempt, &sources->items[i], sender);
    if (sender->key)
        return SIGNATURE_VALID;
    while (attempt.tried < sources->keys_most[provider])
        (void)try_key(&attempt, sources->nobody);
    if (!attempt.expired)
        return SIGNATURE_DIGEST;
    sender->source = attempt.expired;
    return SIGNATURE_EXPIRED;
}
