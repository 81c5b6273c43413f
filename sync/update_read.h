/* update_read.h: the value of a record of calls.updates -> what sync must know of the call.
 *
 * Fills in company_id, call_id, version, updated_at and, unless the call leaves the company's view, source, status,
 * missing, started_at, ended_at and first_seen_at; all else stays null. (The broadcaster's reader keeps the call's JSON
 * and not its fields.)
 *
 * Refuses, with a sentence: what is no JSON object, another "v", no company, no call id, no version, a call without
 * source, status or missing. Pure: text borrows from the arena.
 */
#ifndef HOOKLINE_SYNC_UPDATE_READ_H
#define HOOKLINE_SYNC_UPDATE_READ_H

#include "common/arena.h"
#include "common/call_json.h"

struct update {
    struct call call;
    bool gone; /* the call leaves this company's view */
};

/* NULL when fine, else a static sentence. */
const char *update_read(struct update *update, struct arena *arena, struct slice value);

/* Of several updates of one call only the one with the greatest version counts: keeps those, sorted by company and call
 * id (so that processes lock rows in one order), and returns how many they are. Of equal versions the later stays: they
 * differ in nothing that matters here. */
size_t updates_keep_newest(struct update *updates, size_t count);

#endif
