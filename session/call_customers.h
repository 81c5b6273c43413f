/* call_customers.h: customers of changed calls: one row per company and number, made when first needed, and named. */
#ifndef HOOKLINE_SESSION_CALL_CUSTOMERS_H
#define HOOKLINE_SESSION_CALL_CUSTOMERS_H

#include "common/database.h"
#include "session/call_batch.h"

/* Whose numbers or direction changed among `works`: they get `customer_wanted`, which the statement that writes their row
 * looks up, and no customer_id yet. Returns parameters of STATEMENT_CUSTOMERS_ADD, for the same flight before that statement;
 * NULL: no number is involved. */
struct database_values *call_customers_want(struct arena *arena, struct call_work *const *works, size_t count,
                                            int64_t now_ms);

/* customer_id of those that wanted one, from what STATEMENT_CALLS_INSERT or _UPDATE returned. */
void call_customers_found(struct call_batch *batch, const PGresult *rows);

/* The same for one call, in a flight of its own inside the open transaction. False and *error: the transaction is rolled
 * back. */
bool call_customers_find(struct database *database, struct arena *arena, struct call_work *work, int64_t now_ms,
                         struct database_error *error);

/* Parameters of STATEMENT_CUSTOMERS_NAME: what the fresh entries of the batch say the customers are called. NULL: nothing.
 * For a statement behind STATEMENT_CUSTOMERS_ADD. */
struct database_values *call_customers_names(struct arena *arena, const struct call_batch *calls);

#endif
