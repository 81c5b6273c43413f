/* broker.h: librdkafka's mock broker inside the test: loopback, a free port, memory only.
 *
 * Has hookline's topics (prefix "hookline.", 12 partitions) and their dead letter topics. What it is not: it keeps 5 MiB a
 * partition, ignores static membership, has no admin API, and takes 3 s for a group's first assignment. Setting it down
 * and up keeps its data. Everything here ends the test (abort) when it does not work.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_BROKER_H
#define HOOKLINE_TESTS_SUPPORT_BROKER_H

#include "common/producer.h"

struct broker;

struct broker *broker_start(void);
/* `brokers` of them, "2", with the ids 1, 2, …; what else is said here of the broker is said of the first. */
struct broker *broker_start_several(const char *brokers);
void broker_stop(struct broker *broker);

/* "127.0.0.1:43121" */
const char *broker_address(const struct broker *broker);

/* Down: connections are cut and refused. */
void broker_set_down(struct broker *broker, bool down);

/* The next `count` produce requests are answered with Kafka's error `code` (7 request timed out, 10 message too large,
 * 19 not enough replicas, 29 topic authorisation failed), and nothing is kept of them. Count 0: no more errors. */
void broker_fail_produces(struct broker *broker, int code, size_t count);

/* Lost: whoever asks for the topic hears that there is none; what is in it comes back with it. */
void broker_lose_topic(struct broker *broker, const char *topic, bool lost);

/* The answers come this much later from now on; 0: at once. */
void broker_set_delay(struct broker *broker, int delay_ms);

/* The partition's leader is the broker `id` from now on; -1: it has none. */
void broker_set_leader(struct broker *broker, const char *topic, int32_t partition, int id);
/* A broker that gives no answer any more. Those that it owes do not come when it thaws: its connections end. */
void broker_set_frozen(struct broker *broker, int id, bool frozen);

/* Sends and waits for the ack; for all acks. Each partition keeps the order. */
void broker_send(struct broker *broker, const struct record *record);
void broker_send_all(struct broker *broker, const struct record *records, size_t count);

struct broker_record {
    int32_t partition;
    int64_t offset;
    struct slice key, value;
    struct header *headers;
    size_t header_count;
};

/* All that is in the topic now, partition by partition, in `arena`. */
struct broker_record *broker_read(struct broker *broker, const char *topic, struct arena *arena, size_t *count);

/* The value of a header, absent if it has none of that name. */
struct slice broker_record_header(const struct broker_record *record, const char *name);

/* Sum over the partitions of what the group has committed for the topic: how many records are behind it. */
int64_t broker_committed(struct broker *broker, const char *group, const char *topic);
/* Makes that the group's offset of a partition, as if it had been read that far. */
void broker_commit(struct broker *broker, const char *group, const char *topic, int32_t partition, int64_t offset);

#endif
