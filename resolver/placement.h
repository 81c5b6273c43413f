/* placement.h: from events to the companies that they belong to, a batch at a time.
 *
 *      body ──> clues ──> look up companies, branches ──> the number in their region ──> look up numbers, agents
 *                                                                                              │
 *                                           resolve (pure) <── owners, if still open <── resolve (pure)
 *
 * The same way for what comes from Kafka and for what was parked. Decides nothing itself: webhook_clues.h and resolve.h do.
 */
#ifndef HOOKLINE_RESOLVER_PLACEMENT_H
#define HOOKLINE_RESOLVER_PLACEMENT_H

#include "common/event.h"
#include "common/producer.h"
#include "resolver/mapping.h"
#include "resolver/number_memo.h"
#include "resolver/resolve.h"
#include "resolver/webhook_clues.h"

struct placement {
    const struct event *event; /* in */
    enum clues_kind kind;
    struct webhook_clues clues;
    struct slice number; /* ours, normalised; absent: none */
    struct evidence evidence;
    struct resolution resolution; /* of a CLUES_CALL */
};

/* What is asked. `default_region`: of numbers whose company is not known yet. */
struct placer {
    struct mappings *mappings;
    struct number_memo *numbers;
    const char *default_region;
};

/* Fills in everything but `event`. */
bool placements_find(const struct placer *placer, struct arena *arena, struct placement *placements, size_t count,
                     int64_t now_ms, struct database_error *error);

/* The record for calls.events: the event's envelope, the call id as its subject, and the company; key and value as they
 * came. Lies in the arena. Only for a placement that has a company. */
const struct record *placement_record(const struct placement *placement, struct slice key, struct arena *arena);

/* At debug: what every rule said and what came of it. */
void placement_log(const struct placement *placement, struct arena *arena);

#endif
