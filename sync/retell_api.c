/* retell_api.c: see retell_api.h. Addresses are read and written by libcurl, which uses them: what passes here means there
 * what it means here. */
#include "sync/retell_api.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/buffer.h"

enum { CONNECTIONS_MAX = 8, ANSWER_TIMEOUT_MS = 10000 };

struct retell_api {
    struct web_client *client;
    char *url;     /* without a slash at its end */
    bool loopback; /* a proxy from the environment is for the world outside */
    size_t answer_max_bytes;
};

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

const char *retell_api_open(struct retell_api **result, struct event_base *base, const char *url,
                            size_t answer_max_bytes)
{
    bool loopback = false;
    const char *problem = url_problem(url, &loopback);
    if (problem)
        return problem;
    struct retell_api *api = memory_new(1, sizeof *api);
    *api = (struct retell_api){.client = web_client_open(base, CONNECTIONS_MAX),
                               .url = memory_copy_string(url),
                               .loopback = loopback,
                               .answer_max_bytes = answer_max_bytes};
    for (size_t len = strlen(api->url); len && api->url[len - 1] == '/'; len--)
        api->url[len - 1] = '\0';
    *result = api;
    return NULL;
}

void retell_api_close(struct retell_api *api)
{
    if (!api)
        return;
    web_client_close(api->client);
    free(api->url);
    free(api);
}

/* Retell's ids are letters, digits and "_"; another platform's may be anything. */
static void add_url(struct buffer *url, const struct retell_api *api, struct slice call_id)
{
    char *segment = curl_easy_escape(NULL, call_id.ptr, (int)call_id.len);
    buffer_add_format(url, "%s/v2/get-call/%s", api->url, segment ? segment : "");
    curl_free(segment);
}

void retell_api_ask(struct retell_api *api, const char *key, struct slice call_id, web_answered *answered, void *opaque)
{
    struct buffer url = {0};
    struct buffer authorization = {0};
    add_url(&url, api, call_id);
    buffer_add_format(&authorization, "Authorization: Bearer %s", key);
    const char *const headers[] = {authorization.data, "Accept: application/json",
                                   "User-Agent: hookline/" HOOKLINE_VERSION, NULL};
    web_client_send(api->client,
                    &(struct web_request){.url = url.data,
                                          .headers = headers,
                                          .timeout_ms = ANSWER_TIMEOUT_MS,
                                          .answer_max_bytes = api->answer_max_bytes,
                                          .proxied = !api->loopback},
                    answered, opaque);
    buffer_free(&authorization);
    buffer_free(&url);
}
