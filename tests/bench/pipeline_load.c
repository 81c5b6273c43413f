/* Fills a topic with webhooks, or with events that are resolved already, as fast as the broker takes them:
 *
 *     bench-pipeline-load BROKERS TOPIC webhooks|events|rows RECORDS BYTES FIRST_CALL
 *
 * `rows` are the same events as flat JSON objects, the body a text in them: what a JDBC sink can take.
 *
 * Three thousand calls live at a time; each is told of by call_started, call_ended, call_analyzed, and gives its place to a new
 * one then. Every tenth record is the last one of some live call once more, byte for byte. Calls are numbered from FIRST_CALL.
 * Prints what it wrote as one JSON object: records, events (without the repeats), calls, bytes (of the bodies).
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/event.h"
#include "tests/bench/pipeline_body.h"

enum { LIVE = 3000, REPEAT_ONE_IN = 10, FLUSH_MS = 60000, MORE_ROOM_MS = 100 };

struct live_call {
    uint64_t number;
    int told; /* stages told so far */
};

struct load {
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    bool resolved, rows;
    size_t size;
    struct live_call live[LIVE];
    uint64_t first, next, state;
    struct arena *arena;
    struct buffer body, row;
    size_t records, events, bytes, failed;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench-pipeline-load: %s: %s\n", what, why);
    exit(1);
}

static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *context)
{
    (void)kafka;
    struct load *load = context;
    load->failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(name, why);
}

static void open_topic(struct load *load, const char *brokers, const char *topic)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "linger.ms", "5");
    set(conf, "message.max.bytes", "12582912");
    set(conf, "queue.buffering.max.kbytes", "131072");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, load);
    load->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!load->kafka)
        fail("no producer", why);
    load->topic = rd_kafka_topic_new(load->kafka, topic, NULL);
}

static rd_kafka_headers_t *headers_of(struct load *load, const struct event *event)
{
    struct header headers[EVENT_HEADERS_MAX];
    size_t count = event_write(event, load->arena, headers);
    rd_kafka_headers_t *copy = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_header_add(copy, headers[i].name, -1, headers[i].value.ptr, (ssize_t)headers[i].value.len);
    return copy;
}

static struct event event_of(struct load *load, uint64_t call, enum pipeline_stage stage, const char *call_id)
{
    struct slice body = buffer_slice(&load->body);
    return (struct event){
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = arena_format(load->arena, "ai.retell.%s", pipeline_event_name(stage)),
        .source = SLICE("/retell/default"),
        .subject = slice_of(call_id),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .traceparent = SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        .company_id = load->resolved ? pipeline_company(call) : 0,
        .resolved_by = load->resolved ? SLICE("to_number") : SLICE_ABSENT,
        .body = body,
    };
}

static struct slice row_of(struct load *load, const struct event *event)
{
    struct buffer *row = &load->row;
    buffer_clear(row);
    buffer_add_text(row, "{\"event_id\":\"");
    buffer_add_hex(row, event->id.bytes, sizeof event->id.bytes);
    buffer_add_format(
        row, "\",\"company_id\":%lld,\"received_at\":%lld,\"call_id\":\"%.*s\",\"event_type\":\"%.*s\",\"payload\":",
        (long long)event->company_id, (long long)event->time_ms, SLICE_PRINT(event->subject), SLICE_PRINT(event->type));
    buffer_add_json_string(row, event->body);
    buffer_add_char(row, '}');
    return buffer_slice(row);
}

static void send_stage(struct load *load, uint64_t call, enum pipeline_stage stage)
{
    char call_id[PIPELINE_CALL_ID_BYTES];
    pipeline_call_id(call, call_id);
    buffer_clear(&load->body);
    pipeline_body_write(&load->body, call, stage, load->size);
    const struct event event = event_of(load, call, stage, call_id);
    struct slice value = load->rows ? row_of(load, &event) : event.body;
    rd_kafka_headers_t *headers = headers_of(load, &event);
    rd_kafka_resp_err_t error;
    do {
        error = rd_kafka_producev(load->kafka, RD_KAFKA_V_RKT(load->topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(call_id, strlen(call_id)),
                                  RD_KAFKA_V_VALUE((void *)(uintptr_t)value.ptr, value.len),
                                  RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        rd_kafka_poll(load->kafka, error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? MORE_ROOM_MS : 0);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (error)
        fail("a record is refused", rd_kafka_err2str(error));
    load->records++;
    load->bytes += value.len;
    arena_reset(load->arena);
}

static void send_one(struct load *load)
{
    struct live_call *live = &load->live[pipeline_random(&load->state) % LIVE];
    if (live->told > 0 && pipeline_random(&load->state) % REPEAT_ONE_IN == 0) {
        send_stage(load, live->number, (enum pipeline_stage)(live->told - 1));
        return;
    }
    if (live->told == PIPELINE_STAGES || live->told == 0)
        *live = (struct live_call){.number = load->next++};
    send_stage(load, live->number, (enum pipeline_stage)live->told++);
    load->events++;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        fail("usage", "BROKERS TOPIC webhooks|events|rows RECORDS BYTES FIRST_CALL");
    struct load load = {
        .resolved = strcmp(argv[3], "webhooks") != 0,
        .rows = strcmp(argv[3], "rows") == 0,
        .size = strtoull(argv[5], NULL, 10),
        .arena = arena_new(),
    };
    load.first = load.next = load.state = strtoull(argv[6], NULL, 10);
    open_topic(&load, argv[1], argv[2]);
    for (size_t wanted = strtoull(argv[4], NULL, 10); load.records < wanted;)
        send_one(&load);
    if (rd_kafka_flush(load.kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR || load.failed)
        fail("not every record was acknowledged", argv[2]);
    printf("{\"records\": %zu, \"events\": %zu, \"calls\": %llu, \"bytes\": %zu}\n", load.records, load.events,
           (unsigned long long)(load.next - load.first), load.bytes);
    rd_kafka_topic_destroy(load.topic);
    rd_kafka_destroy(load.kafka);
    buffer_free(&load.body);
    buffer_free(&load.row);
    arena_free(load.arena);
    return 0;
}
