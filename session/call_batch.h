/* call_batch.h: which calls a batch touches, and what becomes of each.
 *
 *      entries, in the order of the records      calls, sorted by (company, call id): also the order of locks
 *        call_started A ───────────────┐
 *        call_ended   B ────────┐      └──────>  A   row, merged with the fresh entries
 *        call_ended   A ────────│─────────────>      … last entry: call_ended
 *                               └─────────────>  B   …
 *
 * The database's answers are handed in (which event ids are fresh, who owns a call, the rows); this says what is to be
 * written. Pure; memory comes from the arena, text borrows.
 */
#ifndef HOOKLINE_SESSION_CALL_BATCH_H
#define HOOKLINE_SESSION_CALL_BATCH_H

#include "session/call_merge.h"
#include "session/call_read.h"

struct call_work;

struct call_entry {
    const struct event *event;
    struct call_facts facts;
    int32_t partition;
    int64_t offset;
    int64_t company_id;     /* as the event says; the owner's once that is known */
    bool bound;             /* signed by a source of that company: owners do not matter */
    bool overridden;        /* the owner is another one than the event says */
    bool fresh;             /* its id was not in the inbox */
    struct call_work *work; /* NULL for an ignored event */
};

/* One call of the batch. */
struct call_work {
    int64_t company_id;
    struct slice call_id;
    struct call_state state;
    struct slice customer_number; /* of the row as it was read */
    /* Absent: customer_id is what it is to be; else the statement that writes the row finds it by this. */
    struct slice customer_wanted;
    bool exists;                   /* there is a row */
    bool read;                     /* the row was asked for */
    struct call_change change;     /* by this batch */
    const struct call_entry *last; /* the last entry that touched it */
};

struct call_batch {
    struct arena *arena;
    struct call_entry *entries;
    size_t entry_count;
    struct call_work *works;
    size_t work_count;
};

/* Groups the entries (in record order; neither CALL_EVENT_ASSIGNED nor _FORGOTTEN among them) by call. Also after call_batch_own. */
void call_batch_group(struct call_batch *batch);

/* Marks as fresh the first entry of each of these ids. */
void call_batch_mark_fresh(struct call_batch *batch, const struct event_id *ids, size_t count);

/* The call belongs to `owner`: entries of unbound sources that say otherwise are overridden and lose their branch. Returns
 * how many; if there were any, the batch must be grouped again. */
size_t call_batch_own(struct call_batch *batch, struct slice call_id, int64_t owner);

/* The call of that key, NULL if the batch does not touch it. */
struct call_work *call_batch_find(struct call_batch *batch, int64_t company_id, struct slice call_id);

/* Merges the fresh entries into their calls, in order; gives changed ones their version and times. */
void call_batch_merge(struct call_batch *batch, int64_t now_ms);

/* A row is to be written: inserted if it does not exist, else updated. */
bool call_work_changed(const struct call_work *work);

#endif
