/* call_customers.h: customers of changed calls: one row per company and number, made when first needed. */
#ifndef HOOKLINE_SESSION_CALL_CUSTOMERS_H
#define HOOKLINE_SESSION_CALL_CUSTOMERS_H

#include "common/database.h"
#include "session/call_batch.h"

/* Sets customer_id of those of `works` whose numbers or direction changed, inside the open transaction: one flight if a
 * number is involved, else none. False and *error: the transaction is rolled back. */
bool call_customers_find(struct database *database, struct arena *arena, struct call_work *const *works, size_t count,
                         int64_t now_ms, struct database_error *error);

#endif
