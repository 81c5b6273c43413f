/* roster.h: the sources in force, each with its counters and its bucket of requests.
 *
 * A new roster takes the old one's place when the sources file was read again; a request in flight holds the one it began
 * with until it is answered. Buckets begin full. One thread.
 */
#ifndef HOOKLINE_INGEST_ROSTER_H
#define HOOKLINE_INGEST_ROSTER_H

#include "ingest/bucket.h"
#include "ingest/provider.h"
#include "ingest/tally.h"

struct roster {
    struct sources *sources;
    struct tally *tallies;                  /* by source->index */
    struct bucket *buckets;                 /* the same */
    struct tally unknown[SOURCE_PROVIDERS]; /* no source: by provider */
    unsigned held;
};

/* Holds `sources` once more. The roster is held once. */
struct roster *roster_new(struct sources *sources);
struct roster *roster_hold(struct roster *roster);
void roster_release(struct roster *roster); /* NULL is fine */

/* `source` NULL: there is none. */
struct tally *roster_tally(struct roster *roster, const struct provider *provider, const struct source *source);

#endif
