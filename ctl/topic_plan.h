/* topic_plan.h: what hookline's topics are to be, and how one that exists differs. Pure.
 *
 * The table of design.md, "Topics": five topics and their dead letters, 12 partitions each, which never change: a key's
 * partition, and so its order, hangs on the number.
 */
#ifndef HOOKLINE_CTL_TOPIC_PLAN_H
#define HOOKLINE_CTL_TOPIC_PLAN_H

#include "common/arena.h"

enum { TOPIC_PLAN_COUNT = 10, TOPIC_PROPERTIES_MAX = 8 };

struct topic_property {
    const char *name, *value;
};

struct topic_plan {
    const char *topic; /* without prefix */
    bool is_dead_letters;
};

extern const struct topic_plan TOPIC_PLANS[TOPIC_PLAN_COUNT];

/* min(3, brokers). */
int topic_replication(int brokers);

/* Writes the topic's configuration for so many brokers; returns how many rows. Values are static. */
size_t topic_properties(const struct topic_plan *plan, int brokers, struct topic_property out[TOPIC_PROPERTIES_MAX]);

struct topic_found {
    int partitions, replication;
    const struct topic_property *properties; /* what the broker says; may hold others */
    size_t property_count;
};

/* What is not as planned, as text in the arena ("partitions 1, not 12; …"); absent if nothing. */
struct slice topic_differences(struct arena *arena, const struct topic_plan *plan, int brokers,
                               const struct topic_found *found);

#endif
