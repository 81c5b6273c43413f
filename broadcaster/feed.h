/* feed.h: calls.updates as this process reads it: every partition, in no group, from a few minutes ago on.
 *
 *      feed_survey   how far each partition reaches now, and where five minutes ago was     (before the snapshot)
 *      feed_start    read from there; records come one by one, from the loop                (after the snapshot)
 *
 * Commits nothing and joins nothing: every broadcaster sees everything. Reads at most 8 KiB or 500 records in one
 * turn of the loop, and none while it is held (feed_hold): librdkafka then stops fetching by itself.
 */
#ifndef HOOKLINE_BROADCASTER_FEED_H
#define HOOKLINE_BROADCASTER_FEED_H

#include "common/producer.h"
#include "common/settings.h"

struct event_base;
struct feed;

struct feed_record {
    int32_t partition;
    int64_t offset, published_at_ms; /* by the producer's clock */
    struct slice value;              /* absent: none */
};

struct feed_events {
    void (*record)(const struct feed_record *record, void *context);
    /* The partition has nothing at or after `next` for now. */
    void (*end)(int32_t partition, int64_t next, void *context);
    /* Some records have been read; none is under way. */
    void (*turned)(void *context);
    /* What was read no longer exists, or librdkafka has given up: everything must begin anew. `reason`: a static
     * word. */
    void (*lost)(const char *reason, void *context);
    void *context;
};

/* NULL when fine, else a sentence. Connects to nothing yet. */
const char *feed_open(struct feed **result, const struct settings *settings, struct event_base *base,
                      const struct feed_events *events);
void feed_close(struct feed *feed);

struct feed_span {
    int64_t first;     /* read from here: the first record of the last five minutes */
    int64_t watermark; /* the next record's offset */
};
/* NULL when fine, else why not now, as a static sentence. Waits for Kafka, a second at most for each question: only for
 * the time before this process is ready. `history_max`: how far before the watermark to begin where the time says
 * nothing. */
const char *feed_survey(struct feed *feed, int64_t now_ms, int64_t history_max,
                        struct feed_span spans[TOPIC_PARTITIONS]);
/* NULL when fine, else a sentence. */
const char *feed_start(struct feed *feed, const struct feed_span spans[TOPIC_PARTITIONS]);

void feed_hold(struct feed *feed, bool hold);

/* A broker is connected, as far as librdkafka knows: at most some seconds old. */
bool feed_connected(const struct feed *feed);
/* How many records there are that were not read yet; -1 for a partition of which nothing is known counts as none. */
int64_t feed_lag(const struct feed *feed);
/* For this long there has been something to read from a partition and nothing came, although a broker is there. */
int64_t feed_stalled_ms(struct feed *feed, int64_t now_ms);

#endif
