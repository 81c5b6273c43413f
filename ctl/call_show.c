/* call_show.c: one call as an operator sees it: its rows, whose it is, and every event that was ever about it.
 *
 * An operator sees calls of all companies, so audit_log keeps that he looked, one row for each company that has the call. No
 * transcript, no payload: they are a company's own (`hookline parked show --payload` for what is nobody's yet).
 */
#include <stdio.h>

#include "common/call_row.h"
#include "common/phone.h"
#include "common/text.h"
#include "ctl/audit.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* All of $1, a call id. */
static const struct database_statement CALLS = {"call_rows",
                                                "SELECT " CALL_ROW_BRIEF " FROM calls c WHERE c.call_id = $1 "
                                                "ORDER BY c.company_id"};
static const struct database_statement EVENTS = {
    "call_events",
    "SELECT * FROM (SELECT encode(event_id, 'hex'), event_type, status, company_id::text, branch_id::text, "
    "resolved_by, " TIME(
        "received_at") " AS at FROM webhook_events WHERE call_id = $1 UNION ALL "
                       "SELECT encode(event_id, 'hex'), (SELECT regexp_replace(h ->> 1, '^.*\\.', '') FROM "
                       "jsonb_array_elements(headers) h WHERE h ->> 0 = 'ce_type' LIMIT 1), CASE WHEN released_at IS "
                       "NULL THEN 'parked' ELSE 'released' END, NULL, "
                       "NULL, reason, " TIME("parked_at") " FROM parked_events WHERE call_id = $1) e ORDER BY at"};
static const struct database_statement OWNER = {"call_show_owner",
                                                "SELECT company_id FROM call_owners WHERE call_id = $1"};

static const struct column EVENT_COLUMNS[] = {
    {"event_id", COLUMN_TEXT},    {"type", COLUMN_TEXT},        {"status", COLUMN_TEXT}, {"company_id", COLUMN_NUMBER},
    {"branch_id", COLUMN_NUMBER}, {"resolved_by", COLUMN_TEXT}, {"at", COLUMN_TEXT}};
enum { CALLS_FOUND, EVENTS_FOUND, OWNER_FOUND, ANSWERS };

struct look {
    struct arena *arena;
    struct database *database;
    struct slice call_id;
    struct call *calls;
    size_t call_count;
    struct table *events;
    int64_t owner; /* DATABASE_NULL: none */
    PGresult *rows[ANSWERS];
    struct database_error error;
};

static bool ask(struct look *look)
{
    static const struct database_statement *const STATEMENTS[ANSWERS] = {&CALLS, &EVENTS, &OWNER};
    struct database_values values;
    database_values_init(&values, look->arena);
    database_add_text(&values, look->call_id);
    for (size_t i = 0; i < ANSWERS; i++)
        if (!(look->rows[i] = database_query(look->database, STATEMENTS[i], &values, &look->error)))
            return false;
    return true;
}

static void read_answers(struct look *look)
{
    look->call_count = (size_t)PQntuples(look->rows[CALLS_FOUND]);
    look->calls = arena_zeroed(look->arena, look->call_count + 1, sizeof *look->calls);
    for (size_t i = 0; i < look->call_count; i++) {
        call_init(&look->calls[i]);
        call_row_read_brief(look->rows[CALLS_FOUND], (int)i, 0, &look->calls[i]);
    }
    look->events = table_new(look->arena, EVENT_COLUMNS, COUNT(EVENT_COLUMNS));
    for (int row = 0; row < PQntuples(look->rows[EVENTS_FOUND]); row++) {
        struct slice cells[COUNT(EVENT_COLUMNS)];
        for (size_t i = 0; i < COUNT(EVENT_COLUMNS); i++)
            cells[i] = database_text(look->rows[EVENTS_FOUND], row, (int)i);
        table_add(look->events, cells);
    }
    look->owner = PQntuples(look->rows[OWNER_FOUND]) > 0 ? database_int(look->rows[OWNER_FOUND], 0, 0) : DATABASE_NULL;
}

