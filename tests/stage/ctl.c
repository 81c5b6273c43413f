/* The operator's command against a real PostgreSQL: what it does it does once, and what it refuses it refuses with a reason
 * and an exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/database.h"
#include "common/json.h"
#include "tests/support/broker.h"
#include "tests/support/command.h"
#include "tests/support/platform.h"
#include "tests/support/postgres.h"

enum { WORDS_MAX = 40 };

struct fixture {
    struct postgres *postgres;
    struct broker *broker;
    struct platform *platform;
    struct arena *arena;
    char *operator_url, *administrator_url;
    const char *run_directory;
    struct command last;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->postgres = postgres_start();
    f->broker = broker_start();
    f->platform = platform_start();
    f->arena = arena_new();
    f->operator_url = postgres_url(f->postgres, "hookline_ctl");
    f->administrator_url = postgres_url(f->postgres, "postgres");
    f->run_directory = "/nowhere";
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    command_free(&f->last);
    platform_stop(f->platform);
    broker_stop(f->broker);
    postgres_stop(f->postgres);
    arena_free(f->arena);
    free(f->operator_url);
    free(f->administrator_url);
    free(f);
    return 0;
}

/* hookline with these words, separated by single blanks ("~" within a word is a blank); returns the exit code. */
static int run_as(struct fixture *f, const char *url, const char *line)
{
    const char *words[WORDS_MAX + 2] = {HOOKLINE_CTL};
    char *text = memory_copy_string(line), *place = NULL;
    size_t count = 1;
    for (char *word = strtok_r(text, " ", &place); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &place)) {
        for (char *at = word; *at; at++)
            *at = *at == '~' ? ' ' : *at;
        words[count++] = word;
    }
    const char *database = arena_format(f->arena, "HOOKLINE_DATABASE_URL=%s", url).ptr;
    const char *ingest = arena_format(f->arena, "HOOKLINE_INGEST_URL=%s", platform_url(f->platform)).ptr;
    const char *broker = arena_format(f->arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(f->broker)).ptr;
    const char *directory = arena_format(f->arena, "HOOKLINE_RUN_DIR=%s", f->run_directory).ptr;
    const char *const environment[] = {database, ingest, broker, directory, "HOOKLINE_RETELL_API_KEY=key_test", NULL};
    command_free(&f->last);
    f->last = command_run(words, environment, NULL);
    free(text);
    return f->last.exit_code;
}

static int run(struct fixture *f, const char *line)
{
    return run_as(f, f->operator_url, line);
}

static void assert_said(const char *where, const char *wanted)
{
    if (!strstr(where, wanted))
        fail_msg("\"%s\" does not hold \"%s\"", where ? where : "(nothing)", wanted);
}

/* Fails unless the line ends with this exit code and its stderr holds the words. */
static void assert_refused(struct fixture *f, const char *line, int exit_code, const char *words)
{
    int code = run(f, line);
    if (code != exit_code)
        fail_msg("hookline %s: exit %d, not %d: %s", line, code, exit_code, f->last.err);
    assert_said(f->last.err, words);
}

static void assert_fine(struct fixture *f, const char *line, const char *words)
{
    if (run(f, line) != 0)
        fail_msg("hookline %s: exit %d: %s", line, f->last.exit_code, f->last.err);
    assert_said(f->last.out, words);
}

static void assert_answer(struct fixture *f, const char *sql, const char *wanted)
{
    char *answer = postgres_ask(f->postgres, sql);
    assert_string_equal(answer, wanted);
    free(answer);
}

/* migrate ------------------------------------------------------------------------------------------------------------- */

/* The address of an empty database beside the migrated one. */
static const char *empty_database(struct fixture *f, const char *name)
{
    postgres_execute(f->postgres, arena_format(f->arena, "CREATE DATABASE %s", name).ptr);
    size_t keep = strlen(f->administrator_url) - strlen("hookline");
    return arena_format(f->arena, "%.*s%s", (int)keep, f->administrator_url, name).ptr;
}

static void migrating_twice_changes_nothing_the_second_time(void **state)
{
    struct fixture *f = *state;
    const char *url = empty_database(f, "twice");
    assert_int_equal(run_as(f, url, "migrate"), 0);
    assert_said(f->last.err, "001_initial.sql applied");
    assert_int_equal(run_as(f, url, "migrate --json"), 0);
    assert_said(f->last.out, "\"applied_now\":0");
    assert_string_equal(f->last.err, "");
    assert_int_equal(run_as(f, url, "company add Praxis"), 0); /* the schema is really there */
}

