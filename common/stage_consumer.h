/* stage_consumer.h: the harness's side of a consumer group: what is assigned to us, what we took of it, what is finished.
 *
 *      taken      handed to the stage
 *      finished   everything that it caused is durable           (consumer_finish)
 *      committed  Kafka knows that it is finished                (consumer_commit)
 *
 * Eager `range` assignment and one record at a time, both because of librdkafka 2.0.2: cooperative assignment hangs or
 * crashes below 2.10.1, and its batch calls lose records when partitions are paused (fixed in 2.1.0). Only what we paused
 * is resumed: resuming another partition reads old records again (fixed in 2.4.0). No commit is under way during a
 * rebalance: librdkafka would not fetch the new partitions' offsets before its answer.
 *
 * For the harness's own files only.
 */
#ifndef HOOKLINE_COMMON_STAGE_CONSUMER_H
#define HOOKLINE_COMMON_STAGE_CONSUMER_H

#include <librdkafka/rdkafka.h>

#include "common/metrics.h"
#include "common/settings.h"
#include "common/stall.h"

enum { CONSUMER_COMMIT_WAIT_MS = 5000 };

struct partition {
    char *full_name;
    const char *topic; /* without prefix */
    int32_t number;
    bool paused;       /* by us */
    bool lost;         /* Kafka did not take the offset that we asked for: consumer_find_starts */
    int64_t start;     /* where it was assigned; negative: the beginning, or unknown */
    int64_t reached;   /* the offset after the last one taken; -1: none taken */
    int64_t finished;  /* the offset after the last one finished; -1: none */
    int64_t committed; /* the last that Kafka confirmed; -1: none by us */
    struct stall stall;
};

struct consumer_options {
    const struct settings *settings;
    const char *stage;        /* group hookline-<stage> */
    const char *instance;     /* group.instance.id <prefix><stage>-<instance> */
    const char *const *reads; /* topics without prefix, NULL ends; borrowed */
    int wake_fd;
    /* All partitions are being taken away: forget what was taken of them, and resume what is paused: librdkafka keeps a
     * partition paused through a revocation, and the next assignment of it would stand still (found 2026-11-21). */
    void (*revoked)(void *context);
    void *context;
};

struct consumer {
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue, *commits;
    struct consumer_options options;
    struct partition *partitions;
    size_t partition_count, last_hit, nudged;
    bool joined; /* an assignment has come, perhaps of nothing */
    bool paused, closing;
    bool commit_under_way;
    uint64_t generation;                             /* of the assignment */
    int64_t committed_ms, watched_ms, find_again_ms; /* clock_ticks_ms */
    int64_t stall_after_ms;
    const char *stop; /* why this instance cannot go on, NULL while it can */
    struct metric *rebalances, *resets, *assigned;
};

/* Subscribes. NULL when fine, else a sentence. */
const char *consumer_open(struct consumer **result, const struct consumer_options *options);

/* Leaves without waiting for the group (a static member's partitions wait for its return). */
void consumer_close(struct consumer *consumer);

/* The next record, NULL if there is none now. The caller destroys it. Rebalances happen in here. */
rd_kafka_message_t *consumer_take(struct consumer *consumer);

/* After full batches nothing is there: has librdkafka look at once whether it may fetch. One partition's broker a call, in turn;
 * waits for Kafka's answer, at most 2 s. */
void consumer_nudge(struct consumer *consumer);

/* Its partition, NULL if it is no longer ours. */
struct partition *consumer_partition(struct consumer *consumer, const char *full_name, int32_t number);

void consumer_finish(struct partition *partition, int64_t offset);

/* Has Kafka told what is finished: at most one commit at a time, and ten a second. */
void consumer_commit(struct consumer *consumer);
/* The same, and waits for the answer. False: Kafka does not know it all. */
bool consumer_commit_and_wait(struct consumer *consumer);

/* Paused, nothing is taken, but polling goes on and with it the membership. What is assigned later is paused, too. */
void consumer_pause(struct consumer *consumer);
void consumer_resume(struct consumer *consumer);

/* Decides where `lost` partitions go on (start_offset.h). */
void consumer_find_starts(struct consumer *consumer);

/* NULL, or which partition stands still (stall.h). Asks Kafka for the ends of quiet partitions now and then. `now_ms` is
 * clock_ticks_ms. */
const char *consumer_stalled(struct consumer *consumer, int64_t now_ms);

#endif
