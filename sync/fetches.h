/* fetches.h: a few calls asked for at a time: settles what is finished, claims what is due, sweeps.
 *
 * Everything that PostgreSQL is asked happens in fetches_turn, between batches; callbacks of the network only note what
 * came of a fetch. Jobs of sources without a key stay where they are: they are not claimed.
 */
#ifndef HOOKLINE_SYNC_FETCHES_H
#define HOOKLINE_SYNC_FETCHES_H

#include "sync/fetch.h"
#include "sync/sweep.h"

/* Questions under way at once; as a turn of the harness comes every 100 ms, at most 80 a second. */
enum { FETCHES_MAX = 8 };

/* Room that an answer needs beside its own bytes in a record: the event around it, headers, key, Kafka's framing. */
enum { ENVELOPE_MAX_BYTES = 16384, ANSWER_MAX_BYTES = MESSAGE_MAX_BYTES - ENVELOPE_MAX_BYTES };

struct fetches_options {
    struct event_base *base;
    struct producer *producer;
    struct database *database;
    struct accounts *accounts;
    struct policy policy;
    const char *url; /* of the platform's API */
    int64_t lease_ms, sweep_every_ms;
};

/* Belongs to the process: the producer may report to it until it is closed itself. */
struct fetches {
    struct fetches_options options;
    struct fetch_tools tools;
    struct fetch slots[FETCHES_MAX];
    struct sweep sweep;
    struct arena *arena; /* of one turn */
    struct metric *given_up;
    int64_t next_claim_ms, next_try_ms; /* ms since the epoch */
    bool database_away;
};

/* NULL when fine, else a sentence. Options are copied, what they point to is borrowed. */
const char *fetches_open(struct fetches *fetches, const struct fetches_options *options);

/* A job may be due at that time: look then. */
void fetches_expect(struct fetches *fetches, int64_t due_ms);

enum fetches_outcome {
    FETCHES_FINE,
    FETCHES_FAILED,    /* PostgreSQL, and *error says why; tried again a second later */
    FETCHES_RECOVERED, /* what had failed has succeeded now */
};

/* Does what is due now; to be called often, it looks at the clock first. */
enum fetches_outcome fetches_turn(struct fetches *fetches, int64_t now_ms, struct database_error *error);

/* Drops what is under way and gives the leases back. */
void fetches_close(struct fetches *fetches);

#endif
