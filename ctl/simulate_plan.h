/* simulate_plan.h: what becomes of a life's webhooks on their way: sent, sent twice, late, or never. Pure.
 *
 *      steps of a life ──> plan ──> deliveries, each with its time
 *      due_add ──> a heap by time ──> due_take     what all calls have still to send
 */
#ifndef HOOKLINE_CTL_SIMULATE_PLAN_H
#define HOOKLINE_CTL_SIMULATE_PLAN_H

#include "ctl/simulate_life.h"

/* Shares from 0 to 1. */
struct mischief {
    double repeat;   /* of webhooks: sent a second time, the same bytes */
    double disorder; /* of webhooks: sent after the call's next one */
    double lose;     /* of calls: call_ended, call_analyzed or both never come */
};

struct delivery {
    int64_t due_ms;
    int64_t start_ms; /* of the life; with the index it makes the life again */
    uint32_t index;
    uint8_t step;    /* of the life */
    uint8_t attempt; /* 0 for the first */
    bool repeated;   /* the second of two */
};

enum { PLAN_DELIVERIES_MAX = 2 * LIFE_STEPS_MAX };

/* Writes the deliveries of `life` and returns how many; *lost gets the number of webhooks that never come. The same seed
 * gives the same plan. */
size_t plan_deliveries(const struct life *life, uint64_t seed, uint32_t index, const struct mischief *mischief,
                       struct delivery out[PLAN_DELIVERIES_MAX], size_t *lost);

/* Webhooks that a call sends on average, repeats included: what turns a rate of webhooks into a rate of calls. */
double plan_webhooks_per_call(const struct life_options *options, const struct mischief *mischief);

/* Deliveries by time, the earliest first. Zeroed is empty. */
struct due_heap {
    struct delivery *items;
    size_t count, capacity;
};

void due_free(struct due_heap *heap);
void due_add(struct due_heap *heap, struct delivery delivery);
/* The earliest, NULL if there is none; it stays. */
const struct delivery *due_first(const struct due_heap *heap);
/* Takes the earliest away; there must be one. */
struct delivery due_take(struct due_heap *heap);

#endif
