/* parked_release.c: have the resolver look again, now, at what it parked; and say whose a call is when nothing else can.
 *
 *      release ID | --reason WORD | --all      NOTIFY: the resolver forgets what it has cached and looks at all that waits
 *      release ID --company N                  before that: company N owns the event's call (rule "owner" of resolver/resolve.h)
 *
 * This command places nothing itself: the resolver's rules do, as if a mapping had changed. An owner counts only where the
 * other rules are silent or disagree, and never against a source that is bound to a company. A call that has an owner is
 * moved with `hookline call assign` instead.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/parked.h"
#include "ctl/audit.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

/* A look takes milliseconds and rests nine times as long (resolver/main.c). */
enum { WAIT_USUAL_S = 10, WAIT_MOST_S = 3600, ASK_EVERY_MS = 100 };

/* $1 event id or null, $2 reason or null: all that a mapping can release. */
#define CHOSEN                                                                                                         \
    "FROM parked_events WHERE reason <> 'not_a_call' AND ($1::bytea IS NULL OR event_id = $1) AND "                    \
    "($2::text IS NULL OR reason = $2)"
static const struct database_statement WAITING = {
    "parked_waiting",
    "SELECT count(*), count(*) FILTER (WHERE refused_at IS NOT NULL) " CHOSEN " AND released_at IS NULL"};
/* What Kafka refused is tried once more: that is what the operator asks for. */
static const struct database_statement AGAIN = {
    "parked_again",
    "WITH again AS (UPDATE parked_events SET refused_at = NULL, refused_because = NULL WHERE event_id IN "
    "(SELECT event_id " CHOSEN " AND released_at IS NULL AND refused_at IS NOT NULL) RETURNING 1) "
    "SELECT count(*) FROM again"};
/* $1 -> call id, reason, is it released */
static const struct database_statement EVENT = {
    "parked_event", "SELECT call_id, reason, released_at IS NOT NULL FROM parked_events WHERE event_id = $1"};
/* $1 call id, $2 company. None if there is no such company. */
static const struct database_statement OWN = {
    "parked_own", "INSERT INTO call_owners (call_id, company_id) SELECT $1, id FROM companies WHERE id = $2 "
                  "ON CONFLICT (call_id) DO NOTHING"};
static const struct database_statement OWNER = {"parked_owner",
                                                "SELECT company_id FROM call_owners WHERE call_id = $1"};

struct release {
    const struct arguments *arguments;
    struct arena *arena;
    struct database *database;
    struct slice id; /* absent: several */
    const char *reason;
    int64_t company;                  /* 0: not said */
    int64_t before, waiting, refused; /* refused: those among the waiting that Kafka will not take */
    struct database_error error;
};

static struct database_values *values_new(struct release *release)
{
    struct database_values *values = arena_alloc(release->arena, sizeof *values);
    database_values_init(values, release->arena);
    return values;
}

static PGresult *ask(struct release *release, const struct database_statement *statement,
                     const struct database_values *values)
{
    return database_query(release->database, statement, values, &release->error);
}

static int failed(const struct release *release)
{
    return console_database_problem(&release->error, "releasing parked events");
}

static struct database_values *chosen(struct release *release)
{
    struct database_values *values = values_new(release);
    database_add_bytes(values, release->id);
    database_add_text(values, slice_of(release->reason));
    return values;
}

static bool count_waiting(struct release *release)
{
    PGresult *rows = ask(release, &WAITING, chosen(release));
    release->waiting = rows ? database_int(rows, 0, 0) : 0;
    release->refused = rows ? database_int(rows, 0, 1) : 0;
    PQclear(rows);
    return rows != NULL;
}

static bool try_again(struct release *release)
{
    PGresult *rows = ask(release, &AGAIN, chosen(release));
    PQclear(rows);
    return rows != NULL;
}

/* The call is the company's from here on, unless somebody has it. */
static int own(struct release *release, struct slice call_id)
{
    struct database_values *values = values_new(release);
    database_add_text(values, call_id);
    database_add_int(values, release->company);
    PGresult *rows = ask(release, &OWN, values);
    if (!rows)
        return failed(release);
    PQclear(rows);
    struct database_values *key = values_new(release);
    database_add_text(key, call_id);
    rows = ask(release, &OWNER, key);
    if (!rows)
        return failed(release);
    int64_t owner = PQntuples(rows) > 0 ? database_int(rows, 0, 0) : 0;
    PQclear(rows);
    if (!owner)
        return complain(EXIT_CODE_FINDING, "there is no company %lld; `hookline company list` shows them",
                        (long long)release->company);
    if (owner != release->company)
        return complain(EXIT_CODE_FINDING, "the call belongs to company %lld; `hookline call assign` moves it",
                        (long long)owner);
    return EXIT_CODE_FINE;
}

