/* retell_api.h: Retell's REST API as far as sync asks it: GET /v2/get-call/{id} (docs.retellai.com, "Get Call").
 *
 * How it is asked, and what cannot happen on the way, is common/web_client.h; what an answer means is policy.h's and
 * answer.h's. Errors of Retell's are {"status","message"}.
 *
 * Security: the key goes into the Authorization header and nowhere else, no log line and no URL. The call id is
 * percent-encoded: whatever an id is, it stays one segment of the path.
 */
#ifndef HOOKLINE_SYNC_RETELL_API_H
#define HOOKLINE_SYNC_RETELL_API_H

#include "common/web_client.h"

struct retell_api;

/* NULL when fine, else a sentence about `url`, which is copied. `answer_max_bytes`: more fails as WEB_TOO_LARGE. */
const char *retell_api_open(struct retell_api **result, struct event_base *base, const char *url,
                            size_t answer_max_bytes);
/* Whatever is under way is dropped without a report. NULL is fine. */
void retell_api_close(struct retell_api *api);

/* Asks; `answered` runs in the loop, never from here. The key (no control characters in it) and the id are copied. */
void retell_api_ask(struct retell_api *api, const char *key, struct slice call_id, web_answered *answered,
                    void *opaque);

#endif
