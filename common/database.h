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
 * open is gone then, and whoever began it starts over.
 */
#ifndef HOOKLINE_COMMON_DATABASE_H
#define HOOKLINE_COMMON_DATABASE_H

#include <libpq-fe.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/settings.h"

enum database_fault {
    DATABASE_FINE,
    DATABASE_AWAY,    /* 08 25 40 53 55 57 58, no connection: wait and do it again */
    DATABASE_SLOW,    /* 57014: a statement ran over its time */
    DATABASE_RACE,    /* 40001 40P01, and 23505 on a constraint that the caller named: again at once */
    DATABASE_DATA,    /* 21 22 23 54: one of the values is the culprit */
    DATABASE_REFUSED, /* 28 3D: role, password or database are wrong: exit 78 */
    DATABASE_OURS,    /* 42 and the rest: our bug or a schema that does not fit: exit 70 */
};

struct database_error {
    enum database_fault fault;
    char sqlstate[6];       /* "" if there was no connection */
    char constraint[64];    /* "" if none */
    char message[256];      /* one line, primary message only: it may hold no value of a row */
};

/* Pure. `race_constraint` may be NULL. */
enum database_fault database_fault_of(const char *sqlstate, const char *constraint, const char *race_constraint);

struct database_statement {
    const char *name; /* unique in the program */
    const char *sql;
};

enum { DATABASE_VALUES_MAX = 64 };

struct database_values {
    struct arena *arena;
    int count;
    unsigned types[DATABASE_VALUES_MAX]; /* OIDs */
    const char *data[DATABASE_VALUES_MAX];
    int lengths[DATABASE_VALUES_MAX];
};

/* The null of a whole number or a time. */
#define DATABASE_NULL INT64_MIN

/* All of these copy into the arena; absent slices and DATABASE_NULL become null, in arrays too. */
void database_values_init(struct database_values *values, struct arena *arena);
void database_add_int(struct database_values *values, int64_t number);          /* bigint */
void database_add_text(struct database_values *values, struct slice text);
void database_add_bytes(struct database_values *values, struct slice bytes);    /* bytea */
void database_add_json(struct database_values *values, struct slice json);      /* jsonb */
void database_add_time(struct database_values *values, int64_t ms);             /* timestamptz from ms since 1970 */
void database_add_flag(struct database_values *values, bool flag);
void database_add_ints(struct database_values *values, const int64_t *numbers, size_t count);
void database_add_texts(struct database_values *values, const struct slice *texts, size_t count);
void database_add_bytes_array(struct database_values *values, const struct slice *bytes, size_t count);
void database_add_jsons(struct database_values *values, const struct slice *jsons, size_t count);
void database_add_times(struct database_values *values, const int64_t *ms, size_t count);
/* numeric[] from whole numbers of 10^-decimals: 15215000 with 6 is 15.215000. */
void database_add_decimals(struct database_values *values, const int64_t *scaled, int decimals, size_t count);
/* boolean[]; -1 is null. */
void database_add_flags(struct database_values *values, const int8_t *flags, size_t count);

/* Reading one field of a binary result. Slices borrow from the result. */
int64_t database_int(const PGresult *rows, int row, int column);                  /* int2, int4, int8; DATABASE_NULL */
struct slice database_text(const PGresult *rows, int row, int column);            /* text, bytea, jsonb (as text) */
int64_t database_time(const PGresult *rows, int row, int column);                 /* ms; DATABASE_NULL */
int64_t database_decimal(const PGresult *rows, int row, int column, int decimals); /* scaled; DATABASE_NULL */
int database_flag(const PGresult *rows, int row, int column);                     /* -1 null, 0, 1 */
/* The elements of a text[] in `arena`; count in *count, -1 for null. */
const struct slice *database_text_array(const PGresult *rows, int row, int column, struct arena *arena, int *count);

struct database;

/* Does not connect yet. `url` as libpq reads it; `application` shows in pg_stat_activity. Sets for each connection:
 * statement_timeout 30 s, lock_timeout 5 s, idle_in_transaction_session_timeout 10 s, tcp_user_timeout 10 s,
 * target_session_attrs=read-write. */
struct database *database_open(const char *url, const char *application);
void database_close(struct database *database);

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
