/* topics.c: creates hookline's topics as they must be, and says of existing ones what is not so.
 *
 * Never changes an existing topic: partitions cannot be taken back, and less retention would throw records away. The epoch
 * of calls.updates (a cursor of the dashboard's stream is worth nothing in another topic of that name) is renewed *before*
 * the topic is made: a crash in between costs one needless reset, the other order would let old cursors live on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/producer.h"
#include "common/random.h"
#include "ctl/console_kafka.h"
#include "ctl/topic_plan.h"
#include "ctl/verbs.h"

static const struct database_statement RENEW_EPOCH = {
    "epoch_renew", "INSERT INTO topic_epochs (topic, epoch) VALUES ($1, $2) "
                   "ON CONFLICT (topic) DO UPDATE SET epoch = excluded.epoch, created_at = now()"};
static const struct database_statement KEEP_EPOCH = {
    "epoch_keep", "INSERT INTO topic_epochs (topic, epoch) VALUES ($1, $2) ON CONFLICT (topic) DO NOTHING"};

struct look {
    const struct console *console;
    struct arena *arena;
    rd_kafka_t *kafka;
    int brokers;
    struct {
        const char *name; /* full */
        bool exists, made_now;
        struct topic_found found;
        struct slice differences;
    } topics[TOPIC_PLAN_COUNT];
};

/* What the broker says of the topics that exist --------------------------------------------------------------------- */

static void read_configs(struct look *look, const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    struct topic_property *properties = arena_zeroed(look->arena, count + 1, sizeof *properties);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        properties[i].name = arena_copy(look->arena, slice_of(rd_kafka_ConfigEntry_name(entries[i]))).ptr;
        properties[i].value = arena_copy(look->arena, slice_of(value ? value : "")).ptr;
    }
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
        if (strcmp(look->topics[i].name, rd_kafka_ConfigResource_name(resource)) != 0)
            continue;
        look->topics[i].found.properties = properties;
        look->topics[i].found.property_count = count;
    }
}

static int describe_existing(struct look *look)
{
    rd_kafka_ConfigResource_t *resources[TOPIC_PLAN_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++)
        if (look->topics[i].exists)
            resources[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, look->topics[i].name);
    if (count == 0)
        return EXIT_CODE_FINE;

    rd_kafka_queue_t *queue = rd_kafka_queue_new(look->kafka);
    rd_kafka_DescribeConfigs(look->kafka, resources, count, NULL, queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    const char *problem = NULL;
    int exit_code = EXIT_CODE_FINE;
    rd_kafka_event_t *event = console_kafka_answer(queue, &problem);
    if (problem)
        exit_code = complain(EXIT_CODE_UNAVAILABLE, "the topics' configuration cannot be read: %s", problem);
    const rd_kafka_ConfigResource_t **answers =
        problem ? NULL
                : rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    for (size_t i = 0; answers && i < count && exit_code == EXIT_CODE_FINE; i++) {
        if (rd_kafka_ConfigResource_error(answers[i]))
            exit_code =
                complain(EXIT_CODE_UNAVAILABLE, "the configuration of %s cannot be read: %s",
                         rd_kafka_ConfigResource_name(answers[i]), rd_kafka_ConfigResource_error_string(answers[i]));
        else
            read_configs(look, answers[i]);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return exit_code;
}

static int look_around(struct look *look)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int exit_code = console_kafka_metadata(look->console, look->kafka, &metadata);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    look->brokers = metadata->broker_cnt;
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
        look->topics[i].name = console_topic(look->console, look->arena, TOPIC_PLANS[i].topic);
        const struct rd_kafka_metadata_topic *topic = console_kafka_topic(metadata, look->topics[i].name);
        look->topics[i].exists = topic != NULL;
        if (topic)
            look->topics[i].found =
                (struct topic_found){.partitions = topic->partition_cnt,
                                     .replication = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0};
    }
    rd_kafka_metadata_destroy(metadata);
    exit_code = describe_existing(look);
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++)
        if (look->topics[i].exists)
            look->topics[i].differences =
                topic_differences(look->arena, &TOPIC_PLANS[i], look->brokers, &look->topics[i].found);
    return exit_code;
}

/* Making those that do not ------------------------------------------------------------------------------------------- */

static rd_kafka_NewTopic_t *new_topic(const struct look *look, size_t which)
{
    char why[256];
    struct topic_property properties[TOPIC_PROPERTIES_MAX];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(look->topics[which].name, TOPIC_PARTITIONS,
                                                       topic_replication(look->brokers), why, sizeof why);
    if (!topic)
        abort(); /* only for a name of no or too many characters: settings.h and the plan see to that */
    size_t count = topic_properties(&TOPIC_PLANS[which], look->brokers, properties);
    for (size_t i = 0; i < count; i++)
        rd_kafka_NewTopic_set_config(topic, properties[i].name, properties[i].value);
    return topic;
}

