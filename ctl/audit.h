/* audit.h: who changed what, and who looked at a company's data.
 *
 *      who       the role that PostgreSQL knew                       cannot be claimed
 *      operator  the login name (under sudo: whoever called it)      claimed
 *      what      past tense: "number added", "call looked at"
 *      company   whose data it was; null: nobody's in particular
 *      detail    JSON: ids and counts. Never a caller's number, a name, a secret, or anything of a payload
 *      at        PostgreSQL's clock
 *
 * audit_log only grows: no role can change or remove a row (migration 002).
 */
#ifndef HOOKLINE_CTL_AUDIT_H
#define HOOKLINE_CTL_AUDIT_H

#include "common/database.h"

/* For a change: in the transaction that is open, so that neither is there without the other. `company_id` may be
 * DATABASE_NULL. */
bool audit_write(struct database *database, struct arena *arena, const char *what, int64_t company_id,
                 struct slice detail, struct database_error *error);

/* For a look at what is some company's or nobody's: before anything of it is shown, outside of any transaction. 0, or the
 * exit code after saying why it could not be written; then nothing may be shown. */
int audit_look(struct database *database, struct arena *arena, const char *what, int64_t company_id,
               struct slice detail);

#endif
