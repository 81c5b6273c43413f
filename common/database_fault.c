/* database_fault.c: SQLSTATEs (PostgreSQL's appendix A), by what a consumer should do about them. */
#include "common/database_fault.h"

#include <stdio.h>

/* Single codes first: they override their class. */
static const struct {
    const char *prefix;
    enum database_fault fault;
} FAULTS[] = {
    {"57014", DATABASE_SLOW}, /* statement_timeout */
    {"40001", DATABASE_RACE}, /* serialization */
    {"40P01", DATABASE_RACE}, /* deadlock */
    {"08", DATABASE_AWAY},    /* connection */
    {"25", DATABASE_AWAY},    /* 25006: the server has become a standby; 25P03: we were too slow in a transaction */
    {"40", DATABASE_AWAY},    /* rolled back, outcome unknown */
    {"53", DATABASE_AWAY},    /* out of memory, disk, connections */
    {"55", DATABASE_AWAY},    /* 55P03: lock_timeout */
    {"57", DATABASE_AWAY},    /* shutdown, starting up */
    {"58", DATABASE_AWAY},    /* I/O */
    {"21", DATABASE_DATA},    /* cardinality */
    {"22", DATABASE_DATA},    /* encoding, range, format */
    {"23", DATABASE_DATA},    /* constraint */
    {"54", DATABASE_DATA},    /* beyond a limit of the server */
    {"28", DATABASE_REFUSED}, /* role, password, pg_hba */
    {"3D", DATABASE_REFUSED}, /* no such database */
};

enum database_fault database_fault_of(const char *sqlstate, const char *constraint, const char *race_constraint)
{
    if (sqlstate[0] == '\0')
        return DATABASE_AWAY;
    if (race_constraint && constraint && strcmp(sqlstate, "23505") == 0 && strcmp(constraint, race_constraint) == 0)
        return DATABASE_RACE;
    for (size_t i = 0; i < COUNT(FAULTS); i++)
        if (strncmp(sqlstate, FAULTS[i].prefix, strlen(FAULTS[i].prefix)) == 0)
            return FAULTS[i].fault;
    return DATABASE_OURS;
}

void database_message_clean(const char *sqlstate, struct slice message, char *text, size_t size)
{
    bool quotes_values = strncmp(sqlstate, "22", 2) == 0;
    size_t len = 0;
    while (len < message.len && len + 1 < size && message.ptr[len] != '\n' && message.ptr[len] != '\r') {
        if (quotes_values && (message.ptr[len] == ':' || message.ptr[len] == '"'))
            break;
        len++;
    }
    while (len > 0 && message.ptr[len - 1] == ' ')
        len--;
    snprintf(text, size, "%.*s", (int)len, message.ptr ? message.ptr : "");
}
