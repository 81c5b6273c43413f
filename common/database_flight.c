/* database_flight.c: several statements in one journey to the server and back (libpq's pipeline mode).
 *
 *      Parse? Bind Execute | Parse? Bind Execute | … | Sync        ──>
 *                                                              <──  result, result, …, or the first error and "aborted" for the rest
 *
 * Everything is queued in memory and sent without blocking, reading answers meanwhile: two sides that both wait to be read
 * would wait for ever. A statement counts as prepared only once the server has said so.
 */
#include "common/database_private.h"

#include <stdlib.h>

#include "common/failpoint.h"

struct flight {
    struct database *database;
    struct database_step *steps;
    size_t count;
    bool *prepares; /* by step: its Parse travels in this flight */
    const char *race_constraint;
    struct database_error *error;
    size_t failed_step;
    bool failed;
};

static bool statement_prepared(const struct database *database, const struct database_statement *statement)
{
    for (size_t i = 0; i < database->prepared_count; i++)
        if (database->prepared[i] == statement)
            return true;
    return false;
}

static bool sent_before(const struct flight *flight, size_t step)
{
    for (size_t i = 0; i < step; i++)
        if (flight->prepares[i] && flight->steps[i].statement == flight->steps[step].statement)
            return true;
    return false;
}

static bool step_send(struct flight *flight, size_t index)
{
    int binary[DATABASE_VALUES_MAX];
    for (size_t i = 0; i < COUNT(binary); i++)
        binary[i] = 1;
    PGconn *connection = flight->database->connection;
    const struct database_statement *statement = flight->steps[index].statement;
    const struct database_values *values = flight->steps[index].values;
    int count = values ? values->count : 0;
    flight->prepares[index] = !statement_prepared(flight->database, statement) && !sent_before(flight, index);
    if (flight->prepares[index] &&
        !PQsendPrepare(connection, statement->name, statement->sql, count, values ? values->types : NULL))
        return false;
    return PQsendQueryPrepared(connection, statement->name, count, values ? values->data : NULL,
                               values ? values->lengths : NULL, binary, 1) == 1;
}

static bool flight_send(struct flight *flight)
{
    if (!PQenterPipelineMode(flight->database->connection))
        return false;
    for (size_t i = 0; i < flight->count; i++)
        if (!step_send(flight, i))
            return false;
    return PQpipelineSync(flight->database->connection) == 1;
}

static void flight_fail(struct flight *flight, size_t step, const PGresult *result)
{
    if (flight->failed)
        return;
    database_error_read(flight->database, result, flight->race_constraint, flight->error);
    flight->failed_step = step;
    flight->failed = true;
}

/* The answer to one message: *result, or none. False: the connection is lost. */
static bool answer_take(struct flight *flight, PGresult **result)
{
    PGconn *connection = flight->database->connection;
    int silence_max_ms = flight->database->silence_max_ms;
    if (!database_wait_result(connection, silence_max_ms))
        return false;
    *result = PQgetResult(connection);
    if (!*result || PQresultStatus(*result) == PGRES_PIPELINE_SYNC)
        return *result != NULL;
    if (!database_wait_result(connection, silence_max_ms))
        return false;
    PQclear(PQgetResult(connection)); /* each answer but the last is followed by a NULL */
    return true;
}

static bool answer_fine(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool step_receive(struct flight *flight, size_t index)
{
    struct database *database = flight->database;
    PGresult *result = NULL;
    if (flight->prepares[index]) {
        if (!answer_take(flight, &result))
            goto lost;
        if (!answer_fine(result))
            flight_fail(flight, index, result);
        else if (database->prepared_count == DATABASE_STATEMENTS_MAX)
            abort(); /* a program has a handful of statements */
        else
            database->prepared[database->prepared_count++] = flight->steps[index].statement;
        PQclear(result);
        result = NULL;
    }
    if (!answer_take(flight, &result) || FAILPOINT(".answered"))
        goto lost;
    if (!answer_fine(result)) {
        flight_fail(flight, index, result);
        PQclear(result);
        result = NULL;
    }
    flight->steps[index].rows = result;
    return true;

lost:
    flight_fail(flight, index, result);
    PQclear(result);
    return false;
}

static bool flight_receive(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        if (!step_receive(flight, i))
            return false;
    PGresult *result = NULL;
    bool synced = answer_take(flight, &result) && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    if (!synced)
        flight_fail(flight, flight->count, NULL);
    return synced && PQexitPipelineMode(flight->database->connection) == 1;
}

static void steps_clear(struct database_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PQclear(steps[i].rows);
        steps[i].rows = NULL;
    }
}

/* Sends, receives; leaves an open transaction as it is. */
static bool flight_run(struct flight *flight)
{
    struct database *database = flight->database;
    for (size_t i = 0; i < flight->count; i++)
        flight->steps[i].rows = NULL;
    if (!database_connected(database, flight->error))
        return false;
    flight->prepares = memory_new(flight->count, sizeof *flight->prepares);
    bool arrived = flight_send(flight) && !FAILPOINT(".sent") && flight_receive(flight);
    if (!arrived)
        flight_fail(flight, 0, NULL);
    free(flight->prepares);
    if (flight->failed)
        steps_clear(flight->steps, flight->count);
    if (!arrived)
        database_drop(database);
    database_drop_if_lost(database);
    return !flight->failed;
}

bool database_flight(struct database *database, struct database_step *steps, size_t count, const char *race_constraint,
                     struct database_error *error, size_t *failed_step)
{
    struct flight flight = {
        .database = database, .steps = steps, .count = count, .race_constraint = race_constraint, .error = error};
    bool fine = flight_run(&flight);
    if (failed_step)
        *failed_step = flight.failed_step;
    if (!fine)
        database_rollback(database);
    return fine;
}

PGresult *database_query(struct database *database, const struct database_statement *statement,
                         const struct database_values *values, struct database_error *error)
{
    struct database_step step = {.statement = statement, .values = values};
    struct flight flight = {.database = database, .steps = &step, .count = 1, .error = error};
    return flight_run(&flight) ? step.rows : NULL;
}
