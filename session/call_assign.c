/* call_assign.c: one call at a time; it is rare and done by hand.
 *
 * It is alone (common/inbox_lock.h) among sessions, as forgetting is: the customer of the company that loses the call is
 * removed if no other call names him, and a batch that is under way could be about to.
 */
#include "session/call_assign.h"

#include "common/call_row.h"
#include "common/log.h"
#include "session/call_customers.h"
#include "session/call_customer.h"
#include "session/call_stamps.h"
#include "session/call_statements.h"
#include "session/call_store.h"
#include "session/call_values.h"

static const char CALLS_KEY[] = "calls_pkey";

struct assignment {
    struct database *database;
    struct batch *batch;
    struct arena *arena;
    const struct call_entry *entry;
    int64_t from, to, owner; /* owner 0: none, the call came from bound sources only */
    bool fresh, moved;
    struct call_work leaving, staying; /* the row of `from`, and that of the owner (to be) */
    PGresult *rows;
    struct database_error error;
    const char *bug;
};

static struct database_values *values_new(const struct assignment *move)
{
    struct database_values *values = arena_alloc(move->arena, sizeof *values);
    database_values_init(values, move->arena);
    return values;
}

/* $1 call id, $2 and $3 companies; 0: left out. */
static struct database_values *key_values(const struct assignment *move, int64_t second, int64_t third)
{
    struct database_values *values = values_new(move);
    database_add_text(values, move->entry->facts.call_id);
    if (second)
        database_add_int(values, second);
    if (third)
        database_add_int(values, third);
    return values;
}

static bool take(struct assignment *move, const char *topic)
{
    enum { FRESH = 2, OWNER };
    struct database_values *inbox = values_new(move);
    call_values_inbox(inbox, move->arena, move->entry, 1, topic, batch_now_ms(move->batch));
    struct database_step steps[] = {
        {.statement = &STATEMENT_BEGIN},
        {.statement = &STATEMENT_INBOX_ALONE},
        [FRESH] = {.statement = &STATEMENT_INBOX_ADD, .values = inbox},
        [OWNER] = {.statement = &STATEMENT_OWNER_LOCK, .values = key_values(move, 0, 0)},
    };
    if (!database_flight(move->database, steps, COUNT(steps), NULL, &move->error, NULL))
        return false;
    move->fresh = PQntuples(steps[FRESH].rows) == 1;
    move->owner = PQntuples(steps[OWNER].rows) == 1 ? database_int(steps[OWNER].rows, 0, 0) : 0;
    for (size_t i = 0; i < COUNT(steps); i++)
        PQclear(steps[i].rows);
    return true;
}

static void work_begin(struct call_work *work, int64_t company_id, struct slice call_id)
{
    *work = (struct call_work){.company_id = company_id, .call_id = call_id};
    call_state_init(&work->state);
}

static void row_attach(struct assignment *move, int row, struct call_work *work)
{
    call_row_read_brief(move->rows, row, 0, &work->state.call);
    call_row_read_large(move->rows, row, CALL_ROW_BRIEF_COLUMNS, &work->state.call);
    const char *problem =
        call_stamps_read(&work->state, database_text(move->rows, row, CALL_ROW_BRIEF_COLUMNS + CALL_ROW_LARGE_COLUMNS));
    if (problem)
        move->bug = problem;
    work->exists = true;
}

