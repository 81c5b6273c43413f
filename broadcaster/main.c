/* hookline-broadcaster: who may see this change, and have they?
 *
 * Follows calls.updates and tells every screen of the company whose call it is; answers with lists, one call and a
 * day's numbers from PostgreSQL; carries the dashboard inside itself. Guarantees: a company sees its own calls and no
 * others; per call, versions rise on every stream, and the last one is PostgreSQL's. Writes nothing, keeps nothing on
 * disk.
 *
 * Stops: 0 after SIGTERM, when its screens have been told; 70 when the schema does not fit; 75 when what it reads was
 * made anew; 78 when a setting is wrong. Waits for Kafka and PostgreSQL as long as it takes.
 *
 * Security: reads the calls of all companies (hookline_feed); each answer of the API is read as hookline_api.
 */
#include <event2/event.h>
#include <signal.h>

#include "broadcaster/live.h"
#include "broadcaster/serve.h"
#include "common/log.h"
#include "common/management.h"
#include "common/settings.h"

enum {
    EXIT_CONFIGURATION = 78,
    SHUT_LOOK_MS = 50,
    SHUT_MAX_MS = 2500,
    SEND_BUFFER_BYTES = 64 * 1024,
    CONNECTIONS_BESIDE_STREAMS = 1000
};

static const char ABOUT[] = "Shows every change of a call on every screen of its company, and serves the dashboard.";

static const struct setting SETTINGS[] = {
    {.name = "LISTEN",
     .type = SETTING_ADDRESS,
     .text = "127.0.0.1:8090",
     .help = "Where the dashboard, the API and the stream answer."},
    SETTINGS_OF_MANAGEMENT("127.0.0.1:9105"),
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_DATABASE,
    {.name = "DATABASE_CONNECTIONS",
     .type = SETTING_COUNT,
     .count = 4,
     .min = 1,
     .max = 100,
     .help = "Connections to PostgreSQL; the API's questions wait for a free one, at most 8 s."},
    {.name = "HISTORY_UPDATES",
     .type = SETTING_COUNT,
     .count = 1000,
     .min = 1,
     .max = 1000000,
     .help = "Updates kept in memory per company, from which a screen that was away resumes; about 1.5 KiB each."},
    {.name = "HISTORY_BYTES",
     .type = SETTING_BYTES,
     .count = 256 << 20,
     .min = 1 << 20,
     .max = INT64_C(64) << 30,
     .help = "Memory for the histories of all companies together; the oldest updates go first."},
    {.name = "SUBSCRIBER_BUFFER_BYTES",
     .type = SETTING_BYTES,
     .count = 256 << 10,
     .min = 16 << 10,
     .max = 64 << 20,
     .help = "What a screen that is behind is owed at most, the newest state of each call; beyond it is disconnected."},
    {.name = "STREAMS_MAX",
     .type = SETTING_COUNT,
     .count = 10000,
     .min = 1,
     .max = 1000000,
     .help = "Screens at once; about 2 KiB of memory and 4 KiB of the kernel's each. Needs as many open files."},
    {.name = "CONNECTIONS_PER_ADDRESS_MAX",
     .type = SETTING_COUNT,
     .count = 1000,
     .min = 1,
     .max = 1000000,
     .help = "Connections from one address; behind a proxy all come from the proxy's: as many as STREAMS_MAX then."},
    SETTINGS_OF_EVERY_PROGRAM,
};

struct broadcaster {
    struct event_base *base;
    struct settings *settings;
    struct management *management;
    struct queries *queries;
    struct access *access;
    struct live *live;
    struct streams *streams;
    struct serve serve;
    struct http_server *server;
    struct event *terminate[2], *shutting;
    int exit_code, shut_looks;
};

static void live_ready(void *context)
{
    const struct broadcaster *self = context;
    streams_ready(self->streams);
}

static void live_shows(const struct update *update, bool only_resumed, void *context)
{
    const struct broadcaster *self = context;
    if (self->streams)
        streams_show(self->streams, update, only_resumed);
}

static void live_advanced(void *context)
{
    const struct broadcaster *self = context;
    if (self->streams)
        streams_advanced(self->streams);
}

/* Looks again and again whether all screens have been told; a deadline ends that. */
static void look_whether_shut(evutil_socket_t descriptor, short what, void *context)
{
    struct broadcaster *self = context;
    (void)descriptor;
    (void)what;
    if (streams_count(self->streams) == 0 || ++self->shut_looks > SHUT_MAX_MS / SHUT_LOOK_MS)
        event_base_loopbreak(self->base);
}

static void shut(struct broadcaster *self)
{
    if (event_pending(self->shutting, EV_TIMEOUT, NULL))
        return;
    http_server_drain(self->server, NULL, NULL);
    streams_shut(self->streams);
    event_add(self->shutting, &(struct timeval){.tv_usec = SHUT_LOOK_MS * 1000L});
}

