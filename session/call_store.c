/* call_store.c: the measured transaction, its order of locks, and what its answers mean.
 *
 * Locks are taken in the order inbox (shared), its ids, owners by call id, calls by key. A deadlock with a zombie is possible all the same
 * (its batch may be another one) and is a race like others: one of the two starts over.
 */
#include "session/call_store.h"

#include <stdlib.h>

#include "common/call_row.h"
#include "common/failpoint.h"
#include "session/call_customer.h"
#include "session/call_customers.h"
#include "session/call_stamps.h"
#include "session/call_statements.h"
#include "session/call_update.h"
#include "session/call_values.h"

static const char CALLS_KEY[] = "calls_pkey";

enum { TAKE_STEPS = 7, RESULTS = 2 * TAKE_STEPS };

struct store {
    struct database *database;
    struct batch *batch;
    struct call_batch *calls;
    const char *topic;
    int64_t now_ms;
    struct arena *arena;
    struct database_error error;
    const char *bug;         /* what of our own data cannot be read; NULL: nothing */
    PGresult *kept[RESULTS]; /* rows that states borrow from */
    size_t kept_count;
    struct call_store_counts counts;
};

static void keep(struct store *store, PGresult *rows)
{
    store->kept[store->kept_count++] = rows;
}

static struct database_values *values_new(struct store *store)
{
    struct database_values *values = arena_alloc(store->arena, sizeof *values);
    database_values_init(values, store->arena);
    return values;
}

static int entry_by_call(const void *a, const void *b)
{
    const struct call_entry *left = *(const struct call_entry *const *)a;
    const struct call_entry *right = *(const struct call_entry *const *)b;
    int order = slice_compare(left->facts.call_id, right->facts.call_id);
    return order ? order : left < right ? -1 : left > right;
}

/* The unbound entries by call id, each pair of call and company once; the company named first comes first. */
static size_t owner_candidates(struct store *store, const struct call_entry **sorted)
{
    size_t count = 0;
    size_t distinct = 0;
    for (size_t i = 0; i < store->calls->entry_count; i++)
        if (!store->calls->entries[i].bound)
            sorted[count++] = &store->calls->entries[i];
    qsort(sorted, count, sizeof(void *), entry_by_call);
    for (size_t i = 0; i < count; i++) {
        const struct call_entry *last = distinct ? sorted[distinct - 1] : NULL;
        if (!last || last->company_id != sorted[i]->company_id ||
            !slice_same(last->facts.call_id, sorted[i]->facts.call_id))
            sorted[distinct++] = sorted[i];
    }
    return distinct;
}

static struct database_values *owner_values(struct store *store)
{
    const struct call_entry **sorted = arena_zeroed(store->arena, store->calls->entry_count, sizeof(void *));
    size_t count = owner_candidates(store, sorted);
    if (count == 0)
        return NULL;
    struct slice *calls = arena_zeroed(store->arena, count, sizeof *calls);
    int64_t *companies = arena_zeroed(store->arena, count, sizeof *companies);
    for (size_t i = 0; i < count; i++) {
        calls[i] = sorted[i]->facts.call_id;
        companies[i] = sorted[i]->company_id;
    }
    struct database_values *values = values_new(store);
    database_add_texts(values, calls, count);
    database_add_ints(values, companies, count);
    return values;
}

/* Keys of the calls whose rows were not asked for yet; marks them as asked for. NULL: none. */
static struct database_values *lock_values(struct store *store)
{
    const struct call_work **wanted = arena_zeroed(store->arena, store->calls->work_count, sizeof(void *));
    size_t count = 0;
    for (size_t i = 0; i < store->calls->work_count; i++) {
        struct call_work *work = &store->calls->works[i];
        if (!work->read)
            wanted[count++] = work;
        work->read = true;
    }
    if (count == 0)
        return NULL;
    struct database_values *values = values_new(store);
    call_values_keys(values, store->arena, wanted, count);
    return values;
}

static void mark_fresh(struct store *store, const PGresult *rows)
{
    size_t count = (size_t)PQntuples(rows);
    struct event_id *ids = arena_zeroed(store->arena, count, sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        struct slice id = database_text(rows, (int)i, 0);
        if (id.len == sizeof ids[i].bytes)
            memcpy(ids[i].bytes, id.ptr, id.len);
    }
    call_batch_mark_fresh(store->calls, ids, count);
}

/* Rows of calls that the batch does not touch (any more: their entries were overridden) are passed over. */
static void rows_attach(struct store *store, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        struct call_work *work = call_batch_find(store->calls, database_int(rows, row, 0), database_text(rows, row, 1));
        if (!work)
            continue;
        call_row_read_brief(rows, row, 0, &work->state.call);
        const char *problem = call_stamps_read(&work->state, database_text(rows, row, CALL_ROW_BRIEF_COLUMNS));
        if (problem)
            store->bug = problem;
        work->customer_number = call_customer_number(store->arena, &work->state.call);
        work->exists = true;
    }
}

