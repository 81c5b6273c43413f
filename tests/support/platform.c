/* platform.c: common/http_server in a thread; the script and the memory behind a mutex. */
#include "tests/support/platform.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/http_server.h"
#include "common/wake.h"

enum { HELD_MAX = 64, BODY_MAX_BYTES = 1048576, TURN_MS = 1000, TEXT_MAX = 256, TARGETS_MAX = 256 };

struct platform {
    pthread_t thread;
    pthread_mutex_t lock;
    struct event_base *base;
    struct http_server *server;
    struct wake *wake;
    char url[64];
    /* Under the lock: */
    struct platform_answer script[PLATFORM_ANSWERS_MAX];
    size_t script_count, script_at;
    size_t asked;
    char targets[TARGETS_MAX][TEXT_MAX], authorization[TEXT_MAX];
    struct http_exchange *held[HELD_MAX];
    struct platform_answer held_answer[HELD_MAX];
    size_t held_count;
    bool released, stopping;
};

static void broken(const char *what)
{
    fprintf(stderr, "platform: %s\n", what);
    abort();
}

static void respond(struct http_exchange *exchange, const struct platform_answer *answer)
{
    struct http_header header = {answer->header, slice_of(answer->value)};
    http_respond(exchange, answer->status, "application/json", slice_of(answer->body), &header, answer->header ? 1 : 0);
}

static void remember(struct platform *platform, const struct http_request *request)
{
    size_t count = 0;
    struct slice authorization = http_request_field(request, "authorization", &count);
    snprintf(platform->targets[platform->asked++ % TARGETS_MAX], TEXT_MAX, "%.*s", SLICE_PRINT(request->path));
    snprintf(platform->authorization, sizeof platform->authorization, "%.*s", SLICE_PRINT(authorization));
}

static void asked(struct http_exchange *exchange, void *context)
{
    struct platform *platform = context;
    pthread_mutex_lock(&platform->lock);
    remember(platform, http_exchange_request(exchange));
    struct platform_answer answer = platform->script[platform->script_at];
    if (platform->script_at + 1 < platform->script_count)
        platform->script_at++;
    bool hold = answer.held && !platform->released;
    if (hold && platform->held_count == HELD_MAX)
        broken("more questions are held than the test has room for");
    if (hold) {
        platform->held[platform->held_count] = exchange;
        platform->held_answer[platform->held_count++] = answer;
    }
    pthread_mutex_unlock(&platform->lock);
    if (!hold)
        respond(exchange, &answer);
}

static void woken(void *context)
{
    struct platform *platform = context;
    pthread_mutex_lock(&platform->lock);
    size_t count = platform->released || platform->stopping ? platform->held_count : 0;
    bool stopping = platform->stopping;
    platform->held_count -= count;
    pthread_mutex_unlock(&platform->lock);
    for (size_t i = 0; i < count; i++)
        respond(platform->held[i], &platform->held_answer[i]);
    if (stopping)
        event_base_loopbreak(platform->base);
}

static void *serve(void *context)
{
    struct platform *platform = context;
    event_base_dispatch(platform->base);
    return NULL;
}

struct platform *platform_start(void)
{
    struct platform *platform = memory_new(1, sizeof *platform);
    pthread_mutex_init(&platform->lock, NULL);
    platform->base = event_base_new();
    platform->wake = wake_open(platform->base, TURN_MS, woken, platform);
    const char *problem = http_server_open(&platform->server, platform->base,
                                           &(struct http_server_options){.address = "127.0.0.1:0",
                                                                         .listen_fd = -1,
                                                                         .limits = {.body_max_bytes = BODY_MAX_BYTES},
                                                                         .handler = asked,
                                                                         .context = platform});
    if (problem)
        broken(problem);
    snprintf(platform->url, sizeof platform->url, "http://%s", http_server_address(platform->server));
    platform_script(platform, &(struct platform_answer){.status = 500, .body = "{}"}, 1);
    if (pthread_create(&platform->thread, NULL, serve, platform) != 0)
        broken("there is no thread for it");
    return platform;
}

static void wake_it(struct platform *platform)
{
    if (write(wake_fd(platform->wake), &WAKE_PAYLOAD, sizeof WAKE_PAYLOAD) != (ssize_t)sizeof WAKE_PAYLOAD)
        broken("it cannot be woken");
}

void platform_stop(struct platform *platform)
{
    pthread_mutex_lock(&platform->lock);
    platform->stopping = true;
    pthread_mutex_unlock(&platform->lock);
    wake_it(platform);
    pthread_join(platform->thread, NULL);
    http_server_close(platform->server);
    wake_close(platform->wake);
    event_base_free(platform->base);
    pthread_mutex_destroy(&platform->lock);
    free(platform);
}

const char *platform_url(const struct platform *platform)
{
    return platform->url;
}

void platform_script(struct platform *platform, const struct platform_answer *answers, size_t count)
{
    if (count == 0 || count > PLATFORM_ANSWERS_MAX)
        broken("a script has one to eight answers");
    pthread_mutex_lock(&platform->lock);
    memcpy(platform->script, answers, count * sizeof *answers);
    platform->script_count = count;
    platform->script_at = 0;
    platform->asked = 0;
    platform->released = false;
    pthread_mutex_unlock(&platform->lock);
}

void platform_release(struct platform *platform)
{
    pthread_mutex_lock(&platform->lock);
    platform->released = true;
    pthread_mutex_unlock(&platform->lock);
    wake_it(platform);
}

size_t platform_asked(struct platform *platform)
{
    pthread_mutex_lock(&platform->lock);
    size_t count = platform->asked;
    pthread_mutex_unlock(&platform->lock);
    return count;
}

size_t platform_asked_for(struct platform *platform, const char *call_id)
{
    size_t count = 0;
    char target[TEXT_MAX];
    snprintf(target, sizeof target, "/v2/get-call/%s", call_id);
    pthread_mutex_lock(&platform->lock);
    if (platform->asked > TARGETS_MAX)
        broken("more was asked than is remembered");
    for (size_t i = 0; i < platform->asked; i++)
        count += strcmp(platform->targets[i], target) == 0;
    pthread_mutex_unlock(&platform->lock);
    return count;
}

struct slice platform_last_target(struct platform *platform, struct arena *arena)
{
    pthread_mutex_lock(&platform->lock);
    const char *last = platform->asked ? platform->targets[(platform->asked - 1) % TARGETS_MAX] : NULL;
    struct slice copy = arena_copy(arena, slice_of(last));
    pthread_mutex_unlock(&platform->lock);
    return copy;
}

struct slice platform_last_authorization(struct platform *platform, struct arena *arena)
{
    pthread_mutex_lock(&platform->lock);
    struct slice copy = arena_copy(arena, slice_of(platform->authorization));
    pthread_mutex_unlock(&platform->lock);
    return copy;
}
