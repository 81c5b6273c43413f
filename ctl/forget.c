/* forget.c: erases one caller: every call of that number, its events, customers, parked events and jobs.
 *
 *      find ──> without --yes: shown, and nothing else
 *           └─> parked events go, audit_log "forget begun" ──> call_forgotten per call ──> session erases, screens get `gone`
 *           ──> wait until session has ──> customers go, audit_log "caller forgotten"
 *           ──> wait for what was on its way when this began (underway.h) ──> find again, until nothing is found
 *
 * Each step may be repeated, so a command that died is simply given again. What is forgotten does not come back: its hash
 * stays (forgotten_calls). Kafka's records go with Kafka's time: 7 days, dead letters 30. A call that begins later is a new
 * one, of a new customer.
 *
 * The audit log does not hold the number but its HMAC under AUDIT_KEY: who has the key can prove that somebody was
 * forgotten, and nobody can read numbers out of the log.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/phone.h"
#include "ctl/audit.h"
#include "ctl/forget_rows.h"
#include "ctl/operator_event.h"
#include "ctl/registry.h"
#include "ctl/underway.h"
#include "ctl/verbs.h"

enum {
    WAIT_USUAL_S = 60,
    WAIT_MOST_S = 3600,
    ASK_EVERY_MS = 100,
    HASH_BYTES = 32,
    PASSES_MOST = 10, /* who calls so often meanwhile is told to stop first */
};

struct forget {
    const struct console *console;
    const struct arguments *arguments;
    struct forget_rows rows;
    struct slice mark; /* the number's HMAC in hex */
    struct found {
        int64_t calls, events, parked, customers;
    } erased; /* by all passes */
};

static struct slice mark_of(struct arena *arena, const char *key, struct slice number)
{
    unsigned char hash[HASH_BYTES];
    unsigned size = sizeof hash;
    if (!HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)number.ptr, number.len, hash, &size))
        abort(); /* only without memory, or without SHA-256 in the library */
    struct buffer hex = {0};
    buffer_add_hex(&hex, hash, size);
    struct slice copy = arena_copy(arena, buffer_slice(&hex));
    buffer_free(&hex);
    return copy;
}

static size_t calls_of(const struct forget_rows *rows, size_t first)
{
    size_t end = first;
    while (end < rows->call_count && rows->calls[end].company_id == rows->calls[first].company_id)
        end++;
    return end - first;
}

/* A row for each company whose calls these are, and one for nobody's in particular: counts, and the mark. */
static bool write_audit(struct forget *forget, const char *what)
{
    struct forget_rows *rows = &forget->rows;
    bool fine = true;
    for (size_t i = 0; fine && i < rows->call_count; i += calls_of(rows, i))
        fine = audit_write(rows->database, rows->arena, what, rows->calls[i].company_id,
                           arena_format(rows->arena, "{\"caller\":\"%.*s\",\"calls\":%zu}", SLICE_PRINT(forget->mark),
                                        calls_of(rows, i)),
                           &rows->error);
    return fine &&
           audit_write(
               rows->database, rows->arena, what, rows->company_id,
               arena_format(rows->arena,
                            "{\"caller\":\"%.*s\",\"calls\":%zu,\"events\":%lld,\"parked\":%lld,\"customers\":%lld}",
                            SLICE_PRINT(forget->mark), rows->call_count, (long long)rows->events,
                            (long long)rows->parked, (long long)rows->customers),
               &rows->error);
}

static int failed(const struct forget *forget)
{
    return console_database_problem(&forget->rows.error, "forgetting the caller");
}

static int order(struct forget *forget)
{
    struct forget_rows *rows = &forget->rows;
    struct operator_event *orders = arena_zeroed(rows->arena, rows->call_count, sizeof *orders);
    for (size_t i = 0; i < rows->call_count; i++)
        orders[i] = (struct operator_event){
            .event = "call_forgotten",
            .call_id = rows->calls[i].call_id,
            .source = arena_format(rows->arena, "/retell/%.*s", SLICE_PRINT(rows->calls[i].source)),
            .company_id = rows->calls[i].company_id,
        };
    return rows->call_count ? operator_events_send(forget->console, rows->arena, orders, rows->call_count)
                            : EXIT_CODE_FINE;
}

