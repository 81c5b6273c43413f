/* producer_topics.h: the topics of a producer: whether the brokers know them, and which partitions have no leader now.
 *
 * librdkafka says it twice: in answer to a question (the start), then once a second in its statistics.
 */
#ifndef HOOKLINE_COMMON_PRODUCER_TOPICS_H
#define HOOKLINE_COMMON_PRODUCER_TOPICS_H

#include <librdkafka/rdkafka.h>

#include "common/producer.h"

enum { PRODUCER_TOPICS_MAX = 16 };

struct producer_topic {
    char *name; /* without prefix */
    rd_kafka_topic_t *handle;
    bool written;                      /* without it nobody is ready */
    unsigned patience;                 /* so many statistics may not know it yet */
    bool missing;                      /* as of the last that was heard, patience being over */
    bool leaderless[TOPIC_PARTITIONS]; /* as of the last that was heard */
};

struct producer_topics {
    struct producer_topic items[PRODUCER_TOPICS_MAX];
    size_t count;
};

/* NULL with librdkafka's reason in rd_kafka_last_error, or when there are PRODUCER_TOPICS_MAX others. Made at the first call. */
struct producer_topic *producer_topics_take(struct producer_topics *topics, rd_kafka_t *kafka,
                                            const struct settings *settings, const char *name);
void producer_topics_close(struct producer_topics *topics);

void producer_topics_hear_metadata(struct producer_topics *topics, const rd_kafka_metadata_t *metadata);
/* `text`: librdkafka's STATISTICS.md. True: a broker is connected. */
bool producer_topics_hear_statistics(struct producer_topics *topics, const char *text, size_t len);

/* All that are written are there. */
bool producer_topics_complete(const struct producer_topics *topics);
/* False only for a partition that is known to have no leader, or whose topic is known to be missing. */
bool producer_topics_lead(const struct producer_topics *topics, const char *name, int32_t partition);

#endif
