/* hookline-ingest: was this really sent by them, and is it safe with us?
 *
 * Answers POST /api/{retell,calcom,stripe}/webhook[/{source}]. 200 is sent only when the brokers have the record
 * (acks=all), or, when they do not acknowledge it in ACK_TIMEOUT_MS, our disk (SPOOL_DIR); what neither keeps is answered 503,
 * and the sender comes again. No database, no tenant logic: more of these on one port (REUSE_PORT) are more throughput,
 * nothing else. Under socket activation (LISTEN_FDS) a restart refuses no connection.
 *
 * SIGHUP: reads the sources and their keys again. Stops: SIGTERM, SIGINT: answers what is in flight, exit 0; 78 when a setting is wrong.
 * Security: the only program that strangers may reach; it trusts no byte before its signature is verified, and holds
 * nothing but the signing keys.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/http_server.h"
#include "common/listen_fds.h"
#include "common/log.h"
#include "common/log_writer.h"
#include "common/management.h"
#include "common/metrics.h"
#include "common/random.h"
#include "common/sources_file.h"
#include "ingest/keep.h"
#include "ingest/provider.h"
#include "ingest/receive.h"

enum {
    EXIT_CONFIGURATION = 78,
    TICK_MS = 250,
    DRAIN_MS = 15000, /* for requests that have begun; what is not here then comes again */
};

static const struct setting SETTINGS[] = {
    {.name = "LISTEN",
     .type = SETTING_ADDRESS,
     .text = "127.0.0.1:8080",
     .help = "Where webhooks are received; a proxy before it ends TLS. Not used under socket activation (LISTEN_FDS)."},
    SETTINGS_OF_SOURCES(
        "Retell's API key that has the \"webhook\" badge: it signs the webhooks of the source `default`, which is "
        "bound to no company. Required without SOURCES."),
    {.name = "LEGACY_PATHS",
     .type = SETTING_CHOICE,
     .text = "serve",
     .choices = "serve|gone",
     .help = "What deploy/legacy-paths.txt lists runs Retell's handler, signature and all, or answers 410."},
    {.name = "REUSE_PORT",
     .type = SETTING_FLAG,
     .help = "Several processes listen on LISTEN, and the kernel spreads the connections (SO_REUSEPORT)."},
    {.name = "TRUSTED_PROXIES",
     .type = SETTING_TEXT,
     .text = "",
     .help = "Networks whose X-Forwarded-For is believed, comma separated: 10.0.0.0/8, ::1, or unix for UNIX sockets."},
    {.name = "CONNECTIONS_MAX",
     .type = SETTING_COUNT,
     .count = 10000,
     .min = 1,
     .max = 1000000,
     .help = "Open connections, all together; fewer if the process may not open so many files."},
    {.name = "CONNECTIONS_PER_ADDRESS_MAX",
     .type = SETTING_COUNT,
     .count = 200,
     .min = 1,
     .max = 1000000,
     .help = "Open connections of one IPv4 address or IPv6 /64; trusted proxies have no such limit."},
    {.name = "HEADER_DEADLINE_MS",
     .type = SETTING_MS,
     .count = 10000,
     .min = 100,
     .max = 600000,
     .help = "The time for a request's line and fields to arrive; 408 after it."},
    {.name = "BODY_DEADLINE_MS",
     .type = SETTING_MS,
     .count = 30000,
     .min = 100,
     .max = 600000,
     .help = "The time for a body to arrive; 408 after it, and after 5 s if it comes with less than 1 KiB/s."},
    {.name = "REQUEST_DEADLINE_MS",
     .type = SETTING_MS,
     .count = 35000,
     .min = 100,
     .max = 600000,
     .help = "The time for a whole request, from its first byte to its last; 408 after it."},
    {.name = "IDLE_DEADLINE_MS",
     .type = SETTING_MS,
     .count = 60000,
     .min = 100,
     .max = 3600000,
     .help = "How long a connection is kept between two requests."},
    {.name = "ADDRESS_RATE_PER_S",
     .type = SETTING_COUNT,
     .max = BUCKET_RATE_MAX,
     .help = "Requests a second of one IPv4 address or IPv6 /64, 429 beyond; 0: no limit."},
    {.name = "ADDRESS_BURST",
     .type = SETTING_COUNT,
     .count = 100,
     .min = 1,
     .max = BUCKET_BURST_MAX,
     .help = "Requests that an address may make at once, before ADDRESS_RATE_PER_S holds."},
    {.name = "IN_FLIGHT_MAX",
     .type = SETTING_COUNT,
     .count = 20000,
     .min = 1,
     .max = 1000000,
     .help = "Webhooks that may wait to be kept; more are answered 503 before their body is read."},
    {.name = "IN_FLIGHT_MAX_BYTES",
     .type = SETTING_BYTES,
     .count = INT64_C(256) * 1024 * 1024,
     .min = INT64_C(1024) * 1024,
     .max = INT64_C(64) * 1024 * 1024 * 1024,
     .help = "Bytes of their bodies; the same."},
    /* Strangers make us hold bodies before their signature can be looked at: 10,000 connections of 10 MiB each. */
    {.name = "LARGE_BODIES_MAX_BYTES",
     .type = SETTING_BYTES,
     .count = INT64_C(256) * 1024 * 1024,
     .min = INT64_C(32) * 1024 * 1024,
     .max = INT64_C(64) * 1024 * 1024 * 1024,
     .help =
         "Memory of all requests above 128 KiB that are still coming in, signed or not; more are answered 503. Small "
         "ones pass all the same."},
    {.name = "ACK_TIMEOUT_MS",
     .type = SETTING_MS,
     .count = 2000,
     .min = 100,
     .max = 60000,
     .help = "The brokers' time to acknowledge a webhook; after it the spool keeps it, or the sender is asked to come "
             "again."},
    {.name = "SPOOL_DIR",
     .type = SETTING_TEXT,
     .help = "Where webhooks wait on disk while the brokers are away; one file per process, on a disk of this machine. "
             "Not set: they are answered 503."},
    {.name = "SPOOL_MAX_BYTES",
     .type = SETTING_BYTES,
     .count = 1073741824,
     .min = 65536,
     .max = 1099511627776,
     .help = "The most that a process's spool holds; beyond it webhooks are answered 503."},
    {.name = "SPOOL_MAX_AGE_MS",
     .type = SETTING_MS,
     .count = 86400000,
     .min = 1000,
     .max = 2592000000,
     .help = "Once the oldest webhook in the spool is older, new ones are answered 503; nothing is thrown away."},
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_MANAGEMENT("127.0.0.1:9101"),
    SETTINGS_OF_EVERY_PROGRAM,
};