/* Calls that were moved away from a company and come back to it by a source of its own: versions go on where they were. */
static void left_attach(struct store *store, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        struct call_work *work = call_batch_find(store->calls, database_int(rows, row, 0), database_text(rows, row, 1));
        if (work && !work->exists)
            work->state.call.version = database_int(rows, row, 2);
    }
}

/* Only a source that is bound to a company speaks of a call that somebody else owns: without one nobody asks. */
static bool some_bound(const struct call_batch *calls)
{
    for (size_t i = 0; i < calls->entry_count; i++)
        if (calls->entries[i].bound)
            return true;
    return false;
}

/* Owners that are others than their events say: those events and calls are the owner's. The rows under the owner's key are
 * locked after the first ones, out of order: see the head of this file. */
static bool owners_apply(struct store *store, const PGresult *owners)
{
    struct call_batch before = *store->calls;
    size_t overridden = 0;
    for (int row = 0; row < PQntuples(owners); row++)
        overridden += call_batch_own(store->calls, database_text(owners, row, 0), database_int(owners, row, 1));
    if (overridden == 0)
        return true;
    call_batch_group(store->calls);
    for (size_t i = 0; i < store->calls->work_count; i++) {
        struct call_work *work = &store->calls->works[i];
        const struct call_work *same = call_batch_find(&before, work->company_id, work->call_id);
        work->read = same != NULL;
    }
    store->counts.overridden += overridden;
    struct database_step lock = {.statement = &STATEMENT_CALLS_LOCK, .values = lock_values(store)};
    if (!lock.values)
        return true;
    if (!database_flight(store->database, &lock, 1, NULL, &store->error, NULL))
        return false;
    rows_attach(store, lock.rows);
    keep(store, lock.rows);
    return true;
}

static bool take(struct store *store)
{
    struct database_step steps[TAKE_STEPS] = {{.statement = &STATEMENT_BEGIN}, {.statement = &STATEMENT_INBOX_SHARE}};
    size_t count = 2;
    struct database_values *inbox = values_new(store);
    call_values_inbox(inbox, store->arena, store->calls->entries, store->calls->entry_count, store->topic,
                      store->now_ms);
    size_t inbox_step = count++;
    steps[inbox_step] = (struct database_step){.statement = &STATEMENT_INBOX_ADD, .values = inbox};
    struct database_values *owners = owner_values(store);
    size_t owners_step = 0;
    if (owners) {
        steps[count++] = (struct database_step){.statement = &STATEMENT_OWNERS_ADD, .values = owners};
        owners_step = count++;
        steps[owners_step] = (struct database_step){.statement = &STATEMENT_OWNERS_DIFFER, .values = owners};
    }
    struct database_values *locks = lock_values(store);
    size_t locks_step = 0;
    size_t left_step = 0;
    if (locks) {
        locks_step = count++;
        steps[locks_step] = (struct database_step){.statement = &STATEMENT_CALLS_LOCK, .values = locks};
    }
    if (locks && some_bound(store->calls)) {
        left_step = count++;
        steps[left_step] = (struct database_step){.statement = &STATEMENT_CALLS_LEFT, .values = locks};
    }
    if (!database_flight(store->database, steps, count, NULL, &store->error, NULL))
        return false;
    for (size_t i = 0; i < count; i++)
        keep(store, steps[i].rows);
    mark_fresh(store, steps[inbox_step].rows);
    bool fine = !owners || owners_apply(store, steps[owners_step].rows);
    if (fine && locks)
        rows_attach(store, steps[locks_step].rows);
    if (fine && left_step)
        left_attach(store, steps[left_step].rows);
    return fine;
}

/* New events whose call is another company's than they said. */
static struct database_values *override_values(struct store *store)
{
    struct slice *ids = arena_zeroed(store->arena, store->calls->entry_count, sizeof *ids);
    int64_t *companies = arena_zeroed(store->arena, store->calls->entry_count, sizeof *companies);
    size_t count = 0;
    for (size_t i = 0; i < store->calls->entry_count; i++) {
        const struct call_entry *entry = &store->calls->entries[i];
        if (!entry->overridden || !entry->fresh)
            continue;
        ids[count] = (struct slice){(const char *)entry->event->id.bytes, sizeof entry->event->id.bytes};
        companies[count++] = entry->company_id;
    }
    if (count == 0)
        return NULL;
    struct database_values *values = values_new(store);
    database_add_bytes_array(values, ids, count);
    database_add_ints(values, companies, count);
    return values;
}

static struct database_values *row_values(struct store *store, const struct call_work *const *works, size_t count)
{
    struct database_values *values = values_new(store);
    call_values_rows(values, store->arena, works, count);
    return values;
}

/* What is to be written. */
struct changes {
    struct call_work **all;
    const struct call_work **added, **updated;
    size_t count, added_count, updated_count;
};

