/* tally.c: see tally.h. */
#include "ingest/tally.h"

#include <stdio.h>

static const char *const NAMES[OUTCOMES] = {
    [OUTCOME_ACCEPTED] = "accepted",
    [OUTCOME_NOT_KEPT] = "not_kept",
    [OUTCOME_SIGNATURE_MISSING] = "signature_missing",
    [OUTCOME_SIGNATURE_MALFORMED] = "signature_malformed",
    [OUTCOME_SIGNATURE_NO_SECRET] = "signature_no_secret",
    [OUTCOME_SIGNATURE_TIME] = "signature_time",
    [OUTCOME_SIGNATURE_DIGEST] = "signature_digest",
    [OUTCOME_SIGNATURE_EXPIRED] = "signature_expired",
    [OUTCOME_SIGNATURE_TWICE] = "signature_twice",
    [OUTCOME_SOURCE_UNKNOWN] = "source_unknown",
    [OUTCOME_NOT_JSON] = "not_json",
    [OUTCOME_NOT_AN_OBJECT] = "not_an_object",
    [OUTCOME_NO_EVENT] = "no_event",
    [OUTCOME_NOT_FOUND] = "not_found",
    [OUTCOME_GONE] = "gone",
    [OUTCOME_METHOD] = "method_not_allowed",
    [OUTCOME_MEDIA] = "unsupported_media_type",
    [OUTCOME_ADDRESS] = "address_not_allowed",
    [OUTCOME_BODY] = "body_too_large",
    [OUTCOME_RATE_ADDRESS] = "rate_address",
    [OUTCOME_RATE_SOURCE] = "rate_source",
    [OUTCOME_IN_FLIGHT] = "in_flight",
};

const char *outcome_name(enum outcome outcome)
{
    return NAMES[outcome];
}

enum outcome outcome_of_verdict(enum signature_verdict verdict)
{
    static const enum outcome OF[SIGNATURE_VERDICTS] = {
        [SIGNATURE_MISSING] = OUTCOME_SIGNATURE_MISSING,     [SIGNATURE_MALFORMED] = OUTCOME_SIGNATURE_MALFORMED,
        [SIGNATURE_NO_SECRET] = OUTCOME_SIGNATURE_NO_SECRET, [SIGNATURE_TIME] = OUTCOME_SIGNATURE_TIME,
        [SIGNATURE_DIGEST] = OUTCOME_SIGNATURE_DIGEST,       [SIGNATURE_EXPIRED] = OUTCOME_SIGNATURE_EXPIRED,
    };
    return OF[verdict];
}

enum outcome outcome_of_webhook(enum webhook_outcome outcome)
{
    return outcome == WEBHOOK_NOT_JSON        ? OUTCOME_NOT_JSON
           : outcome == WEBHOOK_NOT_AN_OBJECT ? OUTCOME_NOT_AN_OBJECT
                                              : OUTCOME_NO_EVENT;
}

static struct metric *counter_of(const char *outcome, const char *provider, const char *source)
{
    char labels[192];
    snprintf(labels, sizeof labels, "outcome=\"%s\",provider=\"%s\",source=\"%s\"", outcome, provider, source);
    return metrics_counter("hookline_ingest_requests_total", labels, "Requests by what became of them.");
}

struct tally tally_open(const char *provider, const char *source)
{
    struct tally tally = {.provider = provider, .source = source};
    for (enum outcome outcome = OUTCOME_ACCEPTED; outcome <= OUTCOME_SIGNATURE_EXPIRED; outcome++)
        tally.counters[outcome] = counter_of(NAMES[outcome], provider, source);
    return tally;
}

void tally_count(struct tally *tally, enum outcome outcome)
{
    if (!tally->counters[outcome])
        tally->counters[outcome] = counter_of(NAMES[outcome], tally->provider, tally->source);
    metric_add(tally->counters[outcome], 1);
}

void tally_count_refused(const char *word)
{
    metric_add(counter_of(word, "", ""), 1);
}
