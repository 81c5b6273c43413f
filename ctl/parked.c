/* parked.c: the events that nobody owns yet: which wait, why, and what is in one of them.
 *
 * An event that is parked belongs to no company, and no company's role sees it; operators do. Looking at one leaves a row in
 * audit_log, for it may hold what a caller said; its payload is shown only when it is asked for. The list shortens numbers.
 */
#include <stdio.h>

#include "common/text.h"
#include "ctl/parked.h"
#include "ctl/audit.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

#define TIME(column)                                                                                                   \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')" /* as everywhere in this command */
#define HEADER(name) "(SELECT h ->> 1 FROM jsonb_array_elements(p.headers) h WHERE h ->> 0 = '" name "' LIMIT 1)"

enum { LIST_USUAL = 50, LIST_MOST = 100000 };

/* $1 reason, null: those that a mapping can release; $2 how many. The newest first: of each reason by its index, for most of
 * what is parked may be of another one. */
static const struct database_statement LIST = {
    "parked_list",
    "SELECT encode(p.event_id, 'hex'), p.reason, " HEADER("ce_type") ", p.call_id, p.number, p.agent_id, " TIME(
        "p.parked_at") ", p.refused_because FROM unnest(CASE WHEN $1::text IS NULL THEN ARRAY['unresolved', "
                       "'company_conflict'] ELSE ARRAY[$1] END) r(reason) CROSS JOIN LATERAL (SELECT * FROM "
                       "parked_events e WHERE e.reason = r.reason AND e.released_at IS NULL ORDER BY e.parked_at DESC, "
                       "e.event_id LIMIT $2) p ORDER BY p.parked_at DESC, p.event_id LIMIT $2"};

/* $1 event id. The payload comes last. */
static const struct database_statement SHOW = {
    "parked_show",
    "SELECT encode(p.event_id, 'hex'), p.reason, " HEADER("ce_type") ", " HEADER(
        "ce_source") ", p.topic, p.call_id, p.number, p.agent_id, p.metadata_company_id::text, "
                     "p.metadata_branch_id::text, o.company_id::text, " HEADER("ce_correlationid") ", " TIME(
                         "p.parked_at") ", " TIME("p.released_at") ", " TIME("p.refused_at") ", p.refused_because, "
                                                                                             "octet_length(p.payload)::"
                                                                                             "text, p.payload "
                                                                                             "FROM parked_events p "
                                                                                             "LEFT JOIN call_owners o "
                                                                                             "ON "
                                                                                             "o.call_id = p.call_id "
                                                                                             "WHERE p.event_id = $1"};

static const struct column SHOWN[] = {
    {"event_id", COLUMN_TEXT},
    {"reason", COLUMN_TEXT},
    {"type", COLUMN_TEXT},
    {"source", COLUMN_TEXT},
    {"topic", COLUMN_TEXT},
    {"call_id", COLUMN_TEXT},
    {"number", COLUMN_TEXT},
    {"agent_id", COLUMN_TEXT},
    {"metadata_company_id", COLUMN_NUMBER},
    {"metadata_branch_id", COLUMN_NUMBER},
    {"owner", COLUMN_NUMBER},
    {"correlation_id", COLUMN_TEXT},
    {"parked_at", COLUMN_TEXT},
    {"released_at", COLUMN_TEXT},
    {"refused_at", COLUMN_TEXT},
    {"refused_because", COLUMN_TEXT},
    {"payload_bytes", COLUMN_NUMBER},
};

bool parked_event_id(const struct arguments *arguments, struct slice *id, int *exit_code)
{
    const char *text = arguments_operand(arguments);
    struct event_id read;
    if (!event_id_read(slice_of(text), &read)) {
        *exit_code =
            complain(EXIT_CODE_USAGE,
                     "\"%s\" is no event's id, which has 32 digits 0-9, a-f; `hookline parked list` shows them", text);
        return false;
    }
    *id = arena_copy(arguments_arena(arguments), (struct slice){(const char *)read.bytes, EVENT_ID_BYTES});
    return true;
}

const char *parked_reason(const struct arguments *arguments, int *exit_code)
{
    static const char *const REASONS[] = {"unresolved", "company_conflict", "not_a_call"};
    const char *reason = argument_text(arguments, "reason", NULL);
    for (size_t i = 0; reason && i < COUNT(REASONS); i++)
        if (strcmp(reason, REASONS[i]) == 0)
            return reason;
    if (reason)
        *exit_code = complain(EXIT_CODE_USAGE,
                              "--reason %s: the reasons are unresolved, company_conflict and not_a_call", reason);
    return NULL;
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"event_id", COLUMN_TEXT},  {"reason", COLUMN_TEXT},
                                            {"type", COLUMN_TEXT},      {"call_id", COLUMN_TEXT},
                                            {"number", COLUMN_TEXT},    {"agent_id", COLUMN_TEXT},
                                            {"parked_at", COLUMN_TEXT}, {"refused_because", COLUMN_TEXT}};
    enum { NUMBER = 4 };
    struct arena *arena = arguments_arena(arguments);
    struct database *database = NULL;
    struct database_error error;
    int exit_code = EXIT_CODE_FINE;
    const char *reason = parked_reason(arguments, &exit_code);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;

    struct database_values values;
    database_values_init(&values, arena);
    database_add_text(&values, slice_of(reason));
    database_add_int(&values, argument_count(arguments, "limit", LIST_USUAL));
    PGresult *rows = database_query(database, &LIST, &values, &error);
    if (rows) {
        struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
        for (int row = 0; row < PQntuples(rows); row++) {
            struct slice cells[COUNT(COLUMNS)];
            for (size_t i = 0; i < COUNT(COLUMNS); i++)
                cells[i] = database_text(rows, row, (int)i);
            if (!slice_absent(cells[NUMBER]))
                cells[NUMBER] = text_mask_number(arena, cells[NUMBER]);
            table_add(table, cells);
        }
        exit_code = console_show(arguments, table);
    } else {
        exit_code = console_database_problem(&error, "listing the parked events");
    }
    PQclear(rows);
    database_close(database);
    return exit_code;
}