static struct changes changes_of(struct store *store)
{
    struct call_batch *calls = store->calls;
    struct changes changes = {
        .all = arena_zeroed(store->arena, calls->work_count, sizeof(void *)),
        .added = arena_zeroed(store->arena, calls->work_count, sizeof(void *)),
        .updated = arena_zeroed(store->arena, calls->work_count, sizeof(void *)),
    };
    for (size_t i = 0; i < calls->work_count; i++) {
        struct call_work *work = &calls->works[i];
        if (!call_work_changed(work))
            continue;
        changes.all[changes.count++] = work;
        if (work->exists)
            changes.updated[changes.updated_count++] = work;
        else
            changes.added[changes.added_count++] = work;
    }
    return changes;
}

static bool give(struct store *store)
{
    struct database_step steps[6];
    size_t count = 0;
    struct changes changes = changes_of(store);
    struct database_values *overridden = override_values(store);
    struct database_values *customers = call_customers_want(store->arena, changes.all, changes.count, store->now_ms);
    struct database_values *names = call_customers_names(store->arena, store->calls);
    if (overridden)
        steps[count++] = (struct database_step){.statement = &STATEMENT_INBOX_OVERRIDE, .values = overridden};
    if (customers)
        steps[count++] = (struct database_step){.statement = &STATEMENT_CUSTOMERS_ADD, .values = customers};
    size_t rows_step = count;
    if (changes.added_count)
        steps[count++] = (struct database_step){.statement = &STATEMENT_CALLS_INSERT,
                                                .values = row_values(store, changes.added, changes.added_count)};
    if (changes.updated_count)
        steps[count++] = (struct database_step){.statement = &STATEMENT_CALLS_UPDATE,
                                                .values = row_values(store, changes.updated, changes.updated_count)};
    size_t rows_end = count;
    if (names)
        steps[count++] = (struct database_step){.statement = &STATEMENT_CUSTOMERS_NAME, .values = names};
    steps[count++] = (struct database_step){.statement = &STATEMENT_COMMIT};
    if (!database_flight(store->database, steps, count, CALLS_KEY, &store->error, NULL))
        return false;
    for (size_t i = rows_step; i < rows_end; i++)
        call_customers_found(store->calls, steps[i].rows);
    for (size_t i = 0; i < count; i++)
        PQclear(steps[i].rows);
    store->counts.inserted = changes.added_count;
    store->counts.updated = changes.updated_count;
    return true;
}

void call_publish(struct batch *batch, const struct call *call, const struct event *last, bool gone)
{
    struct record *record = arena_alloc(batch_arena(batch), sizeof *record);
    *record = call_update_record(batch_arena(batch), call, last, gone);
    batch_publish(batch, record);
}

static void publish(struct store *store)
{
    for (size_t i = 0; i < store->calls->work_count; i++) {
        const struct call_work *work = &store->calls->works[i];
        if (work->exists || call_work_changed(work)) /* else a repeat about a call that is no longer here */
            call_publish(store->batch, &work->state.call, work->last->event, false);
    }
}

static void count_entries(struct store *store)
{
    for (size_t i = 0; i < store->calls->entry_count; i++) {
        const struct call_entry *entry = &store->calls->entries[i];
        bool forgotten = !entry->fresh && entry->work && !entry->work->exists && !call_work_changed(entry->work);
        store->counts.forgotten += forgotten;
        store->counts.duplicate += !entry->fresh && !forgotten;
        store->counts.fresh += entry->fresh && entry->work;
        store->counts.ignored += entry->fresh && !entry->work;
    }
}

static enum stage_outcome run(struct store *store)
{
    call_batch_group(store->calls);
    if (!take(store))
        return batch_database_problem(store->batch, &store->error);
    if (store->bug)
        return batch_problem(store->batch, STAGE_BUG, "stamps", store->bug);
    call_batch_merge(store->calls, store->now_ms);
    if (FAILPOINT("session.merged"))
        return batch_problem(store->batch, STAGE_WAIT, "failpoint", "session.merged");
    if (!give(store))
        return batch_database_problem(store->batch, &store->error);
    publish(store);
    count_entries(store);
    return STAGE_DONE;
}

enum stage_outcome call_store(struct database *database, struct batch *batch, struct call_batch *calls,
                              const char *topic, struct call_store_counts *counts)
{
    struct store store = {
        .database = database,
        .batch = batch,
        .calls = calls,
        .topic = topic,
        .now_ms = batch_now_ms(batch),
        .arena = calls->arena,
    };
    enum stage_outcome outcome = run(&store);
    if (outcome != STAGE_DONE)
        database_rollback(database);
    for (size_t i = 0; i < store.kept_count; i++)
        PQclear(store.kept[i]);
    if (outcome == STAGE_DONE) {
        counts->fresh += store.counts.fresh;
        counts->duplicate += store.counts.duplicate;
        counts->forgotten += store.counts.forgotten;
        counts->ignored += store.counts.ignored;
        counts->overridden += store.counts.overridden;
        counts->inserted += store.counts.inserted;
        counts->updated += store.counts.updated;
    }
    return outcome;
}
