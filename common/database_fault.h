/* database_fault.h: whose fault an error of PostgreSQL is, and so what is to be done. Pure. */
#ifndef HOOKLINE_COMMON_DATABASE_FAULT_H
#define HOOKLINE_COMMON_DATABASE_FAULT_H

#include "common/slice.h"

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
    char sqlstate[6];    /* "" if there was no connection */
    char constraint[64]; /* "" if none */
    char message[256];   /* one line, primary message only: it may hold no value of a row */
};

/* Pure. `race_constraint` may be NULL. */
enum database_fault database_fault_of(const char *sqlstate, const char *constraint, const char *race_constraint);

/* A server's primary message as it may be logged: one line, and for class 22, whose messages quote the value that was
 * refused (22P02: invalid input syntax for type uuid: "…"), only what stands before the value. Cut at `size`. */
void database_message_clean(const char *sqlstate, struct slice message, char *text, size_t size);

#endif
