/* call_statements.h: what session says to PostgreSQL, all of it; parameters are made in call_values.c and call_store.c. */
#ifndef HOOKLINE_SESSION_CALL_STATEMENTS_H
#define HOOKLINE_SESSION_CALL_STATEMENTS_H

#include "common/database.h"

extern const struct database_statement STATEMENT_BEGIN, STATEMENT_COMMIT;
/* common/inbox_lock.h; no parameters; until the transaction ends. */
extern const struct database_statement STATEMENT_INBOX_SHARE, STATEMENT_INBOX_ALONE;

/* The inbox: which of these events are new? -> event_id. Parameters: call_values_inbox. */
extern const struct database_statement STATEMENT_INBOX_ADD;
/* $1 event ids, $2 companies: events whose call belongs to somebody else than they said. */
extern const struct database_statement STATEMENT_INBOX_OVERRIDE;

/* $1 call ids, $2 companies: the first one owns the call. */
extern const struct database_statement STATEMENT_OWNERS_ADD;
/* $1 call ids, $2 companies -> call_id, company_id of owners that are others. */
extern const struct database_statement STATEMENT_OWNERS_DIFFER;

/* $1 companies, $2 call ids, sorted -> CALL_ROW_BRIEF, stamps; locked in key order. */
extern const struct database_statement STATEMENT_CALLS_LOCK;
/* $1, $2 as above -> company_id, call_id, version of those that were moved away from the company. */
extern const struct database_statement STATEMENT_CALLS_LEFT;
/* Parameters of both: call_values_rows. -> company_id, call_id, customer_id of every row. */
extern const struct database_statement STATEMENT_CALLS_INSERT, STATEMENT_CALLS_UPDATE;

/* $1 companies, $2 numbers, sorted; $3 now: rows for those that have none. Then, of the same $1, $2 -> id. */
extern const struct database_statement STATEMENT_CUSTOMERS_ADD, STATEMENT_CUSTOMERS_FIND;

/* $1 companies, $2 numbers, sorted; $3 names, $4 starts of the calls, $5 collected: names that win over what is there. */
extern const struct database_statement STATEMENT_CUSTOMERS_NAME;

/* Moving a call: $1 call id, $2 from, $3 to. */
extern const struct database_statement STATEMENT_OWNER_LOCK; /* $1 -> company_id */
extern const struct database_statement STATEMENT_OWNER_MOVE; /* $1, $2, $3 */
extern const struct database_statement
    STATEMENT_CALL_READ; /* $1, $2, $3 -> CALL_ROW_BRIEF, CALL_ROW_LARGE, stamps; locked */
extern const struct database_statement STATEMENT_CALL_DELETE; /* $1, $2 */
extern const struct database_statement STATEMENT_INBOX_MOVE;  /* $1, $2, $3 */
extern const struct database_statement STATEMENT_JOBS_MOVE;   /* $1, $2, $3 */
extern const struct database_statement STATEMENT_CALL_LEFT;   /* $1, $2, $3 the version of its `gone` */
/* The customer of a call that left: $1 id, $2 company; $3 start of the call. The second only if no call names him any more. */
extern const struct database_statement STATEMENT_CUSTOMER_UNNAME, STATEMENT_CUSTOMER_DELETE;

/* Forgetting a call: $1 call id, $2 company. */
extern const struct database_statement STATEMENT_FORGET_HERE, STATEMENT_FORGET_UNBOUND;
extern const struct database_statement STATEMENT_OWNER_DELETE, STATEMENT_INBOX_DELETE, STATEMENT_JOB_DELETE;
extern const struct database_statement
    STATEMENT_FORGOTTEN_VERSION; /* -> version and time of the update that said gone */

#endif
