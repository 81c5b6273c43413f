/* producer.c: librdkafka's producer, and the time after which somebody has waited long enough.
 *
 *      producer_send ──> waiting ──ack, error──> report
 *                           └────── timeout_ms ──> report(FAILED), overdue ──ack, error──> forgotten
 *
 * The time is kept here: librdkafka looks for overdue records once a second, and for those under way only when their
 * request is over. Here it is 100 ms in a loop, and exact in producer_poll. An ack that comes after the report changes
 * nothing: the record may be in the topic although it was reported as failed, and whoever sends it again relies on its id.
 *
 * `produceva` is not used: until 2.12 it frees headers twice when a partition does not exist.
 */
#include "common/producer.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/producer_topics.h"
#include "common/sentence.h"
#include "common/wake.h"

enum {
    ATTACHED_INTERVAL_MS = 100, /* how late an overdue record may be noticed in a loop */
    GIVE_UP_MS = 120000,        /* where the caller sets no time */
    CLOSE_FLUSH_MS = 5000,
    PURGE_FLUSH_MS = 1000,
    PATIENCE_STATISTICS = 3, /* seconds: asking for a topic that comes later makes nobody wait who uses another */
};

static const struct kafka_property DEFAULTS[] = {
    {"linger.ms", "0"}, /* 0.33 ms instead of 1.65 at the median; batches form while a request is under way */
    {"batch.num.messages", "10000"},
    {"request.timeout.ms", "5000"},
    {"queue.buffering.max.messages", "50000"},
    {"queue.buffering.max.kbytes", "131072"}, /* librdkafka would take 1 GiB */
    {"statistics.interval.ms", "1000"},       /* producer_ready lives on them */
    {NULL, NULL},
};

static const struct kafka_property GUARANTEES[] = {
    {"enable.idempotence", "true"}, /* brings acks=all, endless retries, at most five requests under way */
    {"acks", "all"},
    {"partitioner", "murmur2_random"}, /* as Java's: producers in every language agree */
    {NULL, NULL},
};

static const char NOT_IN_TIME[] = "the brokers did not acknowledge it in time";
static const char SUPPOSED[] = "no broker said that it has it; librdkafka concludes it from a later request";
static const char CLOSED[] = "the producer was closed before the brokers acknowledged it";

/* A record between producer_send and librdkafka's last word on it; in one of the producer's two rings. */
struct sending {
    struct producer *producer;
    struct sending *older, *newer;
    int64_t deadline_ms; /* clock_ticks_ms */
    producer_report *report;
    void *opaque;
};

struct producer {
    rd_kafka_t *kafka;
    const struct settings *settings;
    int64_t timeout_ms;
    struct producer_topics topics;
    size_t under_way;
    struct sending waiting, overdue; /* the rings' ends */
    struct wake *wake;
    rd_kafka_queue_t *queue;
    bool up;
};

/* rings of records under way ---------------------------------------------------------------------------------------- */

static void ring_init(struct sending *end)
{
    end->older = end->newer = end;
}

static void ring_leave(struct sending *sending)
{
    sending->older->newer = sending->newer;
    sending->newer->older = sending->older;
}

static void ring_join(struct sending *end, struct sending *sending)
{
    sending->older = end->older;
    sending->newer = end;
    end->older->newer = sending;
    end->older = sending;
}

static void sending_report(struct sending *sending, enum delivery delivery, const char *problem)
{
    producer_report *report = sending->report;
    sending->report = NULL;
    if (!report)
        return;
    sending->producer->under_way--;
    report(sending->opaque, delivery, problem);
}

/* Every record waits equally long, so the oldest is the first to be overdue. */
static void report_overdue(struct producer *producer)
{
    int64_t now_ms = clock_ticks_ms();
    struct sending *end = &producer->waiting;
    while (end->newer != end && end->newer->deadline_ms <= now_ms) {
        struct sending *sending = end->newer;
        ring_leave(sending);
        ring_join(&producer->overdue, sending);
        sending_report(sending, DELIVERY_FAILED, NOT_IN_TIME);
    }
}

static void ring_drop(struct sending *end)
{
    struct sending *sending = end->newer;
    while (sending != end) {
        struct sending *newer = sending->newer;
        sending_report(sending, DELIVERY_FAILED, CLOSED);
        free(sending);
        sending = newer;
    }
    ring_init(end);
}

/* what librdkafka tells us ------------------------------------------------------------------------------------------ */

static enum delivery delivery_of(rd_kafka_resp_err_t error)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return DELIVERY_ACKED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return DELIVERY_REFUSED;
    default:
        return DELIVERY_FAILED;
    }
}

