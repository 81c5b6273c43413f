/* webhook_clues.h: what a webhook's body says about whose call it is.
 *
 *      {"event":"call_started","call":{"call_id":"…",                        ──> which call
 *                                      "metadata":{"company_id":"1", …},     ──> rule 2
 *                                      "direction":"inbound","to_number":"…", ──> rule 3
 *                                      "agent_id":"agent_…"}}                 ──> rule 4
 *
 * Only `event` and `call.call_id` are sure to be there (docs.retellai.com, "webhook overview"; a real call_analyzed of an
 * unconnected call lacked most of the rest): a clue of another type, or out of its range, is no clue, never an error.
 * Pure: text is repaired for PostgreSQL (text.h) and lies in the arena; nothing borrows from the body.
 */
#ifndef HOOKLINE_RESOLVER_WEBHOOK_CLUES_H
#define HOOKLINE_RESOLVER_WEBHOOK_CLUES_H

#include "common/arena.h"

#include <stdint.h>

enum clues_kind {
    CLUES_CALL,
    CLUES_NOT_A_CALL, /* no string call.call_id: chats, call_inbound, dashboard tests; any event of another provider */
    CLUES_NOT_JSON,   /* no JSON object: a dead letter */
    CLUES_CALL_ID_TOO_LONG, /* over EVENT_CALL_ID_MAX bytes: a dead letter */
};

struct webhook_clues {
    struct slice call_id;      /* the bytes that the body has: what ce_subject and the key are */
    struct slice call_id_text; /* the same as PostgreSQL can store it: what call_owners is asked for */
    bool metadata_foreign; /* call.metadata.company_id is there and no id of ours: its branch is none of ours either */
    int64_t metadata_company; /* call.metadata.company_id; 0: none */
    int64_t metadata_branch;  /* call.metadata.branch_id, else askproai_branch_id; 0: none */
    bool outbound;            /* else inbound, or a web call, which has no numbers */
    struct slice from_number; /* as the body has them, not normalised; absent: none */
    struct slice to_number;
    struct slice agent_id; /* absent: none, or longer than any agent's id */
};

/* Reads what there is. Unless it is CLUES_CALL everything is absent or 0. `provider`: of those known only "retell" speaks
 * of calls, whatever a body of another looks like. */
enum clues_kind webhook_clues_read(struct arena *arena, struct slice provider, struct slice body,
                                   struct webhook_clues *clues);

/* The number that belongs to us: the one called, or the one that an outbound call came from. */
struct slice webhook_clues_number(const struct webhook_clues *clues);

#endif
