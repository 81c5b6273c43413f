/* source.h: who may send us webhooks: a name, a provider, keys, and what holds for what comes from there. Pure.
 *
 *      {"sources": [{"name": "acme", "provider": "retell", "company_id": 1, "keys": [{"id": "2026-11", "key": "…"}]}]}
 *
 * A set of sources never changes once it is made: whoever works with one (a request in flight) holds it, and a new set
 * takes its place for whoever comes next. One thread.
 */
#ifndef HOOKLINE_COMMON_SOURCE_H
#define HOOKLINE_COMMON_SOURCE_H

#include <stdint.h>

#include "common/address.h"
#include "common/hmac.h"

enum source_provider { SOURCE_RETELL, SOURCE_CALCOM, SOURCE_STRIPE };
enum { SOURCE_PROVIDERS = SOURCE_STRIPE + 1 };

/* What becomes of a webhook while no broker is up. */
enum source_spool {
    SOURCE_SPOOL_OUTAGE, /* kept on disk and accepted */
    SOURCE_SPOOL_NEVER,  /* refused with 503: the sender comes again */
};

enum {
    SOURCE_NAME_MAX = 64,
    SOURCE_BODY_MAX_BYTES = 10 * 1024 * 1024, /* a two-hour call's call_analyzed has about 3 MiB */
};

struct source_key {
    const char *id;
    struct slice text;     /* terminated by NUL; never logged */
    int64_t expires_at_ms; /* since the epoch; from then on it is as if it were not there. 0: never */
    struct hmac_key *hmac;
};

struct source {
    const char *name; /* [a-z0-9_-]{1,64}, unique among its provider's */
    enum source_provider provider;
    const char *ce_source; /* /retell/acme */
    int64_t company_id;    /* 0: bound to none */
    const struct source_key *keys;
    size_t key_count;
    struct networks allow; /* empty: from everywhere */
    int64_t rate_per_s;    /* 0: no limit of its own */
    int64_t burst;         /* at least 1 where there is a rate */
    size_t body_max_bytes;
    enum source_spool spool;
    struct slice cost_unit; /* as ce_costunit has it: "dollars"; absent: cents */
    size_t index;           /* of this source in its set */
};

struct sources {
    const struct source *items;
    size_t count;
    struct hmac_key *nobody; /* nobody's key: what an unknown source is checked with, so that it takes as long */
    size_t keys_most[SOURCE_PROVIDERS]; /* the most keys that a source of the provider has; at least 1 */
    struct arena *arena;
    unsigned held;
};

/* "retell", "calcom", "stripe". */
const char *source_provider_name(enum source_provider provider);
/* False if there is none of that name. */
bool source_provider_read(struct slice name, enum source_provider *provider);
/* [a-z0-9_-]{1,64}: a name stands in paths and labels. */
bool source_name_valid(struct slice name);

/* A set with copies of these rows, all but hmac, ce_source and index set by the caller; held once. */
struct sources *sources_new(const struct source *items, size_t count);
struct sources *sources_hold(struct sources *sources);
/* The last one frees it; the keys are cleansed. NULL is fine. */
void sources_release(struct sources *sources);

/* NULL: there is none. */
const struct source *sources_find(const struct sources *sources, enum source_provider provider, struct slice name);

bool source_key_active(const struct source_key *key, int64_t now_ms);
/* The first active key, NULL if all have expired: what its REST API is asked with. */
const struct source_key *source_first_key(const struct source *source, int64_t now_ms);

#endif
