/* retell_api.c: libcurl asks for sockets to be watched and for one timer; the loop does both and tells it what happened.
 *
 *      curl_multi ──socket_wanted, timer_wanted──> libevent ──socket_ready, timer_fired──> curl_multi_socket_action
 *
 * (curl.se/libcurl/c/libcurl-multi.html, "multi_socket"). libcurl resolves names in a thread of its own.
 */
#include "sync/retell_api.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/arena.h"

enum { CONNECTIONS_MAX = 8, US_PER_MS = 1000, MS_PER_SECOND = 1000 };

struct retell_api {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    char *url;     /* without a slash at its end */
    bool loopback; /* a proxy from the environment is for the world outside */
    size_t body_max_bytes;
    struct retell_question *first;
};

struct retell_question {
    struct retell_api *api;
    struct retell_question *previous, *next;
    CURL *easy;
    struct curl_slist *fields;
    char *url;
    struct buffer body;
    bool too_large;
    retell_replied *replied;
    void *opaque;
};

static void question_free(struct retell_question *question)
{
    struct retell_api *api = question->api;
    if (question->previous)
        question->previous->next = question->next;
    else
        api->first = question->next;
    if (question->next)
        question->next->previous = question->previous;
    curl_multi_remove_handle(api->multi, question->easy);
    curl_easy_cleanup(question->easy);
    curl_slist_free_all(question->fields);
    free(question->url);
    buffer_free(&question->body);
    free(question);
}

static const char *problem_of(CURLcode code, bool too_large)
{
    if (too_large)
        return "too_large";
    switch (code) {
    case CURLE_OK:
        return NULL;
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_COULDNT_CONNECT:
        return "connect";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "resolve";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return "tls";
    default:
        return "transport";
    }
}

static void question_finish(struct retell_question *question, CURLcode code)
{
    struct retell_reply reply = {.problem = problem_of(code, question->too_large),
                                 .too_large = question->too_large,
                                 .body = buffer_slice(&question->body)};
    long status = 0;
    curl_off_t retry_after_seconds = 0;
    curl_off_t took_us = 0;
    curl_easy_getinfo(question->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(question->easy, CURLINFO_RETRY_AFTER, &retry_after_seconds);
    curl_easy_getinfo(question->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    reply.status = reply.problem ? 0 : (int)status;
    reply.took_ms = took_us / US_PER_MS;
    if (retry_after_seconds > 0 && retry_after_seconds < INT64_MAX / MS_PER_SECOND)
        reply.retry_after_ms = retry_after_seconds * MS_PER_SECOND;
    question->replied(question->opaque, &reply);
    question_free(question);
}

/* A transfer that is over is reported here and nowhere else: outside libcurl's own callbacks, where handles may be freed. */
static void take_finished(struct retell_api *api)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(api->multi, &left); message;
         message = curl_multi_info_read(api->multi, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct retell_question *question = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &question);
        question_finish(question, code);
    }
}

static void socket_ready(evutil_socket_t fd, short what, void *context)
{
    struct retell_api *api = context;
    int happened = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running = 0;
    curl_multi_socket_action(api->multi, fd, happened, &running);
    take_finished(api);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct retell_api *api = context;
    int running = 0;
    curl_multi_socket_action(api->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(api);
}

/* libcurl's callback types say what is const and what is not. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *watched)
{
    (void)easy;
    struct retell_api *api = context;
    if (watched)
        event_free(watched);
    curl_multi_assign(api->multi, fd, NULL);
    if (what == CURL_POLL_REMOVE)
        return 0;
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST;
    struct event *watch = event_new(api->base, fd, (short)events, socket_ready, api);
    if (!watch || event_add(watch, NULL) != 0)
        return -1; /* the transfer fails, and is tried again later */
    curl_multi_assign(api->multi, fd, watch);
    return 0;
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct retell_api *api = context;
    if (timeout_ms < 0)
        return event_del(api->timer);
    struct timeval timeout = {.tv_sec = timeout_ms / MS_PER_SECOND, .tv_usec = timeout_ms % MS_PER_SECOND * US_PER_MS};
    return event_add(api->timer, &timeout);
}