static void a_migration_changed_behind_our_back_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *url = empty_database(f, "changed");
    assert_int_equal(run_as(f, url, "migrate"), 0);
    struct database *database = database_open(url, "test");
    struct database_error error;
    assert_true(database_execute(database, "UPDATE schema_migrations SET sha256 = 'another'", &error));
    assert_int_equal(run_as(f, url, "migrate"), 70);
    assert_said(f->last.err, "001_initial.sql was applied with other contents");
    assert_true(database_execute(database, "DELETE FROM schema_migrations WHERE version > 1", &error));
    assert_true(
        database_execute(database, "UPDATE schema_migrations SET version = 999, name = '999_future.sql'", &error));
    assert_int_equal(run_as(f, url, "migrate"), 70);
    assert_said(f->last.err, "999_future.sql");
    database_close(database);
}

static void a_migration_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    const char *url = empty_database(f, "half");
    struct database *database = database_open(url, "test");
    struct database_error error;
    assert_true(
        database_execute(database, "CREATE TABLE agents (mine int)", &error)); /* in the way of 001, half way through */
    assert_int_not_equal(run_as(f, url, "migrate"), 0);
    assert_said(f->last.err, "migration 001_initial.sql: relation \"agents\" already exists");
    assert_true(database_execute(database, "DROP TABLE agents", &error));
    assert_int_equal(run_as(f, url, "migrate"), 0);
    database_close(database);
}

static void roles_get_the_passwords_of_their_files(void **state)
{
    struct fixture *f = *state;
    const char *url = empty_database(f, "passwords");
    char directory[] = "/tmp/hookline-passwords-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const char *line = arena_format(f->arena, "migrate --passwords %s", directory).ptr;
    assert_int_equal(run_as(f, url, line), 78);
    assert_said(f->last.err, "has no file named like a role");
    const char *path = arena_format(f->arena, "%s/hookline_session", directory).ptr;
    FILE *file = fopen(path, "we");
    fputs("it's \"one\"\n", file);
    fclose(file);
    assert_int_equal(run_as(f, url, line), 0);
    assert_int_equal(run_as(f, url, line), 0);
    assert_answer(
        f,
        "SELECT string_agg(rolname || ' ' || left(rolpassword, 14), ',') FROM pg_authid WHERE rolpassword IS NOT NULL",
        "hookline_session SCRAM-SHA-256$");
    postgres_execute(f->postgres, "ALTER ROLE hookline_session PASSWORD NULL");
    unlink(path);
    rmdir(directory);
}

static void only_an_administrator_may_migrate(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, "migrate"), 78); /* hookline_ctl, and the harness applied the files without a history */
    assert_said(f->last.err, "must name an administrator");
    assert_answer(f, "SELECT to_regclass('schema_migrations')", "");
}

/* who is who ------------------------------------------------------------------------------------------------------------ */

static void what_is_added_twice_is_there_once(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "company add Praxis~am~Park --id 1", "company \"Praxis am Park\" added: company 1, region DE");
    assert_fine(f, "company add Praxis~am~Park --id 1", "is there already");
    assert_fine(f, "company add Praxis~am~Park", "is there already");
    assert_fine(f, "branch add Nord --company 1", "branch \"Nord\" added");
    assert_fine(f, "branch add Nord --company 1", "is there already");
    assert_fine(f, "agent add agent-1 --company 1 --name Clara", "added");
    assert_fine(f, "agent add agent-1 --company 1 --name Clara", "is there already");
    assert_answer(f, "SELECT count(*) FROM companies", "1");
    assert_answer(f, "SELECT string_agg(what, ', ' ORDER BY id) FROM audit_log",
                  "company added, branch added, agent added");
    assert_answer(f, "SELECT DISTINCT who FROM audit_log", "hookline_ctl");
}

static void an_id_taken_by_hand_is_stepped_over(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "company add Salon~Nord --json", "{\"added\":true,\"id\":2,\"company\":\"Salon Nord\"}");
}

