/* operator_event.h: what an operator orders done to a call, as an event of calls.events: session is the only writer of calls.
 *
 *      {"event":"call_forgotten","event_timestamp":ms,"call":{"call_id":"…"}}                   ce_type ai.hookline.call_forgotten
 *      {"event":"call_assigned","event_timestamp":ms,"call":{"call_id":"…"},"from":1,"to":2}    ce_type ai.hookline.call_assigned
 */
#ifndef HOOKLINE_CTL_OPERATOR_EVENT_H
#define HOOKLINE_CTL_OPERATOR_EVENT_H

#include "common/producer.h"
#include "ctl/console.h"

struct operator_event {
    const char *event; /* "call_forgotten" */
    struct slice call_id;
    struct slice source;  /* ce_source */
    struct slice members; /* of JSON, after "call": ",\"from\":1"; absent: none */
    int64_t company_id;
};

/* Sends them in order and waits for the acks (at most 30 s). 0, or the exit code after saying why not; some may have been
 * sent then: orders can be given again. */
int operator_events_send(const struct console *console, struct arena *arena, const struct operator_event *events,
                         size_t count);

#endif