/* A success without an offset is librdkafka's own conclusion: a request whose fate it does not know must have been taken,
 * for a later one was, or the broker calls it a repetition. But a broker that knows nothing of the producer yet, as after its
 * restart, takes any sequence number first: the later request, and never the earlier one. Two webhooks that had got 200 were
 * lost by that (2026-11-21, tests/chaos: base sequence 1 was the first in the partition). What is sent again is a repetition
 * at worst. */
static bool is_supposed_only(const rd_kafka_message_t *message)
{
    return !message->err && message->offset < 0;
}

static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *context)
{
    (void)kafka, (void)context;
    struct sending *sending = message->_private;
    ring_leave(sending);
    if (is_supposed_only(message))
        sending_report(sending, DELIVERY_FAILED, SUPPOSED);
    else
        sending_report(sending, delivery_of(message->err), message->err ? rd_kafka_err2str(message->err) : NULL);
    free(sending);
}

static void failed(rd_kafka_t *kafka, int error, const char *reason, void *context)
{
    (void)kafka;
    struct producer *producer = context;
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        producer->up = false;
    if (error == RD_KAFKA_RESP_ERR__FATAL)
        log_event(LOG_ERROR, "producer_fatal", LOG_TEXT("problem", reason));
}

static int statistics_read(rd_kafka_t *kafka, char *text, size_t len, void *context)
{
    (void)kafka;
    struct producer *producer = context;
    producer->up = producer_topics_hear_statistics(&producer->topics, text, len);
    return 0; /* librdkafka frees the text */
}

/* opening and closing ----------------------------------------------------------------------------------------------- */

/* Asked at the start, the first record does not wait for it (until 2.10.1 up to a second). */
void producer_warm_up(struct producer *producer, int wait_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(producer->kafka, 0, NULL, &metadata, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    producer_topics_hear_metadata(&producer->topics, metadata);
    producer->up = true;
    rd_kafka_metadata_destroy(metadata);
}

static rd_kafka_conf_t *producer_conf(struct producer *producer, const char *client_id, const char **problem)
{
    char give_up_ms[24];
    snprintf(give_up_ms, sizeof give_up_ms, "%lld", (long long)(producer->timeout_ms));
    const struct kafka_property *defaults = DEFAULTS;
    rd_kafka_conf_t *conf = kafka_configure(producer->settings, client_id, defaults, GUARANTEES, problem);
    if (!conf)
        return NULL;
    rd_kafka_conf_set(conf, "delivery.timeout.ms", give_up_ms, NULL, 0);
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, failed);
    rd_kafka_conf_set_stats_cb(conf, statistics_read);
    return conf;
}

const char *producer_open(struct producer **result, const struct settings *settings, const char *client_id,
                          const char *const *writes, int64_t timeout_ms)
{
    char why[256];
    const char *problem = NULL;
    struct producer *producer = memory_new(1, sizeof *producer);
    *producer = (struct producer){.settings = settings, .timeout_ms = timeout_ms > 0 ? timeout_ms : GIVE_UP_MS};
    ring_init(&producer->waiting);
    ring_init(&producer->overdue);
    rd_kafka_conf_t *conf = producer_conf(producer, client_id, &problem);
    if (conf)
        producer->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!producer->kafka) {
        if (conf) {
            rd_kafka_conf_destroy(conf);
            problem = sentence_make("no producer: %s", why);
        }
        free(producer);
        return problem;
    }
    for (; *writes; writes++)
        producer_write_to(producer, *writes);
    *result = producer;
    return NULL;
}

void producer_write_to(struct producer *producer, const char *name)
{
    struct producer_topic *topic = producer_topics_take(&producer->topics, producer->kafka, producer->settings, name);
    if (!topic || topic->written)
        return;
    topic->written = true;
    topic->patience = producer->up ? PATIENCE_STATISTICS : 0;
}

