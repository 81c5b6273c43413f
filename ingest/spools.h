/* spools.h: the spool of this process, and the orphan that it drains beside it.
 *
 *      own:     takes records, bounded in bytes and age; drained when the brokers are back
 *      orphan:  of a process that is no more: adopted at the start and every minute, one at a time; only drained
 *
 * Both drain at their own pace: a batch, its deletions, and then the loop's other events before the next. Says how it is in
 * metrics. Without SPOOL_DIR there is none: struct spools * is NULL then, and every function here takes that.
 */
#ifndef HOOKLINE_INGEST_SPOOLS_H
#define HOOKLINE_INGEST_SPOOLS_H

#include "ingest/lanes.h"
#include "ingest/spool_group.h"

struct spools;

struct spools_options {
    const char *directory;
    int64_t bytes_max;  /* of what waits and what is set aside */
    int64_t age_max_ms; /* of the oldest that waits */
    /* As of a drain (spool_drain.h), of either spool. */
    enum lane_state (*lane_state)(void *context, unsigned lane);
    void (*acked)(void *context, unsigned lane);
    void (*timed_out)(void *context, unsigned lane, int64_t sent_ns);
    void (*again)(void *context, int64_t rest_ns);
    void *context;
};

/* NULL when fine, else a sentence. directory NULL or "": fine, *result is NULL. */
const char *spools_open(struct spools **result, struct event_base *base, const struct spools_options *options);
/* After the producer's last report. */
void spools_close(struct spools *spools);

/* NULL: there is room for a record of so many bytes, and the disk was not at fault a moment ago. Else why not, and what helps;
 * static text. */
const char *spools_problem(const struct spools *spools, size_t bytes);
bool spools_take(const struct spools *spools, size_t bytes);
/* A record of this key waits: another one must not overtake it. */
bool spools_key_waits(const struct spools *spools, struct slice key);
int64_t spools_last_sequence(const struct spools *spools);

/* As of a group (spool_group.h), for the own spool. */
void spools_append(struct spools *spools, const struct spool_row *row, spool_group_done *done, void *opaque);
void spools_delete(struct spools *spools, int64_t sequence);
void spools_set_aside(struct spools *spools, int64_t sequence, const char *problem);
void spools_commit(struct spools *spools);

/* Begins the next batch of each: of the own spool only rows before `below` of their lane. `silent`: one row, to ask. To be
 * called now and then (what a batch could not be rid of waits for that), and when `again` says so. */
void spools_drain(struct spools *spools, struct producer *producer, const int64_t below[LANES + 1], bool silent);
/* Now and then: metrics, orphans, tidying, what failed. */
void spools_tick(struct spools *spools);

#endif
