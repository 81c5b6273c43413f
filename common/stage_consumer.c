/* stage_consumer.c: the consumer group's side of the harness: opening, taking, rebalances, pausing. */
#include "common/stage_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/sentence.h"
#include "common/stage_offsets.h"
#include "common/wake.h"

/* The next answer to a fetch (12 MiB) is asked for when 1 MiB is left of one: with 4 MiB three were in memory at times, with
 * 16 four, and neither was faster (tests/bench/pipeline, 2026-11-21).
 * fetch.message.max.bytes stays librdkafka's 1 MiB, no less than the largest batch that a producer of ours makes: with half of it
 * a partition whose next batch was larger got nothing for a minute, as long as others had records before it in the answer. */
static const struct kafka_property DEFAULTS[] = {
    {"max.poll.interval.ms", "300000"},
    {"queued.max.messages.kbytes", "1024"},
    {"queued.min.messages", "10000"},
    {"fetch.wait.max.ms", "100"},
    {"check.crcs", "true"},
    {NULL, NULL},
};

static const struct kafka_property GUARANTEES[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"}, /* librdkafka's default is the end: silent loss. We decide (start_offset.h) */
    {"partition.assignment.strategy", "range"},
    {"isolation.level", "read_committed"},
    {"enable.partition.eof", "false"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* what is assigned -------------------------------------------------------------------------------------------------- */

static const char *topic_without_prefix(const struct consumer *consumer, const char *full_name)
{
    size_t len = strlen(full_name);
    for (const char *const *topic = consumer->options.reads; *topic; topic++) {
        size_t topic_len = strlen(*topic);
        if (len >= topic_len && strcmp(full_name + len - topic_len, *topic) == 0)
            return *topic;
    }
    return full_name;
}

static bool is_subscribed(const struct consumer *consumer, const char *full_name)
{
    bool found = false;
    for (const char *const *topic = consumer->options.reads; *topic && !found; topic++) {
        char *name = kafka_topic_name(consumer->options.settings, *topic);
        found = strcmp(name, full_name) == 0;
        free(name);
    }
    return found;
}

/* NULL, or a topic that nobody subscribed to: a static member that comes back is given what it had, asked or not. */
static const char *foreign_topic(const struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (!is_subscribed(consumer, list->elems[i].topic))
            return list->elems[i].topic;
    return NULL;
}

static void partitions_clear(struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->partition_count; i++)
        free(consumer->partitions[i].full_name);
    free(consumer->partitions);
    consumer->partitions = NULL;
    consumer->partition_count = consumer->last_hit = 0;
    metric_set(consumer->assigned, 0);
}

static void partitions_take(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    partitions_clear(consumer);
    consumer->partitions = memory_new((size_t)list->cnt, sizeof *consumer->partitions);
    consumer->partition_count = (size_t)list->cnt;
    for (int i = 0; i < list->cnt; i++)
        consumer->partitions[i] = (struct partition){
            .full_name = memory_copy_string(list->elems[i].topic),
            .topic = topic_without_prefix(consumer, list->elems[i].topic),
            .number = list->elems[i].partition,
            .start = list->elems[i].offset,
            .reached = -1,
            .finished = -1,
            .committed = -1,
            .stall = {.moved_ms = clock_ticks_ms()},
        };
    consumer->generation++;
    metric_set(consumer->assigned, list->cnt);
}

struct partition *consumer_partition(struct consumer *consumer, const char *full_name, int32_t number)
{
    for (size_t i = 0; i < consumer->partition_count; i++) {
        size_t at = (consumer->last_hit + i) % consumer->partition_count; /* records come in runs of one partition */
        struct partition *partition = &consumer->partitions[at];
        if (partition->number == number && strcmp(partition->full_name, full_name) == 0) {
            consumer->last_hit = at;
            return partition;
        }
    }
    return NULL;
}

static void assigned(struct consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    const char *foreign = foreign_topic(consumer, list);
    if (foreign) {
        consumer->stop = sentence_make("%s was assigned, and is not what this process reads: a process of the same "
                                       "INSTANCE that reads it was here less than SESSION_TIMEOUT_MS ago; start this "
                                       "one later than that, or with another INSTANCE",
                                       foreign);
        rd_kafka_assign(consumer->kafka, NULL);
        return;
    }
    offsets_of_start(consumer, list);
    partitions_take(consumer, list);
    rd_kafka_assign(consumer->kafka, list);
    if (FAILPOINT(".assigned"))
        rd_kafka_pause_partitions(consumer->kafka, list); /* behind the harness's back: librdkafka stands still */
    consumer->joined = true;
    if (consumer->paused)
        consumer_pause(consumer);
}

static void revoked(struct consumer *consumer)
{
    consumer->options.revoked(consumer->options.context);
    bool lost = rd_kafka_assignment_lost(consumer->kafka); /* then they are somebody else's already */
    if (!lost && !consumer->closing)
        consumer_commit_and_wait(consumer);
    consumer->generation++; /* an answer to an older commit is of no use any more */
    consumer->commit_under_way = false;
    partitions_clear(consumer);
    rd_kafka_assign(consumer->kafka, NULL);
    consumer->joined = false;
}

static void rebalanced(rd_kafka_t *kafka, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
                       void *context)
{
    (void)kafka;
    struct consumer *consumer = context;
    bool gives = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    log_event(LOG_INFO, gives ? "partitions_assigned" : "partitions_revoked", LOG_INT("count", list->cnt),
              LOG_INT("lost", !gives && rd_kafka_assignment_lost(consumer->kafka)));
    metric_add(consumer->rebalances, 1);
    if (gives)
        assigned(consumer, list);
    else
        revoked(consumer);
}

/* librdkafka's log has said it already; without this function it would say it again, as an error. */
static void failed(rd_kafka_t *kafka, int error, const char *reason, void *context)
{
    (void)kafka, (void)error, (void)reason, (void)context;
}

/* opening and closing ----------------------------------------------------------------------------------------------- */

static const char *conf_make(struct consumer *consumer, rd_kafka_conf_t **conf)
{
    const struct consumer_options *options = &consumer->options;
    char client_id[128];
    char group[128];
    char member[512];
    char session[24];
    char heartbeat[24];
    const char *problem = NULL;
    int64_t session_ms = settings_count(options->settings, "SESSION_TIMEOUT_MS");
    snprintf(client_id, sizeof client_id, "hookline-%s-%s", options->stage, options->instance);
    snprintf(group, sizeof group, "hookline-%s", options->stage);
    /* The prefix too: who comes back under a static member's name is given what that one read, whatever he asks for. With
     * another TOPIC_PREFIX the process read the old topics, and none of its own (found 2026-11-21). */
    snprintf(member, sizeof member, "%s%s-%s", settings_text(options->settings, "TOPIC_PREFIX"), options->stage,
             options->instance);
    snprintf(session, sizeof session, "%lld", (long long)session_ms);
    snprintf(heartbeat, sizeof heartbeat, "%lld", (long long)session_ms / 10);
    *conf = kafka_configure(options->settings, client_id, DEFAULTS, GUARANTEES, &problem);
    if (!*conf)
        return problem;
    const struct kafka_property ours[] = {
        {"group.id", group},
        {"group.instance.id", member},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", heartbeat},
    };
    char why[256];
    for (size_t i = 0; i < COUNT(ours) && !problem; i++)
        if (rd_kafka_conf_set(*conf, ours[i].name, ours[i].value, why, sizeof why) != RD_KAFKA_CONF_OK)
            problem = sentence_make("librdkafka refuses %s: %s", ours[i].name, why);
    rd_kafka_conf_set_opaque(*conf, consumer);
    rd_kafka_conf_set_rebalance_cb(*conf, rebalanced);
    rd_kafka_conf_set_error_cb(*conf, failed);
    return problem;
}

static const char *subscribe(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (const char *const *topic = consumer->options.reads; *topic; topic++) {
        char *full_name = kafka_topic_name(consumer->options.settings, *topic);
        rd_kafka_topic_partition_list_add(list, full_name, RD_KAFKA_PARTITION_UA);
        free(full_name);
    }
    rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error ? rd_kafka_err2str(error) : NULL;
}

static void metrics_make(struct consumer *consumer)
{
    char name[128];
    const char *stage = consumer->options.stage;
    snprintf(name, sizeof name, "hookline_%s_rebalances_total", stage);
    consumer->rebalances = metrics_counter(name, NULL, "Assignments and revocations of partitions.");
    snprintf(name, sizeof name, "hookline_%s_offset_resets_total", stage);
    consumer->resets = metrics_counter(name, NULL, "Partitions read from the beginning because their offset was gone.");
    snprintf(name, sizeof name, "hookline_%s_assigned_partitions", stage);
    consumer->assigned = metrics_gauge(name, NULL, "Partitions that this process reads.");
}

const char *consumer_open(struct consumer **result, const struct consumer_options *options)
{
    struct consumer *consumer = memory_new(1, sizeof *consumer);
    *consumer = (struct consumer){.options = *options};
    consumer->stall_after_ms = settings_count(options->settings, "STALL_AFTER_MS");
    char why[256];
    rd_kafka_conf_t *conf = NULL;
    metrics_make(consumer);
    const char *problem = conf_make(consumer, &conf);
    if (!problem) {
        consumer->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
        problem = consumer->kafka ? NULL : sentence_make("no consumer: %s", why);
    }
    if (problem) {
        if (conf)
            rd_kafka_conf_destroy(conf);
        free(consumer);
        return problem;
    }
    rd_kafka_poll_set_consumer(consumer->kafka);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->kafka);
    consumer->commits = rd_kafka_queue_new(consumer->kafka);
    rd_kafka_queue_io_event_enable(consumer->queue, options->wake_fd, &WAKE_PAYLOAD, sizeof WAKE_PAYLOAD);
    problem = subscribe(consumer);
    *result = consumer;
    return problem;
}