static void a_number_is_one_whatever_its_spelling(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "number add 030~23125~001 --company 1", "number \"+493023125001\" added");
    assert_fine(f, "number add +49~30~23125001 --company 1", "is there already");
    assert_fine(f, "number add sip:empfang@example.org --company 1", "added");
    assert_said(f->last.err, "is no number of region DE");
    assert_answer(f, "SELECT string_agg(number, ' ' ORDER BY number) FROM phone_numbers",
                  "+493023125001 sip:empfang@example.org");
}

static void other_values_are_refused_and_nothing_changes(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "company add Praxis~am~Park --id 7", 1, "is there already, but as: company 1");
    assert_refused(f, "company add Anders --id 1", 1, "named \"Praxis am Park\"; nothing was changed");
    assert_refused(f, "company add Praxis~am~Park --region AT", 1, "region DE");
    assert_refused(f, "number add +493023125001 --company 2", 1, "is there already, but as: company 1");
    assert_refused(f, "agent add agent-1 --company 1 --name Anna", 1, "name Clara");
    assert_refused(f, "agent add agent-1 --company 2 --name Clara", 1, "company 1");
    assert_answer(f, "SELECT company_id FROM phone_numbers WHERE number = '+493023125001'", "1");
    assert_answer(f, "SELECT name || company_id FROM agents", "Clara1");
}

static void what_does_not_exist_is_named(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "number add +493023125009 --company 99", 1, "there is no company 99");
    assert_refused(f, "number add +493023125009 --company 2 --branch 1", 1,
                   "company 2 has no branch 1"); /* company 1's */
    assert_refused(f, "branch add Süd --company 99", 1, "there is no company 99");
    assert_refused(f, "agent add agent-9 --company 99 --branch 1", 1, "there is no company 99");
    assert_refused(f, "token create --company 99", 1, "there is no company 99");
    assert_refused(f, "token revoke 99", 1, "there is no token 99");
    assert_answer(f, "SELECT count(*) FROM phone_numbers", "2");
}

static void lists_are_for_people_and_for_programs(void **state)
{
    struct fixture *f = *state;
    const char *problem = NULL;
    assert_fine(f, "company list", "Praxis am Park");
    assert_fine(f, "number list --json", "");
    const struct json *rows = json_read(f->arena, slice_of(f->last.out), &problem);
    assert_null(problem);
    assert_int_equal(json_length(rows), 2);
    assert_true(slice_equals(json_text(json_get(json_at(rows, 0), "number")), "+493023125001"));
    assert_fine(f, "number list --company 2 --json", "[]");
    assert_fine(f, "branch list", "Nord");
    assert_fine(f, "agent list", "Clara");
}

/* tokens ---------------------------------------------------------------------------------------------------------------- */

static void a_token_is_shown_once_and_kept_as_a_hash(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "token create --company 1 --name Empfang", "hl_");
    char *token = memory_copy_string(f->last.out);
    assert_int_equal(strlen(token), 3 + 43 + 1);
    token[3 + 43] = '\0';
    assert_int_equal(strspn(token + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_answer(
        f, arena_format(f->arena, "SELECT company_id FROM api_tokens WHERE token_hash = sha256('%s')", token).ptr, "1");
    assert_fine(f, "token create --company 1", "hl_");
    assert_null(strstr(f->last.out, token));
    assert_fine(f, "token list", "Empfang");
    assert_null(strstr(f->last.out, token));
    free(token);
}

static void tokens_end(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "token create --company 2 --expires-days 3 --json", "\"expires_at\":\"20");
    assert_answer(f, "SELECT expires_at - created_at FROM api_tokens WHERE company_id = 2", "3 days");
    char *id = postgres_ask(f->postgres, "SELECT min(id) FROM api_tokens");
    const char *line = arena_format(f->arena, "token revoke %s", id).ptr;
    assert_fine(f, line, "is revoked");
    assert_fine(f, line, "was revoked before");
    assert_answer(f, "SELECT count(*) FROM api_tokens WHERE revoked_at IS NOT NULL", "1");
    assert_answer(f, "SELECT count(*) FROM audit_log WHERE what = 'token revoked'", "1");
    free(id);
}

/* webhooks ---------------------------------------------------------------------------------------------------------------- */