static size_t body_arrived(char *bytes, size_t size, size_t count, void *context)
{
    struct retell_question *question = context;
    size_t len = size * count;
    if (len > question->api->body_max_bytes - question->body.len) {
        question->too_large = true;
        return 0; /* ends the transfer */
    }
    buffer_add(&question->body, (struct slice){bytes, len});
    return len;
}

static bool host_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

/* NULL when `url` is http(s)://host[:port][/path]. */
static const char *url_problem(const char *url, bool *loopback)
{
    const char *problem = "RETELL_API_URL is not of the form https://HOST[:PORT][/PATH]";
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *query = NULL;
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY &&
        (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0)) {
        *loopback = host_is_loopback(host);
        problem = NULL;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(query);
    curl_url_cleanup(parts);
    return problem;
}

const char *retell_api_open(struct retell_api **result, struct event_base *base, const char *url, size_t body_max_bytes)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return "libcurl cannot be initialised";
    bool loopback = false;
    const char *problem = url_problem(url, &loopback);
    if (problem)
        return problem;
    struct retell_api *api = memory_new(1, sizeof *api);
    *api = (struct retell_api){
        .base = base, .url = memory_copy_string(url), .loopback = loopback, .body_max_bytes = body_max_bytes};
    for (size_t len = strlen(api->url); len && api->url[len - 1] == '/'; len--)
        api->url[len - 1] = '\0';
    api->multi = curl_multi_init();
    api->timer = event_new(base, -1, 0, timer_fired, api);
    if (!api->multi || !api->timer)
        return "there is no memory for libcurl";
    curl_multi_setopt(api->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(api->multi, CURLMOPT_SOCKETDATA, api);
    curl_multi_setopt(api->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(api->multi, CURLMOPT_TIMERDATA, api);
    curl_multi_setopt(api->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    *result = api;
    return NULL;
}

void retell_api_close(struct retell_api *api)
{
    if (!api)
        return;
    for (struct retell_question *question = api->first, *next = NULL; question; question = next) {
        next = question->next;
        question_free(question);
    }
    curl_multi_cleanup(api->multi);
    event_free(api->timer);
    free(api->url);
    free(api);
    curl_global_cleanup();
}

static void question_configure(struct retell_question *question)
{
    CURL *easy = question->easy;
    curl_easy_setopt(easy, CURLOPT_URL, question->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);     /* an id of ".." must not climb */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* the key is for this host only */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, question->fields);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hookline/" HOOKLINE_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)RETELL_CONNECT_MAX_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)RETELL_TOTAL_MAX_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, question);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, question);
    if (question->api->loopback)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

/* Retell's ids are letters, digits and "_"; another platform's may be anything. */
static char *url_of(const struct retell_api *api, CURL *easy, struct slice call_id)
{
    char *segment = curl_easy_escape(easy, call_id.ptr, (int)call_id.len);
    struct buffer url = {0};
    buffer_add_format(&url, "%s/v2/get-call/%s", api->url, segment ? segment : "");
    curl_free(segment);
    return url.data;
}

void retell_api_ask(struct retell_api *api, const char *key, struct slice call_id, retell_replied *replied,
                    void *opaque)
{
    struct retell_question *question = memory_new(1, sizeof *question);
    *question = (struct retell_question){.api = api, .next = api->first, .replied = replied, .opaque = opaque};
    question->easy = curl_easy_init();
    if (!question->easy)
        abort(); /* out of memory; the job's lease runs out */
    question->url = url_of(api, question->easy, call_id);
    struct buffer authorization = {0};
    buffer_add_format(&authorization, "Authorization: Bearer %s", key);
    question->fields = curl_slist_append(question->fields, authorization.data);
    question->fields = curl_slist_append(question->fields, "Accept: application/json");
    buffer_free(&authorization);
    question_configure(question);
    if (api->first)
        api->first->previous = question;
    api->first = question;
    /* Only sets libcurl's timer: the work begins in the loop. */
    curl_multi_add_handle(api->multi, question->easy);
}
