/* lag.c: how far behind is each stage, in messages and in seconds, and who is at it?
 *
 *      committed offset ──lag──> high watermark          seconds: the age of the first record not yet read
 *
 * Reads offsets and records as a stranger to every group: nothing here commits or joins. Exits 1 with --max when a partition
 * is further behind than that.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/producer.h"
#include "ctl/console_kafka.h"
#include "ctl/lag_position.h"
#include "ctl/verbs.h"

enum { GROUPS_MAX = 5, FIRST_RECORDS_MS = 3000, WATCH_EVERY_S = 1 };

static const struct {
    const char *group, *topic;
} GROUPS[GROUPS_MAX] = {
    {"hookline-resolver", TOPIC_WEBHOOKS_RETELL}, {"hookline-resolver", TOPIC_WEBHOOKS_CALCOM},
    {"hookline-resolver", TOPIC_WEBHOOKS_STRIPE}, {"hookline-session", TOPIC_CALLS_EVENTS},
    {"hookline-sync", TOPIC_CALLS_UPDATES},
};

struct position {
    int64_t committed; /* negative: nothing is */
    int64_t low, high;
    struct lag_position is;
    int64_t behind_ms; /* age of the first unread record; 0: nothing unread; -1: it could not be read in time */
    const char *owner; /* NULL: nobody */
};

struct lag {
    const struct console *console;
    struct arena *arena;
    rd_kafka_t *kafka;
    const char *topics[GROUPS_MAX];
    struct position positions[GROUPS_MAX][TOPIC_PARTITIONS];
};

static int read_watermarks(struct lag *lag)
{
    for (size_t group = 0; group < GROUPS_MAX; group++) {
        for (int32_t i = 0; i < TOPIC_PARTITIONS; i++) {
            struct position *position = &lag->positions[group][i];
            rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
                lag->kafka, lag->topics[group], i, &position->low, &position->high, KAFKA_METADATA_MAX_MS);
            if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
                return complain(EXIT_CODE_UNAVAILABLE, "the end of %s/%d cannot be read: %s%s", lag->topics[group], i,
                                rd_kafka_err2str(error),
                                error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
                                        error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                    ? "; has `hookline topics create` been run?"
                                    : "");
            position->is = lag_position_of(position->committed, position->low, position->high);
        }
    }
    return EXIT_CODE_FINE;
}

static void take_offsets(struct lag *lag, size_t group, const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &offsets->elems[i];
        if (one->partition < 0 || one->partition >= TOPIC_PARTITIONS || one->offset < 0 ||
            strcmp(one->topic, lag->topics[group]) != 0)
            continue;
        lag->positions[group][one->partition].committed = one->offset;
    }
}

static int read_offsets(struct lag *lag, size_t group)
{
    lag->topics[group] = console_topic(lag->console, lag->arena, GROUPS[group].topic);
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        lag->positions[group][i].committed = RD_KAFKA_OFFSET_INVALID;
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(TOPIC_PARTITIONS);
    rd_kafka_topic_partition_list_add_range(wanted, lag->topics[group], 0, TOPIC_PARTITIONS - 1);
    rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(GROUPS[group].group, wanted);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(lag->kafka);
    rd_kafka_ListConsumerGroupOffsets(lag->kafka, &request, 1, NULL, queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(wanted);

    const char *problem = NULL;
    rd_kafka_event_t *event = console_kafka_answer(queue, &problem);
    int exit_code =
        problem ? complain(EXIT_CODE_UNAVAILABLE, "the offsets of %s cannot be read: %s", GROUPS[group].group, problem)
                : EXIT_CODE_FINE;
    if (!problem) {
        size_t count = 0;
        const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
        for (size_t i = 0; i < count; i++)
            if (rd_kafka_group_result_partitions(results[i]))
                take_offsets(lag, group, rd_kafka_group_result_partitions(results[i]));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return exit_code;
}

static void take_members(struct lag *lag, size_t group, const rd_kafka_ConsumerGroupDescription_t *description)
{
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(description); i++) {
        const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(description, i);
        const char *name = rd_kafka_MemberDescription_group_instance_id(member);
        const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
        const rd_kafka_topic_partition_list_t *partitions =
            assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
        if (!name)
            name = rd_kafka_MemberDescription_client_id(member);
        for (int at = 0; partitions && at < partitions->cnt; at++) {
            int32_t partition = partitions->elems[at].partition;
            if (partition >= 0 && partition < TOPIC_PARTITIONS &&
                strcmp(partitions->elems[at].topic, lag->topics[group]) == 0)
                lag->positions[group][partition].owner = arena_copy(lag->arena, slice_of(name ? name : "?")).ptr;
        }
    }
}

/* Owners are told if the cluster tells them; without them the rest is still worth showing. */
static void read_owners(struct lag *lag, size_t group)
{
    const char *name = GROUPS[group].group;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(lag->kafka);
    rd_kafka_DescribeConsumerGroups(lag->kafka, &name, 1, NULL, queue);
    const char *problem = NULL;
    rd_kafka_event_t *event = console_kafka_answer(queue, &problem);
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        problem ? NULL
                : rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event),
                                                                &count);
    for (size_t i = 0; groups && i < count; i++)
        if (!rd_kafka_ConsumerGroupDescription_error(groups[i]))
            take_members(lag, group, groups[i]);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