static void terminated(evutil_socket_t signal_number, short what, void *context)
{
    (void)what;
    log_event(LOG_INFO, "stopping", LOG_INT("signal", signal_number));
    shut(context);
}

static void live_stops(int exit_code, const char *reason, void *context)
{
    struct broadcaster *self = context;
    (void)reason;
    self->exit_code = exit_code;
    shut(self);
}

static const char *open_server(struct broadcaster *self)
{
    int streams_max = (int)settings_count(self->settings, "STREAMS_MAX");
    const char *problem = http_server_open(
        &self->server, self->base,
        &(struct http_server_options){
            .address = settings_text(self->settings, "LISTEN"),
            .listen_fd = -1,
            .connections_max = streams_max + CONNECTIONS_BESIDE_STREAMS,
            .connections_per_address_max = (int)settings_count(self->settings, "CONNECTIONS_PER_ADDRESS_MAX"),
            .send_buffer_bytes = SEND_BUFFER_BYTES,
            .handler = serve_request,
            .context = &self->serve,
        });
    if (!problem)
        log_event(LOG_INFO, "listening", LOG_TEXT("address", http_server_address(self->server)));
    return problem;
}

static const char *open_all(struct broadcaster *self)
{
    const struct settings *settings = self->settings;
    self->queries = queries_open(self->base, settings_text(settings, "DATABASE_URL"), "hookline-broadcaster",
                                 (size_t)settings_count(settings, "DATABASE_CONNECTIONS"));
    self->access = access_open(self->queries);
    const char *problem =
        live_open(&self->live, &(struct live_options){
                                   .settings = settings,
                                   .base = self->base,
                                   .queries = self->queries,
                                   .history_updates = (size_t)settings_count(settings, "HISTORY_UPDATES"),
                                   .history_bytes = (size_t)settings_count(settings, "HISTORY_BYTES"),
                                   .ready = live_ready,
                                   .show = live_shows,
                                   .advanced = live_advanced,
                                   .stop = live_stops,
                                   .context = self,
                               });
    if (problem)
        return problem;
    self->streams = streams_new(&(struct streams_options){
        .base = self->base,
        .board = live_board(self->live),
        .access = self->access,
        .streams_max = (size_t)settings_count(settings, "STREAMS_MAX"),
        .buffer_bytes = (size_t)settings_count(settings, "SUBSCRIBER_BUFFER_BYTES"),
    });
    self->serve = (struct serve){self->access, self->streams, {self->queries, self->live}};
    problem = open_server(self);
    /* Last: before its checks exist /readyz would be green, and whoever believed it would find nobody listening. */
    return problem ? problem : management_open(&self->management, settings_text(settings, "MANAGEMENT_LISTEN"));
}

static void close_all(struct broadcaster *self)
{
    if (self->server)
        http_server_close(self->server);
    queries_close(self->queries);
    live_close(self->live);
    streams_free(self->streams);
    access_close(self->access);
    management_close(self->management);
}

/* Threads that libraries start must not take our signals: they are blocked before, and let in here afterwards. */
static void let_signals(int how)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(how, &signals, NULL);
}

static void run(struct broadcaster *self)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < COUNT(SIGNALS); i++) {
        self->terminate[i] = evsignal_new(self->base, SIGNALS[i], terminated, self);
        event_add(self->terminate[i], NULL);
    }
    self->shutting = event_new(self->base, -1, EV_PERSIST, look_whether_shut, self);
    let_signals(SIG_BLOCK);
    const char *problem = open_all(self);
    let_signals(SIG_UNBLOCK);
    if (problem) {
        log_event(LOG_ERROR, "cannot_start", LOG_TEXT("problem", problem));
        self->exit_code = EXIT_CONFIGURATION;
    } else {
        event_base_dispatch(self->base);
    }
    close_all(self);
    event_free(self->shutting);
    for (size_t i = 0; i < COUNT(SIGNALS); i++)
        event_free(self->terminate[i]);
}

int main(int argc, char **argv)
{
    struct broadcaster self = {0};
    if (settings_load("hookline-broadcaster", ABOUT, SETTINGS, COUNT(SETTINGS), argc, argv, &self.settings,
                      &self.exit_code) == SETTINGS_EXIT)
        return self.exit_code;
    log_open("broadcaster", settings_text(self.settings, "LOG_FORMAT"), settings_text(self.settings, "LOG_LEVEL"));
    signal(SIGPIPE, SIG_IGN);
    self.base = event_base_new();
    run(&self);
    event_base_free(self.base);
    settings_free(self.settings);
    log_event(LOG_INFO, "stopped", LOG_INT("exit_code", self.exit_code));
    return self.exit_code;
}
