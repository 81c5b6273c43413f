/* feed.c: librdkafka's consumer with an assignment of our own, polled when its queue says so.
 *
 * librdkafka wants a group's name for an assignment; the group is never joined and nothing is ever committed to it. The
 * batch interface is not used: in 2.0.x it may lose records (known issue of 2.0.0, repaired in 2.1.0).
 */
#include "broadcaster/feed.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/sentence.h"
#include "common/wake.h"

/* A turn is small: what it brings goes out only when the loop has its next turn, where libevent writes at most 16 KiB to each
 * connection. More at once would make a screen look slow that merely had no chance to be written to. */
enum { BACK_MS = 5 * 60 * 1000, ASK_MS = 1000, TURN_RECORDS_MAX = 500, TURN_BYTES_MAX = 8 * 1024, SAFETY_MS = 200 };

struct feed_position {
    int64_t next;
    int64_t behind_since_ms; /* by clock_ticks_ms; 0: not behind */
};

struct feed {
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct wake *wake;
    char *topic;
    struct feed_events events;
    struct feed_position positions[TOPIC_PARTITIONS];
    bool started, held, connected;
};

static const struct kafka_property DEFAULTS[] = {
    {"fetch.wait.max.ms", "100"},
    {"queued.max.messages.kbytes", "16384"},
    {"statistics.interval.ms", "2000"},
    {NULL, NULL},
};