/* The age of the first unread record of each partition that has one, as far as they come in time. */
static void read_first_records(struct lag *lag)
{
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(GROUPS_MAX * TOPIC_PARTITIONS);
    for (size_t group = 0; group < GROUPS_MAX; group++) {
        for (int32_t i = 0; i < TOPIC_PARTITIONS; i++) {
            struct position *position = &lag->positions[group][i];
            position->behind_ms = position->is.unread > 0 ? -1 : 0;
            if (position->is.unread > 0)
                rd_kafka_topic_partition_list_add(wanted, lag->topics[group], i)->offset = position->is.next;
        }
    }
    int missing = wanted->cnt;
    if (missing > 0)
        rd_kafka_assign(lag->kafka, wanted);
    for (int64_t end_ms = clock_ticks_ms() + FIRST_RECORDS_MS; missing > 0 && clock_ticks_ms() < end_ms;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(lag->kafka, (int)(end_ms - clock_ticks_ms()));
        for (size_t group = 0; message && !message->err && group < GROUPS_MAX; group++) {
            struct position *position = &lag->positions[group][message->partition];
            if (strcmp(rd_kafka_topic_name(message->rkt), lag->topics[group]) != 0 || position->behind_ms != -1)
                continue;
            int64_t age_ms = clock_now_ms() - rd_kafka_message_timestamp(message, NULL);
            position->behind_ms = age_ms > 0 ? age_ms : 0;
            missing--;
        }
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_assign(lag->kafka, NULL);
    rd_kafka_topic_partition_list_destroy(wanted);
}

/* First the commits, then the ends: the other way round a stage that works seems to have read more than there is. */
static int look(struct lag *lag)
{
    memset(lag->positions, 0, sizeof lag->positions);
    int exit_code = EXIT_CODE_FINE;
    for (size_t group = 0; group < GROUPS_MAX && exit_code == EXIT_CODE_FINE; group++)
        exit_code = read_offsets(lag, group);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = read_watermarks(lag);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    for (size_t group = 0; group < GROUPS_MAX; group++)
        read_owners(lag, group);
    read_first_records(lag);
    return EXIT_CODE_FINE;
}

static void add_position(struct table *table, struct lag *lag, size_t group, int32_t partition)
{
    const struct position *position = &lag->positions[group][partition];
    struct arena *arena = lag->arena;
    table_add(
        table,
        (struct slice[]){
            slice_of(GROUPS[group].group),
            slice_of(lag->topics[group]),
            arena_format(arena, "%d", partition),
            position->committed >= 0 ? arena_format(arena, "%lld", (long long)position->committed) : SLICE_ABSENT,
            arena_format(arena, "%lld", (long long)position->high),
            arena_format(arena, "%lld", (long long)position->is.unread),
            position->behind_ms < 0 ? SLICE_ABSENT : arena_format(arena, "%.1f", (double)position->behind_ms / 1000),
            slice_of(position->owner),
            slice_of(position->is.note),
        });
}

static int show(const struct arguments *arguments, struct lag *lag, int64_t *greatest)
{
    static const struct column COLUMNS[] = {
        {"group", COLUMN_TEXT},       {"topic", COLUMN_TEXT}, {"partition", COLUMN_NUMBER},
        {"committed", COLUMN_NUMBER}, {"end", COLUMN_NUMBER}, {"lag", COLUMN_NUMBER},
        {"behind_s", COLUMN_NUMBER},  {"owner", COLUMN_TEXT}, {"note", COLUMN_TEXT}};
    struct table *table = table_new(lag->arena, COLUMNS, COUNT(COLUMNS));
    int64_t sums[GROUPS_MAX] = {0};
    *greatest = 0;
    for (size_t group = 0; group < GROUPS_MAX; group++) {
        for (int32_t i = 0; i < TOPIC_PARTITIONS; i++) {
            int64_t messages = lag->positions[group][i].is.unread;
            sums[group] += messages;
            *greatest = messages > *greatest ? messages : *greatest;
            add_position(table, lag, group, i);
        }
    }
    int exit_code = console_show(arguments, table);
    for (size_t group = 0; group < GROUPS_MAX && exit_code == EXIT_CODE_FINE && !arguments_json(arguments); group++)
        printf("%s%s: %lld", group == 0 ? "in all: " : ", ", GROUPS[group].topic, (long long)sums[group]);
    if (!arguments_json(arguments))
        puts("");
    fflush(stdout);
    return exit_code;
}

static volatile sig_atomic_t watching = 1;

static void stop_watching(int number)
{
    (void)number;
    watching = 0;
}

static int lag(const struct console *console, const struct arguments *arguments)
{
    struct lag self = {.console = console, .arena = arena_new()};
    bool watch = argument_given(arguments, "watch");
    int64_t max = argument_count(arguments, "max", INT64_MAX), greatest = 0;
    if (watch) { /* a single look ends at once, as any command does */
        signal(SIGINT, stop_watching);
        signal(SIGTERM, stop_watching);
    }
    int exit_code = console_kafka_open(console, &self.kafka);
    do {
        if (exit_code == EXIT_CODE_FINE)
            exit_code = look(&self);
        if (exit_code == EXIT_CODE_FINE && watch && !arguments_json(arguments) && isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout); /* home, and clear what follows */
        if (exit_code == EXIT_CODE_FINE)
            exit_code = show(arguments, &self, &greatest);
        arena_reset(self.arena);
    } while (watch && watching && exit_code == EXIT_CODE_FINE && sleep(WATCH_EVERY_S) == 0);
    console_kafka_close(self.kafka);
    arena_free(self.arena);
    return exit_code == EXIT_CODE_FINE && greatest > max ? EXIT_CODE_FINDING : exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "watch", .kind = OPTION_FLAG, .help = "Look again every second, until Ctrl-C."},
    {.name = "max",
     .kind = OPTION_COUNT,
     .value = "N",
     .max = INT64_MAX,
     .help = "Exit 1 if a partition is more than N messages behind."},
};

const struct verb VERB_LAG = {.name = "lag",
                              .about = "Shows how far behind each stage is, and who is at it.",
                              .options = OPTIONS,
                              .option_count = COUNT(OPTIONS),
                              .run = lag};
