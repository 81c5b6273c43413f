/* call_customers.c: rows for new numbers; the rows of calls find their ids by themselves, which spares a journey to the server:
 * a caller who is new would cost each call_started one. */
#include "session/call_customers.h"

#include <stdlib.h>

#include "session/call_customer.h"
#include "session/call_statements.h"

struct wanted {
    int64_t company_id;
    struct slice number;
    struct call_work *work;
};

/* By key: every process inserts in the same order, so that none waits for another in a circle. */
static int wanted_compare(const void *a, const void *b)
{
    const struct wanted *left = a;
    const struct wanted *right = b;
    if (left->company_id != right->company_id)
        return left->company_id < right->company_id ? -1 : 1;
    return slice_compare(left->number, right->number);
}

static size_t wanted_collect(struct arena *arena, struct call_work *const *works, size_t count, struct wanted *wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(works[i]->change.registers & CALL_CUSTOMER_REGISTERS))
            continue;
        struct slice number = call_customer_number(arena, &works[i]->state.call);
        if (works[i]->state.call.customer_id != CALL_NULL && slice_same(number, works[i]->customer_number))
            continue; /* said again, by a later event */
        works[i]->state.call.customer_id = CALL_NULL;
        if (!slice_absent(number))
            wanted[found++] = (struct wanted){works[i]->company_id, number, works[i]};
    }
    qsort(wanted, found, sizeof *wanted, wanted_compare);
    return found;
}

static void add_keys(struct database_values *values, struct arena *arena, const struct wanted *wanted, size_t count)
{
    int64_t *companies = arena_zeroed(arena, count, sizeof *companies);
    struct slice *numbers = arena_zeroed(arena, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++) {
        companies[i] = wanted[i].company_id;
        numbers[i] = wanted[i].number;
    }
    database_values_init(values, arena);
    database_add_ints(values, companies, count);
    database_add_texts(values, numbers, count);
}

struct database_values *call_customers_want(struct arena *arena, struct call_work *const *works, size_t count,
                                            int64_t now_ms)
{
    struct wanted *wanted = arena_zeroed(arena, count, sizeof *wanted);
    size_t found = wanted_collect(arena, works, count, wanted);
    if (found == 0)
        return NULL;
    for (size_t i = 0; i < found; i++)
        wanted[i].work->customer_wanted = wanted[i].number;
    struct database_values *values = arena_alloc(arena, sizeof *values);
    add_keys(values, arena, wanted, found);
    database_add_time(values, now_ms);
    return values;
}

void call_customers_found(struct call_batch *batch, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        struct call_work *work = call_batch_find(batch, database_int(rows, row, 0), database_text(rows, row, 1));
        if (work && !slice_absent(work->customer_wanted))
            work->state.call.customer_id = database_int(rows, row, 2);
    }
}

bool call_customers_find(struct database *database, struct arena *arena, struct call_work *work, int64_t now_ms,
                         struct database_error *error)
{
    struct wanted wanted;
    struct database_values add;
    struct database_values find;
    if (wanted_collect(arena, &work, 1, &wanted) == 0)
        return true;
    add_keys(&add, arena, &wanted, 1);
    database_add_time(&add, now_ms);
    add_keys(&find, arena, &wanted, 1);
    struct database_step steps[] = {
        {.statement = &STATEMENT_CUSTOMERS_ADD, .values = &add},
        {.statement = &STATEMENT_CUSTOMERS_FIND, .values = &find},
    };
    if (!database_flight(database, steps, COUNT(steps), NULL, error, NULL))
        return false;
    if (PQntuples(steps[1].rows) == 1)
        work->state.call.customer_id = database_int(steps[1].rows, 0, 0);
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    return true;
}

static size_t namings_collect(const struct call_batch *calls, struct customer_naming *namings)
{
    size_t count = 0;
    for (size_t i = 0; i < calls->entry_count; i++) {
        const struct call_entry *entry = &calls->entries[i];
        if (entry->fresh && !slice_absent(entry->facts.named.name))
            namings[count++] = (struct customer_naming){entry->company_id, entry->facts.named};
    }
    return customer_namings_settle(namings, count);
}

struct database_values *call_customers_names(struct arena *arena, const struct call_batch *calls)
{
    struct customer_naming *namings = arena_zeroed(arena, calls->entry_count, sizeof *namings);
    size_t count = namings_collect(calls, namings);
    if (count == 0)
        return NULL;
    int64_t *companies = arena_zeroed(arena, 2 * count, sizeof *companies);
    int64_t *times = companies + count;
    struct slice *numbers = arena_zeroed(arena, 2 * count, sizeof *numbers);
    struct slice *names = numbers + count;
    int8_t *collected = arena_zeroed(arena, count, sizeof *collected);
    for (size_t i = 0; i < count; i++) {
        companies[i] = namings[i].company_id;
        times[i] = namings[i].said.said_at;
        numbers[i] = namings[i].said.number;
        names[i] = namings[i].said.name;
        collected[i] = namings[i].said.collected;
    }
    struct database_values *values = arena_alloc(arena, sizeof *values);
    database_values_init(values, arena);
    database_add_ints(values, companies, count);
    database_add_texts(values, numbers, count);
    database_add_texts(values, names, count);
    database_add_times(values, times, count);
    database_add_flags(values, collected, count);
    return values;
}