/* From now on: how long it looked by itself, which is long among many parked bodies, is no waiting for others. */
static int64_t end_of_waiting_ms(const struct forget *forget)
{
    return clock_ticks_ms() + argument_count(forget->arguments, "wait", WAIT_USUAL_S) * 1000;
}

static int wait_for_session(struct forget *forget)
{
    int64_t end_ms = end_of_waiting_ms(forget);
    int64_t left = 0;
    for (;;) {
        if (!forget_rows_left(&forget->rows, &left))
            return failed(forget);
        if (left == 0)
            return EXIT_CODE_FINE;
        if (clock_ticks_ms() >= end_ms)
            break;
        usleep(ASK_EVERY_MS * 1000);
    }
    return complain(EXIT_CODE_FINDING,
                    "%lld of %zu calls are still there after %lld s: they go when session reads what was ordered "
                    "(`hookline lag` says how far behind it is); say it again then",
                    (long long)left, forget->rows.call_count,
                    (long long)argument_count(forget->arguments, "wait", WAIT_USUAL_S));
}

static bool nothing(const struct found *found)
{
    return found->calls + found->parked + found->customers == 0;
}

static struct found found_now(const struct forget_rows *rows)
{
    return (struct found){(int64_t)rows->call_count, rows->events, rows->parked, rows->customers};
}

static void add_count(struct buffer *out, int64_t count, const char *what, const char *then)
{
    buffer_add_format(out, "%lld %s%s%s", (long long)count, what, count == 1 ? "" : "s", then);
}

