/* reading.c: the ends once, then the group's committed offsets as often as asked. */
#include "ctl/reading.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/kafka.h"
#include "common/producer.h"
#include "ctl/console_kafka.h"

struct reading {
    rd_kafka_t *kafka;
    const char *stage;
    rd_kafka_topic_partition_list_t *ends; /* of partitions that hold something */
    int64_t *lows;                         /* where they begin */
};

static int open_as(const struct console *console, const char *stage, rd_kafka_t **kafka)
{
    char group[64];
    snprintf(group, sizeof group, "hookline-%s", stage);
    const struct kafka_property properties[] = {
        {"group.id", group}, {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {NULL, NULL}};
    return console_kafka_open_with(console, properties, kafka);
}

static int note_topic(struct reading *reading, const char *topic)
{
    for (int32_t partition = 0; partition < TOPIC_PARTITIONS; partition++) {
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(reading->kafka, topic, partition, &low, &high, KAFKA_METADATA_MAX_MS);
        if (error)
            return complain(EXIT_CODE_UNAVAILABLE, "the end of %s/%d cannot be read: %s", topic, (int)partition,
                            rd_kafka_err2str(error));
        if (low == high)
            continue;
        reading->lows[reading->ends->cnt] = low;
        rd_kafka_topic_partition_list_add(reading->ends, topic, partition)->offset = high;
    }
    return EXIT_CODE_FINE;
}

int reading_note(struct reading **result, const struct console *console, const char *stage, const char *const *topics)
{
    struct reading *reading = memory_new(1, sizeof *reading);
    size_t count = 0;
    while (topics[count])
        count++;
    reading->stage = stage;
    reading->ends = rd_kafka_topic_partition_list_new((int)count * TOPIC_PARTITIONS);
    reading->lows = memory_new(count * TOPIC_PARTITIONS, sizeof *reading->lows);
    int exit_code = open_as(console, stage, &reading->kafka);
    for (size_t i = 0; i < count && exit_code == EXIT_CODE_FINE; i++) {
        char *name = kafka_topic_name(console->settings, topics[i]);
        exit_code = note_topic(reading, name);
        free(name);
    }
    if (exit_code != EXIT_CODE_FINE) {
        reading_free(reading);
        reading = NULL;
    }
    *result = reading;
    return exit_code;
}

int reading_left(struct reading *reading, int64_t *left)
{
    *left = 0;
    if (reading->ends->cnt == 0)
        return EXIT_CODE_FINE;
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(reading->ends);
    rd_kafka_resp_err_t error = rd_kafka_committed(reading->kafka, committed, KAFKA_ANSWER_MAX_MS);
    for (int i = 0; i < committed->cnt && !error; i++) {
        error = committed->elems[i].err;
        int64_t next = committed->elems[i].offset;
        if (next < reading->lows[i]) /* also without an offset: it begins at the beginning */
            next = reading->lows[i];
        if (next < reading->ends->elems[i].offset)
            *left += reading->ends->elems[i].offset - next;
    }
    rd_kafka_topic_partition_list_destroy(committed);
    if (!error)
        return EXIT_CODE_FINE;
    return complain(EXIT_CODE_UNAVAILABLE, "what %s has read cannot be asked: %s", reading->stage,
                    rd_kafka_err2str(error));
}

void reading_free(struct reading *reading)
{
    if (!reading)
        return;
    console_kafka_close(reading->kafka);
    rd_kafka_topic_partition_list_destroy(reading->ends);
    free(reading->lows);
    free(reading);
}
