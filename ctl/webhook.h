/* webhook.h: one signed webhook as a request: where it goes and with which headers. Shared by send and simulate. */
#ifndef HOOKLINE_CTL_WEBHOOK_H
#define HOOKLINE_CTL_WEBHOOK_H

#include "common/web_client.h"
#include "ctl/console.h"

/* What Retell allows a receiver (docs.retellai.com, webhook overview). */
enum { WEBHOOK_TIMEOUT_MS = 10000 };

struct webhook_target {
    const char *url; /* with path */
    struct slice key;
};

/* --url and --key, or HOOKLINE_INGEST_URL and HOOKLINE_RETELL_API_KEY. 0, or the exit code after saying what is missing. */
int webhook_target_read(const struct console *console, const struct arguments *arguments,
                        struct webhook_target *target);

/* Signs the body as of now and sends it: in the loop of `client`, or, without one, waiting for the answer. `answered` is called
 * once (web_client.h). */
void webhook_send(struct web_client *client, const struct webhook_target *target, struct slice body,
                  web_answered *answered, void *opaque);

#define WEBHOOK_OPTIONS                                                                                                \
    {.name = "url",                                                                                                    \
     .kind = OPTION_TEXT,                                                                                              \
     .value = "URL",                                                                                                   \
     .help = "Where to (HOOKLINE_INGEST_URL); the path is added if it has none."},                                     \
    {                                                                                                                  \
        .name = "key", .kind = OPTION_TEXT, .value = "KEY",                                                            \
        .help = "The signing key; better HOOKLINE_RETELL_API_KEY(_FILE), which no other user of the machine can see."  \
    }

#endif