static int show(const struct forget *forget, const struct found *found, bool done)
{
    struct buffer out = {0};
    if (arguments_json(forget->arguments)) {
        buffer_add_format(&out,
                          "{\"forgotten\":%s,\"calls\":%lld,\"events\":%lld,\"parked\":%lld,\"customers\":%lld}\n",
                          done ? "true" : "false", (long long)found->calls, (long long)found->events,
                          (long long)found->parked, (long long)found->customers);
    } else if (nothing(found)) {
        buffer_add_text(&out, "nothing is left of that caller\n");
    } else {
        add_count(&out, found->calls, "call", ", ");
        add_count(&out, found->events, "event", ", ");
        add_count(&out, found->parked, "parked event", ", ");
        add_count(&out, found->customers, "customer", " ");
        buffer_add_text(
            &out, done ? "erased; Kafka still has the records until its retention ends (7 days, dead letters 30)\n"
                       : "about that caller; --yes erases them for good, and nothing was changed now\n");
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int interrupted(void)
{
    return complain(EXIT_CODE_UNAVAILABLE, "stopped at a failpoint; say it again");
}

/* All that is there now. The last part is repeated if it fails, and counts nothing twice. */
static int erase_once(struct forget *forget)
{
    struct forget_rows *rows = &forget->rows;
    bool fine = forget_rows_begin(rows) && forget_rows_remove_parked(rows) && forget_rows_alone(rows) &&
                write_audit(forget, "forget begun") && database_execute(rows->database, "COMMIT", &rows->error);
    if (fine && FAILPOINT("forget.begun"))
        return interrupted();
    int exit_code = fine ? order(forget) : failed(forget);
    if (exit_code == EXIT_CODE_FINE && FAILPOINT("forget.ordered"))
        return interrupted();
    if (exit_code == EXIT_CODE_FINE)
        exit_code = wait_for_session(forget);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    fine = forget_rows_begin(rows) && forget_rows_alone(rows) && forget_rows_remove_customers(rows) &&
           write_audit(forget, "caller forgotten") && database_execute(rows->database, "COMMIT", &rows->error);
    if (fine && FAILPOINT("forget.erased"))
        return interrupted();
    forget->erased.calls += (int64_t)rows->call_count;
    forget->erased.events += rows->events;
    forget->erased.parked += rows->parked;
    forget->erased.customers += rows->customers;
    return fine ? EXIT_CODE_FINE : failed(forget);
}

/* What has been found goes, then what was on its way meanwhile, until nothing is found. Where something is stuck, what came
 * through goes all the same, and the exit code says that it was not all. */
static int erase(struct forget *forget)
{
    struct found found = found_now(&forget->rows);
    int on_its_way = EXIT_CODE_FINE;
    for (int pass = 0; pass < PASSES_MOST; pass++) {
        int exit_code = nothing(&found) ? EXIT_CODE_FINE : erase_once(forget);
        if (exit_code != EXIT_CODE_FINE)
            return exit_code;
        if (pass == 0)
            on_its_way = underway_wait(forget->console, forget->rows.arena, end_of_waiting_ms(forget));
        if (!forget_rows_find(&forget->rows))
            return failed(forget);
        found = found_now(&forget->rows);
        if (nothing(&found))
            return on_its_way == EXIT_CODE_FINE ? show(forget, &forget->erased, true) : on_its_way;
    }
    return complain(EXIT_CODE_FINDING, "that caller's calls keep coming in; say it again when they have stopped");
}

static int find_and_erase(struct forget *forget)
{
    struct forget_rows *rows = &forget->rows;
    if (!database_execute(rows->database, "SET statement_timeout = 0", &rows->error) || !forget_rows_find(rows))
        return failed(forget);
    if (argument_given(forget->arguments, "yes") && !argument_given(forget->arguments, "dry-run"))
        return erase(forget);
    struct found found = found_now(rows);
    if (nothing(&found))
        return show(forget, &found, true);
    int exit_code = audit_look(rows->database, rows->arena, "caller looked for", rows->company_id,
                               arena_format(rows->arena, "{\"caller\":\"%.*s\"}", SLICE_PRINT(forget->mark)));
    if (exit_code == EXIT_CODE_FINE)
        exit_code = show(forget, &found, false);
    bool asked = argument_given(forget->arguments, "dry-run");
    return exit_code == EXIT_CODE_FINE && !asked ? EXIT_CODE_FINDING : exit_code;
}

static int forget(const struct console *console, const struct arguments *arguments)
{
    struct forget forget = {.console = console,
                            .arguments = arguments,
                            .rows = {.arena = arguments_arena(arguments),
                                     .company_id = argument_count(arguments, "company", DATABASE_NULL)}};
    const char *key = settings_text(console->settings, "AUDIT_KEY");
    if (phone_normalize(forget.rows.arena, slice_of(arguments_operand(arguments)), NULL, &forget.rows.number) !=
        PHONE_E164)
        return complain(EXIT_CODE_USAGE, "\"%s\" is no number with a country code; write it as in +493023125001",
                        arguments_operand(arguments));
    if (!key || *key == '\0')
        return complain(EXIT_CODE_CONFIGURATION,
                        "HOOKLINE_AUDIT_KEY is not set: the audit log keeps the number's hash under that key; make one "
                        "with `openssl rand -hex 32` and keep it");
    forget.mark = mark_of(forget.rows.arena, key, forget.rows.number);
    int exit_code = console_database(console, &forget.rows.database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    database_wait_long(forget.rows.database);
    exit_code = find_and_erase(&forget);
    database_rollback(forget.rows.database);
    database_close(forget.rows.database);
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    REGISTRY_OPTION_COMPANY(false),
    {.name = "yes", .kind = OPTION_FLAG, .help = "Erase; without it only what there is is shown (exit 1)."},
    {.name = "dry-run", .kind = OPTION_FLAG, .help = "Only show what there is (exit 0)."},
    {.name = "wait",
     .kind = OPTION_COUNT,
     .value = "S",
     .max = WAIT_MOST_S,
     .help = "Seconds to wait until session has erased the calls, and again until what was on its way is read (60)."},
};

const struct verb VERB_FORGET = {.name = "forget",
                                 .operand = "NUMBER",
                                 .about = "Erases one caller everywhere, for good.",
                                 .options = OPTIONS,
                                 .option_count = COUNT(OPTIONS),
                                 .run = forget};
