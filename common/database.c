/* database.c: one connection to PostgreSQL: opened with a deadline, watched, dropped when it is lost.
 *
 * What a lost connection may have done is not known here: a COMMIT whose answer never came either happened or did not.
 * Callers are idempotent (design.md, "Guarantees", 2) and do it again.
 *
 * Security: no SQL is ever made of values; the only text sent as it is are the program's own constants. The password stays
 * in `url`, which nothing prints.
 */
#include "common/database_private.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

enum { CONNECT_MAX_MS = 5000 };

/* The server gives up before we do: lock < idle in transaction < statement < DATABASE_SILENCE_MAX_MS. A frozen process of
 * ours must not hold row locks that its successor waits for. */
static const char SETTINGS[] = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; "
                               "SET idle_in_transaction_session_timeout = '10s'; SET DateStyle = 'ISO'";

/* Notices would go to stderr as free text, past log.h; what matters comes as an error. */
static void notice_ignore(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

struct database *database_open(const char *url, const char *application)
{
    struct database *database = memory_new(1, sizeof *database);
    database->url = memory_copy_string(url);
    database->application = memory_copy_string(application);
    database->silence_max_ms = DATABASE_SILENCE_MAX_MS;
    signal(SIGPIPE, SIG_IGN); /* a write to a server that has gone is an error like others */
    return database;
}

void database_wait_long(struct database *database)
{
    database->silence_max_ms = INT_MAX;
}

void database_drop(struct database *database)
{
    PQfinish(database->connection);
    database->connection = NULL;
    database->prepared_count = 0;
}

void database_close(struct database *database)
{
    if (!database)
        return;
    database_drop(database);
    free(database->url);
    free(database->application);
    free(database);
}

void database_drop_if_lost(struct database *database)
{
    if (database->connection && PQstatus(database->connection) == CONNECTION_BAD)
        database_drop(database);
}

/* libpq keeps the SQLSTATE of a refused connection to itself, but in verbose mode it prints it: "FATAL:  28P01: …", the
 * first word in the server's language. */
static void sqlstate_of_refusal(const char *message, char sqlstate[6])
{
    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        size_t len = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len == 5 && code[5] == ':') {
            memcpy(sqlstate, code, 5);
            sqlstate[5] = '\0';
            return;
        }
    }
}

void database_error_read(const struct database *database, const PGresult *result, const char *race_constraint,
                         struct database_error *error)
{
    *error = (struct database_error){0};
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *constraint = result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (!message)
        message = database->connection ? PQerrorMessage(database->connection) : "no connection";
    if (sqlstate)
        snprintf(error->sqlstate, sizeof error->sqlstate, "%s", sqlstate);
    if (constraint)
        snprintf(error->constraint, sizeof error->constraint, "%s", constraint);
    database_message_clean(error->sqlstate, slice_of(message), error->message, sizeof error->message);
    error->fault = database_fault_of(error->sqlstate, error->constraint, race_constraint);
}

static int remaining_ms(int64_t deadline)
{
    int64_t left = deadline - clock_ticks_ms();
    return left > 0 ? (int)left : 0;
}

/* NULL or a connection in whatever state the deadline found it. */
static PGconn *connect_until(const struct database *database, int64_t deadline)
{
    /* What stands before dbname may be changed by the URL, what stands after it may not. */
    const char *names[] = {"tcp_user_timeout", "keepalives_idle",           "keepalives_interval",
                           "keepalives_count", "fallback_application_name", "dbname",
                           "client_encoding",  "target_session_attrs",      NULL};
    const char *values[] = {"10000", "10", "3", "3", database->application, database->url, "UTF8", "read-write", NULL};
    PGconn *connection = PQconnectStartParams(names, values, 1);
    if (!connection)
        return NULL;
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(connection, notice_ignore, NULL);
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (PQstatus(connection) != CONNECTION_BAD && wants != PGRES_POLLING_OK && wants != PGRES_POLLING_FAILED) {
        struct pollfd socket = {.fd = PQsocket(connection),
                                .events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int ready = poll(&socket, 1, remaining_ms(deadline));
        if (ready == 0 || (ready < 0 && errno != EINTR))
            break;
        if (ready > 0)
            wants = PQconnectPoll(connection);
    }
    return connection;
}

static bool connection_failed(struct database *database, struct database_error *error)
{
    database_error_read(database, NULL, NULL, error);
    if (database->connection && PQstatus(database->connection) == CONNECTION_BAD)
        sqlstate_of_refusal(PQerrorMessage(database->connection), error->sqlstate);
    else
        snprintf(error->message, sizeof error->message, "no connection within %d ms", CONNECT_MAX_MS);
    error->fault = database_fault_of(error->sqlstate, NULL, NULL);
    database_drop(database);
    return false;
}

bool database_connected(struct database *database, struct database_error *error)
{
    *error = (struct database_error){0};
    if (database->connection)
        return true;
    database->connection = connect_until(database, clock_ticks_ms() + CONNECT_MAX_MS);
    if (!database->connection || PQstatus(database->connection) != CONNECTION_OK)
        return connection_failed(database, error);
    if (PQsetnonblocking(database->connection, 1) != 0)
        return connection_failed(database, error);
    database->generation++;
    return database_execute(database, SETTINGS, error);
}

PGconn *database_connection(struct database *database)
{
    return database->connection;
}

uint64_t database_generation(const struct database *database)
{
    return database->generation;
}

bool database_wait_result(PGconn *connection, int silence_max_ms)
{
    int64_t deadline = clock_ticks_ms() + silence_max_ms;
    for (;;) {
        int unsent = PQflush(connection);
        if (unsent < 0)
            return false;
        if (!PQisBusy(connection))
            return true;
        struct pollfd socket = {.fd = PQsocket(connection), .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        int ready = poll(&socket, 1, remaining_ms(deadline));
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        if (ready > 0 && (socket.revents & ~POLLOUT) && !PQconsumeInput(connection))
            return false;
        if (ready > 0)
            deadline = clock_ticks_ms() + silence_max_ms;
    }
}

bool database_execute(struct database *database, const char *sql, struct database_error *error)
{
    if (!database_connected(database, error))
        return false;
    bool fine = PQsendQuery(database->connection, sql) == 1;
    bool lost = !fine;
    while (!lost) {
        lost = !database_wait_result(database->connection, database->silence_max_ms);
        PGresult *result = lost ? NULL : PQgetResult(database->connection);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (fine && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            database_error_read(database, result, NULL, error);
            fine = false;
        }
        PQclear(result);
    }
    if (lost) {
        database_error_read(database, NULL, NULL, error);
        database_drop(database);
        return false;
    }
    database_drop_if_lost(database);
    return fine;
}

void database_rollback(struct database *database)
{
    struct database_error error;
    if (!database->connection || PQtransactionStatus(database->connection) == PQTRANS_IDLE)
        return;
    if (!database_execute(database, "ROLLBACK", &error) && database->connection)
        database_drop(database);
}
