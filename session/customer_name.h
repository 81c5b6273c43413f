/* customer_name.h: what a call's variables say the caller is called. Pure.
 *
 *      call.collected_dynamic_variables   what the caller said to the agent       collected
 *      call.retell_llm_dynamic_variables  what whoever set the call up knew       given
 *          "customer_name", else "caller_name", else "name"
 *
 * A name is a register of the customer (company and number), not of the call. The greatest (start of the call, collected,
 * name) wins: the newest call's word, what was collected in it before what was given, and whatever order the events come in.
 * Only an event that itself says direction and number says whose name it is; else it would depend on what came before.
 *
 * Refuses blanks and placeholders that nobody filled in ("{{customer_name}}"). Cut at 200 bytes, between characters.
 */
#ifndef HOOKLINE_SESSION_CUSTOMER_NAME_H
#define HOOKLINE_SESSION_CUSTOMER_NAME_H

#include "common/json.h"
#include "session/call.h"

struct customer_name {
    struct slice name;   /* absent: none was said */
    struct slice number; /* E.164, whose name it is */
    int64_t said_at;     /* start of the call, ms since the epoch; 0 if the event does not say it */
    bool collected;
};

/* `object` is the event's call, `said` what was read of it: borrowed is only the latter. Repaired bytes are counted. */
struct customer_name customer_name_read(struct arena *arena, const struct json *object, const struct call *said,
                                        uint64_t *repaired);

/* A name that an event of this company says. */
struct customer_naming {
    int64_t company_id;
    struct customer_name said;
};

/* Sorts by company and number, and keeps of each the name that wins. Returns how many are left. */
size_t customer_namings_settle(struct customer_naming *namings, size_t count);

#endif
