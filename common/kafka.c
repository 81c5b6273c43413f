/* kafka.c: librdkafka's settings that matter to all of us, and its log in our form.
 *
 * reconnect.backoff.max.ms is the most valuable single line: with librdkafka's 10 s a broker that was away for 3 s was
 * missed for 7.4 s, with 500 ms for 3.06 s (2026-09, mock broker, 4,000 records/s). */
#include "common/kafka.h"

#include <stdlib.h>

#include "common/kafka_version.h"
#include "common/log.h"
#include "common/producer.h"
#include "common/sentence.h"

#define MESSAGE_MAX_BYTES_SET "12582912"

_Static_assert(MESSAGE_MAX_BYTES == 12582912, "MESSAGE_MAX_BYTES_SET must say the same");

static const struct kafka_property SHARED[] = {
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"},
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"}, /* the default only since 2.10 */
    {"socket.timeout.ms", "10000"},
    {"topic.metadata.refresh.interval.ms", "60000"},
    {NULL, NULL},
};

/* librdkafka's levels are syslog's. A broker that is away is 3 ("error") there: here it is a warning, for we wait. */
static enum log_level log_level_of(int level, const char *facility)
{
    /* "Coordinator load in progress" until a fresh broker knows its producers: always, and never of use. */
    if (strcmp(facility, "GETPID") == 0 || level >= 7)
        return LOG_DEBUG;
    return level <= 2 ? LOG_ERROR : level <= 4 ? LOG_WARN : LOG_INFO;
}

/* May run in any thread. */
static void kafka_logged(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    log_event(log_level_of(level, facility), "librdkafka", LOG_TEXT("client", kafka ? rd_kafka_name(kafka) : ""),
              LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

struct laying {
    rd_kafka_conf_t *conf;
    const char *problem;
};

static void lay_one(const char *name, const char *value, void *context)
{
    struct laying *laying = context;
    char why[256];
    if (!laying->problem && rd_kafka_conf_set(laying->conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        laying->problem = sentence_make("librdkafka refuses %s: %s", name, why);
}

static void lay_list(struct laying *laying, const struct kafka_property *list)
{
    for (; list->name; list++)
        lay_one(list->name, list->value, laying);
}

rd_kafka_conf_t *kafka_configure(const struct settings *settings, const char *client_id,
                                 const struct kafka_property *defaults, const struct kafka_property *guarantees,
                                 const char **problem)
{
    struct laying laying = {.conf = rd_kafka_conf_new()};
    rd_kafka_conf_set_log_cb(laying.conf, kafka_logged);
    lay_one("bootstrap.servers", settings_text(settings, "KAFKA_BOOTSTRAP"), &laying);
    lay_one("client.id", client_id, &laying);
    lay_list(&laying, SHARED);
    lay_list(&laying, defaults);
    settings_kafka_properties(settings, lay_one, &laying);
    lay_one("message.max.bytes", MESSAGE_MAX_BYTES_SET, &laying);
    lay_list(&laying, guarantees);
    *problem = laying.problem;
    if (!laying.problem)
        return laying.conf;
    rd_kafka_conf_destroy(laying.conf);
    return NULL;
}

char *kafka_topic_name(const struct settings *settings, const char *topic)
{
    struct buffer name = {0};
    buffer_add_text(&name, settings_text(settings, "TOPIC_PREFIX"));
    buffer_add_text(&name, topic);
    return name.data;
}

const char *kafka_library_problem(void)
{
    log_event(LOG_INFO, "library", LOG_TEXT("name", "librdkafka"), LOG_TEXT("version", rd_kafka_version_str()));
    return kafka_version_problem(rd_kafka_version());
}
