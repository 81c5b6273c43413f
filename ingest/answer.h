/* answer.h: what senders are told, and how it is written: {"error":"word","message":"sentence"}. */
#ifndef HOOKLINE_INGEST_ANSWER_H
#define HOOKLINE_INGEST_ANSWER_H

#include "common/http_server.h"

struct answer {
    int status;
    const char *word;
    const char *message;
    struct http_header extra; /* name NULL: none */
};

/* One body for whatever is wrong with a signature, an unknown source among it: the log and the metric know the cause. */
extern const struct answer ANSWER_SIGNATURE;
extern const struct answer ANSWER_SIGNATURE_TWICE;
extern const struct answer ANSWER_NOT_FOUND, ANSWER_GONE, ANSWER_METHOD, ANSWER_MEDIA, ANSWER_NOT_KEPT;
extern const struct answer ANSWER_ADDRESS, ANSWER_BODY, ANSWER_BUSY;
extern const struct answer ANSWER_TOO_MANY; /* without its Retry-After */

/* The exchange is gone afterwards. `event_id` is NULL before there is one. */
void answer_send(struct http_exchange *exchange, const struct answer *answer, const char *correlation_id,
                 const char *event_id);

#endif
