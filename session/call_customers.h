/* call_customers.h: customers of changed calls: one row per company and number, made when first needed, and named. */
#ifndef HOOKLINE_SESSION_CALL_CUSTOMERS_H
#define HOOKLINE_SESSION_CALL_CUSTOMERS_H

#include "common/database.h"
#include "session/call_batch.h"

/* Sets customer_id of those of `works` whose numbers or direction changed, inside the open transaction: one flight if a
 * number is involved, else none. False and *error: the transaction is rolled back. */
bool call_customers_find(struct database *database, struct arena *arena, struct call_work *const *works, size_t count,
                         int64_t now_ms, struct database_error *error);

/* Parameters of STATEMENT_CUSTOMERS_NAME: what the fresh entries of the batch say the customers are called. NULL: nothing.
 * For the flight after call_customers_find. */
struct database_values *call_customers_names(struct arena *arena, const struct call_batch *calls);

#endif
