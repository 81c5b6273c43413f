/* web_client.c: libcurl asks for sockets to be watched and for one timer; the loop does both and tells it what happened.
 *
 *      curl_multi ──socket_wanted, timer_wanted──> libevent ──socket_ready, timer_fired──> curl_multi_socket_action
 *
 * (curl.se/libcurl/c/libcurl-multi.html, "multi_socket".) What one exchange is: web_exchange.c.
 */
#include "common/web_client.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/web_exchange.h"

enum { US_PER_MS = 1000, MS_PER_SECOND = 1000 };

struct web_client {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct web_exchange *first; /* of those under way */
    size_t count;
};

static void exchange_add(struct web_client *client, struct web_exchange *exchange)
{
    exchange->next = client->first;
    if (client->first)
        client->first->previous = exchange;
    client->first = exchange;
    client->count++;
    /* Only sets libcurl's timer: the work begins in the loop. */
    if (curl_multi_add_handle(client->multi, exchange->easy) != CURLM_OK)
        abort(); /* only without memory */
}

static void exchange_remove(struct web_client *client, struct web_exchange *exchange)
{
    curl_multi_remove_handle(client->multi, exchange->easy);
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        client->first = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    client->count--;
}

/* An exchange that is over is reported here and nowhere else: outside libcurl's callbacks, where handles may be freed. */
static void take_finished(struct web_client *client)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct web_exchange *exchange = NULL;
        CURLcode result = message->data.result; /* the message dies with its handle's removal */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        exchange_remove(client, exchange);
        web_exchange_report(exchange, result);
        web_exchange_free(exchange);
    }
}

static void socket_ready(evutil_socket_t fd, short what, void *context)
{
    struct web_client *client = context;
    int happened = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running = 0;
    curl_multi_socket_action(client->multi, fd, happened, &running);
    take_finished(client);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct web_client *client = context;
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(client);
}

/* libcurl's callback types say what is const and what is not. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *watched)
{
    (void)easy;
    struct web_client *client = context;
    if (watched)
        event_free(watched);
    curl_multi_assign(client->multi, fd, NULL);
    if (what == CURL_POLL_REMOVE)
        return 0;
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST;
    struct event *watch = event_new(client->base, fd, (short)events, socket_ready, client);
    if (!watch || event_add(watch, NULL) != 0)
        abort(); /* only without memory, ours or the kernel's; to say no here would end every exchange, not this one */
    curl_multi_assign(client->multi, fd, watch);
    return 0;
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct web_client *client = context;
    if (timeout_ms < 0)
        return event_del(client->timer);
    struct timeval timeout = {.tv_sec = timeout_ms / MS_PER_SECOND, .tv_usec = timeout_ms % MS_PER_SECOND * US_PER_MS};
    return event_add(client->timer, &timeout);
}

struct web_client *web_client_open(struct event_base *base, long connections_max)
{
    struct web_client *client = memory_new(1, sizeof *client);
    signal(SIGPIPE, SIG_IGN); /* a server that has gone is an error like others */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort(); /* only without memory */
    *client = (struct web_client){
        .base = base, .multi = curl_multi_init(), .timer = event_new(base, -1, 0, timer_fired, client)};
    if (!client->multi || !client->timer)
        abort(); /* only without memory */
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections_max);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections_max);
    return client;
}

void web_client_close(struct web_client *client)
{
    if (!client)
        return;
    for (struct web_exchange *exchange = client->first, *next = NULL; exchange; exchange = next) {
        next = exchange->next;
        exchange_remove(client, exchange);
        web_exchange_free(exchange);
    }
    curl_multi_cleanup(client->multi);
    event_free(client->timer);
    free(client);
    curl_global_cleanup();
}

void web_client_send(struct web_client *client, const struct web_request *request, web_answered *answered, void *opaque)
{
    exchange_add(client, web_exchange_new(request, answered, opaque));
}

size_t web_client_under_way(const struct web_client *client)
{
    return client->count;
}

void web_ask(const struct web_request *request, web_answered *answered, void *opaque)
{
    struct web_exchange *exchange = web_exchange_new(request, answered, opaque);
    web_exchange_report(exchange, curl_easy_perform(exchange->easy));
    web_exchange_free(exchange);
}