struct ingest {
    struct settings *settings;
    struct arena *arena; /* of the process */
    struct networks trusted;
    struct limits *limits;
    struct event_base *base;
    struct sources_file *sources;
    struct keep *keep;
    struct receive *receive;
    struct http_server *server;
    struct management *management;
    struct readiness *kafka, *spool, *accepting;
    struct metric *connections, *accept_pauses, *lines_lost;
    int64_t lines_lost_counted, lines_lost_said;
};

/* The line that says so may be lost as well: it is said again until a tick later no more are. */
static void look_after_log(struct ingest *self)
{
    int64_t lost = log_writer_lost();
    if (lost == self->lines_lost_counted)
        self->lines_lost_said = lost;
    metric_add(self->lines_lost, lost - self->lines_lost_counted);
    self->lines_lost_counted = lost;
    if (lost > self->lines_lost_said)
        log_event(LOG_WARN, "log_lines_lost", LOG_INT("lines", lost - self->lines_lost_said));
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct ingest *self = context;
    liveness_tick();
    keep_tick(self->keep);
    static const struct {
        bool ready;
        const char *reason;
    } STATES[] = {
        [KEEP_TO_BROKERS] = {true, "connected, topics known"},
        [KEEP_TO_SPOOL] = {true,
                           "spooling: no broker that answers, or what is for a topic that is unknown or forbidden"},
        [KEEP_NOWHERE] =
            {false, "no broker that answers, or a topic that is unknown or forbidden; and no spool that takes more"},
    };
    enum keep_state state = keep_state(self->keep);
    readiness_set(self->kafka, STATES[state].ready, STATES[state].reason);
    const char *problem =
        keep_spool_problem(self->keep); /* green all the same: while the brokers answer nobody needs it */
    readiness_set(self->spool, true, problem ? problem : "takes what the brokers do not take in time");
    receive_tick(self->receive);
    metric_set(self->connections, (double)http_server_connections(self->server));
    metric_set(self->accept_pauses, (double)http_server_accept_pauses(self->server));
    look_after_log(self);
}