/* Both rows whole: a value may win that only the other one has. */
static bool rows_read(struct assignment *move)
{
    int64_t other = move->owner == move->from ? move->to : move->owner;
    struct database_step step = {.statement = &STATEMENT_CALL_READ, .values = key_values(move, move->from, other)};
    work_begin(&move->leaving, move->from, move->entry->facts.call_id);
    work_begin(&move->staying, other, move->entry->facts.call_id);
    if (!database_flight(move->database, &step, 1, NULL, &move->error, NULL))
        return false;
    move->rows = step.rows;
    for (int row = 0; row < PQntuples(move->rows); row++)
        row_attach(move, row, database_int(move->rows, row, 0) == move->from ? &move->leaving : &move->staying);
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return b != CALL_NULL && (a == CALL_NULL || b < a) ? b : a;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Pure: the two rows become the one that stays. The branch was `from`'s. */
static void rows_merge(struct assignment *move)
{
    struct call *staying = &move->staying.state.call;
    const struct call *leaving = &move->leaving.state.call;
    call_register_forget(&move->leaving.state, REGISTER_BRANCH_ID);
    call_merge(&move->staying.state, &move->leaving.state);
    staying->company_id = move->to;
    staying->call_id = move->entry->facts.call_id;
    staying->version = greater(staying->version, leaving->version) + 1;
    staying->first_seen_at = earlier(staying->first_seen_at, leaving->first_seen_at);
    staying->updated_at = batch_now_ms(move->batch);
    move->staying.change.registers = CALL_CUSTOMER_REGISTERS; /* the customer of another company is another row */
}

/* What is to be said to PostgreSQL in one flight. */
struct flight {
    struct database_step steps[12];
    size_t count;
};

static void flight_add(struct flight *flight, const struct database_statement *statement,
                       const struct database_values *values)
{
    flight->steps[flight->count++] = (struct database_step){.statement = statement, .values = values};
}

static bool flight_go(struct assignment *move, struct flight *flight)
{
    if (!database_flight(move->database, flight->steps, flight->count, CALLS_KEY, &move->error, NULL))
        return false;
    for (size_t i = 0; i < flight->count; i++)
        PQclear(flight->steps[i].rows);
    return true;
}

/* `from` is told "gone" with this version; a call of that id that comes to it again begins behind it. */
static void add_left(const struct assignment *move, struct flight *flight)
{
    struct database_values *values = key_values(move, move->from, 0);
    database_add_int(values, move->staying.state.call.version);
    flight_add(flight, &STATEMENT_CALL_LEFT, values);
}

/* The customer of `from` was never theirs if only this call made him, nor is the name that it said. */
static void add_customer(const struct assignment *move, struct flight *flight)
{
    const struct call *leaving = &move->leaving.state.call;
    if (leaving->customer_id == CALL_NULL)
        return;
    struct database_values *customer = values_new(move);
    struct database_values *said = values_new(move);
    database_add_int(customer, leaving->customer_id);
    database_add_int(customer, move->from);
    database_add_int(said, leaving->customer_id);
    database_add_int(said, move->from);
    database_add_time(said, leaving->started_at == CALL_NULL ? 0 : leaving->started_at); /* customer_name.h, said_at */
    flight_add(flight, &STATEMENT_CUSTOMER_UNNAME, said);
    flight_add(flight, &STATEMENT_CUSTOMER_DELETE, customer);
}

static bool add_rows(struct assignment *move, struct flight *flight)
{
    const struct call_work *written[] = {&move->staying};
    rows_merge(move);
    if (!call_customers_find(move->database, move->arena, &move->staying, batch_now_ms(move->batch), &move->error))
        return false;
    struct database_values *row = values_new(move);
    call_values_rows(row, move->arena, written, 1);
    flight_add(flight, &STATEMENT_CALL_DELETE, key_values(move, move->from, 0));
    flight_add(flight, move->staying.exists ? &STATEMENT_CALLS_UPDATE : &STATEMENT_CALLS_INSERT, row);
    add_customer(move, flight);
    add_left(move, flight);
    move->staying.exists = true;
    return true;
}

static bool rows_move(struct assignment *move)
{
    struct flight flight = {.count = 0};
    struct database_values *all = key_values(move, move->from, move->to);
    flight_add(&flight, &STATEMENT_OWNER_MOVE, all);
    if (move->leaving.exists && !add_rows(move, &flight))
        return false;
    flight_add(&flight, &STATEMENT_INBOX_MOVE, all);
    flight_add(&flight, &STATEMENT_JOBS_MOVE, all);
    flight_add(&flight, &STATEMENT_COMMIT, NULL);
    if (!flight_go(move, &flight))
        return false;
    move->owner = move->to;
    move->leaving.exists = false;
    move->moved = true;
    return true;
}

/* `from` has to hear that the call is gone, of the version that its owner sees. Unless it has, from a source that is bound to
 * it, a call of the same id: that one stays. */
static bool is_gone(const struct assignment *move)
{
    return move->owner != move->from && move->staying.exists && !move->leaving.exists;
}

/* Only once, and only from the company that has it: a repeat must not undo what a later assignment did. */
static bool give(struct assignment *move)
{
    struct flight flight = {.count = 0};
    if (move->fresh && move->owner == move->from)
        return rows_move(move);
    if (is_gone(move))
        add_left(move, &flight);
    flight_add(&flight, &STATEMENT_COMMIT, NULL);
    return flight_go(move, &flight);
}

/* The owner sees the state, `from` sees the call go, each time that the event comes: a crash after the commit leaves nothing
 * unsaid. */
static void publish(struct assignment *move)
{
    const struct call_work *shown = move->owner == move->from ? &move->leaving : &move->staying;
    if (!shown->exists)
        return;
    call_publish(move->batch, &shown->state.call, move->entry->event, false);
    if (move->owner == move->from)
        return;
    if (!is_gone(move)) {
        call_publish(move->batch, &move->leaving.state.call, move->entry->event, false);
        return;
    }
    struct call gone = shown->state.call;
    gone.company_id = move->from;
    gone.branch_id = CALL_NULL;
    call_publish(move->batch, &gone, move->entry->event, true);
}

/* Nobody's to give: kept in the inbox, without effect. */
static enum stage_outcome unowned(struct assignment *move)
{
    log_event(LOG_WARN, "assignment_of_no_ones_call", LOG_SLICE("call_id", move->entry->facts.call_id),
              LOG_INT("from", move->from), LOG_INT("to", move->to));
    return database_execute(move->database, "COMMIT", &move->error) ? STAGE_DONE
                                                                    : batch_database_problem(move->batch, &move->error);
}

static enum stage_outcome run(struct assignment *move, const char *topic)
{
    if (!take(move, topic))
        return batch_database_problem(move->batch, &move->error);
    if (!move->owner)
        return unowned(move);
    if (!rows_read(move))
        return batch_database_problem(move->batch, &move->error);
    if (move->bug)
        return batch_problem(move->batch, STAGE_BUG, "stamps", move->bug);
    if (!give(move))
        return batch_database_problem(move->batch, &move->error);
    log_event(LOG_INFO, "assigned", LOG_SLICE("call_id", move->entry->facts.call_id), LOG_INT("from", move->from),
              LOG_INT("to", move->to), LOG_INT("owner", move->owner), LOG_INT("moved", move->moved));
    publish(move);
    return STAGE_DONE;
}

enum stage_outcome call_assign(struct database *database, struct batch *batch, struct call_entry *entry,
                               const char *topic)
{
    struct assignment move = {
        .database = database,
        .batch = batch,
        .arena = batch_arena(batch),
        .entry = entry,
        .from = entry->facts.assigned_from,
        .to = entry->facts.assigned_to,
    };
    entry->company_id = move.to;
    enum stage_outcome outcome = run(&move, topic);
    if (outcome != STAGE_DONE)
        database_rollback(database);
    PQclear(move.rows);
    return outcome;
}
