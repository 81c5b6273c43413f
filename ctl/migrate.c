/* migrate.c: brings the schema to what this program carries.
 *
 * Each migration runs in one transaction under an advisory lock, with its row in schema_migrations: two operators at once
 * do it once. Refuses a database in which an applied migration differs from ours, and one that is newer than this program.
 * Security: needs a role that may create roles; nothing here is made of values.
 */
#include <stdio.h>

#include "ctl/migration_plan.h"
#include "ctl/console.h"
#include "ctl/role_passwords.h"
#include "ctl/verbs.h"

/* The lock's key is "hookline" read as a number. Waiting for another operator's migration takes longer than a statement
 * of a program may. */
static const char BEGIN_LOCKED[] = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; "
                                   "SET LOCAL idle_in_transaction_session_timeout = '60s'; "
                                   "SELECT pg_advisory_xact_lock(7525356009530420837)";

/* After the first migration has made the roles. Whoever may log in may see what the schema is. */
static const char MAKE_HISTORY[] = "SET LOCAL ROLE hookline_owner; "
                                   "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, name "
                                   "text NOT NULL, sha256 text NOT NULL, "
                                   "applied_at timestamptz NOT NULL DEFAULT now()); "
                                   "GRANT SELECT ON schema_migrations TO hookline_resolver, hookline_session, "
                                   "hookline_sync, hookline_feed, hookline_api, "
                                   "hookline_reader, hookline_ctl; "
                                   "RESET ROLE";

static const struct database_statement HISTORY_EXISTS = {"history_exists",
                                                         "SELECT to_regclass('schema_migrations') IS NOT NULL"};
static const struct database_statement HISTORY = {
    "history", "SELECT version, name, sha256 FROM schema_migrations ORDER BY version"};
static const struct database_statement RECORD = {
    "record", "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)"};

struct run {
    struct database *database;
    struct arena *arena;
    struct migration *migrations;
    size_t count;
    struct database_error error;
};

/* Marks what is applied. 0 or an exit code; something has been said then. */
static int read_history(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        run->migrations[i].applied = false;
    PGresult *rows = database_query(run->database, &HISTORY_EXISTS, NULL, &run->error);
    if (!rows)
        return console_database_problem(&run->error, "reading the schema's history");
    bool exists = database_flag(rows, 0, 0) == 1;
    PQclear(rows);
    if (!exists)
        return EXIT_CODE_FINE;

    rows = database_query(run->database, &HISTORY, NULL, &run->error);
    if (!rows)
        return console_database_problem(&run->error, "reading the schema's history");
    const char *problem = NULL;
    for (int row = 0; row < PQntuples(rows) && !problem; row++)
        problem = migration_mark(run->arena, run->migrations, run->count, database_int(rows, row, 0),
                                 database_text(rows, row, 1), database_text(rows, row, 2));
    PQclear(rows);
    if (!problem)
        problem = migrations_check_order(run->arena, run->migrations, run->count);
    return problem ? complain(EXIT_CODE_BUG, "%s", problem) : EXIT_CODE_FINE;
}

static bool record(struct run *run, const struct migration *migration)
{
    struct database_values values;
    database_values_init(&values, run->arena);
    database_add_int(&values, migration->version);
    database_add_text(&values, slice_of(migration->name));
    database_add_text(&values, migration->sha256);
    PGresult *rows = database_query(run->database, &RECORD, &values, &run->error);
    PQclear(rows);
    return rows != NULL;
}

static int refused(const struct run *run, const struct migration *migration)
{
    if (strcmp(run->error.sqlstate, "42501") == 0)
        return complain(EXIT_CODE_CONFIGURATION,
                        "migration %s: %s; HOOKLINE_DATABASE_URL must name an administrator here: a role that owns the "
                        "database and may create roles",
                        migration->name, run->error.message);
    return console_database_problem(&run->error, arena_format(run->arena, "migration %s", migration->name).ptr);
}

/* The lowest that is not applied yet, in a transaction of its own; *done if there was none. */
static int apply_next(struct run *run, bool *done)
{
    if (!database_execute(run->database, BEGIN_LOCKED, &run->error))
        return console_database_problem(&run->error, "waiting for the migration lock");
    int exit_code = read_history(run);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    size_t next = 0;
    while (next < run->count && run->migrations[next].applied)
        next++;
    *done = next == run->count;
    if (*done)
        return EXIT_CODE_FINE;

    const struct migration *migration = &run->migrations[next];
    bool fine = database_execute(run->database, migration->sql.ptr, &run->error) &&
                database_execute(run->database, MAKE_HISTORY, &run->error) && record(run, migration) &&
                database_execute(run->database, "COMMIT", &run->error);
    if (!fine)
        return refused(run, migration);
    run->migrations[next].applied = true;
    fprintf(stderr, "hookline: %s applied\n", migration->name);
    return EXIT_CODE_FINE;
}

static int show(const struct arguments *arguments, const struct run *run, size_t applied_now)
{
    struct buffer out = {0};
    const char *newest = run->count > 0 ? run->migrations[run->count - 1].name : "";
    if (arguments_json(arguments)) {
        buffer_add_format(&out, "{\"applied_now\":%zu,\"version\":%zu,\"name\":", applied_now, run->count);
        buffer_add_json_string(&out, slice_of(newest));
        buffer_add_text(&out, "}\n");
    } else if (applied_now == 0) {
        buffer_add_format(&out, "the schema is at %s already\n", newest);
    } else {
        buffer_add_format(&out, "the schema is at %s now (%zu applied)\n", newest, applied_now);
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int migrate(const struct console *console, const struct arguments *arguments)
{
    struct run run = {.arena = arguments_arena(arguments)};
    const char *problem = NULL;
    run.migrations = migrations_read(run.arena, MIGRATION_FILES, &run.count, &problem);
    if (problem)
        return complain(EXIT_CODE_BUG, "%s", problem);
    int exit_code = console_database(console, &run.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;

    database_wait_long(run.database); /* a full table may be rewritten */
    bool done = false;
    size_t applied_now = 0;
    while (exit_code == EXIT_CODE_FINE && !done) {
        exit_code = apply_next(&run, &done);
        applied_now += exit_code == EXIT_CODE_FINE && !done;
    }
    database_rollback(run.database);
    const char *passwords = argument_text(arguments, "passwords", NULL);
    if (exit_code == EXIT_CODE_FINE && passwords)
        exit_code = role_passwords_set(run.database, run.arena, passwords);
    database_close(run.database);
    return exit_code == EXIT_CODE_FINE ? show(arguments, &run, applied_now) : exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "passwords",
     .kind = OPTION_TEXT,
     .value = "DIR",
     .help = "Gives each role the password in its file in DIR (hookline_session, ...), if there is one."},
};

const struct verb VERB_MIGRATE = {
    .name = "migrate",
    .about = "Brings the database's schema to this version, with an administrator's HOOKLINE_DATABASE_URL.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .run = migrate};
