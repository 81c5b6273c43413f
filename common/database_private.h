/* database_private.h: what database.c and database_flight.c know of one connection. Nobody else includes this, but the
 * test that shortens the waiting. */
#ifndef HOOKLINE_COMMON_DATABASE_PRIVATE_H
#define HOOKLINE_COMMON_DATABASE_PRIVATE_H

#include "common/database.h"

enum { DATABASE_STATEMENTS_MAX = 64 };

struct database {
    char *url, *application;
    PGconn *connection; /* NULL: none, the next call opens one */
    uint64_t generation;
    const struct database_statement *prepared[DATABASE_STATEMENTS_MAX]; /* in this connection */
    size_t prepared_count;
    int silence_max_ms;
};

/* Longer than any statement may take (statement_timeout): after this long without a word the server is as good as gone.
 * Shorter than the limit of /livez. */
enum { DATABASE_SILENCE_MAX_MS = 35000 };

/* Waits until libpq has a result that can be taken without blocking; sends what is still to be sent meanwhile, for a
 * server whose own answers nobody reads stops reading (libpq-async, "PQflush"). False: the connection is lost. */
bool database_wait_result(PGconn *connection, int silence_max_ms);

/* Fills in *error from a failed result, or from the connection if `result` is NULL. */
void database_error_read(const struct database *database, const PGresult *result, const char *race_constraint,
                         struct database_error *error);

/* Closes the connection and forgets what it had prepared. */
void database_drop(struct database *database);

/* If the connection is lost: closes it, so that the next call opens a new one. */
void database_drop_if_lost(struct database *database);

#endif
