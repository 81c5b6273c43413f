/* management.c: a thread with a loop and a server of its own; it reads atomics and nothing else.
 *
 * Readiness checks are made at start by the program's own thread, and live for ever: the list only grows, at its end.
 */
#include "common/management.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/thread.h"

enum {
    LIVENESS_LIMIT_MS = 60000, /* longer than any statement timeout: a loop that waits for PostgreSQL is alive */
    CHECKS_MAX = 16,
};

struct readiness {
    const char *name;
    atomic_bool ready;
    _Atomic(const char *) reason;
};

struct management {
    struct event_base *base;
    struct http_server *server;
    struct event *stop;
    int stop_fd;
    pthread_t thread;
};

static struct readiness CHECKS[CHECKS_MAX];
static atomic_size_t check_count;
static atomic_llong ticked_at_ms;

/* ---- what the program says ---- */

struct readiness *readiness_new(const char *name)
{
    size_t index = atomic_load(&check_count);
    if (index == CHECKS_MAX)
        abort();
    struct readiness *readiness = &CHECKS[index];
    readiness->name = name;
    atomic_store(&readiness->reason, "starting");
    atomic_store(&check_count, index + 1);
    return readiness;
}

void readiness_set(struct readiness *readiness, bool ready, const char *reason)
{
    atomic_store(&readiness->reason, reason);
    if (atomic_exchange(&readiness->ready, ready) != ready)
        log_event(ready ? LOG_INFO : LOG_WARN, ready ? "ready" : "not_ready", LOG_TEXT("check", readiness->name),
                  LOG_TEXT("reason", reason));
}

void liveness_tick(void)
{
    atomic_store(&ticked_at_ms, clock_ticks_ms());
}

/* ---- what it answers ---- */

static void answer_livez(struct http_exchange *exchange)
{
    int64_t silent_ms = clock_ticks_ms() - atomic_load(&ticked_at_ms);
    bool alive = silent_ms < LIVENESS_LIMIT_MS;
    http_respond(exchange, alive ? 200 : 503, "text/plain", alive ? SLICE("ok\n") : SLICE("the loop does not turn\n"),
                 NULL, 0);
}

static void answer_readyz(struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    bool verbose = !slice_absent(http_request_parameter(request, "verbose", http_exchange_arena(exchange)));
    struct buffer text = {0};
    size_t count = atomic_load(&check_count);
    bool ready = true;
    for (size_t i = 0; i < count; i++) {
        bool green = atomic_load(&CHECKS[i].ready);
        ready = ready && green;
        if (verbose)
            buffer_add_format(&text, "%s %s: %s\n", green ? "ok" : "--", CHECKS[i].name,
                              atomic_load(&CHECKS[i].reason));
    }
    buffer_add_text(&text, ready ? "ready\n" : "not ready\n");
    http_respond(exchange, ready ? 200 : 503, "text/plain", buffer_slice(&text), NULL, 0);
    buffer_free(&text);
}

static void answer_metrics(struct http_exchange *exchange)
{
    struct buffer text = {0};
    metrics_write(&text);
    http_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&text), NULL, 0);
    buffer_free(&text);
}

static const struct {
    const char *path;
    void (*answer)(struct http_exchange *exchange);
} PAGES[] = {{"/livez", answer_livez}, {"/readyz", answer_readyz}, {"/metrics", answer_metrics}};

static void on_request(struct http_exchange *exchange, void *context)
{
    (void)context;
    const struct http_request *request = http_exchange_request(exchange);
    for (size_t i = 0; i < COUNT(PAGES); i++) {
        if (!slice_equals(request->path, PAGES[i].path))
            continue;
        if (slice_equals(request->method, "GET") || slice_equals(request->method, "HEAD"))
            PAGES[i].answer(exchange);
        else
            http_respond_error(exchange, 405, "method_not_allowed", "Only GET is answered here.");
        return;
    }
    http_respond_error(exchange, 404, "not_found", "There are /livez, /readyz and /metrics.");
}

/* ---- the thread ---- */

static void on_stop(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct management *management = context;
    event_base_loopbreak(management->base);
}

static void *run(void *context)
{
    struct management *management = context;
    event_base_dispatch(management->base);
    return NULL;
}

static void free_all(struct management *management)
{
    if (management->server)
        http_server_close(management->server);
    if (management->stop)
        event_free(management->stop);
    if (management->stop_fd >= 0)
        close(management->stop_fd);
    event_base_free(management->base);
    free(management);
}

const char *management_open(struct management **result, const char *address)
{
    *result = NULL;
    liveness_tick();
    if (!address || !*address)
        return NULL;
    struct management *management = memory_new(1, sizeof *management);
    management->base = event_base_new();
    management->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const char *problem = http_server_open(&management->server, management->base,
                                           &(struct http_server_options){.address = address, .handler = on_request});
    if (!problem) {
        management->stop = event_new(management->base, management->stop_fd, EV_READ, on_stop, management);
        event_add(management->stop, NULL);
        if (thread_start(&management->thread, run, management) != 0)
            problem = "cannot start the management port's thread";
    }
    if (problem) {
        free_all(management);
        return problem;
    }
    log_event(LOG_INFO, "management", LOG_TEXT("address", http_server_address(management->server)));
    *result = management;
    return NULL;
}

void management_close(struct management *management)
{
    if (!management)
        return;
    eventfd_write(management->stop_fd, 1);
    pthread_join(management->thread, NULL);
    free_all(management);
}