static void send_prints_what_it_was_answered(void **state)
{
    struct fixture *f = *state;
    platform_script(f->platform, &(struct platform_answer){.status = 200, .body = "{\"event_id\":\"x\"}"}, 1);
    assert_fine(f, "send --template call_started --to +493023125001 --call-id call-1", "200 {\"event_id\":\"x\"}");
    assert_true(slice_equals(platform_last_target(f->platform, f->arena), "/api/retell/webhook"));
    platform_script(f->platform, &(struct platform_answer){.status = 401, .body = "{}"}, 1);
    assert_int_equal(run(f, "send --template call_ended"), 1);
    assert_said(f->last.out, "401 {}");
    assert_refused(f, "send --template call_ended --url http://127.0.0.1:1", 69, "does not answer");
    assert_null(strstr(f->last.err, "key_test"));
    assert_refused(f, "send --template call_resumed", 64, "call_started, call_ended or call_analyzed");
    assert_refused(f, "send", 64, "either --file or --template");
    assert_refused(f, "send --file /nowhere/at-all", 64, "cannot be read");
}

/* A key signs for the place that it was given to, and for no other that an answer names. */
static void send_follows_no_redirect(void **state)
{
    struct fixture *f = *state;
    const char *elsewhere = arena_format(f->arena, "%s/elsewhere", platform_url(f->platform)).ptr;
    platform_script(f->platform,
                    &(struct platform_answer){.status = 307, .body = "", .header = "Location", .value = elsewhere}, 1);
    assert_int_equal(run(f, "send --template call_started"), 1);
    assert_said(f->last.out, "307 ");
    assert_int_equal(platform_asked(f->platform), 1);
}

static void send_shows_the_first_64_KiB_of_an_answer(void **state)
{
    enum { SHOWN_BYTES = 65536, SENT_BYTES = 20 * SHOWN_BYTES };
    struct fixture *f = *state;
    char *body = memory_new(SENT_BYTES + 1, 1);
    memset(body, 'a', SENT_BYTES);
    platform_script(f->platform, &(struct platform_answer){.status = 200, .body = body}, 1);
    assert_int_equal(run(f, "send --template call_started"), 0);
    assert_int_equal(strlen(f->last.out), strlen("200 ") + SHOWN_BYTES + 1);
    platform_script(f->platform, &(struct platform_answer){.status = 200, .body = "{}"}, 1);
    free(body);
}

/* The SDK's own signature over a body of the fixtures. */
static void verify_says_which_step_fails(void **state)
{
    static const char SIGNATURE[] =
        "v=1703302429100,d=d43b12489ff4759d0d1594ac580d5c8d2db5c5c34e5d272efe4ffea41eb43dfb";
    struct fixture *f = *state;
    char key_path[] = "/tmp/hookline-key-XXXXXX";
    FILE *file = fdopen(mkstemp(key_path), "w");
    assert_non_null(file);
    fputs("key_0123456789abcdef0123456789ab\n", file);
    fclose(file);
    const char *line = arena_format(f->arena, "verify %s/retell_call_ended.json --header %s --key-file %s", TEST_DATA,
                                    SIGNATURE, key_path)
                           .ptr;
    assert_fine(f, arena_format(f->arena, "%s --at 1703302429100", line).ptr, "valid\n");
    assert_int_equal(run(f, arena_format(f->arena, "%s --at 2023-12-23T03:40:41.1Z", line).ptr), 1);
    assert_said(f->last.out, "time    FAILED  the clock is 412 s off");
    assert_said(f->last.out, "NOT valid: ingest answers 401");
    assert_int_equal(run(f, arena_format(f->arena, "%s --header %s --json", line, SIGNATURE).ptr), 1);
    assert_said(f->last.out, "{\"valid\":false,\"provider\":\"retell\",\"steps\":[{\"step\":\"header\",\"ok\":false,");
    assert_fine(f,
                arena_format(f->arena,
                             "verify %s/retell_call_ended.json --header X-RETELL-SIGNATURE:%s --key-file %s "
                             "--source acme --at 1703302429100",
                             TEST_DATA, SIGNATURE, key_path)
                    .ptr,
                "of source acme");
    assert_refused(f, "verify --provider paypal", 64, "retell, calcom or stripe");
    assert_refused(f, "verify --at noon", 64, "2026-11-21T09:30:00Z");
    assert_refused(f, "verify --sources /nowhere/at-all", 78, "/nowhere/at-all cannot be read");
    assert_refused(f, "verify --provider stripe", 78, "--sources FILE or --key-file FILE");
    unlink(key_path);
}