void consumer_close(struct consumer *consumer)
{
    if (!consumer)
        return;
    consumer->closing = true;
    rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(consumer->queue);
    rd_kafka_consumer_close(consumer->kafka);
    rd_kafka_queue_destroy(consumer->commits);
    rd_kafka_destroy(consumer->kafka);
    partitions_clear(consumer);
    free(consumer);
}

/* taking ------------------------------------------------------------------------------------------------------------ */

static void event_take(struct consumer *consumer, const rd_kafka_message_t *message)
{
    char why[256];
    const char *text = rd_kafka_message_errstr(message);
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__FATAL:
        rd_kafka_fatal_error(consumer->kafka, why, sizeof why);
        consumer->stop = sentence_make("Kafka gave this member up: %s", why);
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: {
        struct partition *partition =
            message->rkt ? consumer_partition(consumer, rd_kafka_topic_name(message->rkt), message->partition) : NULL;
        if (partition)
            partition->lost = true;
        return;
    }
    default:
        log_event(LOG_WARN, "consumer_problem", LOG_TEXT("code", rd_kafka_err2name(message->err)),
                  LOG_TEXT("topic", message->rkt ? rd_kafka_topic_name(message->rkt) : ""),
                  LOG_INT("partition", message->partition), LOG_TEXT("text", text));
    }
}

