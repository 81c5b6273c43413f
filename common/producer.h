/* producer.h: records to Kafka, each with its fate.
 *
 * Idempotent, acks=all, linger 0, murmur2_random; KAFKA_* of the settings is laid over it. A record is copied when it is
 * sent. Each is reported exactly once: acked, or not, with the reason. Reports run in the thread that calls
 * producer_poll or producer_send_all, or in the loop that it is attached to; never elsewhere.
 */
#ifndef HOOKLINE_COMMON_PRODUCER_H
#define HOOKLINE_COMMON_PRODUCER_H

#include <stdint.h>

#include "common/event.h"
#include "common/settings.h"

struct event_base;
struct producer;

/* The topics of design.md, without prefix. */
#define TOPIC_WEBHOOKS_RETELL "webhooks.retell"
#define TOPIC_WEBHOOKS_CALCOM "webhooks.calcom"
#define TOPIC_WEBHOOKS_STRIPE "webhooks.stripe"
#define TOPIC_CALLS_EVENTS    "calls.events"
#define TOPIC_CALLS_UPDATES   "calls.updates"

enum {
    RECORD_PARTITION_BY_KEY = -1,
    TOPIC_PARTITIONS = 12,                /* of every topic, never changed (design.md) */
    MESSAGE_MAX_BYTES = 12582912,         /* producers, topics and broker alike */
    HEADERS_MAX = EVENT_HEADERS_MAX + 16, /* an envelope and what a dead letter adds */
};

struct record {
    const char *topic; /* without prefix */
    int32_t partition; /* or RECORD_PARTITION_BY_KEY */
    struct slice key, value;
    const struct header *headers;
    size_t header_count;
};

enum delivery {
    DELIVERY_ACKED,
    DELIVERY_FAILED,  /* not now: outage, timeout; perhaps persisted all the same */
    DELIVERY_REFUSED, /* never: too large, unknown topic, not authorised */
};

/* `problem` is NULL when acked, else librdkafka's sentence. */
typedef void producer_report(void *opaque, enum delivery delivery, const char *problem);

/* NULL when fine, else a sentence (static or living as long as the process). `writes`: the topics without which the caller
 * is not ready, without prefix, NULL ends; others may be sent to as well (dead letters). `timeout_ms`: after that an unacked record
 * is reported as failed, whatever librdkafka does: at most 100 ms late in a loop, at once in producer_poll. 0: two minutes.
 * Waits for nobody. */
const char *producer_open(struct producer **result, const struct settings *settings, const char *client_id,
                          const char *const *writes, int64_t timeout_ms);

/* One topic more without which the caller is not ready: asked for now, and given some seconds before that counts. Only what is
 * written to should be known here: librdkafka makes one request at a time, for the first partition that has something, and
 * begins its next round one partition further. Where it goes through twelve partitions that are used and twenty-four that are not,
 * it begins nearly always with the same one, and the others wait (measured at 64 connections: 11 % of the last partition's
 * records longer than 8 ms, 0.6 % of the first's). */
void producer_write_to(struct producer *producer, const char *topic);

/* Asks for the topics it writes, so that the first record finds its way at once. Takes up to wait_ms when no broker answers: for
 * the start, not for a loop that others wait for. */
enum { PRODUCER_WARM_UP_MS = 2000 /* for whoever has nothing else to do */ };
void producer_warm_up(struct producer *producer, int wait_ms);

/* Waits at most 5 s for what is under way, then drops the rest (each is reported as failed). */
void producer_close(struct producer *producer);

/* Gives up what is under way without waiting: each record's report comes as usual, as failed unless its ack is here
 * already. When producer_idle, producer_close has nothing to wait for. */
void producer_abandon(struct producer *producer);
/* librdkafka has had its last word on every record, those included that were reported as failed long ago. */
bool producer_idle(const struct producer *producer);

/* DELIVERY_ACKED: accepted, the report will come. Otherwise there will be no report: FAILED (queue full), REFUSED (larger
 * than MESSAGE_MAX_BYTES …). */
enum delivery producer_send(struct producer *producer, const struct record *record, producer_report *report,
                            void *opaque, const char **problem);

/* Runs the reports that are due; waits up to timeout_ms for the first. */
void producer_poll(struct producer *producer, int timeout_ms);

/* Sends all and waits until each is acked or failed. DELIVERY_ACKED only if every one was; else the worst, *problem set. */
enum delivery producer_send_all(struct producer *producer, const struct record *records, size_t count,
                                const char **problem);

/* From now on reports run in this loop, woken by an eventfd. */
void producer_attach(struct producer *producer, struct event_base *base);

size_t producer_under_way(const struct producer *producer);
/* A broker is connected. */
bool producer_up(const struct producer *producer);
/* That, and the topics that it writes to (producer_open, producer_write_to) are there. */
bool producer_ready(const struct producer *producer);
/* A partition of a topic (without prefix) is not known to be without a leader, nor the topic to be missing or forbidden, as of a
 * second ago. */
bool producer_leads(const struct producer *producer, const char *topic, int32_t partition);
/* NULL, or why librdkafka gave this instance up for good: it must be closed and opened anew. */
const char *producer_fatal(const struct producer *producer);

/* What a record takes in Kafka, framing included, at most; and whether that is within MESSAGE_MAX_BYTES. Pure. */
size_t record_bytes(const struct record *record);
bool record_fits(const struct record *record);

/* Partition of a key under murmur2 among `partitions`: the same as Java's default partitioner. Pure. */
int32_t partition_of_key(struct slice key, int32_t partitions);

#endif
