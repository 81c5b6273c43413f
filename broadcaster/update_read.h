/* update_read.h: the value of a record of calls.updates -> what the board decides by.
 *
 *      {"v":1,"company_id":1,"call_id":"…","version":7,"updated_at":"…Z","event":{…},"call":{…}}      or "gone":true
 *
 * Refuses, with a sentence: what is no JSON object, another "v", a missing or odd field, a call whose company, id or
 * version is not the update's. Nobody is shown what is refused. Pure.
 */
#ifndef HOOKLINE_BROADCASTER_UPDATE_READ_H
#define HOOKLINE_BROADCASTER_UPDATE_READ_H

#include <stdint.h>

#include "common/arena.h"

struct update {
    int64_t company_id;
    struct slice call_id;
    int64_t version;
    int64_t updated_at_ms;
    bool gone;          /* the call leaves this company's view */
    bool live;          /* registered or ongoing */
    struct slice call;  /* the call's JSON; absent if gone */
    struct slice value; /* the whole record, as every screen gets it */
    /* Where and when it lies in the topic: the feed's to say. */
    int32_t partition;
    int64_t offset;
    int64_t published_at_ms;
};

/* NULL when fine. Text borrows from the value or lies in the arena. */
const char *update_read(struct update *update, struct arena *arena, struct slice value);

/* True for the statuses that make a call live. */
bool update_status_is_live(struct slice status);

#endif