static int read_creation(struct look *look, rd_kafka_event_t *event)
{
    size_t count = 0;
    int exit_code = EXIT_CODE_FINE;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        const char *name = rd_kafka_topic_result_name(results[i]);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            exit_code = complain(EXIT_CODE_UNAVAILABLE, "%s is not created: %s", name,
                                 rd_kafka_topic_result_error_string(results[i]));
        for (size_t at = 0; at < TOPIC_PLAN_COUNT; at++)
            if (strcmp(look->topics[at].name, name) == 0)
                look->topics[at].made_now = error == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return exit_code;
}

static int create_missing(struct look *look)
{
    rd_kafka_NewTopic_t *wanted[TOPIC_PLAN_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++)
        if (!look->topics[i].exists)
            wanted[count++] = new_topic(look, i);
    if (count == 0)
        return EXIT_CODE_FINE;

    rd_kafka_queue_t *queue = rd_kafka_queue_new(look->kafka);
    rd_kafka_CreateTopics(look->kafka, wanted, count, NULL, queue);
    rd_kafka_NewTopic_destroy_array(wanted, count);
    const char *problem = NULL;
    rd_kafka_event_t *event = console_kafka_answer(queue, &problem);
    int exit_code = problem ? complain(EXIT_CODE_UNAVAILABLE, "the topics cannot be created: %s", problem)
                            : read_creation(look, event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return exit_code;
}

static bool updates_exist(const struct look *look)
{
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++)
        if (strcmp(TOPIC_PLANS[i].topic, TOPIC_CALLS_UPDATES) == 0)
            return look->topics[i].exists;
    return false;
}

static int write_epoch(struct look *look, struct database *database)
{
    uint8_t random[16];
    random_take(random, sizeof random);
    struct buffer epoch = {0};
    buffer_add_hex(&epoch, random, sizeof random);
    struct database_values values;
    struct database_error error;
    database_values_init(&values, look->arena);
    database_add_text(&values, slice_of(TOPIC_CALLS_UPDATES));
    database_add_text(&values, buffer_slice(&epoch));
    PGresult *rows = database_query(database, updates_exist(look) ? &KEEP_EPOCH : &RENEW_EPOCH, &values, &error);
    buffer_free(&epoch);
    if (!rows)
        return console_database_problem(&error, "writing the epoch of calls.updates");
    PQclear(rows);
    return EXIT_CODE_FINE;
}

/* Both verbs show the same table ------------------------------------------------------------------------------------- */

static int show(const struct arguments *arguments, struct look *look)
{
    static const struct column COLUMNS[] = {
        {"topic", COLUMN_TEXT}, {"partitions", COLUMN_NUMBER}, {"replication", COLUMN_NUMBER}, {"state", COLUMN_TEXT}};
    struct table *table = table_new(look->arena, COLUMNS, COUNT(COLUMNS));
    bool finding = false;
    for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
        struct slice cells[COUNT(COLUMNS)] = {slice_of(look->topics[i].name), SLICE_ABSENT, SLICE_ABSENT};
        if (look->topics[i].made_now) {
            look->topics[i].found = (struct topic_found){TOPIC_PARTITIONS, topic_replication(look->brokers), NULL, 0};
            cells[3] = SLICE("created");
        } else if (!look->topics[i].exists) {
            cells[3] = SLICE("missing: run `hookline topics create`");
            finding = true;
        } else if (!slice_absent(look->topics[i].differences)) {
            cells[3] = look->topics[i].differences;
            finding = true;
        } else {
            cells[3] = SLICE("as it should be");
        }
        if (look->topics[i].found.partitions > 0) {
            cells[1] = arena_format(look->arena, "%d", look->topics[i].found.partitions);
            cells[2] = arena_format(look->arena, "%d", look->topics[i].found.replication);
        }
        table_add(table, cells);
    }
    int exit_code = console_show(arguments, table);
    return exit_code == EXIT_CODE_FINE && finding ? EXIT_CODE_FINDING : exit_code;
}

static int create(const struct console *console, const struct arguments *arguments)
{
    struct look look = {.console = console, .arena = arguments_arena(arguments)};
    struct database *database = NULL;
    int exit_code = console_database(console, &database);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = console_kafka_open(console, &look.kafka);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = look_around(&look);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = write_epoch(&look, database);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = create_missing(&look);
    database_close(database);
    console_kafka_close(look.kafka);
    return exit_code == EXIT_CODE_FINE ? show(arguments, &look) : exit_code;
}

static int list(const struct console *console, const struct arguments *arguments)
{
    struct look look = {.console = console, .arena = arguments_arena(arguments)};
    int exit_code = console_kafka_open(console, &look.kafka);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = look_around(&look);
    console_kafka_close(look.kafka);
    return exit_code == EXIT_CODE_FINE ? show(arguments, &look) : exit_code;
}

const struct verb VERB_TOPICS_CREATE = {.name = "topics",
                                        .action = "create",
                                        .about = "Creates the topics that are missing, and checks the others.",
                                        .run = create};
const struct verb VERB_TOPICS_LIST = {
    .name = "topics", .action = "list", .about = "Shows the topics, and what is not as it should be.", .run = list};
