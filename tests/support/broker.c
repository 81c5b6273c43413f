/* broker.c: the mock cluster, and clients of it that do what the test asks. */
#include "tests/support/broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"

enum { FROZEN_MS = 600000, PRODUCE_REQUEST = 0, ANSWER_MS = 10000, ERRORS_AT_ONCE = 64 };

static const char *const TOPICS[] = {
    TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_RETELL ".dlq", TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_CALCOM ".dlq",
    TOPIC_WEBHOOKS_STRIPE, TOPIC_WEBHOOKS_STRIPE ".dlq", TOPIC_CALLS_EVENTS,    TOPIC_CALLS_EVENTS ".dlq",
    TOPIC_CALLS_UPDATES,   TOPIC_CALLS_UPDATES ".dlq",
};

struct broker {
    rd_kafka_t *kafka; /* the mock cluster lives in it, and broker_send sends with it */
    rd_kafka_mock_cluster_t *cluster;
};

static void broken(const char *what, const char *why)
{
    fprintf(stderr, "broker: %s: %s\n", what, why);
    abort();
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        broken(name, why);
}

static const char *full_name(char *name, size_t size, const char *topic)
{
    snprintf(name, size, "hookline.%s", topic);
    return name;
}

static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *context)
{
    (void)kafka, (void)context;
    if (message->err)
        broken("send", rd_kafka_err2str(message->err));
    --*(size_t *)message->_private;
}

static void no_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    (void)kafka, (void)level, (void)facility, (void)text;
}

struct broker *broker_start(void)
{
    return broker_start_several("1");
}

struct broker *broker_start_several(const char *brokers)
{
    char why[256];
    char name[128];
    struct broker *broker = memory_new(1, sizeof *broker);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "test.mock.num.brokers", brokers); /* sets bootstrap.servers to them */
    set(conf, "partitioner", "murmur2_random");
    set(conf, "linger.ms", "0");
    set(conf, "message.max.bytes", "12582912");
    /* After broker_set_down a request may be under way on a connection that is dead: by default for a minute. */
    set(conf, "socket.timeout.ms", "1000");
    set(conf, "reconnect.backoff.max.ms", "100");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_log_cb(conf, no_log);
    broker->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!broker->kafka)
        broken("start", why);
    broker->cluster = rd_kafka_handle_mock_cluster(broker->kafka);
    for (size_t i = 0; i < COUNT(TOPICS); i++)
        rd_kafka_mock_topic_create(broker->cluster, full_name(name, sizeof name, TOPICS[i]), TOPIC_PARTITIONS, 1);
    return broker;
}

void broker_stop(struct broker *broker)
{
    if (!broker)
        return;
    rd_kafka_destroy(broker->kafka);
    free(broker);
}

const char *broker_address(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

void broker_set_down(struct broker *broker, bool down)
{
    if (down)
        rd_kafka_mock_broker_set_down(broker->cluster, 1);
    else
        rd_kafka_mock_broker_set_up(broker->cluster, 1);
}

void broker_lose_topic(struct broker *broker, const char *topic, bool lost)
{
    char name[128];
    rd_kafka_mock_topic_set_error(broker->cluster, full_name(name, sizeof name, topic),
                                  lost ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR);
}

void broker_fail_produces(struct broker *broker, int code, size_t count)
{
    rd_kafka_resp_err_t errors[ERRORS_AT_ONCE];
    if (count > ERRORS_AT_ONCE)
        broken("fail_produces", "too many at once");
    if (count == 0)
        rd_kafka_mock_clear_request_errors(broker->cluster, PRODUCE_REQUEST);
    for (size_t i = 0; i < count; i++)
        errors[i] = (rd_kafka_resp_err_t)code;
    rd_kafka_mock_push_request_errors_array(broker->cluster, PRODUCE_REQUEST, count, errors);
}

void broker_set_delay(struct broker *broker, int delay_ms)
{
    rd_kafka_mock_broker_set_rtt(broker->cluster, 1, delay_ms);
}

void broker_set_leader(struct broker *broker, const char *topic, int32_t partition, int id)
{
    char name[128];
    rd_kafka_mock_partition_set_leader(broker->cluster, full_name(name, sizeof name, topic), partition, id);
}

void broker_set_frozen(struct broker *broker, int id, bool frozen)
{
    rd_kafka_mock_broker_set_rtt(broker->cluster, id, frozen ? FROZEN_MS : 0);
    if (frozen)
        return;
    rd_kafka_mock_broker_set_down(broker->cluster, id);
    rd_kafka_mock_broker_set_up(broker->cluster, id);
}

static void send_one(struct broker *broker, const struct record *record, size_t *missing)
{
    char name[128];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++)
        rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value.ptr,
                            (ssize_t)record->headers[i].value.len);
    rd_kafka_resp_err_t error =
        rd_kafka_producev(broker->kafka, RD_KAFKA_V_TOPIC(full_name(name, sizeof name, record->topic)),
                          RD_KAFKA_V_PARTITION(record->partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY((void *)(uintptr_t)record->key.ptr, record->key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value.ptr, record->value.len),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(missing), RD_KAFKA_V_END);
    if (error)
        broken("send", rd_kafka_err2str(error));
}

