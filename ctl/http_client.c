/* http_client.c: see http_client.h.
 *
 *      libcurl ──"watch this socket", "wake me in 20 ms"──> libevent
 *         ^──────────curl_multi_socket_action────────────────┘
 *
 * Follows no redirect, sends no cookie, reads no proxy from the environment: what is asked is what the URL says.
 */
#include "ctl/http_client.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/buffer.h"

enum { ANSWER_MAX_BYTES = 65536, CONNECT_TIMEOUT_MS = 3000 };

struct transfer {
    struct http_client *client;
    struct transfer *next, *previous; /* of those under way */
    CURL *easy;
    struct curl_slist *headers;
    struct buffer answer;
    http_client_done *done;
    void *opaque;
};

struct http_client {
    CURLM *multi;
    struct event_base *base;
    struct event *timer;
    struct transfer *under_way;
    size_t count;
};

struct watched_socket {
    struct event *event;
};

/* One exchange --------------------------------------------------------------------------------------------------------- */

/* What does not fit is thrown away: an answer of that size is none that we read. */
static size_t on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t room = ANSWER_MAX_BYTES - transfer->answer.len, len = size * count;
    buffer_add(&transfer->answer, (struct slice){bytes, len < room ? len : room});
    return len;
}

static struct curl_slist *header_list(const struct http_client_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* or libcurl waits a second before a large body */
    for (const char *const *header = request->headers; header && *header; header++)
        list = curl_slist_append(list, *header);
    return list;
}

static struct transfer *transfer_new(const struct http_client_request *request, http_client_done *done, void *opaque)
{
    struct transfer *transfer = memory_new(1, sizeof *transfer);
    *transfer =
        (struct transfer){.easy = curl_easy_init(), .headers = header_list(request), .done = done, .opaque = opaque};
    if (!transfer->easy || !transfer->headers)
        abort(); /* only without memory */
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (!slice_absent(request->body)) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body.ptr);
    }
    if (request->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    return transfer;
}

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buffer_free(&transfer->answer);
    free(transfer);
}

static void transfer_report(struct transfer *transfer, CURLcode result)
{
    long status = 0;
    if (result == CURLE_OK)
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->done(transfer->opaque, (int)status, buffer_slice(&transfer->answer),
                   result == CURLE_OK ? NULL : curl_easy_strerror(result));
}

/* Many exchanges in a loop --------------------------------------------------------------------------------------------- */

static void unlink_transfer(struct transfer *transfer)
{
    struct http_client *client = transfer->client;
    curl_multi_remove_handle(client->multi, transfer->easy);
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        client->under_way = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    client->count--;
}

static void report_finished(struct http_client *client)
{
    int waiting = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &waiting)) != NULL;) {
        struct transfer *transfer = NULL;
        CURLcode result = message->data.result; /* the message dies with its handle's removal */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        unlink_transfer(transfer);
        transfer_report(transfer, result);
        transfer_free(transfer);
    }
}

static void on_socket_ready(evutil_socket_t socket, short what, void *context)
{
    struct http_client *client = context;
    int running = 0, action = ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(client->multi, socket, action, &running);
    report_finished(client);
}

static void on_timeout(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct http_client *client = context;
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_finished(client);
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *own)
{
    (void)easy;
    struct http_client *client = context;
    struct watched_socket *watched = own;
    if (watched)
        event_free(watched->event);
    if (what == CURL_POLL_REMOVE) {
        free(watched);
        return 0;
    }
    if (!watched) {
        watched = memory_new(1, sizeof *watched);
        curl_multi_assign(client->multi, socket, watched);
    }
    int kind = EV_PERSIST | ((what & CURL_POLL_IN) ? EV_READ : 0) | ((what & CURL_POLL_OUT) ? EV_WRITE : 0);
    watched->event = event_new(client->base, socket, (short)kind, on_socket_ready, client);
    if (!watched->event || event_add(watched->event, NULL) != 0)
        abort(); /* only without memory */
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_client *client = context;
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (timeout_ms < 0)
        event_del(client->timer);
    else
        event_add(client->timer, &wait);
    return 0;
}

struct http_client *http_client_open(struct event_base *base, long connections_max)
{
    struct http_client *client = memory_new(1, sizeof *client);
    signal(SIGPIPE, SIG_IGN); /* a server that has gone is an error like others */
    client->base = base;
    client->multi = curl_multi_init();
    client->timer = event_new(base, -1, 0, on_timeout, client);
    if (!client->multi || !client->timer)
        abort(); /* only without memory */
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections_max);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections_max);
    return client;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    for (struct transfer *transfer = client->under_way, *next; transfer; transfer = next) {
        next = transfer->next;
        curl_multi_remove_handle(client->multi, transfer->easy);
        transfer_free(transfer);
    }
    curl_multi_cleanup(client->multi);
    event_free(client->timer);
    free(client);
}

void http_client_send(struct http_client *client, const struct http_client_request *request, http_client_done *done,
                      void *opaque)
{
    struct transfer *transfer = transfer_new(request, done, opaque);
    transfer->client = client;
    transfer->next = client->under_way;
    if (client->under_way)
        client->under_way->previous = transfer;
    client->under_way = transfer;
    client->count++;
    if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
        abort(); /* only without memory */
}

size_t http_client_under_way(const struct http_client *client)
{
    return client->count;
}

void http_client_ask(const struct http_client_request *request, http_client_done *done, void *opaque)
{
    struct transfer *transfer = transfer_new(request, done, opaque);
    transfer_report(transfer, curl_easy_perform(transfer->easy));
    transfer_free(transfer);
}
