/* webhook.h: the little that ingest must know of a verified body: what happened, and to which call.
 *
 * Refuses only what is no JSON object with a string `event`: the sender gives up after three tries, so whatever else is
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

/* Slices lie in `arena`. *problem is a sentence when the outcome is not WEBHOOK_FINE. */
enum webhook_outcome webhook_read(struct arena *arena, struct slice body, struct webhook *webhook,
                                  const char **problem);

/* "accepted" is not among them: "not_json", "not_an_object", "no_event". */
const char *webhook_outcome_name(enum webhook_outcome outcome);

#endif
