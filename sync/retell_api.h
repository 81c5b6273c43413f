/* retell_api.h: GET /v2/get-call/{id}, without waiting for it.
 *
 * libcurl's multi interface on the loop: its sockets and its timer are events. Never follows a redirect, speaks http and
 * https only, reads no more than an answer may have. (docs.retellai.com, "Get Call"; errors are {"status","message"}.)
 *
 * Security: the key goes into the Authorization header and nowhere else, no log line and no URL. Certificates are
 * verified. The call id is percent-encoded: whatever an id is, it stays one segment of the path.
 */
#ifndef HOOKLINE_SYNC_RETELL_API_H
#define HOOKLINE_SYNC_RETELL_API_H

#include <stdint.h>

#include "common/slice.h"

struct event_base;
struct retell_api;

enum { RETELL_CONNECT_MAX_MS = 3000, RETELL_TOTAL_MAX_MS = 10000 };

struct retell_reply {
    int status;          /* 0: no whole answer came */
    const char *problem; /* why not, a stable word: timeout, connect, resolve, tls, too_large, transport; else NULL */
    bool too_large;      /* more than body_max_bytes */
    struct slice body;   /* borrowed until the callback returns */
    int64_t retry_after_ms; /* 0: not asked for */
    int64_t took_ms;
};

typedef void retell_replied(void *opaque, const struct retell_reply *reply);

/* NULL when fine, else a sentence about `url`, which is borrowed. `body_max_bytes`: what an answer may have. */
const char *retell_api_open(struct retell_api **result, struct event_base *base, const char *url,
                            size_t body_max_bytes);
/* Whatever is under way is dropped without a report. */
void retell_api_close(struct retell_api *api);

/* Asks; `replied` runs in the loop, never from here. The key (no control characters in it) and the id are copied. */
void retell_api_ask(struct retell_api *api, const char *key, struct slice call_id, retell_replied *replied,
                    void *opaque);

#endif
