/* spool_private.h: what the two files of the spool share: the connection and its prepared statements. */
#ifndef HOOKLINE_INGEST_SPOOL_PRIVATE_H
#define HOOKLINE_INGEST_SPOOL_PRIVATE_H

#include <sqlite3.h>

#include "ingest/spool.h"

enum spool_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_APPEND,
    STATEMENT_DELETE,
    STATEMENT_DELETE_SET_ASIDE,
    STATEMENT_SET_ASIDE,
    STATEMENT_KEY_WAITS,
    STATEMENT_READ,
    STATEMENT_READ_SET_ASIDE,
    STATEMENT_TOTALS,
    STATEMENT_TOTALS_SET_ASIDE,
    STATEMENT_OLDEST,
    STATEMENT_LAST,
    STATEMENT_OTHERS_WROTE,
};
enum { SPOOL_STATEMENTS = STATEMENT_OTHERS_WROTE + 1, SPOOL_PROBLEM_MAX = 256 };

struct spool {
    sqlite3 *database;
    sqlite3_stmt *statements[SPOOL_STATEMENTS];
    bool writing;                /* a transaction is open */
    struct spool_stat now, sure; /* with the open transaction; as it is without it */
    int64_t others_wrote;        /* SQLite's data_version when set-aside records were last counted; 0: at the opening */
    enum spool_outcome fault;    /* that `problem` tells of */
    char problem[SPOOL_PROBLEM_MAX];
};

/* What SQLite's code means for us; the sentence is kept. */
enum spool_outcome spool_fail(struct spool *spool, int code, const char *doing);

/* The prepared statement, reset and without bindings; NULL: it cannot be prepared (spool_fail was called). */
sqlite3_stmt *spool_prepare(struct spool *spool, enum spool_statement which);

/* Counts and bytes, from the file. */
enum spool_outcome spool_count(struct spool *spool);

#endif
