/* webhook.c: see webhook.h. Security: the key is never printed. */
#include "ctl/webhook.h"

#include <stdio.h>

#include "common/clock.h"
#include "ctl/retell_sign.h"

static const char PATH[] = "/api/retell/webhook";

/* "http://host:port" and "http://host:port/" get ingest's path; what has a path of its own is left alone. */
static const char *with_path(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    if (!host)
        return NULL;
    if (path && path[1] != '\0')
        return url;
    return arena_format(arena, "%.*s%s", path ? (int)(path - url) : (int)strlen(url), url, PATH).ptr;
}

int webhook_target_read(const struct console *console, const struct arguments *arguments, struct webhook_target *target)
{
    const char *url = console_choice(console, arguments, "url", "INGEST_URL");
    const char *key = console_choice(console, arguments, "key", "RETELL_API_KEY");
    target->url = url ? with_path(arguments_arena(arguments), url) : NULL;
    target->key = slice_of(key);
    if (!target->url)
        return complain(EXIT_CODE_USAGE, "\"%s\" is no URL; write it as in http://127.0.0.1:8080", url ? url : "");
    if (!key || *key == '\0')
        return complain(EXIT_CODE_CONFIGURATION,
                        "there is no key to sign with; set HOOKLINE_RETELL_API_KEY or HOOKLINE_RETELL_API_KEY_FILE");
    return EXIT_CODE_FINE;
}

void webhook_send(struct web_client *client, const struct webhook_target *target, struct slice body,
                  web_answered *answered, void *opaque)
{
    char signature[RETELL_SIGNATURE_BYTES], header[RETELL_SIGNATURE_BYTES + 32];
    retell_sign(signature, body, target->key, clock_now_ms());
    snprintf(header, sizeof header, "X-Retell-Signature: %s", signature);
    const char *const headers[] = {"Content-Type: application/json", header, "User-Agent: hookline/" HOOKLINE_VERSION,
                                   NULL};
    struct web_request request = {
        .url = target->url, .headers = headers, .body = body, .timeout_ms = WEBHOOK_TIMEOUT_MS};
    if (client)
        web_client_send(client, &request, answered, opaque);
    else
        web_ask(&request, answered, opaque);
}
