/* audit.c: see audit.h. */
#include "ctl/audit.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/console.h"

static const struct database_statement WRITE = {
    "audit", "INSERT INTO audit_log (what, company_id, detail, operator) VALUES ($1, $2, $3, $4)"};

static struct slice login_name(void)
{
    const char *caller = getenv("SUDO_USER");
    if (caller && *caller)
        return slice_of(caller);
    const struct passwd *user = getpwuid(getuid());
    return slice_of(user ? user->pw_name : NULL);
}

bool audit_write(struct database *database, struct arena *arena, const char *what, int64_t company_id,
                 struct slice detail, struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, arena);
    database_add_text(&values, slice_of(what));
    database_add_int(&values, company_id);
    database_add_json(&values, detail);
    database_add_text(&values, login_name());
    PGresult *rows = database_query(database, &WRITE, &values, error);
    PQclear(rows);
    return rows != NULL;
}

int audit_look(struct database *database, struct arena *arena, const char *what, int64_t company_id,
               struct slice detail)
{
    struct database_error error;
    return audit_write(database, arena, what, company_id, detail, &error)
               ? EXIT_CODE_FINE
               : console_database_problem(&error, "writing the audit log, without which nothing is shown");
}
