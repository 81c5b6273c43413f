/* status.c: every part of the local stack: is it there, since when, how often did it die, and is it ready?
 *
 * Ready is what the part itself says: /readyz of a program, a connection to PostgreSQL, an answer of Kafka. Where there is
 * nothing to ask (the simulator) it is that the process lives. Exits 1 if any is not ready.
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/web_client.h"
#include "ctl/console_kafka.h"
#include "ctl/run_directory.h"
#include "ctl/verbs.h"

enum { READY_TIMEOUT_MS = 2000 };

struct readiness_answer {
    struct arena *arena;
    bool ready;
    struct slice reason;
};

/* The reasons of the red checks: lines that begin with "--" (management.c writes them). */
static void on_readyz(void *opaque, const struct web_answer *heard)
{
    struct readiness_answer *answer = opaque;
    struct slice body = heard->body;
    answer->ready = heard->status == 200;
    answer->reason = heard->problem ? arena_copy(answer->arena, slice_of(heard->problem)) : SLICE("");
    struct buffer reasons = {0};
    while (!answer->ready && body.len > 0) {
        const char *newline = memchr(body.ptr, '\n', body.len);
        struct slice line = {body.ptr, newline ? (size_t)(newline - body.ptr) : body.len};
        if (slice_starts_with(line, "-- ")) {
            buffer_add_text(&reasons, reasons.len > 0 ? "; " : "");
            buffer_add(&reasons, slice_from(line, 3));
        }
        body = slice_from(body, line.len + 1);
    }
    if (reasons.len > 0)
        answer->reason = arena_copy(answer->arena, buffer_slice(&reasons));
    buffer_free(&reasons);
}

static struct readiness_answer ask_program(struct arena *arena, const char *management)
{
    struct readiness_answer answer = {.arena = arena};
    const char *url = arena_format(arena, "http://%s/readyz?verbose=1", management).ptr;
    web_ask(&(struct web_request){.url = url, .timeout_ms = READY_TIMEOUT_MS}, on_readyz, &answer);
    return answer;
}

static struct readiness_answer ask_postgres(const struct console *console, struct arena *arena)
{
    const char *url = settings_text(console->settings, "DATABASE_URL");
    if (!url || *url == '\0')
        return (struct readiness_answer){.reason = SLICE("HOOKLINE_DATABASE_URL is not set")};
    struct database_error error;
    struct database *database = database_open(url, "hookline");
    bool ready = database_connected(database, &error);
    database_close(database);
    return (struct readiness_answer){.ready = ready,
                                     .reason = ready ? SLICE("") : arena_format(arena, "%s", error.message)};
}

static struct readiness_answer ask_kafka(const struct console *console, struct arena *arena)
{
    rd_kafka_t *kafka = NULL;
    if (console_kafka_open(console, &kafka) != EXIT_CODE_FINE)
        return (struct readiness_answer){.reason = SLICE("its settings are wrong")};
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 0, NULL, &metadata, READY_TIMEOUT_MS);
    struct readiness_answer answer = {.ready = error == RD_KAFKA_RESP_ERR_NO_ERROR, .reason = SLICE("")};
    if (answer.ready)
        rd_kafka_metadata_destroy(metadata);
    else
        answer.reason =
            arena_format(arena, "%s: %s", settings_text(console->settings, "KAFKA_BOOTSTRAP"), rd_kafka_err2str(error));
    console_kafka_close(kafka);
    return answer;
}

static struct readiness_answer ask(const struct console *console, struct arena *arena, const struct run_part *part)
{
    if (strcmp(part->name, "postgres") == 0)
        return ask_postgres(console, arena);
    if (strcmp(part->name, "kafka") == 0)
        return ask_kafka(console, arena);
    if (part->pid == 0)
        return (struct readiness_answer){.reason = SLICE("not running")};
    if (part->management)
        return ask_program(arena, part->management);
    return (struct readiness_answer){.ready = true, .reason = SLICE("")};
}

static void add_part(struct table *table, struct arena *arena, const struct run_part *part,
                     const struct readiness_answer *answer, bool for_people)
{
    int64_t uptime_s = part->started_s > 0 ? clock_now_ms() / 1000 - part->started_s : -1;
    struct slice uptime = SLICE_ABSENT;
    if (part->pid > 0 && uptime_s >= 0)
        uptime = for_people ? table_duration(arena, uptime_s) : arena_format(arena, "%lld", (long long)uptime_s);
    table_add(table, (struct slice[]){
                         slice_of(part->name),
                         part->pid > 0 ? arena_format(arena, "%lld", (long long)part->pid) : SLICE_ABSENT,
                         uptime,
                         part->started_s > 0 ? arena_format(arena, "%lld", (long long)part->restarts) : SLICE_ABSENT,
                         answer->ready ? SLICE("true") : SLICE("false"),
                         answer->reason,
                     });
}

static bool is_among(const struct run_part *parts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].name, name) == 0)
            return true;
    return false;
}

static int status(const struct console *console, const struct arguments *arguments)
{
    static const struct column PEOPLE[] = {{"part", COLUMN_TEXT},     {"pid", COLUMN_NUMBER},
                                           {"uptime", COLUMN_NUMBER}, {"restarts", COLUMN_NUMBER},
                                           {"ready", COLUMN_FLAG},    {"reason", COLUMN_TEXT}};
    static const struct column PROGRAMS[] = {{"part", COLUMN_TEXT},       {"pid", COLUMN_NUMBER},
                                             {"uptime_s", COLUMN_NUMBER}, {"restarts", COLUMN_NUMBER},
                                             {"ready", COLUMN_FLAG},      {"reason", COLUMN_TEXT}};
    static const char *const SERVERS[] = {"kafka", "postgres"}; /* perhaps not ours: --broker, --database */
    struct arena *arena = arguments_arena(arguments);
    const char *path = settings_text(console->settings, "RUN_DIR");
    struct run_part *parts = NULL;
    size_t count = 0;
    if (!run_directory_read(arena, path, &parts, &count))
        return complain(EXIT_CODE_CONFIGURATION,
                        "there is no stack in %s; deploy/up starts one, and HOOKLINE_RUN_DIR names "
                        "another place (a stack under systemd or in containers is asked by its own tools)",
                        path);

    bool for_people = !arguments_json(arguments), all_ready = true;
    struct table *table = table_new(arena, for_people ? PEOPLE : PROGRAMS, COUNT(PEOPLE));
    for (size_t i = 0; i < COUNT(SERVERS); i++) {
        if (is_among(parts, count, SERVERS[i]))
            continue;
        struct run_part elsewhere = {.name = SERVERS[i]};
        struct readiness_answer answer = ask(console, arena, &elsewhere);
        all_ready &= answer.ready;
        add_part(table, arena, &elsewhere, &answer, for_people);
    }
    for (size_t i = 0; i < count; i++) {
        struct readiness_answer answer = ask(console, arena, &parts[i]);
        all_ready &= answer.ready;
        add_part(table, arena, &parts[i], &answer, for_people);
    }
    int exit_code = console_show(arguments, table);
    return exit_code == EXIT_CODE_FINE && !all_ready ? EXIT_CODE_FINDING : exit_code;
}

const struct verb VERB_STATUS = {
    .name = "status", .about = "Shows every part of the local stack: pid, uptime, restarts, readiness.", .run = status};