static void on_drained(void *context)
{
    struct ingest *self = context;
    event_base_loopbreak(self->base);
}

static void on_terminate(evutil_socket_t signal_number, short what, void *context)
{
    (void)what;
    struct ingest *self = context;
    log_event(LOG_INFO, "draining", LOG_INT("signal", signal_number));
    readiness_set(self->accepting, false, "draining");
    event_base_loopexit(self->base, &(struct timeval){.tv_sec = DRAIN_MS / 1000});
    http_server_drain(self->server, on_drained, self);
}

static void write_to_topics(struct keep *keep, const struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        keep_write_to(keep, PROVIDERS[sources->items[i].provider].topic);
}

static void on_sources(struct sources *sources, void *context)
{
    const struct ingest *self = context;
    if (!self->receive) /* it still starts, and begins with what is in force then */
        return;
    write_to_topics(self->keep, sources);
    receive_use(self->receive, sources);
}

/* NULL, or what is wrong with it; both in `arena`. */
static const char *read_trusted(const struct settings *settings, struct arena *arena, struct networks *trusted)
{
    const char *list = settings_text(settings, "TRUSTED_PROXIES");
    const char *problem = networks_read(trusted, slice_of(list ? list : ""), arena);
    return problem ? arena_format(arena, "TRUSTED_PROXIES: %s.", problem).ptr : NULL;
}

/* For --check and the start. */
static void examine(const struct settings *settings, struct buffer *problems)
{
    struct arena *arena = arena_new();
    struct networks trusted;
    const char *problem = read_trusted(settings, arena, &trusted);
    if (problem)
        buffer_add_format(problems, "%s\n", problem);
    arena_free(arena);
    struct sources *sources = sources_file_read(settings, problems);
    if (sources && sources->count == 0)
        buffer_add_text(problems, "neither SOURCES nor RETELL_API_KEY is set: no webhook could be verified; set one of "
                                  "them (docs/operations.md, \"Sources and keys\")\n");
    sources_release(sources);
}

static struct limits *open_limits(const struct settings *settings)
{
    struct limits_options options = {
        .address = {settings_count(settings, "ADDRESS_RATE_PER_S"), settings_count(settings, "ADDRESS_BURST")},
        .in_flight_max = (size_t)settings_count(settings, "IN_FLIGHT_MAX"),
        .in_flight_max_bytes = (size_t)settings_count(settings, "IN_FLIGHT_MAX_BYTES"),
    };
    random_take(&options.seed, sizeof options.seed);
    return limits_new(&options);
}

static const char *open_server(struct ingest *self)
{
    const struct settings *settings = self->settings;
    struct http_server_options options = {
        .address = settings_text(settings, "LISTEN"),
        .reuse_port = settings_flag(settings, "REUSE_PORT"),
        .limits = {.body_max_bytes = SOURCE_BODY_MAX_BYTES},
        .large_bodies_max_bytes = (size_t)settings_count(settings, "LARGE_BODIES_MAX_BYTES"),
        .header_deadline_ms = (int)settings_count(settings, "HEADER_DEADLINE_MS"),
        .body_deadline_ms = (int)settings_count(settings, "BODY_DEADLINE_MS"),
        .request_deadline_ms = (int)settings_count(settings, "REQUEST_DEADLINE_MS"),
        .idle_deadline_ms = (int)settings_count(settings, "IDLE_DEADLINE_MS"),
        .connections_max = (int)settings_count(settings, "CONNECTIONS_MAX"),
        .connections_per_address_max = (int)settings_count(settings, "CONNECTIONS_PER_ADDRESS_MAX"),
        .trusted = self->trusted,
        .head = receive_head,
        .handler = receive_webhook,
        .refused = receive_refused,
        .context = self->receive,
    };
    const char *problem = listen_fds_take(&options.listen_fd);
    return problem ? problem : http_server_open(&self->server, self->base, &options);
}