/* Ten short lives: how many questions reached the receiver, and what the summary says of them. */
static const struct json *simulate(struct fixture *f, const char *more)
{
    const char *problem = NULL;
    const char *line =
        arena_format(f->arena,
                     "simulate --to +493023125001 --count 10 --rate 1000 --life-min 0.02 --life-max 0.05 "
                     "--disorder 0 --repeat 0 --lose 0 --transcripts 0 --quiet --json %s",
                     more)
            .ptr;
    run(f, line);
    const struct json *summary = json_read(f->arena, arena_copy(f->arena, slice_of(f->last.out)), &problem);
    assert_null(problem);
    return summary;
}

static int64_t count_of(const struct json *summary, const char *name)
{
    int64_t count = -1;
    assert_true(json_int(json_get(summary, name), &count));
    return count;
}

static void every_simulated_webhook_arrives_once(void **state)
{
    struct fixture *f = *state;
    platform_script(f->platform, &(struct platform_answer){.status = 204, .body = ""}, 1);
    const struct json *summary = simulate(f, "--seed 5");
    assert_int_equal(f->last.exit_code, 0);
    assert_int_equal(count_of(summary, "calls"), 10);
    assert_in_range(count_of(summary, "webhooks"), 20, 30); /* unanswered calls have no call_started */
    assert_int_equal(count_of(summary, "accepted"), count_of(summary, "webhooks"));
    assert_int_equal(platform_asked(f->platform), count_of(summary, "webhooks"));
}

static void a_refused_webhook_is_tried_three_times(void **state)
{
    struct fixture *f = *state;
    platform_script(f->platform, &(struct platform_answer){.status = 503, .body = "{}"}, 1);
    const struct json *summary = simulate(f, "--seed 5");
    assert_int_equal(f->last.exit_code, 1);
    assert_int_equal(count_of(summary, "given_up"), count_of(summary, "webhooks"));
    assert_int_equal(platform_asked(f->platform), 3 * count_of(summary, "webhooks"));
}

/* how it is --------------------------------------------------------------------------------------------------------------- */

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* A part that died is told from one that lives, and each is asked itself. */
static void status_asks_every_part(void **state)
{
    static const char *const FILES[] = {"pids/simulator.pid", "pids/sync.pid", "pids/ingest.pid", "starts/simulator",
                                        "management/ingest",  "pids",          "starts",          "management"};
    struct fixture *f = *state;
    char directory[] = "/tmp/hookline-status-XXXXXX", path[128];
    assert_non_null(mkdtemp(directory));
    f->run_directory = directory;
    for (size_t i = COUNT(FILES) - 3; i < COUNT(FILES); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, FILES[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    write_file(directory, "pids/simulator.pid", arena_format(f->arena, "%d\n", (int)getpid()).ptr);
    write_file(directory, "starts/simulator", "1795250000\n1795256000\n");
    assert_fine(f, "status --json",
                "{\"part\":\"postgres\",\"pid\":null,\"uptime_s\":null,\"restarts\":null,\"ready\":true");
    assert_said(f->last.out, "{\"part\":\"kafka\",\"pid\":null,\"uptime_s\":null,\"restarts\":null,\"ready\":true");
    assert_said(f->last.out, "\"restarts\":1,\"ready\":true");

    write_file(directory, "pids/ingest.pid", arena_format(f->arena, "%d\n", (int)getpid()).ptr);
    write_file(directory, "management/ingest", platform_url(f->platform) + strlen("http://"));
    platform_script(f->platform, &(struct platform_answer){.status = 200, .body = "ok kafka\n"}, 1);
    assert_fine(f, "status --json", "{\"part\":\"ingest\"");
    assert_true(slice_equals(platform_last_target(f->platform, f->arena), "/readyz"));
    platform_script(f->platform,
                    &(struct platform_answer){.status = 503, .body = "ok spool\n-- kafka: away\n-- x: y\n"}, 1);
    assert_int_equal(run(f, "status --json"), 1);
    assert_said(f->last.out, "\"ready\":false,\"reason\":\"kafka: away; x: y\"");
    write_file(directory, "management/ingest", "127.0.0.1:1");
    assert_int_equal(run(f, "status"), 1);
    assert_said(f->last.out, "connect to server");

    write_file(directory, "pids/sync.pid", "2147483647\n"); /* beyond any pid that Linux gives out */
    assert_int_equal(run(f, "status"), 1);
    assert_said(f->last.out, "not running");
    f->run_directory = "/nowhere";
    for (size_t i = 0; i < COUNT(FILES); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, FILES[i]);
        remove(path);
    }
    assert_int_equal(remove(directory), 0);
}

static void a_broker_that_is_away_is_69(void **state)
{
    struct fixture *f = *state;
    broker_set_down(f->broker, true);
    assert_refused(f, "topics list", 69, "HOOKLINE_KAFKA_BOOTSTRAP");
    assert_refused(f, "lag", 69, "cannot be read");
    broker_set_down(f->broker, false);
}

/* refusals ---------------------------------------------------------------------------------------------------------------- */

static void a_wrong_line_is_64_and_names_the_remedy(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "company", 64, "add or list");
    assert_refused(f, "company remove X", 64, "does not know that action");
    assert_refused(f, "fly", 64, "there is no verb \"fly\"");
    assert_refused(f, "company add", 64, "NAME is missing");
    assert_refused(f, "company add X --region Germany", 64, "two capital letters");
    assert_refused(f, "number add +491 --company one", 64, "a whole number");
    assert_refused(f, "token revoke x", 64, "is no token's id");
    assert_refused(f, "simulate", 64, "--to is missing");
    assert_refused(f, "simulate --to +491 --rate 1 --webhooks-per-second 5", 64, "not both");
    assert_refused(f, "status", 78, "there is no stack in /nowhere");
}

