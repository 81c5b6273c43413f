/* console_kafka.c: see console_kafka.h. */
#include "ctl/console_kafka.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/kafka.h"

/* The operator only looks: he never joins, never commits. */
static const struct kafka_property DEFAULTS[] = {{NULL, NULL}};
static const struct kafka_property GUARANTEES[] = {{"group.id", "hookline-operator"},
                                                   {"enable.auto.commit", "false"},
                                                   {"enable.auto.offset.store", "false"},
                                                   {"auto.offset.reset", "error"},
                                                   {"enable.partition.eof", "true"},
                                                   {"fetch.message.max.bytes", "65536"},
                                                   {NULL, NULL}};

int console_kafka_open_with(const struct console *console, const struct kafka_property *properties, rd_kafka_t **kafka)
{
    char why[256];
    const char *problem = NULL;
    rd_kafka_conf_t *conf = kafka_configure(console->settings, "hookline", DEFAULTS, properties, &problem);
    if (!conf)
        return complain(EXIT_CODE_CONFIGURATION, "%s", problem);
    *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (*kafka)
        return EXIT_CODE_FINE;
    rd_kafka_conf_destroy(conf);
    return complain(EXIT_CODE_CONFIGURATION, "librdkafka refuses its configuration: %s", why);
}

int console_kafka_open(const struct console *console, rd_kafka_t **kafka)
{
    return console_kafka_open_with(console, GUARANTEES, kafka);
}

void console_kafka_close(rd_kafka_t *kafka)
{
    /* Without a group there is nothing to leave; waiting for brokers that are away would only take time. */
    if (kafka)
        rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

int console_kafka_metadata(const struct console *console, rd_kafka_t *kafka, const struct rd_kafka_metadata **metadata)
{
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 1, NULL, metadata, KAFKA_METADATA_MAX_MS);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return EXIT_CODE_FINE;
    return complain(
        EXIT_CODE_UNAVAILABLE, "no broker at %s answers within %d s (%s); HOOKLINE_KAFKA_BOOTSTRAP names them",
        settings_text(console->settings, "KAFKA_BOOTSTRAP"), KAFKA_METADATA_MAX_MS / 1000, rd_kafka_err2str(error));
}

const struct rd_kafka_metadata_topic *console_kafka_topic(const struct rd_kafka_metadata *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0 && metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return &metadata->topics[i];
    return NULL;
}

const char *console_topic(const struct console *console, struct arena *arena, const char *topic)
{
    char *name = kafka_topic_name(console->settings, topic);
    const char *copy = arena_copy(arena, slice_of(name)).ptr;
    free(name);
    return copy;
}

rd_kafka_event_t *console_kafka_answer(rd_kafka_queue_t *queue, const char **problem)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, KAFKA_ANSWER_MAX_MS + 2000);
    if (!event) {
        /* The request has a time limit of its own, which has passed: librdkafka is stuck, and closing it would be, too
         * (2.0.2 locks itself out when a broker does not know a request that librdkafka's mock broker, for one, does
         * not know). Nothing here is half done that closing would complete. */
        complain(EXIT_CODE_UNAVAILABLE, "Kafka has not answered an administrator's request within %d s",
                 KAFKA_ANSWER_MAX_MS / 1000);
        _exit(EXIT_CODE_UNAVAILABLE);
    }
    *problem = rd_kafka_event_error(event) ? rd_kafka_event_error_string(event) : NULL;
    return event;
}
