/* purge.c: removes what is old enough, batch by batch, so that nobody waits for it.
 *
 *      count ──> --dry-run: shown, and nothing else
 *            └─> audit_log "purge begun" ──> batches, a transaction each ──> audit_log "purged" with what was removed
 *
 * Stopped in the middle it has removed less; said again it goes on. Refuses an age below 45 days. Calls stay unless
 * --calls-older-than says otherwise.
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/inbox_lock.h"
#include "ctl/audit.h"
#include "ctl/console.h"
#include "ctl/purge_kinds.h"
#include "ctl/verbs.h"

#define DAY_MS INT64_C(86400000)

static const char BEGIN_ALONE[] = "BEGIN; " INBOX_LOCK_ALONE;

struct purge {
    struct database *database;
    struct arena *arena;
    int64_t older_ms, calls_older_ms; /* since the epoch; calls: DATABASE_NULL without --calls-older-than */
    int64_t batch_rows;
    int64_t rows[PURGE_KINDS], first[PURGE_KINDS];
    struct database_error error;
};

static bool wanted(const struct purge *purge, size_t kind)
{
    return !PURGE_KINDS_OF[kind].of_calls || purge->calls_older_ms != DATABASE_NULL;
}

static void add_age(const struct purge *purge, size_t kind, struct database_values *values)
{
    database_values_init(values, purge->arena);
    database_add_time(values, PURGE_KINDS_OF[kind].of_calls ? purge->calls_older_ms : purge->older_ms);
}

/* The customers of calls that are still to go are not counted. */
static bool count_rows(struct purge *purge)
{
    for (size_t i = 0; i < PURGE_KINDS; i++) {
        if (!wanted(purge, i))
            continue;
        struct database_values values;
        add_age(purge, i, &values);
        PGresult *rows = database_query(purge->database, PURGE_KINDS_OF[i].count, &values, &purge->error);
        if (!rows)
            return false;
        purge->rows[i] = database_int(rows, 0, 0);
        purge->first[i] = database_int(rows, 0, 1);
        PQclear(rows);
    }
    return true;
}

struct place {
    int64_t number;
    struct slice text;
};

static bool remove_batch(struct purge *purge, size_t kind, struct place *place, bool *over)
{
    struct database_values values;
    add_age(purge, kind, &values);
    database_add_int(&values, purge->batch_rows);
    database_add_int(&values, place->number);
    database_add_text(&values, place->text);
    bool alone = PURGE_KINDS_OF[kind].alone;
    if (alone && !database_execute(purge->database, BEGIN_ALONE, &purge->error))
        return false;
    PGresult *rows = database_query(purge->database, PURGE_KINDS_OF[kind].batch, &values, &purge->error);
    if (!rows)
        return false;
    purge->rows[kind] += database_int(rows, 0, 0);
    *over = database_flag(rows, 0, 1) == 1;
    *place = (struct place){database_int(rows, 0, 2), arena_copy(purge->arena, database_text(rows, 0, 3))};
    PQclear(rows);
    return !alone || database_execute(purge->database, "COMMIT", &purge->error);
}

/* Forgetting and moving a call lock the owner first and its events then, this the other way round: PostgreSQL ends one of two
 * that wait for each other. The batch has changed nothing then, and the other is done when it is asked again. */
static bool lost_a_race(struct purge *purge)
{
    if (purge->error.fault != DATABASE_RACE)
        return false;
    database_rollback(purge->database);
    return true;
}

static bool remove_rows(struct purge *purge)
{
    for (size_t i = 0; i < PURGE_KINDS; i++) {
        bool nothing = purge->rows[i] == 0 && !PURGE_KINDS_OF[i].of_calls;
        purge->rows[i] = 0;
        struct place place = {purge->first[i], SLICE("")};
        for (bool over = nothing || !wanted(purge, i); !over;)
            if (!remove_batch(purge, i, &place, &over) && !lost_a_race(purge))
                return false;
    }
    return true;
}

static void add_rows(const struct purge *purge, struct buffer *json)
{
    bool first = true;
    buffer_add_text(json, "{");
    for (size_t i = 0; i < PURGE_KINDS; i++) {
        if (wanted(purge, i))
            buffer_add_format(json, "%s\"%s\":%lld", first ? "" : ",", PURGE_KINDS_OF[i].name,
                              (long long)purge->rows[i]);
        first = false;
    }
    buffer_add_char(json, '}');
}

