/* query_link.c: one connection to PostgreSQL in an event loop.
 *
 *      DOWN ──> CONNECTING ──> SETTING_UP ──> IDLE <──> BUSY
 *       ^            │              │           │         │
 *       └────────────┴──────────────┴───────────┴─────────┘  any failure; a pause of 100 ms … 5 s
 *
 * Limit: the name of PostgreSQL's host is looked up by libpq without regard for the loop (PQconnectStart); use an
 * address or a resolver that answers fast.
 */
#include "broadcaster/query_private.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"

enum { CONNECT_MAX_MS = 5000, PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 5000 };

/* The server gives up before we stop waiting for it. */
static const char SETTINGS[] = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; "
                               "SET idle_in_transaction_session_timeout = '10s'; SET DateStyle = 'ISO'";

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_SETTING_UP, LINK_IDLE, LINK_BUSY };

struct query_link {
    struct queries *queries;
    struct event_base *base;
    char *url, *application;
    PGconn *connection;
    struct event *io;
    enum link_state state;
    int64_t give_up_ms, try_again_ms, pause_ms; /* by clock_ticks_ms */
    struct query *query;
    size_t step; /* whose result is awaited */
};

static void link_ready(evutil_socket_t descriptor, short what, void *context);

static void watch(struct query_link *link, short what)
{
    if (link->io)
        event_free(link->io);
    link->io = event_new(link->base, PQsocket(link->connection), what, link_ready, link);
    event_add(link->io, NULL);
}

static void notice_ignore(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* libpq keeps the SQLSTATE of a refused connection to itself, but in verbose mode it prints it: "FATAL:  28P01: …". */
static void read_refusal(const char *message, struct database_error *error)
{
    const char *at = strstr(message, ":  ");
    if (at && strlen(at) > 8 && at[8] == ':')
        memcpy(error->sqlstate, at + 3, 5);
}

static struct database_error error_of(const struct query_link *link, const PGresult *result)
{
    struct database_error error = {0};
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (sqlstate)
        snprintf(error.sqlstate, sizeof error.sqlstate, "%s", sqlstate);
    else if (!result && link->connection)
        read_refusal(PQerrorMessage(link->connection), &error);
    if (!message)
        message = link->connection ? PQerrorMessage(link->connection) : "no connection";
    database_message_clean(error.sqlstate, slice_of(message), error.message, sizeof error.message);
    error.fault = database_fault_of(error.sqlstate, NULL, NULL);
    return error;
}

static void close_connection(struct query_link *link)
{
    if (link->io)
        event_free(link->io);
    link->io = NULL;
    PQfinish(link->connection);
    link->connection = NULL;
    link->state = LINK_DOWN;
}

/* The connection is of no more use; its query, if any, is answered with the error. */
static void link_failed(struct query_link *link, const struct database_error *error)
{
    bool connected = link->state == LINK_IDLE || link->state == LINK_BUSY;
    struct query *query = link->query;
    link->query = NULL;
    close_connection(link);
    link->pause_ms = connected ? PAUSE_MIN_MS : link->pause_ms * 2;
    link->pause_ms = link->pause_ms < PAUSE_MIN_MS   ? PAUSE_MIN_MS
                     : link->pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS
                                                     : link->pause_ms;
    link->try_again_ms = clock_ticks_ms() + link->pause_ms;
    log_event(error->fault == DATABASE_AWAY ? LOG_WARN : LOG_ERROR, "database_failed",
              LOG_TEXT("sqlstate", error->sqlstate), LOG_TEXT("message", error->message));
    if (query)
        query_finish(query, error);
    else if (error->fault == DATABASE_REFUSED)
        queries_refused(link->queries, error);
}

static void lost(struct query_link *link)
{
    struct database_error error = error_of(link, NULL);
    if (error.fault != DATABASE_REFUSED)
        error.fault = DATABASE_AWAY;
    link_failed(link, &error);
}

static void flush_and_watch(struct query_link *link)
{
    int unsent = PQflush(link->connection);
    if (unsent < 0)
        lost(link);
    else
        watch(link, (short)(EV_READ | (unsent ? EV_WRITE : 0)));
}

static void became_idle(struct query_link *link)
{
    link->state = LINK_IDLE;
    watch(link, EV_READ);
    queries_link_idle(link->queries, link);
}

static void go_on_connecting(struct query_link *link)
{
    PostgresPollingStatusType wants = PQconnectPoll(link->connection);
    if (wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING) {
        watch(link, wants == PGRES_POLLING_READING ? EV_READ : EV_WRITE);
        return;
    }
    if (wants != PGRES_POLLING_OK || PQsetnonblocking(link->connection, 1) != 0 ||
        !PQsendQuery(link->connection, SETTINGS)) {
        lost(link);
        return;
    }
    link->state = LINK_SETTING_UP;
    flush_and_watch(link);
}

static void go_on_setting_up(struct query_link *link)
{
    while (!PQisBusy(link->connection)) {
        PGresult *result = PQgetResult(link->connection);
        if (!result) {
            if (!PQenterPipelineMode(link->connection)) {
                lost(link);
                return;
            }
            link->pause_ms = 0;
            became_idle(link);
            return;
        }
        struct database_error error = error_of(link, result);
        bool fine = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        if (!fine) {
            link_failed(link, &error);
            return;
        }
    }
    flush_and_watch(link);
}

static void query_over(struct query_link *link)
{
    struct query *query = link->query;
    link->query = NULL;
    query_finish(query, &(struct database_error){.fault = DATABASE_FINE});
    became_idle(link);
}

/* Takes the results that are there. NULL stands between two statements' results. */
static void go_on_reading(struct query_link *link)
{
    while (link->query && !PQisBusy(link->connection)) {
        PGresult *result = PQgetResult(link->connection);
        if (!result)
            continue;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            query_over(link);
            return;
        }
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            struct database_error error = error_of(link, result);
            PQclear(result);
            link_failed(link, &error);
            return;
        }
        if (link->step < link->query->step_count)
            link->query->steps[link->step++].rows = result;
    }
    flush_and_watch(link);
}

