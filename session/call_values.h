/* call_values.h: entries and calls of a batch -> parameters of the statements in call_statements.h. Pure. */
#ifndef HOOKLINE_SESSION_CALL_VALUES_H
#define HOOKLINE_SESSION_CALL_VALUES_H

#include "common/database_values.h"
#include "session/call_batch.h"

/* STATEMENT_INBOX_ADD, 16 parameters. `topic` has no prefix. */
void call_values_inbox(struct database_values *values, struct arena *arena, const struct call_entry *entries,
                       size_t count, const char *topic, int64_t now_ms);

/* STATEMENT_CALLS_INSERT and STATEMENT_CALLS_UPDATE, 33 parameters. */
void call_values_rows(struct database_values *values, struct arena *arena, const struct call_work *const *works,
                      size_t count);

/* Two arrays: call ids and companies, the other way round with `company_first`. */
void call_values_keys(struct database_values *values, struct arena *arena, const struct call_work *const *works,
                      size_t count);

#endif