static const struct kafka_property GUARANTEES[] = {
    {"group.id", "hookline-broadcaster"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"}, /* an offset that is gone means that our state is, too */
    {"enable.partition.eof", "true"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* Runs in rd_kafka_consumer_poll. The statistics are JSON; a broker's state is the only member of this form in it. */
static int statistics_came(rd_kafka_t *kafka, char *json, size_t len, void *context)
{
    struct feed *feed = context;
    (void)kafka;
    static const char UP[] = "\"state\":\"UP\"";
    feed->connected = memmem(json, len, UP, sizeof UP - 1) != NULL;
    return 0;
}

static void error_came(rd_kafka_t *kafka, int code, const char *reason, void *context)
{
    struct feed *feed = context;
    (void)kafka;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        feed->connected = false;
    log_event(LOG_WARN, "kafka_error", LOG_TEXT("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              LOG_TEXT("reason", reason));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        feed->events.lost("kafka_fatal", feed->events.context);
}

static void read_error(struct feed *feed, const rd_kafka_message_t *message)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        feed->connected = true;
        feed->positions[message->partition] =
            (struct feed_position){.next = message->offset}; /* past control records, too */
        feed->events.end(message->partition, message->offset, feed->events.context);
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        feed->events.lost("offset_gone", feed->events.context);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        feed->events.lost("topic_gone", feed->events.context);
        return;
    default:
        log_event(LOG_WARN, "feed_error", LOG_TEXT("code", rd_kafka_err2name(message->err)));
    }
}

static void read_record(struct feed *feed, const rd_kafka_message_t *message)
{
    struct feed_position *position = &feed->positions[message->partition];
    position->next = message->offset + 1;
    position->behind_since_ms = 0;
    feed->connected = true;
    rd_kafka_timestamp_type_t type;
    struct feed_record record = {
        .partition = message->partition,
        .offset = message->offset,
        .published_at_ms = rd_kafka_message_timestamp(message, &type),
        .value = {message->payload, message->len},
    };
    feed->events.record(&record, feed->events.context);
}

static void turn(void *context)
{
    struct feed *feed = context;
    int read = 0;
    size_t bytes = 0;
    if (!feed->started || feed->held)
        return;
    for (; read < TURN_RECORDS_MAX && bytes < TURN_BYTES_MAX && !feed->held; read++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(feed->kafka, 0);
        if (!message)
            break;
        bytes += message->len;
        if (message->err)
            read_error(feed, message);
        else if (message->partition >= 0 && message->partition < TOPIC_PARTITIONS)
            read_record(feed, message);
        rd_kafka_message_destroy(message);
    }
    if (read == TURN_RECORDS_MAX || bytes >= TURN_BYTES_MAX)
        wake_after(feed->wake, 0); /* librdkafka wakes us only when its queue was empty */
    if (read)
        feed->events.turned(feed->events.context);
}

const char *feed_open(struct feed **result, const struct settings *settings, struct event_base *base,
                      const struct feed_events *events)
{
    const char *problem = kafka_library_problem();
    if (problem)
        return problem;
    struct feed *feed = memory_new(1, sizeof *feed);
    feed->events = *events;
    rd_kafka_conf_t *conf = kafka_configure(settings, "hookline-broadcaster", DEFAULTS, GUARANTEES, &problem);
    if (!conf) {
        free(feed);
        return problem;
    }
    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_stats_cb(conf, statistics_came);
    rd_kafka_conf_set_error_cb(conf, error_came);
    char why[256];
    feed->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!feed->kafka) {
        rd_kafka_conf_destroy(conf);
        free(feed);
        return sentence_make("librdkafka refuses the consumer: %s", why);
    }
    rd_kafka_poll_set_consumer(feed->kafka);
    feed->topic = kafka_topic_name(settings, TOPIC_CALLS_UPDATES);
    feed->wake = wake_open(base, SAFETY_MS, turn, feed);
    feed->queue = rd_kafka_queue_get_consumer(feed->kafka);
    rd_kafka_queue_io_event_enable(feed->queue, wake_fd(feed->wake), &WAKE_PAYLOAD, sizeof WAKE_PAYLOAD);
    *result = feed;
    return NULL;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    rd_kafka_queue_destroy(feed->queue);
    rd_kafka_consumer_close(feed->kafka);
    rd_kafka_destroy(feed->kafka);
    wake_close(feed->wake);
    free(feed->topic);
    free(feed);
}

static const char *topic_problem(struct feed *feed)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(feed->kafka, feed->topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(feed->kafka, 0, topic, &metadata, ASK_MS);
    const char *problem = NULL;
    if (error)
        problem = "no broker answers";
    else if (metadata->topic_cnt != 1 || metadata->topics[0].err)
        problem = "calls.updates does not exist yet: run `hookline topics create`";
    else if (metadata->topics[0].partition_cnt != TOPIC_PARTITIONS)
        problem = "calls.updates has another number of partitions than 12";
    if (!error)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return problem;
}

/* offsets_for_times answers -1 (the end) where nothing is as young: librdkafka's mock broker always does. Then the last
 * `history_max` records are read; more is never wrong, for what lies below the watermark only fills the history. */
static const char *find_first_offsets(struct feed *feed, int64_t now_ms, int64_t history_max, struct feed_span *spans,
                                      const int64_t low[TOPIC_PARTITIONS])
{
    rd_kafka_topic_partition_list_t *times = rd_kafka_topic_partition_list_new(TOPIC_PARTITIONS);
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(times, feed->topic, i)->offset = now_ms - BACK_MS;
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(feed->kafka, times, ASK_MS);
    for (int i = 0; i < times->cnt && !error; i++) {
        const rd_kafka_topic_partition_t *at = &times->elems[i];
        struct feed_span *span = &spans[at->partition];
        int64_t first = at->err || at->offset < 0 ? span->watermark - history_max : at->offset;
        span->first = first < low[at->partition] ? low[at->partition] : first;
    }
    rd_kafka_topic_partition_list_destroy(times);
    return error ? "no broker says where five minutes ago was" : NULL;
}

const char *feed_survey(struct feed *feed, int64_t now_ms, int64_t history_max,
                        struct feed_span spans[TOPIC_PARTITIONS])
{
    const char *problem = topic_problem(feed);
    if (problem)
        return problem;
    int64_t low[TOPIC_PARTITIONS];
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        if (rd_kafka_query_watermark_offsets(feed->kafka, feed->topic, i, &low[i], &spans[i].watermark, ASK_MS))
            return "no broker says how far calls.updates reaches";
    return find_first_offsets(feed, now_ms, history_max, spans, low);
}

const char *feed_start(struct feed *feed, const struct feed_span spans[TOPIC_PARTITIONS])
{
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(TOPIC_PARTITIONS);
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(all, feed->topic, i)->offset = spans[i].first;
        feed->positions[i] = (struct feed_position){.next = spans[i].first};
    }
    rd_kafka_resp_err_t error = rd_kafka_assign(feed->kafka, all);
    rd_kafka_topic_partition_list_destroy(all);
    feed->started = !error;
    wake_after(feed->wake, 0);
    return error ? rd_kafka_err2str(error) : NULL;
}

void feed_hold(struct feed *feed, bool hold)
{
    if (feed->held && !hold)
        wake_after(feed->wake, 0);
    feed->held = hold;
}

bool feed_connected(const struct feed *feed)
{
    return feed->connected;
}

/* What librdkafka last heard of the partition's end; nothing is asked. */
static int64_t left_in(const struct feed *feed, int32_t partition)
{
    int64_t low = 0;
    int64_t high = 0;
    if (!feed->started || rd_kafka_get_watermark_offsets(feed->kafka, feed->topic, partition, &low, &high))
        return 0;
    return high > feed->positions[partition].next ? high - feed->positions[partition].next : 0;
}

int64_t feed_lag(const struct feed *feed)
{
    int64_t lag = 0;
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        lag += left_in(feed, i);
    return lag;
}

int64_t feed_stalled_ms(struct feed *feed, int64_t now_ms)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++) {
        struct feed_position *position = &feed->positions[i];
        if (feed->held || !feed->connected || !left_in(feed, i))
            position->behind_since_ms = 0;
        else if (!position->behind_since_ms)
            position->behind_since_ms = now_ms;
        else if (now_ms - position->behind_since_ms > longest)
            longest = now_ms - position->behind_since_ms;
    }
    return longest;
}