static void link_ready(evutil_socket_t descriptor, short what, void *context)
{
    struct query_link *link = context;
    (void)descriptor;
    if (link->state == LINK_CONNECTING) {
        go_on_connecting(link);
        return;
    }
    if ((what & EV_READ) && !PQconsumeInput(link->connection)) {
        lost(link);
        return;
    }
    if (link->state == LINK_SETTING_UP)
        go_on_setting_up(link);
    else if (link->state == LINK_BUSY)
        go_on_reading(link);
    else
        watch(link, EV_READ);
}

static void begin_to_connect(struct query_link *link, int64_t now_ms)
{
    /* What stands before dbname may be changed by the URL, what stands after it may not. */
    const char *names[] = {"tcp_user_timeout",
                           "keepalives_idle",
                           "fallback_application_name",
                           "dbname",
                           "client_encoding",
                           "target_session_attrs",
                           NULL};
    const char *values[] = {"10000", "10", link->application, link->url, "UTF8", "read-write", NULL};
    link->connection = PQconnectStartParams(names, values, 1);
    link->state = LINK_CONNECTING;
    link->give_up_ms = now_ms + CONNECT_MAX_MS;
    if (!link->connection || PQstatus(link->connection) == CONNECTION_BAD) {
        lost(link);
        return;
    }
    PQsetErrorVerbosity(link->connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(link->connection, notice_ignore, NULL);
    watch(link, EV_WRITE);
}

void query_link_tend(struct query_link *link, int64_t now_ms)
{
    if (link->state == LINK_DOWN && now_ms >= link->try_again_ms)
        begin_to_connect(link, now_ms);
    else if (link->state != LINK_DOWN && link->state != LINK_IDLE && now_ms >= link->give_up_ms) {
        struct database_error error = {.fault = DATABASE_AWAY, .message = "no answer in time"};
        link_failed(link, &error);
    }
}

void query_link_run(struct query_link *link, struct query *query)
{
    query->next = NULL;
    link->query = query;
    link->step = 0;
    link->state = LINK_BUSY;
    link->give_up_ms = query->deadline_ms;
    for (size_t i = 0; i < query->step_count; i++) {
        const struct database_values *values = &query->steps[i].values;
        int formats[DATABASE_VALUES_MAX];
        for (int at = 0; at < values->count; at++)
            formats[at] = 1;
        if (!PQsendQueryParams(link->connection, query->steps[i].sql, values->count, values->types, values->data,
                               values->lengths, formats, 1)) {
            lost(link);
            return;
        }
    }
    if (!PQpipelineSync(link->connection))
        lost(link);
    else
        flush_and_watch(link);
}

struct query_link *query_link_new(struct queries *queries, struct event_base *base, const char *url,
                                  const char *application)
{
    struct query_link *link = memory_new(1, sizeof *link);
    link->queries = queries;
    link->base = base;
    link->url = memory_copy_string(url);
    link->application = memory_copy_string(application);
    return link;
}

void query_link_free(struct query_link *link)
{
    if (link->query)
        query_finish(link->query, &(struct database_error){.fault = DATABASE_AWAY, .message = "closing"});
    close_connection(link);
    free(link->url);
    free(link->application);
    free(link);
}

bool query_link_idle(const struct query_link *link)
{
    return link->state == LINK_IDLE;
}

bool query_link_up(const struct query_link *link)
{
    return link->state == LINK_IDLE || link->state == LINK_BUSY;
}
