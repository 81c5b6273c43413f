/* call_assign.c: an operator gives a call to another company.
 *
 *      checks ──> audit_log ──> ai.hookline.call_assigned in calls.events, acked ──> session moves it ──> seen here
 *
 * Session is the only writer of calls, so this command only says what is wanted and waits until it is so. Said again it does
 * no harm: session moves a call once, and only from the company that has it.
 *
 * Refuses calls of sources that are bound to a company: their signature says whose they are, and the next event would say it
 * again. A call that is only parked has no company yet: `hookline parked release ID --company N`.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/audit.h"
#include "ctl/operator_event.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

enum { WAIT_USUAL_S = 15, WAIT_MOST_S = 3600, ASK_EVERY_MS = 100 };

/* $1 call id, $2 company -> owner; is the company there; has a bound source said anything; whose row there is; an event of it
 * that is parked */
static const struct database_statement FACTS = {
    "call_facts",
    "SELECT o.company_id, EXISTS (SELECT FROM companies WHERE id = $2), "
    "o.bound OR EXISTS (SELECT FROM webhook_events w WHERE w.call_id = $1 AND w.company_id = "
    "o.company_id AND w.resolved_by = "
    "'source'), (SELECT min(c.company_id) FROM calls c WHERE c.call_id = $1), "
    "(SELECT encode(p.event_id, 'hex') FROM parked_events p WHERE p.call_id = $1 AND p.released_at IS NULL ORDER BY "
    "p.parked_at LIMIT 1) "
    "FROM (SELECT 1) one LEFT JOIN call_owners o ON o.call_id = $1"};
static const struct database_statement OWNER = {"call_owner", "SELECT company_id FROM call_owners WHERE call_id = $1"};

struct move {
    const struct console *console;
    const struct arguments *arguments;
    struct arena *arena;
    struct database *database;
    struct slice call_id;
    int64_t from, to;
    struct database_error error;
};

static int failed(const struct move *move)
{
    return console_database_problem(&move->error, "moving the call");
}

/* Why it cannot be moved, or 0 with move->from. */
static int judge(struct move *move, const PGresult *rows)
{
    const char *call_id = arguments_operand(move->arguments);
    int64_t owner = database_int(rows, 0, 0), row_of = database_int(rows, 0, 3);
    if (database_flag(rows, 0, 1) != 1)
        return complain(EXIT_CODE_FINDING, "there is no company %lld; `hookline company list` shows them",
                        (long long)move->to);
    if (owner == DATABASE_NULL && row_of != DATABASE_NULL)
        return complain(EXIT_CODE_FINDING,
                        "call %s came from a source that is bound to company %lld; change the source's company instead",
                        call_id, (long long)row_of);
    struct slice parked = database_text(rows, 0, 4);
    if (owner == DATABASE_NULL && !slice_absent(parked))
        return complain(EXIT_CODE_FINDING,
                        "call %s is parked and nobody's yet; `hookline parked release %.*s --company %lld` gives it",
                        call_id, SLICE_PRINT(parked), (long long)move->to);
    if (owner == DATABASE_NULL)
        return complain(EXIT_CODE_FINDING, "there is no call %s", call_id);
    if (database_flag(rows, 0, 2) == 1)
        return complain(EXIT_CODE_FINDING,
                        "call %s has events of a source that is bound to company %lld: it stays there", call_id,
                        (long long)owner);
    move->from = owner;
    return EXIT_CODE_FINE;
}

static int find_facts(struct move *move)
{
    struct database_values values;
    database_values_init(&values, move->arena);
    database_add_text(&values, move->call_id);
    database_add_int(&values, move->to);
    PGresult *rows = database_query(move->database, &FACTS, &values, &move->error);
    int exit_code = rows ? judge(move, rows) : failed(move);
    PQclear(rows);
    return exit_code;
}

