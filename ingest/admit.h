/* admit.h: everything that is refused for other reasons than its bytes and its signature, in one order.
 *
 *      at the head, before the body is read      429 address · 404 · 410 · 405 · 415 · 403 allowlist · 429 source · 503 too much
 *                                                in flight (and 413, the source's own body limit: the server's part)
 *      when the signature is right               403 · 413 · 429 · 503 again, for whom the path does not name
 *
 * The address comes first: a scanner pays for his 404s too. A source's bucket is only looked at before the signature and
 * only charged after it, so that forgers cannot use up what the source is allowed. A path without a source's name means
 * the provider's source where there is one only; where there are several the signature says which.
 */
#ifndef HOOKLINE_INGEST_ADMIT_H
#define HOOKLINE_INGEST_ADMIT_H

#include "ingest/answer.h"
#include "ingest/limits.h"
#include "ingest/roster.h"
#include "ingest/route.h"

/* What is to be refused, and how. */
struct refused {
    enum outcome outcome;
    const struct answer *answer; /* NULL: nothing, go on */
    struct answer own;           /* where `answer` points when it says how long to wait */
    char wait[24];
};

struct admission {
    struct route route;          /* the caller says where the path leads, */
    bool found, gone;            /* whether anywhere, and whether it has moved away */
    const struct source *source; /* whose limits hold already; NULL: the signature will say */
    struct refused refused;
};

/* Looks at the head. `now_ns` is monotonic. */
void admit_head(struct admission *admission, struct limits *limits, const struct roster *roster,
                struct http_exchange *exchange, int64_t now_ns);

/* The signature is `source`'s: one token is his. */
void admit_sender(struct refused *refused, const struct roster *roster, const struct source *source,
                  struct http_exchange *exchange, int64_t now_ns);

/* A verified webhook is to be kept: it counts as in flight until limits_leave, unless refused. */
void admit_kept(struct refused *refused, struct limits *limits, size_t body_bytes);

#endif
