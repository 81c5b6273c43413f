/* call_forget.c: one call at a time; it is rare and done by hand.
 *
 * First it is alone (common/inbox_lock.h) among sessions: a batch that has begun ends before (what it writes is then
 * seen here), one that begins later sees the hash. Without that a zombie could put back what is deleted here.
 */
#include "session/call_forget.h"

#include "session/call_statements.h"
#include "session/call_store.h"

enum { STEP_VERSION = 8, STEPS = 10 };

static struct database_values *key_values(struct arena *arena, const struct call_entry *entry)
{
    struct database_values *values = arena_alloc(arena, sizeof *values);
    database_values_init(values, arena);
    database_add_text(values, entry->facts.call_id);
    database_add_int(values, entry->company_id);
    return values;
}

static void publish_gone(struct batch *batch, const struct call_entry *entry, const PGresult *rows)
{
    struct call call;
    call_init(&call);
    call.company_id = entry->company_id;
    call.call_id = entry->facts.call_id;
    call.source = event_source_name(entry->event);
    call.version = database_int(rows, 0, 0);
    call.updated_at = database_time(rows, 0, 1);
    call_publish(batch, &call, entry->event, true);
}

enum stage_outcome call_forget(struct database *database, struct batch *batch, const struct call_entry *entry)
{
    struct database_values *key = key_values(batch_arena(batch), entry);
    struct database_error error;
    struct database_step steps[STEPS] = {
        {.statement = &STATEMENT_BEGIN},
        {.statement = &STATEMENT_INBOX_ALONE},
        {.statement = &STATEMENT_FORGET_HERE, .values = key},
        {.statement = &STATEMENT_FORGET_UNBOUND, .values = key},
        {.statement = &STATEMENT_OWNER_DELETE, .values = key},
        {.statement = &STATEMENT_INBOX_DELETE, .values = key},
        {.statement = &STATEMENT_JOB_DELETE, .values = key},
        {.statement = &STATEMENT_CALL_DELETE, .values = key},
        [STEP_VERSION] = {.statement = &STATEMENT_FORGOTTEN_VERSION, .values = key},
        {.statement = &STATEMENT_COMMIT},
    };
    if (!database_flight(database, steps, STEPS, NULL, &error, NULL))
        return batch_database_problem(batch, &error);
    publish_gone(batch, entry, steps[STEP_VERSION].rows);
    for (size_t i = 0; i < STEPS; i++)
        PQclear(steps[i].rows);
    return STAGE_DONE;
}
