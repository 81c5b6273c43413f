/* call_read.h: what one event says about its call.
 *
 *      type                                   rank  what it proves
 *      ai.retell.call_started                  1    started
 *      ai.retell.transcript_updated            2    started
 *      ai.retell.transfer_*                    2    started
 *      ai.retell.call_ended                    3    terminal
 *      ai.retell.call_analyzed                 4    terminal, analyzed
 *      ai.hookline.call_synced                 2    what the answer's call_status says; terminal: 3; with an analysis: 4, analyzed
 *      ai.hookline.call_gone                   0    gone; says nothing else but the call's source
 *      ai.hookline.call_assigned               -    the call moves from one company to another
 *      ai.hookline.call_forgotten              -    the call is erased, and is not to come back
 *      any other                               -    nothing: kept in the inbox as `ignored`, changes no call and publishes nothing
 *
 * Body clock: event_timestamp, else end_timestamp, else start_timestamp + the end of the transcript's last word, else
 * start_timestamp, else 0. Never ce_time: a repeat would carry another one.
 *
 * Every field is optional. Wrong types and null are absent; times outside 2000 … 2099, negative durations, amounts that the
 * columns cannot hold and JSON that jsonb does not take are absent and counted; bytes that are no UTF-8, and U+0000,
 * become U+FFFD and are counted; of duplicate keys the first counts, also in columns of JSON, and the others are counted.
 * An empty text is a value. Refuses only: a body that is no JSON object, no call id or one
 * of more than 128 bytes, no company, an assignment without two companies. Pure; memory comes from the arena, and what is
 * not kept of the body (its tree, most of all) is given back at once.
 */
#ifndef HOOKLINE_SESSION_CALL_READ_H
#define HOOKLINE_SESSION_CALL_READ_H

#include "session/customer_name.h"

enum call_event_kind {
    CALL_EVENT_IGNORED,
    CALL_EVENT_STATE,
    CALL_EVENT_ASSIGNED,
    CALL_EVENT_FORGOTTEN,
};

struct call_facts {
    enum call_event_kind kind;
    struct slice call_id;               /* ce_subject, repaired */
    struct call_state state;            /* of CALL_EVENT_STATE */
    struct customer_name named;         /* of CALL_EVENT_STATE */
    int64_t assigned_from, assigned_to; /* of CALL_EVENT_ASSIGNED */
};

/* Oddities, added up. */
struct call_read_counts {
    uint64_t repaired; /* bytes that became U+FFFD */
    uint64_t absurd;   /* values that were dropped, or cut */
};

enum call_problem {
    CALL_PROBLEM_NONE,
    CALL_PROBLEM_NOT_JSON,
    CALL_PROBLEM_NO_CALL_ID,
    CALL_PROBLEM_CALL_ID_TOO_LONG,
    CALL_PROBLEM_NO_COMPANY,
    CALL_PROBLEM_NO_ASSIGNMENT,
};

/* A stable word and a sentence for a dead letter; static text. */
const char *call_problem_code(enum call_problem problem);
const char *call_problem_sentence(enum call_problem problem);

/* The types that mean something, one by one ("ai.retell.transfer_*"), NULL past the last: docs/architecture.md must name each. */
const char *call_read_type(size_t index);

enum call_problem call_read(struct arena *arena, const struct event *event, struct call_facts *facts,
                            struct call_read_counts *counts);

#endif