void producer_close(struct producer *producer)
{
    if (!producer)
        return;
    if (rd_kafka_flush(producer->kafka, CLOSE_FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_purge(producer->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(producer->kafka, PURGE_FLUSH_MS);
    }
    if (producer->queue) {
        rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(producer->queue);
        wake_close(producer->wake);
    }
    producer_topics_close(&producer->topics);
    rd_kafka_destroy(producer->kafka);
    ring_drop(&producer->waiting);
    ring_drop(&producer->overdue);
    free(producer);
}

void producer_abandon(struct producer *producer)
{
    rd_kafka_purge(producer->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool producer_idle(const struct producer *producer)
{
    return producer->waiting.newer == &producer->waiting && producer->overdue.newer == &producer->overdue;
}

/* sending ----------------------------------------------------------------------------------------------------------- */

static rd_kafka_headers_t *headers_of(const struct record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++)
        rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value.ptr,
                            (ssize_t)record->headers[i].value.len);
    return headers;
}

/* librdkafka's macros want it without const, and only copy it. */
static void *bytes_of(struct slice bytes)
{
    return (void *)(uintptr_t)bytes.ptr;
}

static rd_kafka_resp_err_t send_now(struct producer *producer, const struct record *record, producer_report *report,
                                    void *opaque)
{
    const struct producer_topic *topic =
        producer_topics_take(&producer->topics, producer->kafka, producer->settings, record->topic);
    if (!topic)
        return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    struct sending *sending = memory_new(1, sizeof *sending);
    *sending = (struct sending){.producer = producer,
                                .deadline_ms = clock_ticks_ms() + producer->timeout_ms,
                                .report = report,
                                .opaque = opaque};
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer->kafka, RD_KAFKA_V_RKT(topic->handle), RD_KAFKA_V_PARTITION(record->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(bytes_of(record->key), record->key.len),
        RD_KAFKA_V_VALUE(bytes_of(record->value), record->value.len), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(sending), RD_KAFKA_V_END);
    if (error) {
        rd_kafka_headers_destroy(headers); /* still ours then */
        free(sending);
        return error;
    }
    ring_join(&producer->waiting, sending);
    producer->under_way++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

enum delivery producer_send(struct producer *producer, const struct record *record, producer_report *report,
                            void *opaque, const char **problem)
{
    rd_kafka_resp_err_t error = send_now(producer, record, report, opaque);
    *problem = error ? rd_kafka_err2str(error) : NULL;
    return delivery_of(error);
}

void producer_poll(struct producer *producer, int timeout_ms)
{
    int64_t wait_ms = timeout_ms;
    if (producer->waiting.newer != &producer->waiting) {
        int64_t left_ms = producer->waiting.newer->deadline_ms - clock_ticks_ms();
        wait_ms = left_ms < 0 ? 0 : left_ms < wait_ms ? left_ms : wait_ms;
    }
    rd_kafka_poll(producer->kafka, (int)wait_ms);
    report_overdue(producer);
}

struct tally {
    size_t missing;
    enum delivery worst;
    const char *problem;
};

static void tally_reported(void *opaque, enum delivery delivery, const char *problem)
{
    struct tally *tally = opaque;
    tally->missing--;
    if (delivery <= tally->worst)
        return;
    tally->worst = delivery;
    tally->problem = problem;
}

enum delivery producer_send_all(struct producer *producer, const struct record *records, size_t count,
                                const char **problem)
{
    struct tally tally = {.worst = DELIVERY_ACKED};
    for (size_t i = 0; i < count && tally.worst == DELIVERY_ACKED; i++) {
        rd_kafka_resp_err_t error = send_now(producer, &records[i], tally_reported, &tally);
        while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && producer->under_way > 0) {
            producer_poll(producer, ATTACHED_INTERVAL_MS);
            error = send_now(producer, &records[i], tally_reported, &tally);
        }
        tally.missing++;
        if (error)
            tally_reported(&tally, delivery_of(error), rd_kafka_err2str(error));
    }
    while (tally.missing > 0)
        producer_poll(producer, ATTACHED_INTERVAL_MS);
    *problem = tally.problem;
    return tally.worst;
}

/* in a loop --------------------------------------------------------------------------------------------------------- */

static void producer_woken(void *context)
{
    struct producer *producer = context;
    while (rd_kafka_poll(producer->kafka, 0) > 0)
        continue;
    report_overdue(producer);
}

void producer_attach(struct producer *producer, struct event_base *base)
{
    producer->wake = wake_open(base, ATTACHED_INTERVAL_MS, producer_woken, producer);
    producer->queue = rd_kafka_queue_get_main(producer->kafka);
    rd_kafka_queue_io_event_enable(producer->queue, wake_fd(producer->wake), &WAKE_PAYLOAD, sizeof WAKE_PAYLOAD);
    wake_after(producer->wake, 0); /* what came before this is not announced again */
}

size_t producer_under_way(const struct producer *producer)
{
    return producer->under_way;
}

bool producer_up(const struct producer *producer)
{
    return producer->up && !producer_fatal(producer);
}

bool producer_ready(const struct producer *producer)
{
    return producer_up(producer) && producer_topics_complete(&producer->topics);
}

bool producer_leads(const struct producer *producer, const char *topic, int32_t partition)
{
    return producer_topics_lead(&producer->topics, topic, partition);
}

const char *producer_fatal(const struct producer *producer)
{
    static char why[256];
    if (rd_kafka_fatal_error(producer->kafka, why, sizeof why) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return why;
}
