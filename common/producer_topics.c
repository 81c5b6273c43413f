/* producer_topics.c: "brokers" and "topics" of the statistics are objects whose members carry the figures. */
#include "common/producer_topics.h"

#include <stdlib.h>
#include <yyjson.h>

#include "common/kafka.h"

struct producer_topic *producer_topics_take(struct producer_topics *topics, rd_kafka_t *kafka,
                                            const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < topics->count; i++)
        if (strcmp(topics->items[i].name, name) == 0)
            return &topics->items[i];
    if (topics->count == PRODUCER_TOPICS_MAX)
        return NULL;
    char *full_name = kafka_topic_name(settings, name);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, full_name, NULL);
    free(full_name);
    if (!handle)
        return NULL;
    struct producer_topic *topic = &topics->items[topics->count++];
    *topic = (struct producer_topic){.name = memory_copy_string(name), .handle = handle};
    return topic;
}

void producer_topics_close(struct producer_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++) {
        rd_kafka_topic_destroy(topics->items[i].handle);
        free(topics->items[i].name);
    }
    topics->count = 0;
}

/* What the statistics will say a second later, and what is sent until then would wait for in vain. */
static void note_leaders(struct producer_topic *topic, const rd_kafka_metadata_topic_t *known)
{
    for (int i = 0; i < known->partition_cnt; i++)
        if (known->partitions[i].id >= 0 && known->partitions[i].id < TOPIC_PARTITIONS)
            topic->leaderless[known->partitions[i].id] = known->partitions[i].leader < 0;
}

static const rd_kafka_metadata_topic_t *metadata_find(const rd_kafka_metadata_t *metadata,
                                                      const struct producer_topic *topic)
{
    const char *full_name = rd_kafka_topic_name(topic->handle);
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, full_name) == 0)
            return &metadata->topics[i];
    return NULL;
}

static void note_known(struct producer_topic *topic, bool known)
{
    topic->missing = !known && topic->patience == 0;
    if (known)
        topic->patience = 0;
    else if (topic->patience > 0)
        topic->patience--;
}

void producer_topics_hear_metadata(struct producer_topics *topics, const rd_kafka_metadata_t *metadata)
{
    for (size_t i = 0; i < topics->count; i++) {
        const rd_kafka_metadata_topic_t *known = metadata_find(metadata, &topics->items[i]);
        bool there = known && known->err == RD_KAFKA_RESP_ERR_NO_ERROR && known->partition_cnt > 0;
        if (there)
            note_leaders(&topics->items[i], known);
        note_known(&topics->items[i], there);
    }
}

static bool some_broker_is_up(yyjson_val *brokers)
{
    size_t index = 0;
    size_t count = 0;
    yyjson_val *name = NULL;
    yyjson_val *broker = NULL;
    bool up = false;
    yyjson_obj_foreach(brokers, index, count, name, broker)
    {
        up = up || yyjson_equals_str(yyjson_obj_get(broker, "state"), "UP");
    }
    return up;
}

/* Some of its partitions have a leader; which have none is noted. Partition -1 is librdkafka's own, for what has none yet. */
static bool is_known(struct producer_topic *topic, yyjson_val *topics)
{
    yyjson_val *partitions = yyjson_obj_get(yyjson_obj_get(topics, rd_kafka_topic_name(topic->handle)), "partitions");
    bool known = false;
    for (int i = 0; i < TOPIC_PARTITIONS; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", i);
        yyjson_val *leader = yyjson_obj_get(yyjson_obj_get(partitions, number), "leader");
        topic->leaderless[i] = yyjson_is_int(leader) && yyjson_get_sint(leader) < 0;
        known = known || (yyjson_is_int(leader) && yyjson_get_sint(leader) >= 0);
    }
    return known;
}

bool producer_topics_hear_statistics(struct producer_topics *topics, const char *text, size_t len)
{
    yyjson_doc *document = yyjson_read(text, len, YYJSON_READ_NOFLAG);
    yyjson_val *statistics = yyjson_doc_get_root(document);
    bool up = some_broker_is_up(yyjson_obj_get(statistics, "brokers"));
    for (size_t i = 0; i < topics->count; i++)
        note_known(&topics->items[i], is_known(&topics->items[i], yyjson_obj_get(statistics, "topics")));
    yyjson_doc_free(document);
    return up;
}

bool producer_topics_complete(const struct producer_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++)
        if (topics->items[i].written && topics->items[i].missing)
            return false;
    return true;
}

bool producer_topics_lead(const struct producer_topics *topics, const char *name, int32_t partition)
{
    for (size_t i = 0; i < topics->count; i++)
        if (strcmp(topics->items[i].name, name) == 0 && partition >= 0 && partition < TOPIC_PARTITIONS)
            return !topics->items[i].missing && !topics->items[i].leaderless[partition];
    return true;
}
