/* stage_offsets.c: where partitions start, what is committed, and who stands still. */
#include "common/stage_offsets.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/sentence.h"
#include "common/start_offset.h"

enum {
    QUERY_WAIT_MS = 2000,
    FIND_AGAIN_MS = 1000, /* if Kafka did not answer, or refuses again */
    COMMIT_EVERY_MS = 100,
};

/* start ------------------------------------------------------------------------------------------------------------- */

void offsets_of_start(struct consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t error = rd_kafka_committed(consumer->kafka, list, CONSUMER_COMMIT_WAIT_MS);
    if (error)
        log_event(LOG_WARN, "committed_offsets_unknown", LOG_TEXT("text", rd_kafka_err2str(error)));
    for (int i = 0; i < list->cnt; i++)
        if (error)
            list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
        else if (list->elems[i].offset < 0)
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
}

/* What is to be read next, by what we know and Kafka says; negative: nothing was ever read. */
static bool wanted_offset(struct consumer *consumer, const struct partition *partition, int64_t *wanted)
{
    *wanted = partition->reached;
    if (*wanted >= 0)
        return true;
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(one, partition->full_name, partition->number);
    rd_kafka_resp_err_t error = rd_kafka_committed(consumer->kafka, one, QUERY_WAIT_MS);
    *wanted = one->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(one);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Everything is assigned anew where it stands. Not a seek: a partition whose offset was refused is not being fetched, and
 * librdkafka 2.0.2 seeks only in what is (RD_KAFKA_RESP_ERR__STATE). What was fetched and not taken is fetched again. */
static void assign_again(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->partition_count);
    for (size_t i = 0; i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        rd_kafka_topic_partition_list_add(list, partition->full_name, partition->number)->offset =
            partition->reached >= 0 ? partition->reached : partition->start;
        stall_moved(&partition->stall, clock_ticks_ms());
    }
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer->kafka, list);
    if (error)
        consumer->stop = sentence_make("partitions cannot be assigned again: %s", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
}