/* One event: it must be there, wait, and be about a call. */
static int choose_one(struct release *release)
{
    struct database_values *values = values_new(release);
    database_add_bytes(values, release->id);
    PGresult *rows = ask(release, &EVENT, values);
    if (!rows)
        return failed(release);
    const char *operand = arguments_operand(release->arguments);
    int exit_code = EXIT_CODE_FINE;
    if (PQntuples(rows) == 0)
        exit_code = complain(EXIT_CODE_FINDING,
                             "no event %s was ever parked; `hookline parked list` shows those that are", operand);
    else if (slice_equals(database_text(rows, 0, 1), "not_a_call"))
        exit_code = complain(EXIT_CODE_FINDING, "event %s is about no call: no company can have it", operand);
    else if (database_flag(rows, 0, 2) == 1)
        exit_code = complain(EXIT_CODE_FINDING, "event %s was released before; `hookline parked show %s` says when",
                             operand, operand);
    else if (release->company)
        exit_code = own(release, database_text(rows, 0, 0));
    PQclear(rows);
    return exit_code;
}

static int begin(struct release *release)
{
    if (!database_execute(release->database, "BEGIN", &release->error))
        return failed(release);
    int exit_code = slice_absent(release->id) ? EXIT_CODE_FINE : choose_one(release);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    if (!try_again(release) || !count_waiting(release))
        return failed(release);
    release->before = release->waiting;
    const char *event = arguments_operand(release->arguments);
    struct slice detail = arena_format(release->arena, "{\"event\":%s%s%s,\"reason\":%s%s%s,\"events\":%lld}",
                                       event ? "\"" : "", event ? event : "null", event ? "\"" : "",
                                       release->reason ? "\"" : "", release->reason ? release->reason : "null",
                                       release->reason ? "\"" : "", (long long)release->before);
    if (!audit_write(release->database, release->arena, "parked events to be released",
                     release->company ? release->company : DATABASE_NULL, detail, &release->error) ||
        !database_execute(release->database, "NOTIFY hookline_mappings; COMMIT", &release->error))
        return failed(release);
    return EXIT_CODE_FINE;
}

/* Until none of them waits but those that Kafka refused again, or the time is over. */
static int wait_for_resolver(struct release *release)
{
    int64_t end_ms = clock_ticks_ms() + argument_count(release->arguments, "wait", WAIT_USUAL_S) * 1000;
    while (release->waiting > release->refused && clock_ticks_ms() < end_ms) {
        usleep(ASK_EVERY_MS * 1000);
        if (!count_waiting(release))
            return failed(release);
    }
    return EXIT_CODE_FINE;
}

static int say(const struct release *release)
{
    struct buffer out = {0};
    long long released = (long long)(release->before - release->waiting);
    if (arguments_json(release->arguments))
        buffer_add_format(&out, "{\"released\":%lld,\"waiting\":%lld}\n", released, (long long)release->waiting);
    else
        buffer_add_format(&out, "%lld released, %lld still waiting\n", released, (long long)release->waiting);
    int exit_code = console_print(&out);
    buffer_free(&out);
    if (exit_code != EXIT_CODE_FINE || release->waiting == 0)
        return exit_code;
    if (release->refused)
        return complain(EXIT_CODE_FINDING, "Kafka refuses %lld of them for good; `hookline parked list` says why",
                        (long long)release->refused);
    return complain(EXIT_CODE_FINDING,
                    "who still waits is nobody's yet: add the number, agent or company that it names, "
                    "or say --company; `hookline status` says whether the resolver runs");
}

static int check(struct release *release)
{
    int exit_code = EXIT_CODE_FINE;
    bool all = argument_given(release->arguments, "all");
    release->reason = parked_reason(release->arguments, &exit_code);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    bool one = arguments_operand(release->arguments) != NULL;
    if (one + all + (release->reason != NULL) != 1)
        return complain(EXIT_CODE_USAGE, "say which: an event's id, or --reason WORD, or --all");
    if (release->company && !one)
        return complain(EXIT_CODE_USAGE, "--company goes with one event's id: whose a call is is said call by call");
    if (release->reason && strcmp(release->reason, "not_a_call") == 0)
        return complain(EXIT_CODE_USAGE, "what is no call cannot be released; unresolved and company_conflict can");
    if (one)
        parked_event_id(release->arguments, &release->id, &exit_code);
    return exit_code;
}

static int release_events(const struct console *console, const struct arguments *arguments)
{
    struct release release = {
        .arguments = arguments,
        .arena = arguments_arena(arguments),
        .id = SLICE_ABSENT,
        .company = argument_count(arguments, "company", 0),
    };
    int exit_code = check(&release);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = console_database(console, &release.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    exit_code = begin(&release);
    database_rollback(release.database);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = wait_for_resolver(&release);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = say(&release);
    database_close(release.database);
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "all", .kind = OPTION_FLAG, .help = "All that a mapping can release."},
    PARKED_OPTION_REASON,
    {.name = "company",
     .kind = OPTION_COUNT,
     .value = "ID",
     .min = 1,
     .max = INT64_MAX,
     .help = "This company owns the event's call, where number, agent and metadata do not say it."},
    {.name = "wait",
     .kind = OPTION_COUNT,
     .value = "S",
     .max = WAIT_MOST_S,
     .help = "Seconds to wait for the resolver (10)."},
};

const struct verb VERB_PARKED_RELEASE = {.name = "parked",
                                         .action = "release",
                                         .operand = "[EVENT_ID]",
                                         .about = "Has the resolver look at parked events again, now.",
                                         .options = OPTIONS,
                                         .option_count = COUNT(OPTIONS),
                                         .run = release_events};
