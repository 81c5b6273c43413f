/* attempts.h: which records of a batch are tried next, until each has succeeded or is set aside.
 *
 *      500 records ──BISECT──> 250 ──DONE──> 250 ──BISECT──> 125 … ──BISECT──> 1: dead letter, then the others whole
 *
 * Records are done from left to right, so what is done is always a beginning of the batch, and offsets can move with it.
 * Pure: no clock; how long to wait is said, not done.
 */
#ifndef HOOKLINE_COMMON_ATTEMPTS_H
#define HOOKLINE_COMMON_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stage_outcome.h"

enum {
    ATTEMPTS_DEPTH = 32, /* halvings; a batch has at most 10,000 records, plus those that came while it waited */
    ATTEMPTS_AGAIN_MAX = 10,
    ATTEMPTS_SLOW_MAX = 2,
    ATTEMPTS_WAIT_FIRST_MS = 50,
    ATTEMPTS_WAIT_LAST_MS = 5000,
};

enum attempt_kind {
    ATTEMPT_RUN,      /* give records [first, first + count) to the stage */
    ATTEMPT_BURY,     /* record `first` can never succeed */
    ATTEMPT_FINISHED, /* nothing is left */
};

struct attempt {
    enum attempt_kind kind;
    size_t first, count;
};

struct attempts {
    size_t done, total;
    size_t ends[ATTEMPTS_DEPTH]; /* of the ranges being tried, the innermost last */
    size_t depth;
    unsigned again, waits, slow; /* in a row */
    bool witness;                /* the record after a slow one is being tried: does it pass? */
    bool bury, witness_passed;
};

void attempts_begin(struct attempts *attempts, size_t total);
/* More records came while the batch waited. */
void attempts_extend(struct attempts *attempts, size_t total);

struct attempt attempts_next(const struct attempts *attempts);

/* The attempt's effects are durable, what it published is acked, or its dead letter is. */
void attempts_succeeded(struct attempts *attempts);

/* The attempt came to another end (not STAGE_DONE, BUG, REFUSED). Returns ms to wait before the next, 0: none. */
int64_t attempts_failed(struct attempts *attempts, enum stage_outcome outcome);

/* A slow record is the last of the batch: only another one can tell whether it or the database is to blame. */
bool attempts_want_more(const struct attempts *attempts);

#endif