/* False if Kafka does not answer. */
static bool find_start(struct consumer *consumer, struct partition *partition)
{
    int64_t wanted = -1;
    int64_t low = 0;
    int64_t high = 0;
    if (!wanted_offset(consumer, partition, &wanted) ||
        rd_kafka_query_watermark_offsets(consumer->kafka, partition->full_name, partition->number, &low, &high,
                                         QUERY_WAIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    enum start_reason reason = start_offset_decide(wanted, low, high, &partition->start);
    partition->lost = false;
    partition->reached = -1;
    if (reason != START_OUT_OF_RANGE)
        return true;
    partition->finished = partition->start; /* Kafka must forget the old one: a restart might find it in range again */
    metric_add(consumer->resets, 1);
    log_event(LOG_ERROR, "offset_out_of_range", LOG_TEXT("topic", partition->full_name),
              LOG_INT("partition", partition->number), LOG_INT("wanted", wanted), LOG_INT("first", low),
              LOG_INT("end", high), LOG_INT("start", partition->start));
    return true;
}

void consumer_find_starts(struct consumer *consumer)
{
    bool found = false;
    if (clock_ticks_ms() < consumer->find_again_ms)
        return;
    for (size_t i = 0; i < consumer->partition_count; i++) {
        if (!consumer->partitions[i].lost)
            continue;
        consumer->find_again_ms = clock_ticks_ms() + FIND_AGAIN_MS;
        if (!find_start(consumer, &consumer->partitions[i]))
            break;
        found = true;
    }
    if (found)
        assign_again(consumer);
}

/* commit ------------------------------------------------------------------------------------------------------------ */

void consumer_finish(struct partition *partition, int64_t offset)
{
    partition->finished = offset + 1;
}

static void commit_answered(rd_kafka_t *kafka, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
                            void *opaque)
{
    (void)opaque;
    struct consumer *consumer = rd_kafka_opaque(kafka);
    if ((uint64_t)(uintptr_t)opaque != consumer->generation)
        return;
    consumer->commit_under_way = false;
    if (error)
        log_event(LOG_WARN, "commit_failed", LOG_TEXT("text", rd_kafka_err2str(error)));
    for (int i = 0; list && i < list->cnt; i++) {
        struct partition *partition = consumer_partition(consumer, list->elems[i].topic, list->elems[i].partition);
        if (partition && !error && !list->elems[i].err)
            partition->committed = list->elems[i].offset;
    }
    if (!error && FAILPOINT(".committed"))
        consumer->stop = "failpoint";
}

/* Not "further than": after a topic was truncated or made anew the right offset is a smaller one, and what is still in
 * hand from before may finish a greater one once more. */
static bool has_to_commit(const struct partition *partition)
{
    return partition->finished >= 0 && partition->finished != partition->committed;
}

static bool something_to_commit(const struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->partition_count; i++)
        if (has_to_commit(&consumer->partitions[i]))
            return true;
    return false;
}

static void commit_start(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->partition_count);
    for (size_t i = 0; i < consumer->partition_count; i++) {
        const struct partition *partition = &consumer->partitions[i];
        if (has_to_commit(partition))
            rd_kafka_topic_partition_list_add(list, partition->full_name, partition->number)->offset =
                partition->finished;
    }
    rd_kafka_resp_err_t error = rd_kafka_commit_queue(consumer->kafka, list, consumer->commits, commit_answered,
                                                      (void *)(uintptr_t)consumer->generation);
    consumer->commit_under_way = error == RD_KAFKA_RESP_ERR_NO_ERROR;
    consumer->committed_ms = clock_ticks_ms();
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_commit(struct consumer *consumer)
{
    rd_kafka_queue_poll_callback(consumer->commits, 0);
    if (!consumer->commit_under_way && clock_ticks_ms() - consumer->committed_ms >= COMMIT_EVERY_MS &&
        something_to_commit(consumer))
        commit_start(consumer);
}

bool consumer_commit_and_wait(struct consumer *consumer)
{
    int64_t end_ms = clock_ticks_ms() + CONSUMER_COMMIT_WAIT_MS;
    bool started = false;
    while (clock_ticks_ms() < end_ms) {
        if (consumer->commit_under_way)
            rd_kafka_queue_poll_callback(consumer->commits, (int)(end_ms - clock_ticks_ms()));
        else if (started || !something_to_commit(consumer))
            break;
        else {
            commit_start(consumer);
            started = true;
        }
    }
    return !something_to_commit(consumer);
}

/* nudge ------------------------------------------------------------------------------------------------------------- */

/* librdkafka 2.0.2 looks at its limits (queued.*) again only after a second, unless something wakes the thread of that broker: at
 * 100 KB a record the queue was empty three quarters of the time. A question wakes it. Its answer is waited for, for a request
 * that times out would close the connection; whoever asks has nothing to do, and the answer comes at the latest behind that of
 * a fetch. (Since 2.2.0 there is fetch.queue.backoff.ms.) */
void consumer_nudge(struct consumer *consumer)
{
    int64_t low = 0;
    int64_t high = 0;
    if (consumer->partition_count == 0 || consumer->paused)
        return;
    const struct partition *partition = &consumer->partitions[consumer->nudged++ % consumer->partition_count];
    rd_kafka_query_watermark_offsets(consumer->kafka, partition->full_name, partition->number, &low, &high,
                                     QUERY_WAIT_MS);
}

/* watch ------------------------------------------------------------------------------------------------------------- */

/* False if Kafka does not answer: then there is nothing to be said about this or any other partition. */
static bool watch_one(struct consumer *consumer, struct partition *partition, int64_t now_ms, bool *stalled)
{
    int64_t low = 0;
    int64_t high = 0;
    if (rd_kafka_query_watermark_offsets(consumer->kafka, partition->full_name, partition->number, &low, &high,
                                         QUERY_WAIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    int64_t next = partition->reached >= 0 ? partition->reached : partition->start;
    *stalled = stall_seen(&partition->stall, high > (next > low ? next : low), now_ms, consumer->stall_after_ms);
    return true;
}

const char *consumer_stalled(struct consumer *consumer, int64_t now_ms)
{
    int64_t after_ms = consumer->stall_after_ms;
    if (now_ms - consumer->watched_ms < stall_look_every_ms(after_ms) || consumer->paused)
        return NULL;
    consumer->watched_ms = now_ms;
    for (size_t i = 0; i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        bool stalled = false;
        if (!stall_worth_asking(&partition->stall, now_ms, after_ms))
            continue;
        if (!watch_one(consumer, partition, now_ms, &stalled))
            break;
        if (stalled)
            return sentence_make("%s [%d] has records and gave none for %lld s: librdkafka stands still",
                                 partition->full_name, (int)partition->number, (long long)after_ms / 1000);
    }
    return NULL;
}
