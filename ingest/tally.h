/* tally.h: requests counted by what became of them: hookline_ingest_requests_total{outcome,provider,source}.
 *
 * A source's counters are looked up once and not once a request. A source that does not exist has no label of its own:
 * strangers would make as many as they like.
 */
#ifndef HOOKLINE_INGEST_TALLY_H
#define HOOKLINE_INGEST_TALLY_H

#include "common/metrics.h"
#include "ingest/signature.h"
#include "ingest/webhook.h"

enum outcome {
    OUTCOME_ACCEPTED,
    OUTCOME_NOT_KEPT,
    OUTCOME_SIGNATURE_MISSING,
    OUTCOME_SIGNATURE_MALFORMED,
    OUTCOME_SIGNATURE_NO_SECRET,
    OUTCOME_SIGNATURE_TIME,
    OUTCOME_SIGNATURE_DIGEST,
    OUTCOME_SIGNATURE_EXPIRED,
    OUTCOME_SIGNATURE_TWICE,
    OUTCOME_SOURCE_UNKNOWN,
    OUTCOME_NOT_JSON,
    OUTCOME_NOT_AN_OBJECT,
    OUTCOME_NO_EVENT,
    OUTCOME_NOT_FOUND,
    OUTCOME_GONE,
    OUTCOME_METHOD,
    OUTCOME_MEDIA,
    OUTCOME_ADDRESS,
    OUTCOME_BODY,
    OUTCOME_RATE_ADDRESS,
    OUTCOME_RATE_SOURCE,
    OUTCOME_IN_FLIGHT,
};
enum { OUTCOMES = OUTCOME_IN_FLIGHT + 1 };

/* "accepted", "signature_time", …: for logs and metrics. */
const char *outcome_name(enum outcome outcome);
enum outcome outcome_of_verdict(enum signature_verdict verdict); /* of all but VALID */
enum outcome outcome_of_webhook(enum webhook_outcome outcome);   /* of all but FINE */

struct tally {
    const char *provider, *source;     /* "" for none */
    struct metric *counters[OUTCOMES]; /* NULL until it is needed */
};

/* Both are borrowed for as long as it is used. Makes the counters of what is usual, at 0: a first one is a rise. */
struct tally tally_open(const char *provider, const char *source);
void tally_count(struct tally *tally, enum outcome outcome);

/* What the HTTP server refused by itself; seldom enough to look the counter up. */
void tally_count_refused(const char *word);

#endif