/* One row for each company that has it. */
static int write_audit(struct look *look)
{
    int exit_code = EXIT_CODE_FINE;
    struct buffer detail = {0};
    buffer_add_text(&detail, "{\"call\":");
    buffer_add_json_string(&detail, look->call_id);
    buffer_add_char(&detail, '}');
    for (size_t i = 0; i < look->call_count && exit_code == EXIT_CODE_FINE; i++)
        exit_code =
            audit_look(look->database, look->arena, "call looked at", look->calls[i].company_id, buffer_slice(&detail));
    buffer_free(&detail);
    return exit_code;
}

static void write_json(const struct look *look, struct buffer *out)
{
    buffer_add_text(out, "{\"owner\":");
    if (look->owner == DATABASE_NULL)
        buffer_add_text(out, "null");
    else
        buffer_add_format(out, "%lld", (long long)look->owner);
    buffer_add_text(out, ",\"calls\":[");
    for (size_t i = 0; i < look->call_count; i++) {
        buffer_add_text(out, i ? "," : "");
        call_json_write(out, &look->calls[i], CALL_JSON_BRIEF);
    }
    buffer_add_text(out, "],\"events\":");
    table_write_json(look->events, out);
    while (out->len && out->data[out->len - 1] == '\n')
        out->len--;
    buffer_add_text(out, "}\n");
}

static struct slice time_text(struct arena *arena, int64_t ms)
{
    return ms == CALL_NULL ? SLICE_ABSENT : text_write_time(arena, ms);
}

static void write_call(const struct look *look, const struct call *call, struct buffer *out)
{
    static const struct column COLUMNS[] = {{"field", COLUMN_TEXT}, {"value", COLUMN_TEXT}};
    struct arena *arena = look->arena;
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    const struct {
        const char *name;
        struct slice value;
    } FIELDS[] = {
        {"call_id", call->call_id},
        {"company_id", arena_format(arena, "%lld", (long long)call->company_id)},
        {"branch_id",
         call->branch_id == CALL_NULL ? SLICE_ABSENT : arena_format(arena, "%lld", (long long)call->branch_id)},
        {"source", call->source},
        {"status", call->status},
        {"disconnection_reason", call->disconnection_reason},
        {"direction", call->direction},
        {"from_number", phone_format(arena, call->from_number)},
        {"to_number", phone_format(arena, call->to_number)},
        {"agent_id", call->agent_id},
        {"started_at", time_text(arena, call->started_at)},
        {"ended_at", time_text(arena, call->ended_at)},
        {"version", arena_format(arena, "%lld", (long long)call->version)},
        {"updated_at", time_text(arena, call->updated_at)},
    };
    for (size_t i = 0; i < COUNT(FIELDS); i++)
        table_add(table, (struct slice[]){slice_of(FIELDS[i].name), FIELDS[i].value});
    table_write_text(table, out);
    buffer_add_char(out, '\n');
}

static void write_text(const struct look *look, struct buffer *out)
{
    for (size_t i = 0; i < look->call_count; i++)
        write_call(look, &look->calls[i], out);
    if (look->owner != DATABASE_NULL)
        buffer_add_format(out, "The call is company %lld's.\n\n", (long long)look->owner);
    else if (look->call_count > 0)
        buffer_add_text(out, "Its source is bound to a company: nobody else can have it.\n\n");
    table_write_text(look->events, out);
}

static int present(struct look *look, const struct arguments *arguments)
{
    if (!ask(look))
        return console_database_problem(&look->error, "looking at the call");
    read_answers(look);
    if (look->call_count == 0 && table_rows(look->events) == 0)
        return complain(EXIT_CODE_FINDING, "there is no call %s, neither stored nor parked",
                        arguments_operand(arguments));
    int exit_code = write_audit(look);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    struct buffer out = {0};
    if (arguments_json(arguments))
        write_json(look, &out);
    else
        write_text(look, &out);
    exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int show(const struct console *console, const struct arguments *arguments)
{
    struct look look = {.arena = arguments_arena(arguments), .call_id = slice_of(arguments_operand(arguments))};
    int exit_code = console_database(console, &look.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    exit_code = present(&look, arguments);
    for (size_t i = 0; i < ANSWERS; i++)
        PQclear(look.rows[i]);
    database_close(look.database);
    return exit_code;
}

const struct verb VERB_CALL_SHOW = {.name = "call",
                                    .action = "show",
                                    .operand = "CALL_ID",
                                    .about = "Shows one call and its events; the audit log keeps who looked.",
                                    .run = show};