static void a_database_that_is_away_is_69_and_a_wrong_one_78(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_as(f, "postgresql://hookline_ctl@127.0.0.1:1/hookline", "company list"), 69);
    size_t keep = strlen(f->operator_url) - strlen("hookline");
    assert_int_equal(run_as(f, arena_format(f->arena, "%.*snone", (int)keep, f->operator_url).ptr, "company list"), 78);
    assert_int_equal(run_as(f, "", "company list"), 78);
    assert_said(f->last.err, "HOOKLINE_DATABASE_URL");
    char *reader = postgres_url(f->postgres, "hookline_reader");
    assert_int_equal(run_as(f, reader, "company list"), 0);
    assert_int_equal(run_as(f, reader, "company add X"), 78); /* may look, may not change */
    free(reader);
}

static void help_is_there_without_any_setting(void **state)
{
    struct fixture *f = *state;
    assert_fine(f, "help", "simulate");
    assert_fine(f, "help company", "usage: hookline company add NAME");
    assert_fine(f, "number add --help", "--company ID");
    assert_fine(f, "number --help", "usage: hookline number list");
    assert_refused(f, "help fly", 64, "there is no verb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrating_twice_changes_nothing_the_second_time),
        cmocka_unit_test(a_migration_changed_behind_our_back_is_refused),
        cmocka_unit_test(a_migration_that_fails_leaves_nothing),
        cmocka_unit_test(only_an_administrator_may_migrate),
        cmocka_unit_test(roles_get_the_passwords_of_their_files),
        cmocka_unit_test(what_is_added_twice_is_there_once),
        cmocka_unit_test(an_id_taken_by_hand_is_stepped_over),
        cmocka_unit_test(a_number_is_one_whatever_its_spelling),
        cmocka_unit_test(other_values_are_refused_and_nothing_changes),
        cmocka_unit_test(what_does_not_exist_is_named),
        cmocka_unit_test(lists_are_for_people_and_for_programs),
        cmocka_unit_test(a_token_is_shown_once_and_kept_as_a_hash),
        cmocka_unit_test(tokens_end),
        cmocka_unit_test(send_prints_what_it_was_answered),
        cmocka_unit_test(send_follows_no_redirect),
        cmocka_unit_test(send_shows_the_first_64_KiB_of_an_answer),
        cmocka_unit_test(verify_says_which_step_fails),
        cmocka_unit_test(every_simulated_webhook_arrives_once),
        cmocka_unit_test(a_refused_webhook_is_tried_three_times),
        cmocka_unit_test(status_asks_every_part),
        cmocka_unit_test(a_broker_that_is_away_is_69),
        cmocka_unit_test(a_wrong_line_is_64_and_names_the_remedy),
        cmocka_unit_test(a_database_that_is_away_is_69_and_a_wrong_one_78),
        cmocka_unit_test(help_is_there_without_any_setting),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
