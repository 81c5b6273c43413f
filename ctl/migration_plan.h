/* migration_plan.h: which migrations are still to be applied, and whether the past was tampered with. Pure.
 *
 * Refuses, with a sentence: a migration that was applied with other contents than this program carries; one that was
 * applied and that this program does not know (it is older than the schema); a gap (003 applied, 002 not).
 */
#ifndef HOOKLINE_CTL_MIGRATION_PLAN_H
#define HOOKLINE_CTL_MIGRATION_PLAN_H

#include <stdint.h>

#include "common/arena.h"
#include "common/embedded.h"

struct migration {
    int64_t version;     /* 1 of "001_initial.sql" */
    const char *name;    /* "001_initial.sql" */
    struct slice sha256; /* of its contents, lower-case hex */
    struct slice sql;
    bool applied;
};

/* Reads the list of files; *count migrations in `arena`, in order. NULL if a name has no number or a number comes twice or
 * too early: then *problem says so (our own mistake at build time). */
struct migration *migrations_read(struct arena *arena, const struct embedded_file *files, size_t *count,
                                  const char **problem);

/* What schema_migrations says of one version. Sets `applied`. NULL when fine, else a sentence in `arena`. */
const char *migration_mark(struct arena *arena, struct migration *migrations, size_t count, int64_t version,
                           struct slice name, struct slice sha256);

/* After all were marked. NULL when fine. */
const char *migrations_check_order(struct arena *arena, const struct migration *migrations, size_t count);

#endif
