/* console_kafka.h: what the verbs that look at Kafka share: a handle, the cluster's shape, and answers to admin requests. */
#ifndef HOOKLINE_CTL_CONSOLE_KAFKA_H
#define HOOKLINE_CTL_CONSOLE_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "ctl/console.h"

struct kafka_property; /* common/kafka.h */

enum { KAFKA_METADATA_MAX_MS = 5000, KAFKA_ANSWER_MAX_MS = 10000 };

/* A consumer's handle (it can do all that an operator asks), in no group that anybody else is in. 0, or the exit code after
 * saying why not. Closed with console_kafka_close. */
int console_kafka_open(const struct console *console, rd_kafka_t **kafka);
/* The same with properties of the caller's, group.id among them; borrowed for the call. */
int console_kafka_open_with(const struct console *console, const struct kafka_property *properties, rd_kafka_t **kafka);
void console_kafka_close(rd_kafka_t *kafka);

/* The brokers and all topics; freed with rd_kafka_metadata_destroy. 0, or the exit code after saying why not. */
int console_kafka_metadata(const struct console *console, rd_kafka_t *kafka, const struct rd_kafka_metadata **metadata);
/* The topic by its full name, NULL if it is not there. */
const struct rd_kafka_metadata_topic *console_kafka_topic(const struct rd_kafka_metadata *metadata, const char *name);

/* The topic's full name, in the arena. */
const char *console_topic(const struct console *console, struct arena *arena, const char *topic);

/* Waits for the one answer of an admin request; the caller destroys it. *problem says what is wrong with the request as a
 * whole (in the event), NULL if nothing. Ends the process with 69 if none comes: librdkafka is stuck then. */
rd_kafka_event_t *console_kafka_answer(rd_kafka_queue_t *queue, const char **problem);

#endif