void broker_send_all(struct broker *broker, const struct record *records, size_t count)
{
    size_t missing = count;
    for (size_t i = 0; i < count; i++)
        send_one(broker, &records[i], &missing);
    while (missing)
        rd_kafka_poll(broker->kafka, ANSWER_MS);
}

void broker_send(struct broker *broker, const struct record *record)
{
    broker_send_all(broker, record, 1);
}

/* reading back ----------------------------------------------------------------------------------------------------- */

static rd_kafka_t *client(const struct broker *broker, const char *group)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", broker_address(broker));
    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "error");
    set(conf, "enable.partition.eof", "true");
    set(conf, "fetch.wait.max.ms", "10"); /* the ends are wanted at once */
    rd_kafka_conf_set_log_cb(conf, no_log);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!kafka)
        broken("client", why);
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

static rd_kafka_topic_partition_list_t *all_partitions(const char *topic)
{
    char name[128];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPIC_PARTITIONS);
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, full_name(name, sizeof name, topic), i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    return list;
}

static struct slice copied(struct arena *arena, const void *bytes, size_t len)
{
    return arena_copy(arena, (struct slice){bytes, len});
}

static void record_copy(struct arena *arena, struct broker_record *record, const rd_kafka_message_t *message)
{
    *record = (struct broker_record){
        .partition = message->partition,
        .offset = message->offset,
        .key = copied(arena, message->key, message->key_len),
        .value = copied(arena, message->payload, message->len),
    };
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    record->header_count = rd_kafka_header_cnt(headers);
    record->headers = arena_zeroed(arena, record->header_count, sizeof *record->headers);
    for (size_t i = 0; i < record->header_count; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t size = 0;
        rd_kafka_header_get_all(headers, i, &name, &value, &size);
        record->headers[i].name = copied(arena, name, strlen(name)).ptr;
        record->headers[i].value = copied(arena, value, size);
    }
}

static int by_position(const void *a, const void *b)
{
    const struct broker_record *left = a;
    const struct broker_record *right = b;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Who leads the topic's partitions. Asked beforehand; else librdkafka starts to fetch, knows no leader, and waits 0.5 s. */
static void leaders_ask(rd_kafka_t *kafka, const char *topic)
{
    char name[128];
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, full_name(name, sizeof name, topic), NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 0, handle, &metadata, ANSWER_MS);
    if (error)
        broken("metadata", rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
}

struct broker_record *broker_read(struct broker *broker, const char *topic, struct arena *arena, size_t *count)
{
    rd_kafka_t *kafka = client(broker, "reader");
    rd_kafka_topic_partition_list_t *list = all_partitions(topic);
    leaders_ask(kafka, topic);
    rd_kafka_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    struct broker_record *records = NULL;
    size_t capacity = 0;
    *count = 0;
    for (int ends = 0; ends < TOPIC_PARTITIONS;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, ANSWER_MS);
        if (!message)
            broken("read", "no answer in time");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ends++;
        else if (message->err)
            broken("read", rd_kafka_message_errstr(message));
        else {
            if (*count == capacity) {
                struct broker_record *grown = arena_zeroed(arena, capacity = 2 * capacity + 64, sizeof *grown);
                if (*count)
                    memcpy(grown, records, *count * sizeof *records);
                records = grown;
            }
            record_copy(arena, &records[(*count)++], message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (*count)
        qsort(records, *count, sizeof *records, by_position);
    return records;
}

struct slice broker_record_header(const struct broker_record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    return SLICE_ABSENT;
}

int64_t broker_committed(struct broker *broker, const char *group, const char *topic)
{
    rd_kafka_t *kafka = client(broker, group);
    rd_kafka_topic_partition_list_t *list = all_partitions(topic);
    rd_kafka_resp_err_t error = rd_kafka_committed(kafka, list, ANSWER_MS);
    if (error)
        broken("committed", rd_kafka_err2str(error));
    int64_t sum = 0;
    for (int i = 0; i < list->cnt; i++)
        sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return sum;
}

void broker_commit(struct broker *broker, const char *group, const char *topic, int32_t partition, int64_t offset)
{
    char name[128];
    rd_kafka_t *kafka = client(broker, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, full_name(name, sizeof name, topic), partition)->offset = offset;
    rd_kafka_resp_err_t error = rd_kafka_commit(kafka, list, 0);
    if (error)
        broken("commit", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
