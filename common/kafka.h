/* kafka.h: what every connection to Kafka has in common: how it is configured, what it logs, which libraries it refuses. */
#ifndef HOOKLINE_COMMON_KAFKA_H
#define HOOKLINE_COMMON_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "common/settings.h"

struct kafka_property {
    const char *name, *value; /* name NULL ends a list */
};

/* Laid over each other in this order: what all connections share, `defaults`, the operator's KAFKA_*, `guarantees`. NULL
 * with *problem set to a sentence (living as long as the process) if librdkafka refuses one of them. */
rd_kafka_conf_t *kafka_configure(const struct settings *settings, const char *client_id,
                                 const struct kafka_property *defaults, const struct kafka_property *guarantees,
                                 const char **problem);

/* The topic's full name: TOPIC_PREFIX before it. The caller frees. */
char *kafka_topic_name(const struct settings *settings, const char *topic);

/* Logs librdkafka's version. NULL, or a sentence if this one is known to fail us (kafka_version.h). */
const char *kafka_library_problem(void);

#endif
