/* stage_offsets.h: offsets on their way between us and Kafka; stage_consumer.h says the rest. */
#ifndef HOOKLINE_COMMON_STAGE_OFFSETS_H
#define HOOKLINE_COMMON_STAGE_OFFSETS_H

#include "common/stage_consumer.h"

/* Fills in where each partition of a new assignment starts: what the group committed, else the beginning. If Kafka does
 * not say in time, librdkafka asks again by itself, and a partition without a committed offset comes back as `lost`. */
void offsets_of_start(struct consumer *consumer, rd_kafka_topic_partition_list_t *list);

#endif