static bool audit_purge(struct purge *purge, const char *what, const struct arguments *arguments, bool with_rows)
{
    struct buffer detail = {0};
    buffer_add_format(&detail, "{\"older_than_days\":%lld",
                      (long long)argument_count(arguments, "older-than", PURGE_USUAL_DAYS));
    if (argument_given(arguments, "calls-older-than"))
        buffer_add_format(&detail, ",\"calls_older_than_days\":%lld",
                          (long long)argument_count(arguments, "calls-older-than", 0));
    if (with_rows) {
        buffer_add_text(&detail, ",\"rows\":");
        add_rows(purge, &detail);
    }
    buffer_add_char(&detail, '}');
    bool fine = audit_write(purge->database, purge->arena, what, DATABASE_NULL, buffer_slice(&detail), &purge->error);
    buffer_free(&detail);
    return fine;
}

static int show(const struct purge *purge, const struct arguments *arguments)
{
    bool dry = argument_given(arguments, "dry-run");
    struct buffer out = {0};
    if (arguments_json(arguments)) {
        buffer_add_format(&out, "{\"dry_run\":%s,\"rows\":", dry ? "true" : "false");
        add_rows(purge, &out);
        buffer_add_text(&out, "}\n");
    } else {
        for (size_t i = 0; i < PURGE_KINDS; i++)
            if (wanted(purge, i))
                buffer_add_format(&out, "%12lld  %s\n", (long long)purge->rows[i], PURGE_KINDS_OF[i].about);
        buffer_add_text(&out, dry ? "would be removed; nothing was changed (--dry-run)\n" : "removed\n");
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int check_age(const struct arguments *arguments, const char *option)
{
    int64_t days = argument_count(arguments, option, PURGE_MIN_DAYS);
    if (days >= PURGE_MIN_DAYS)
        return EXIT_CODE_FINE;
    return complain(
        EXIT_CODE_USAGE,
        "--%s is %lld; %d days are the least: Kafka keeps records for 7 days and dead letters for 30, and a "
        "repeat of what is no longer known would have its effect again",
        option, (long long)days, PURGE_MIN_DAYS);
}

static int purge_now(struct purge *purge, const struct arguments *arguments)
{
    bool fine = database_execute(purge->database, "SET statement_timeout = 0", &purge->error) && count_rows(purge);
    if (fine && !argument_given(arguments, "dry-run"))
        fine = audit_purge(purge, "purge begun", arguments, false) && remove_rows(purge) &&
               audit_purge(purge, "purged", arguments, true);
    return fine ? show(purge, arguments) : console_database_problem(&purge->error, "purging");
}

static int purge(const struct console *console, const struct arguments *arguments)
{
    int exit_code = check_age(arguments, "older-than");
    if (exit_code == EXIT_CODE_FINE)
        exit_code = check_age(arguments, "calls-older-than");
    struct purge purge = {
        .arena = arguments_arena(arguments),
        .older_ms = clock_now_ms() - argument_count(arguments, "older-than", PURGE_USUAL_DAYS) * DAY_MS,
        .calls_older_ms = argument_given(arguments, "calls-older-than")
                              ? clock_now_ms() - argument_count(arguments, "calls-older-than", 0) * DAY_MS
                              : DATABASE_NULL,
        .batch_rows = argument_count(arguments, "batch", PURGE_BATCH_ROWS),
    };
    if (exit_code == EXIT_CODE_FINE)
        exit_code = console_database(console, &purge.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    database_wait_long(purge.database);
    exit_code = purge_now(&purge, arguments);
    database_rollback(purge.database);
    database_close(purge.database);
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "older-than",
     .kind = OPTION_COUNT,
     .value = "DAYS",
     .min = 1,
     .max = 36500,
     .help = "Events, parked events and done jobs of that age (90; at least 45)."},
    {.name = "calls-older-than",
     .kind = OPTION_COUNT,
     .value = "DAYS",
     .min = 1,
     .max = 36500,
     .help = "Also whole calls that ended so long ago, and customers that have none left (at least 45)."},
    {.name = "batch",
     .kind = OPTION_COUNT,
     .value = "ROWS",
     .min = 1,
     .max = 100000,
     .help = "Rows removed in one transaction (1000)."},
    {.name = "dry-run", .kind = OPTION_FLAG, .help = "Only count."},
};

const struct verb VERB_PURGE = {.name = "purge",
                                .about = "Removes what is old: events, parked events, jobs; calls only if told to.",
                                .options = OPTIONS,
                                .option_count = COUNT(OPTIONS),
                                .run = purge};
