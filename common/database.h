/* database.h: PostgreSQL, with parameters only and every error sorted by whose fault it is.
 *
 *      struct database_values values;                 one statement's parameters, binary
 *      database_values_init(&values, arena);
 *      database_add_int(&values, 7);
 *      database_add_texts(&values, names, count);     text[]
 *      PGresult *rows = database_query(database, &SELECT_NUMBERS, &values, &error);
 *
 * Results come back binary. Statements are prepared on first use and again after a reconnect. One connection, used by one
 * thread. A lost connection is reported once as DATABASE_AWAY and opened again by the next call; a transaction that was
 * open is gone then, and whoever began it starts over. Values are made in database_values.h, errors sorted in
 * database_fault.h, both pure.
 */
#ifndef HOOKLINE_COMMON_DATABASE_H
#define HOOKLINE_COMMON_DATABASE_H

#include <libpq-fe.h>
#include <stdint.h>

#include "common/database_fault.h"
#include "common/database_values.h"

struct database_statement {
    const char *name; /* unique in the program */
    const char *sql;
};

/* Reading one field of a binary result. Slices borrow from the result. */
int64_t database_int(const PGresult *rows, int row, int column);                   /* int2, int4, int8; DATABASE_NULL */
struct slice database_text(const PGresult *rows, int row, int column);             /* text, bytea, jsonb (as text) */
int64_t database_time(const PGresult *rows, int row, int column);                  /* ms; DATABASE_NULL */
int64_t database_decimal(const PGresult *rows, int row, int column, int decimals); /* scaled; DATABASE_NULL */
int database_flag(const PGresult *rows, int row, int column);                      /* -1 null, 0, 1 */
/* The elements of a text[] in `arena`; count in *count, -1 for null. */
const struct slice *database_text_array(const PGresult *rows, int row, int column, struct arena *arena, int *count);

struct database;

/* Does not connect yet. `url` as libpq reads it; `application` shows in pg_stat_activity. Sets for each connection:
 * statement_timeout 30 s, lock_timeout 5 s, idle_in_transaction_session_timeout 10 s, tcp_user_timeout 10 s,
 * target_session_attrs=read-write. */
struct database *database_open(const char *url, const char *application);
void database_close(struct database *database);

/* From now on an answer may take as long as it takes, and statement_timeout is the caller's to lift; a server that is gone
 * is still noticed within 20 s (keepalives). For commands that read or change whole tables: the loop of a program must not
 * wait like that, and knows a frozen server by its silence (35 s). */
void database_wait_long(struct database *database);

/* Connects if there is no connection; waits up to 5 s. */
bool database_connected(struct database *database, struct database_error *error);

/* The live connection, NULL without one; for LISTEN's notifications and its socket. */
PGconn *database_connection(struct database *database);

/* Changes with every new connection: what was cached under an older one may be stale. */
uint64_t database_generation(const struct database *database);

/* One statement outside or inside a transaction. NULL and *error on failure; the caller clears the result. */
PGresult *database_query(struct database *database, const struct database_statement *statement,
                         const struct database_values *values, struct database_error *error);

/* Text without parameters or results: BEGIN, COMMIT, LISTEN, SET. */
bool database_execute(struct database *database, const char *sql, struct database_error *error);

struct database_step {
    const struct database_statement *statement;
    const struct database_values *values; /* NULL: none */
    PGresult *rows;                       /* out; NULL for what was not reached */
};

/* Sends all steps in one flight (pipeline mode, one Sync at the end) and fills in each result. A flight may begin a
 * transaction that a later flight ends; "BEGIN" and "COMMIT" are statements like others. On failure: results are cleared,
 * the transaction is rolled back, *failed_step is the culprit's index. */
bool database_flight(struct database *database, struct database_step *steps, size_t count, const char *race_constraint,
                     struct database_error *error, size_t *failed_step);

/* Rolls back whatever is open; harmless otherwise. */
void database_rollback(struct database *database);

#endif
