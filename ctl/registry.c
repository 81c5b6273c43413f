/* registry.c: see registry.h. */
#include "ctl/registry.h"

#include <stdio.h>

#include "ctl/audit.h"

/* An id that was given by hand is met by the sequence later: it steps over it, this many times at most. */
enum { INSERT_TRIES = 1000 };

static const struct database_statement COMPANY = {"company", "SELECT FROM companies WHERE id = $1"};

static const char FOREIGN_KEY_VIOLATION[] = "23503"; /* SQLSTATE */

enum addition { ADDITION_NEW, ADDITION_SAME, ADDITION_OTHER, ADDITION_FAILED };

struct addition_row {
    int64_t id;
    bool same;
    struct slice is;
};

/* The row that `statement` gives, if it gives one; false after an error. */
static bool ask(struct database *database, const struct database_statement *statement,
                const struct registry_entry *entry, struct arena *arena, struct addition_row *row, bool *found,
                struct database_error *error)
{
    PGresult *rows = database_query(database, statement, entry->values, error);
    if (!rows)
        return false;
    *found = PQntuples(rows) > 0;
    if (*found)
        *row = (struct addition_row){.id = database_int(rows, 0, 0),
                                     .same = database_flag(rows, 0, 1) == 1,
                                     .is = arena_copy(arena, database_text(rows, 0, 2))};
    PQclear(rows);
    return true;
}

static enum addition add_or_compare(struct database *database, const struct registry_entry *entry, struct arena *arena,
                                    struct addition_row *row, struct database_error *error)
{
    for (int i = 0; i < INSERT_TRIES; i++) {
        bool found = false;
        if (!ask(database, entry->insert, entry, arena, row, &found, error))
            return ADDITION_FAILED;
        if (found)
            return ADDITION_NEW;
        if (!ask(database, entry->existing, entry, arena, row, &found, error))
            return ADDITION_FAILED;
        if (found)
            return row->same ? ADDITION_SAME : ADDITION_OTHER;
    }
    snprintf(error->message, sizeof error->message, "no free id after %d tries", INSERT_TRIES);
    error->fault = DATABASE_AWAY;
    return ADDITION_FAILED;
}

static int say_addition(const struct arguments *arguments, const struct registry_entry *entry, enum addition addition,
                        const struct addition_row *row)
{
    if (addition == ADDITION_OTHER)
        return complain(EXIT_CODE_FINDING, "%s \"%.*s\" is there already, but as: %.*s; nothing was changed",
                        entry->what, SLICE_PRINT(entry->name), SLICE_PRINT(row->is));
    struct buffer out = {0};
    bool is_new = addition == ADDITION_NEW;
    if (arguments_json(arguments)) {
        buffer_add_format(&out, "{\"added\":%s,\"id\":", is_new ? "true" : "false");
        if (row->id == DATABASE_NULL)
            buffer_add_text(&out, "null");
        else
            buffer_add_format(&out, "%lld", (long long)row->id);
        buffer_add_format(&out, ",\"%s\":", entry->what);
        buffer_add_json_string(&out, entry->name);
        buffer_add_text(&out, "}\n");
    } else {
        buffer_add_format(&out, "%s \"%.*s\" %s: %.*s\n", entry->what, SLICE_PRINT(entry->name),
                          is_new ? "added" : "is there already", SLICE_PRINT(row->is));
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

/* A foreign key refused: which of the two is missing? Asked afterwards, as the refusal names only a constraint. */
static int say_missing(struct database *database, struct arena *arena, const struct registry_entry *entry)
{
    struct database_error error;
    struct database_values values;
    database_values_init(&values, arena);
    database_add_int(&values, entry->company_id);
    PGresult *rows = database_query(database, &COMPANY, &values, &error);
    if (!rows)
        return console_database_problem(&error, "looking for the company");
    bool company_there = PQntuples(rows) > 0;
    PQclear(rows);
    if (company_there)
        return complain(EXIT_CODE_FINDING,
                        "%s \"%.*s\" is not added: company %lld has no branch %lld; `hookline branch list` shows them",
                        entry->what, SLICE_PRINT(entry->name), (long long)entry->company_id,
                        (long long)entry->branch_id);
    return complain(EXIT_CODE_FINDING,
                    "%s \"%.*s\" is not added: there is no company %lld; `hookline company list` shows them",
                    entry->what, SLICE_PRINT(entry->name), (long long)entry->company_id);
}

static int say_failure(const struct registry_entry *entry, const struct database_error *error)
{
    char doing[64];
    snprintf(doing, sizeof doing, "adding the %s", entry->what);
    return console_database_problem(error, doing);
}

int registry_add(const struct console *console, const struct arguments *arguments, const struct registry_entry *entry)
{
    struct arena *arena = arguments_arena(arguments);
    struct database *database = NULL;
    struct database_error error;
    struct addition_row row = {.id = DATABASE_NULL};
    int exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;

    enum addition addition = ADDITION_FAILED;
    if (database_execute(database, "BEGIN", &error))
        addition = add_or_compare(database, entry, arena, &row, &error);
    if (addition == ADDITION_NEW) {
        struct buffer detail = {0};
        buffer_add_format(&detail, "{\"%s\":", entry->what);
        buffer_add_json_string(&detail, entry->name);
        buffer_add_text(&detail, ",\"is\":");
        buffer_add_json_string(&detail, row.is);
        buffer_add_char(&detail, '}');
        const char *what = arena_format(arena, "%s added", entry->what).ptr;
        if (!audit_write(database, arena, what, entry->company_id > 0 ? entry->company_id : row.id,
                         buffer_slice(&detail), &error) ||
            !database_execute(database, "COMMIT", &error))
            addition = ADDITION_FAILED;
        buffer_free(&detail);
    }
    database_rollback(database);
    if (addition != ADDITION_FAILED)
        exit_code = say_addition(arguments, entry, addition, &row);
    else if (strcmp(error.sqlstate, FOREIGN_KEY_VIOLATION) == 0)
        exit_code = say_missing(database, arena, entry);
    else
        exit_code = say_failure(entry, &error);
    database_close(database);
    return exit_code;
}

int registry_list(const struct console *console, const struct arguments *arguments,
                  const struct database_statement *select, const struct column *columns, size_t column_count)
{
    struct arena *arena = arguments_arena(arguments);
    struct database *database = NULL;
    struct database_error error;
    int exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;

    struct database_values values;
    database_values_init(&values, arena);
    database_add_int(&values, argument_count(arguments, "company", DATABASE_NULL));
    PGresult *rows = database_query(database, select, &values, &error);
    if (rows) {
        struct table *table = table_new(arena, columns, column_count);
        struct slice *cells = arena_zeroed(arena, column_count, sizeof *cells);
        for (int row = 0; row < PQntuples(rows); row++) {
            for (size_t i = 0; i < column_count; i++)
                cells[i] = database_text(rows, row, (int)i);
            table_add(table, cells);
        }
        exit_code = console_show(arguments, table);
    } else {
        exit_code = console_database_problem(&error, "listing");
    }
    PQclear(rows);
    database_close(database);
    return exit_code;
}
