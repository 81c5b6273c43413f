/* registry.h: adding and listing what the operator registers: companies, branches, numbers, agents.
 *
 * `add` of what is there with the same values is fine and says so; with other values it is refused, and nothing changes.
 * Every addition leaves a row in audit_log, in the same transaction.
 */
#ifndef HOOKLINE_CTL_REGISTRY_H
#define HOOKLINE_CTL_REGISTRY_H

#include "ctl/console.h"

struct registry_entry {
    const char *what;   /* "number": for sentences and as audit_log's `what`, "number added" */
    struct slice name;  /* "+4930…": for sentences */
    int64_t company_id; /* for audit_log; 0: it is the new row's own id (a company) */
    int64_t branch_id;  /* for the sentence that there is none */

    /* INSERT … ON CONFLICT DO NOTHING RETURNING what `existing` returns, with the same parameters. */
    const struct database_statement *insert;
    /* What is there instead: one row: its id or NULL (bigint), whether it is the same (boolean), what it is (text). */
    const struct database_statement *existing;
    const struct database_values *values;
};

/* 0, or the exit code after saying why. */
int registry_add(const struct console *console, const struct arguments *arguments, const struct registry_entry *entry);

/* One SELECT whose columns are all text, shown under `columns`. `company_id` is its only parameter, null for all. */
int registry_list(const struct console *console, const struct arguments *arguments,
                  const struct database_statement *select, const struct column *columns, size_t column_count);

/* The options that all lists and all additions share. */
#define REGISTRY_OPTION_COMPANY(required_)                                                                             \
    {                                                                                                                  \
        .name = "company", .kind = OPTION_COUNT, .value = "ID", .min = 1, .max = INT64_MAX, .required = (required_),   \
        .help = "The company, by its id."                                                                              \
    }
#define REGISTRY_OPTION_BRANCH                                                                                         \
    {                                                                                                                  \
        .name = "branch", .kind = OPTION_COUNT, .value = "ID", .min = 1, .max = INT64_MAX,                             \
        .help = "The branch of that company, by its id."                                                               \
    }

#endif
