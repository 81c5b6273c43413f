/* admit.h: everything that is refused for other reasons than its bytes and its signature, in one order.
 *
 *      at the head, before the body is read      429 address · 404 · 410 · 405 · 415 · 503 too much in flight (and 413 above
 *                                                10 MiB: the server's part)
 *      when the signature is right               403 allowlist · 429 source · 413 the source's own limit · 503 too much in flight
 *
 * The address comes first: a scanner pays for his 404s too. What belongs to one source is judged only when its key has
 * signed: else 403, 429 or 413 would tell anybody which names in a path are sources, and forgers could use up what a source is
 * allowed. The price: a body must be read, and hashed, before it is refused for its source's sake; whoever cannot sign is held
 * back by the limits that hold for everybody (address, connections, large bodies, deadlines).
 */
#ifndef HOOKLINE_INGEST_ADMIT_H
#define HOOKLINE_INGEST_ADMIT_H

#include "ingest/answer.h"
#include "ingest/limits.h"
#include "ingest/roster.h"

/* What is to be refused, and how. */
struct refused {
    enum outcome outcome;
    const struct answer *answer; /* NULL: nothing, go on */
    struct answer own;           /* where `answer` points when it says how long to wait */
    char wait[24];
};

struct admission {
    bool found, gone; /* the caller says whether the path leads anywhere, and whether that has moved away */
    struct refused refused;
};

/* Looks at the head. `now_ns` is monotonic. */
void admit_head(struct admission *admission, struct limits *limits, struct http_exchange *exchange, int64_t now_ns);

/* The signature is `source`'s: may he? If so, one token is his. */
void admit_sender(struct refused *refused, const struct roster *roster, const struct source *source,
                  struct http_exchange *exchange, int64_t now_ns);

/* A verified webhook is to be kept: it counts as in flight until limits_leave, unless refused. */
void admit_kept(struct refused *refused, struct limits *limits, size_t body_bytes);

#endif
