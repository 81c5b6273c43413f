/* webhook.h: the little that ingest must know of a verified body: what happened, and to which call.
 *
 * Refuses only what is no JSON object with a string where the provider names the event (`event`, `triggerEvent`, `type`): the sender gives up after three tries, so whatever else is
 * odd in it is ours to cope with, later and without hurry. Pure.
 */
#ifndef HOOKLINE_INGEST_WEBHOOK_H
#define HOOKLINE_INGEST_WEBHOOK_H

#include "common/event.h"

enum { WEBHOOK_EVENT_MAX = 128 };

enum webhook_outcome { WEBHOOK_FINE, WEBHOOK_NOT_JSON, WEBHOOK_NOT_AN_OBJECT, WEBHOOK_NO_EVENT };

struct webhook {
    struct slice event;   /* "call_started"; valid UTF-8, cut at WEBHOOK_EVENT_MAX bytes (the body keeps it whole) */
    struct slice call_id; /* absent unless it is a string of 1 to EVENT_CALL_ID_MAX bytes */
    bool wants_answer;    /* call_inbound: the phone rings until the answer's body is there */
};

/* `member` names the event; `about_calls`: it may be about one (`call.call_id`) and want an answer. Slices and sentence lie in
 * `arena`; *problem is a sentence when the outcome is not WEBHOOK_FINE, else NULL. */
enum webhook_outcome webhook_read(struct arena *arena, struct slice body, const char *member, bool about_calls,
                                  struct webhook *webhook, const char **problem);

#endif