/* Written first: an event without its row would be a deed that nobody did. A row for each company: both are concerned. */
static int write_audit(struct move *move)
{
    struct buffer detail = {0};
    buffer_add_text(&detail, "{\"call\":");
    buffer_add_json_string(&detail, move->call_id);
    buffer_add_format(&detail, ",\"from\":%lld,\"to\":%lld}", (long long)move->from, (long long)move->to);
    const int64_t companies[] = {move->from, move->to};
    bool fine = true;
    for (size_t i = 0; fine && i < COUNT(companies); i++)
        fine = audit_write(move->database, move->arena, "call assigned", companies[i], buffer_slice(&detail),
                           &move->error);
    buffer_free(&detail);
    return fine ? EXIT_CODE_FINE : failed(move);
}

static int order_move(const struct move *move)
{
    const struct operator_event order = {
        .event = "call_assigned",
        .call_id = move->call_id,
        .source = SLICE("/hookline/operator"),
        .members = arena_format(move->arena, ",\"from\":%lld,\"to\":%lld", (long long)move->from, (long long)move->to),
        .company_id = move->to,
    };
    return operator_events_send(move->console, move->arena, &order, 1);
}

/* True once the call is the company's; false after an error. */
static bool ask_owner(struct move *move, int64_t *owner)
{
    struct database_values values;
    database_values_init(&values, move->arena);
    database_add_text(&values, move->call_id);
    PGresult *rows = database_query(move->database, &OWNER, &values, &move->error);
    *owner = rows && PQntuples(rows) > 0 ? database_int(rows, 0, 0) : 0;
    PQclear(rows);
    return rows != NULL;
}

static int wait_for_session(struct move *move)
{
    int64_t owner = move->from;
    int64_t wait_s = argument_count(move->arguments, "wait", WAIT_USUAL_S);
    int64_t end_ms = clock_ticks_ms() + wait_s * 1000;
    for (;;) {
        if (!ask_owner(move, &owner))
            return failed(move);
        if (owner == move->to)
            return EXIT_CODE_FINE;
        if (clock_ticks_ms() >= end_ms)
            break;
        usleep(ASK_EVERY_MS * 1000);
    }
    return complain(EXIT_CODE_FINDING,
                    "the event is in calls.events, but session has not moved the call within %lld s; `hookline lag` "
                    "says how far behind it is",
                    (long long)wait_s);
}

static int say(const struct move *move, bool moved)
{
    struct buffer out = {0};
    if (arguments_json(move->arguments)) {
        buffer_add_text(&out, "{\"call_id\":");
        buffer_add_json_string(&out, move->call_id);
        buffer_add_format(&out, ",\"company_id\":%lld,\"moved\":%s}\n", (long long)move->to, moved ? "true" : "false");
    } else {
        buffer_add_format(&out, moved ? "call %s is company %lld's now\n" : "call %s is company %lld's already\n",
                          arguments_operand(move->arguments), (long long)move->to);
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int move_call(struct move *move)
{
    int exit_code = find_facts(move);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    if (move->from == move->to)
        return say(move, false);
    exit_code = write_audit(move);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = order_move(move);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = wait_for_session(move);
    return exit_code == EXIT_CODE_FINE ? say(move, true) : exit_code;
}

static int assign(const struct console *console, const struct arguments *arguments)
{
    struct move move = {
        .console = console,
        .arguments = arguments,
        .arena = arguments_arena(arguments),
        .call_id = slice_of(arguments_operand(arguments)),
        .to = argument_count(arguments, "company", 0),
    };
    if (move.call_id.len > EVENT_CALL_ID_MAX)
        return complain(EXIT_CODE_USAGE, "no call's id has more than %d bytes", EVENT_CALL_ID_MAX);
    int exit_code = console_database(console, &move.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    exit_code = move_call(&move);
    database_close(move.database);
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    REGISTRY_OPTION_COMPANY(true),
    {.name = "wait",
     .kind = OPTION_COUNT,
     .value = "S",
     .max = WAIT_MOST_S,
     .help = "Seconds to wait until session has moved it (15)."},
};

const struct verb VERB_CALL_ASSIGN = {.name = "call",
                                      .action = "assign",
                                      .operand = "CALL_ID",
                                      .about = "Moves a call to another company.",
                                      .options = OPTIONS,
                                      .option_count = COUNT(OPTIONS),
                                      .run = assign};
