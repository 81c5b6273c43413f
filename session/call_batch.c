/* call_batch.c: grouping by sorting; a batch has some hundred entries. */
#include "session/call_batch.h"

#include <stdlib.h>

static int key_compare(int64_t company_a, struct slice call_a, int64_t company_b, struct slice call_b)
{
    if (company_a != company_b)
        return company_a < company_b ? -1 : 1;
    return slice_compare(call_a, call_b);
}

static int entry_compare(const void *a, const void *b)
{
    const struct call_entry *left = *(struct call_entry *const *)a;
    const struct call_entry *right = *(struct call_entry *const *)b;
    int order = key_compare(left->company_id, left->facts.call_id, right->company_id, right->facts.call_id);
    if (order != 0)
        return order;
    return left < right ? -1 : left > right; /* entries of one call keep the order of the records */
}

static int work_compare(const void *key, const void *element)
{
    const struct call_work *sought = key;
    const struct call_work *work = element;
    return key_compare(sought->company_id, sought->call_id, work->company_id, work->call_id);
}

static struct call_work *work_of(struct call_batch *batch, const struct call_entry *entry)
{
    struct call_work *last = batch->work_count ? &batch->works[batch->work_count - 1] : NULL;
    if (last && key_compare(last->company_id, last->call_id, entry->company_id, entry->facts.call_id) == 0)
        return last;
    struct call_work *work = &batch->works[batch->work_count++];
    *work = (struct call_work){.company_id = entry->company_id, .call_id = entry->facts.call_id};
    call_state_init(&work->state);
    work->state.call.company_id = entry->company_id;
    work->state.call.call_id = entry->facts.call_id;
    return work;
}

void call_batch_group(struct call_batch *batch)
{
    struct call_entry **sorted = arena_zeroed(batch->arena, batch->entry_count, sizeof(void *));
    size_t count = 0;
    for (size_t i = 0; i < batch->entry_count; i++)
        if (batch->entries[i].facts.kind == CALL_EVENT_STATE)
            sorted[count++] = &batch->entries[i];
    qsort(sorted, count, sizeof(void *), entry_compare);
    batch->works = arena_zeroed(batch->arena, count, sizeof *batch->works);
    batch->work_count = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i]->work = work_of(batch, sorted[i]);
        sorted[i]->work->last = sorted[i];
    }
}

struct fresh_id {
    struct event_id id;
    bool taken;
};

static int fresh_compare(const void *a, const void *b)
{
    return memcmp(((const struct fresh_id *)a)->id.bytes, ((const struct fresh_id *)b)->id.bytes, EVENT_ID_BYTES);
}

void call_batch_mark_fresh(struct call_batch *batch, const struct event_id *ids, size_t count)
{
    struct fresh_id *sorted = arena_zeroed(batch->arena, count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i].id = ids[i];
    qsort(sorted, count, sizeof *sorted, fresh_compare);
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct fresh_id sought = {.id = batch->entries[i].event->id};
        struct fresh_id *found = count ? bsearch(&sought, sorted, count, sizeof *sorted, fresh_compare) : NULL;
        batch->entries[i].fresh = found && !found->taken;
        if (found)
            found->taken = true;
    }
}

size_t call_batch_own(struct call_batch *batch, struct slice call_id, int64_t owner)
{
    size_t overridden = 0;
    for (size_t i = 0; i < batch->entry_count; i++) {
        struct call_entry *entry = &batch->entries[i];
        if (entry->bound || entry->company_id == owner || !slice_same(entry->facts.call_id, call_id))
            continue;
        entry->company_id = owner;
        entry->overridden = true;
        call_register_forget(&entry->facts.state, REGISTER_BRANCH_ID);
        overridden++;
    }
    return overridden;
}

struct call_work *call_batch_find(struct call_batch *batch, int64_t company_id, struct slice call_id)
{
    const struct call_work sought = {.company_id = company_id, .call_id = call_id};
    if (batch->work_count == 0)
        return NULL;
    return bsearch(&sought, batch->works, batch->work_count, sizeof *batch->works, work_compare);
}

bool call_work_changed(const struct call_work *work)
{
    return call_changed(work->change);
}

void call_batch_merge(struct call_batch *batch, int64_t now_ms)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct call_entry *entry = &batch->entries[i];
        if (!entry->fresh || !entry->work)
            continue;
        struct call_change change = call_merge(&entry->work->state, &entry->facts.state);
        entry->work->change.registers |= change.registers;
        entry->work->change.evidence |= change.evidence;
    }
    for (size_t i = 0; i < batch->work_count; i++) {
        struct call *call = &batch->works[i].state.call;
        if (!call_work_changed(&batch->works[i]))
            continue;
        call->version++;
        call->updated_at = now_ms;
        if (!batch->works[i].exists)
            call->first_seen_at = now_ms;
    }
}
