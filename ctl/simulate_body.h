/* simulate_body.h: a simulated call in Retell's JSON: the webhook's body, and the answer of its REST API. Pure.
 *
 * Shapes and units as Retell documents them: times in ms, words' times in seconds, costs in cents with a fraction, whose
 * sum is exactly `combined_cost`, latencies in ms. What is not yet so at the moment in question is not yet there.
 */
#ifndef HOOKLINE_CTL_SIMULATE_BODY_H
#define HOOKLINE_CTL_SIMULATE_BODY_H

#include "common/buffer.h"
#include "ctl/simulate_life.h"

/* {"event":…,"call":{…},"event_timestamp":…} of one step: the same bytes each time. */
void life_write_webhook(const struct life *life, const struct life_step *step, struct buffer *out);

enum life_detail {
    LIFE_WHOLE,  /* GET /v2/get-call */
    LIFE_LISTED, /* an item of POST /v3/list-calls: without transcripts */
};

/* The call object as it would be at `now_ms`. */
void life_write_call(const struct life *life, int64_t now_ms, enum life_detail detail, struct buffer *out);

#endif