static void write_json(struct buffer *out, const PGresult *rows, bool with_payload)
{
    for (size_t i = 0; i < COUNT(SHOWN); i++) {
        struct slice value = database_text(rows, 0, (int)i);
        buffer_add_format(out, "%s\"%s\":", i ? "," : "{", SHOWN[i].name);
        if (slice_absent(value))
            buffer_add_text(out, "null");
        else if (SHOWN[i].kind == COLUMN_NUMBER)
            buffer_add(out, value);
        else
            buffer_add_json_string(out, value);
    }
    if (with_payload) {
        buffer_add_text(out, ",\"payload\":");
        buffer_add_json_string(out, database_text(rows, 0, COUNT(SHOWN)));
    }
    buffer_add_text(out, "}\n");
}

/* The payload goes to people as it came, byte for byte: `… --payload | tail -1` is what was signed, plus a newline. */
static void write_text(struct buffer *out, struct arena *arena, const PGresult *rows, bool with_payload)
{
    static const struct column COLUMNS[] = {{"field", COLUMN_TEXT}, {"value", COLUMN_TEXT}};
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    for (size_t i = 0; i < COUNT(SHOWN); i++)
        table_add(table, (struct slice[]){slice_of(SHOWN[i].name), database_text(rows, 0, (int)i)});
    table_write_text(table, out);
    if (!with_payload)
        return;
    buffer_add_char(out, '\n');
    buffer_add(out, database_text(rows, 0, COUNT(SHOWN)));
    buffer_add_char(out, '\n');
}

/* The row, or NULL after saying why there is none. Who looked is written down before anything is shown. */
static PGresult *look(struct database *database, const struct arguments *arguments, struct slice id, int *exit_code)
{
    struct arena *arena = arguments_arena(arguments);
    struct database_error error;
    struct database_values values;
    database_values_init(&values, arena);
    database_add_bytes(&values, id);
    PGresult *rows = database_query(database, &SHOW, &values, &error);
    if (!rows)
        *exit_code = console_database_problem(&error, "looking at a parked event");
    else if (PQntuples(rows) == 0)
        *exit_code =
            complain(EXIT_CODE_FINDING, "no event %s was ever parked; `hookline parked list` shows those that are",
                     arguments_operand(arguments));
    else
        *exit_code = audit_look(database, arena, "parked event looked at", DATABASE_NULL,
                                arena_format(arena, "{\"event\":\"%s\",\"payload\":%s}", arguments_operand(arguments),
                                             argument_given(arguments, "payload") ? "true" : "false"));
    if (*exit_code == EXIT_CODE_FINE)
        return rows;
    PQclear(rows);
    return NULL;
}

static int show(const struct console *console, const struct arguments *arguments)
{
    struct database *database = NULL;
    struct slice id;
    int exit_code = EXIT_CODE_FINE;
    if (!parked_event_id(arguments, &id, &exit_code))
        return exit_code;
    exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    PGresult *rows = look(database, arguments, id, &exit_code);
    if (rows) {
        struct buffer out = {0};
        if (arguments_json(arguments))
            write_json(&out, rows, argument_given(arguments, "payload"));
        else
            write_text(&out, arguments_arena(arguments), rows, argument_given(arguments, "payload"));
        exit_code = console_print(&out);
        buffer_free(&out);
    }
    PQclear(rows);
    database_close(database);
    return exit_code;
}

static const struct option_row LIST_OPTIONS[] = {
    PARKED_OPTION_REASON,
    {.name = "limit",
     .kind = OPTION_COUNT,
     .value = "N",
     .min = 1,
     .max = LIST_MOST,
     .help = "So many, the newest first (50)."},
};
static const struct option_row SHOW_OPTIONS[] = {
    {.name = "payload", .kind = OPTION_FLAG, .help = "Also what the sender said, byte for byte."},
};

const struct verb VERB_PARKED_LIST = {.name = "parked",
                                      .action = "list",
                                      .about = "Lists the events that wait to belong to somebody.",
                                      .options = LIST_OPTIONS,
                                      .option_count = COUNT(LIST_OPTIONS),
                                      .run = list};
const struct verb VERB_PARKED_SHOW = {.name = "parked",
                                      .action = "show",
                                      .operand = "EVENT_ID",
                                      .about = "Shows one parked event; the audit log keeps who looked.",
                                      .options = SHOW_OPTIONS,
                                      .option_count = COUNT(SHOW_OPTIONS),
                                      .run = show};