/* NULL, or why it cannot start. */
static const char *open_all(struct ingest *self)
{
    const struct settings *settings = self->settings;
    const char *problem = sources_file_open(&self->sources, settings, "ingest", self->base, on_sources, self);
    self->kafka = readiness_new("kafka");
    self->spool = readiness_new("spool");
    self->accepting = readiness_new("accepting");
    self->connections = metrics_gauge("hookline_ingest_connections", "", "Open connections.");
    self->accept_pauses =
        metrics_gauge("hookline_ingest_accept_pauses", "", "Pauses in accepting since the start, for want of files.");
    self->lines_lost = metrics_counter("hookline_ingest_log_lines_lost_total", "",
                                       "Log lines that nobody will read: whoever reads standard error stood still, is "
                                       "gone, or had no room.");
    self->arena = arena_new();
    if (!problem)
        problem = read_trusted(settings, self->arena, &self->trusted);
    if (!problem)
        problem = management_open(&self->management, settings_text(settings, "MANAGEMENT_LISTEN"));
    if (!problem)
        problem = keep_open(&self->keep, self->base, settings);
    if (problem)
        return problem;
    write_to_topics(self->keep, sources_file_now(self->sources));
    self->limits = open_limits(settings);
    self->receive = receive_new(sources_file_now(self->sources), self->keep, self->limits,
                                strcmp(settings_text(settings, "LEGACY_PATHS"), "serve") == 0);
    problem = open_server(self);
    if (problem)
        return problem;
    log_event(LOG_INFO, "listening", LOG_TEXT("address", http_server_address(self->server)));
    readiness_set(self->accepting, true, "listening");
    return NULL;
}

static void close_all(struct ingest *self)
{
    if (self->keep)
        keep_close(self->keep); /* before the server: whoever still waits is told "no" here */
    if (self->server)
        http_server_close(self->server);
    if (self->receive)
        receive_free(self->receive);
    management_close(self->management);
    sources_file_close(self->sources);
    limits_free(self->limits);
    if (self->arena)
        arena_free(self->arena);
}

static void run(struct ingest *self)
{
    signal(SIGPIPE, SIG_IGN);
    struct event *term = evsignal_new(self->base, SIGTERM, on_terminate, self);
    struct event *interrupt = evsignal_new(self->base, SIGINT, on_terminate, self);
    struct event *tick = event_new(self->base, -1, EV_PERSIST, on_tick, self);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    event_add(tick, &(struct timeval){.tv_usec = TICK_MS * 1000L});
    event_active(tick, EV_TIMEOUT, 0);
    keep_warm_up(self->keep); /* a SIGTERM meanwhile drains, too: who has connected is owed an answer */
    event_base_dispatch(self->base);
    event_free(term);
    event_free(interrupt);
    event_free(tick);
}

int main(int argc, char **argv)
{
    struct ingest self = {0};
    int exit_code = 0;
    if (settings_load_examined("hookline-ingest", "Receives signed webhooks and answers when Kafka has them.", SETTINGS,
                               COUNT(SETTINGS), examine, argc, argv, &self.settings, &exit_code) == SETTINGS_EXIT)
        return exit_code;
    log_open("ingest", settings_text(self.settings, "LOG_FORMAT"), settings_text(self.settings, "LOG_LEVEL"));
    log_writer_start(); /* a log that stands still must not hold up a webhook */
    self.base = http_server_base_new();
    const char *problem = open_all(&self);
    if (problem) {
        log_event(LOG_ERROR, "cannot_start", LOG_TEXT("problem", problem));
        exit_code = EXIT_CONFIGURATION;
    } else {
        run(&self);
    }
    close_all(&self);
    event_base_free(self.base);
    settings_free(self.settings);
    log_event(LOG_INFO, "stopped", LOG_INT("exit", exit_code));
    log_writer_stop();
    return exit_code;
}