rd_kafka_message_t *consumer_take(struct consumer *consumer)
{
    rd_kafka_message_t *message = NULL;
    while ((message = rd_kafka_consumer_poll(consumer->kafka, 0))) {
        struct partition *partition =
            message->err ? NULL : consumer_partition(consumer, rd_kafka_topic_name(message->rkt), message->partition);
        if (partition) {
            partition->reached = message->offset + 1;
            stall_moved(&partition->stall, clock_ticks_ms());
            return message;
        }
        if (message->err)
            event_take(consumer, message);
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

/* pausing ----------------------------------------------------------------------------------------------------------- */

/* Pauses (or resumes) those that are not (are) paused by us. */
static void set_paused(struct consumer *consumer, bool paused)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->partition_count);
    consumer->paused = paused;
    for (size_t i = 0; i < consumer->partition_count; i++) {
        struct partition *partition = &consumer->partitions[i];
        if (partition->paused == paused)
            continue;
        partition->paused = paused;
        stall_moved(&partition->stall, clock_ticks_ms());
        rd_kafka_topic_partition_list_add(list, partition->full_name, partition->number);
    }
    if (list->cnt > 0 && paused)
        rd_kafka_pause_partitions(consumer->kafka, list);
    else if (list->cnt > 0)
        rd_kafka_resume_partitions(consumer->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_pause(struct consumer *consumer)
{
    set_paused(consumer, true);
}

void consumer_resume(struct consumer *consumer)
{
    set_paused(consumer, false);
}
