/* sweep.h: every few minutes, the jobs that no update made: whose update was lost with a topic, or came before sync did. */
#ifndef HOOKLINE_SYNC_SWEEP_H
#define HOOKLINE_SYNC_SWEEP_H

#include "common/database.h"
#include "sync/policy.h"

struct metric;

struct sweep {
    int64_t every_ms, next_ms; /* ms since the epoch */
    struct metric *open_live, *open_missing;
};

/* The first is due at once. */
void sweep_init(struct sweep *sweep, int64_t every_ms);

/* If it is due: makes jobs for calls that lack something and have neither an open one nor one that was given up, while no
 * other process is at it, a page of 1000 at a time; counts the open ones. False: to be called again later. */
bool sweep_turn(struct sweep *sweep, struct database *database, struct arena *arena, const struct policy *policy,
                int64_t now_ms, struct database_error *error);

#endif
