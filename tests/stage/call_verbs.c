/* What an operator does about events that are nobody's and calls that are somebody else's: the command, the real resolver and
 * the real session, from the parked event to the call that moved. */
#include "tests/support/resolver_world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/command.h"

enum { WORDS_MAX = 16 };

static struct process *session;
static struct command last;

static const char *line_of(const char *name, const char *value)
{
    return arena_format(world.arena, "%s=%s", name, value).ptr;
}

static int start(void **state)
{
    int failed = world_start(state);
    char *url = postgres_url(world.postgres, "hookline_session");
    const char *environment[] = {
        line_of("HOOKLINE_DATABASE_URL", url),
        line_of("HOOKLINE_KAFKA_BOOTSTRAP", broker_address(world.broker)),
        line_of("HOOKLINE_LOCK_DIRECTORY", world.directory),
        "HOOKLINE_SESSION_TIMEOUT_MS=6000",
        "HOOKLINE_INSTANCE=test",
        NULL,
    };
    free(url);
    session = process_start(HOOKLINE_SESSION, environment);
    return failed || !process_wait_ready(session, WORLD_SOON_MS);
}

static int stop(void **state)
{
    process_signal(session, SIGTERM);
    int exit_code = process_wait_end(session, WORLD_SOON_MS);
    process_free(session);
    unlink(arena_format(world.arena, "%s/hookline-session-test.lock", world.directory).ptr);
    command_free(&last);
    return world_stop(state) + exit_code;
}

/* hookline with these words, separated by single blanks; the exit code. */
static int run(const char *line)
{
    const char *words[WORDS_MAX + 2] = {HOOKLINE_CTL};
    size_t count = 1;
    char *text = memory_copy_string(line), *place = NULL;
    for (char *word = strtok_r(text, " ", &place); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &place))
        words[count++] = word;
    char *url = postgres_url(world.postgres, "hookline_ctl");
    const char *const environment[] = {line_of("HOOKLINE_DATABASE_URL", url),
                                       line_of("HOOKLINE_KAFKA_BOOTSTRAP", broker_address(world.broker)), NULL};
    free(url);
    command_free(&last);
    last = command_run(words, environment, NULL);
    free(text);
    return last.exit_code;
}

static void assert_says(const char *line, int exit_code, const char *words)
{
    int code = run(line);
    if (code != exit_code || (!strstr(last.out, words) && !strstr(last.err, words)))
        fail_msg("hookline %s: exit %d, not %d with \"%s\": %s%s", line, code, exit_code, words, last.out, last.err);
}

static const char *event_of(const char *call_id)
{
    char *id = postgres_ask(world.postgres, arena_format(world.arena,
                                                         "SELECT encode(event_id, 'hex') FROM parked_events WHERE "
                                                         "call_id = '%s' ORDER BY parked_at DESC LIMIT 1",
                                                         call_id)
                                                .ptr);
    const char *copy = arena_copy(world.arena, slice_of(id)).ptr;
    free(id);
    return copy;
}

static const char *line(const char *format, const char *word)
{
    const char *place = strstr(format, "%s");
    return arena_format(world.arena, "%.*s%s%s", (int)(place - format), format, word, place + 2).ptr;
}

static size_t audits(void)
{
    char *count = postgres_ask(world.postgres, "SELECT count(*) FROM audit_log");
    size_t number = strtoul(count, NULL, 10);
    free(count);
    return number;
}

static void what_is_parked_is_listed_and_shown(void **state)
{
    (void)state;
    world_send("shown",
               SLICE("{\"event\":\"call_started\",  \"call\":{\"call_id\":\"shown\",\"to_number\":\"040 66969 011\"}}"),
               0);
    world_send(NULL, SLICE("{\"event\":\"chat_started\",\"chat\":{\"chat_id\":\"c\"}}"), 0);
    world_wait_answer("SELECT count(*) FROM parked_events", "2");
    size_t before = audits();
    assert_says("parked list", 0, "shown");
    assert_non_null(strstr(last.out, "+49…011"));
    assert_null(strstr(last.out, "4066969"));
    assert_null(strstr(last.out, "not_a_call"));
    assert_says("parked list --reason not_a_call --json", 0, "\"type\":\"ai.retell.call_started\"");
    assert_null(strstr(last.out, "shown"));
    assert_says("parked list --reason company_conflict --json", 0, "[]");
    assert_says("parked list --limit 1 --json", 0, "\"call_id\":\"shown\"");
    assert_says("parked list --reason lost", 64, "unresolved, company_conflict and not_a_call");
    assert_int_equal(audits(), before);

    const char *event = event_of("shown");
    assert_says(line("parked show %s", event), 0, "+494066969011");
    assert_null(strstr(last.out, "call_started\\\""));
    assert_null(strstr(last.out, "{"));
    world_wait_answer(
        "SELECT what || ' ' || (detail ->> 'payload') || ' ' || (company_id IS NULL) FROM audit_log ORDER BY id "
        "DESC LIMIT 1",
        "parked event looked at false true");
    assert_says(line("parked show %s --payload", event), 0,
                "{\"event\":\"call_started\",  \"call\":{\"call_id\":\"shown\",\"to_number\":\"040 66969 011\"}}\n");
    assert_says(line("parked show %s --json --payload", event), 0,
                "\"payload\":\"{\\\"event\\\":\\\"call_started\\\",  ");
    assert_int_equal(audits(), before + 3);
    assert_says("parked show 00000000000000000000000000000000", 1, "was ever parked");
    assert_says("parked show shown", 64, "is no event's id");
    assert_int_equal(audits(), before + 3);
}

static bool was_notified(void *context)
{
    return process_metric(world.resolver, "hookline_resolver_cache_flushes_total") > *(double *)context;
}

/* The NOTIFY of the mapping never came (its trigger is off): the operator's does. */
static void a_release_is_a_look_at_once(void **state)
{
    (void)state;
    assert_says("parked release --all --wait 0", 1, "0 released, 1 still waiting");
    assert_non_null(strstr(last.err, "nobody's yet"));
    postgres_execute(world.postgres, "SET session_replication_role = replica; "
                                     "INSERT INTO phone_numbers VALUES ('+494066969011', 2, NULL)");
    double before = process_metric(world.resolver, "hookline_resolver_cache_flushes_total");
    assert_says("parked release --reason unresolved --json", 0,
                "\"waiting\":0}"); /* the look before may have been slow */
    assert_true(wait_until(was_notified, &before, WORLD_SOON_MS));
    world_assert_header(world_record_in(TOPIC_CALLS_EVENTS, "shown"), "ce_companyid", "2");
    assert_says(line("parked release %s", event_of("shown")), 1, "was released before");
    assert_says("parked release", 64, "say which");
    assert_says("parked release --all --reason unresolved", 64, "say which");
    assert_says("parked release --reason not_a_call", 64, "no call");
    assert_says("parked release --all --company 1", 64, "call by call");
    world_wait_answer("SELECT string_agg(DISTINCT what, ',') FROM audit_log WHERE detail ->> 'reason' = 'unresolved'",
                      "parked events to be released");
}

static void an_operator_says_whose_a_parked_call_is(void **state)
{
    (void)state;
    struct slice conflict =
        SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"torn\",\"to_number\":\"+493083793369\","
              "\"agent_id\":\"agent_2\"}}");
    world_send("torn", conflict, 0);
    world_wait_answer("SELECT reason FROM parked_events WHERE call_id = 'torn'", "company_conflict");
    assert_says("call assign torn --company 2", 1, line("`hookline parked release %s --company 2`", event_of("torn")));
    assert_says("call show torn", 0, "  call_started  parked");
    assert_says(line("parked release %s --company 9", event_of("torn")), 1, "there is no company 9");
    assert_says(line("parked release %s --company 2", event_of("torn")), 0, "1 released, 0 still waiting");
    const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, "torn");
    world_assert_header(record, "ce_companyid", "2");
    world_assert_header(record, "ce_resolvedby", "owner");
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'torn'", "2");
    world_wait_answer("SELECT company_id || ' ' || what FROM audit_log ORDER BY id DESC LIMIT 1",
                      "2 parked events to be released");

    /* Its next event is not parked at all; and who owns it is no longer said here. */
    world_send("torn",
               SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"torn\",\"to_number\":\"+493083793369\","
                     "\"agent_id\":\"agent_2\"}}"),
               0);
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id = 'torn' AND company_id = 2", "2");
    postgres_execute(world.postgres, "UPDATE parked_events SET released_at = NULL WHERE call_id = 'torn'");
    assert_says(line("parked release %s --company 1", event_of("torn")), 1, "`hookline call assign` moves it");
    world_wait_answer("SELECT company_id FROM call_owners WHERE call_id = 'torn'", "2");
}

/* What Kafka refused once is listed with its words, and tried again when an operator says so. */
static void what_kafka_refused_is_seen_and_sent_again(void **state)
{
    (void)state;
    world_send("refused",
               SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"refused\",\"to_number\":\"+4940123456\"}}"),
               0);
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'refused'", "1");
    postgres_execute(world.postgres, "UPDATE parked_events SET refused_at = now(), refused_because = 'too large' WHERE "
                                     "call_id = 'refused'");
    assert_says("parked list", 0, "too large");
    assert_says(line("parked show %s --json", event_of("refused")), 0, "\"refused_because\":\"too large\"");
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4940123456', 2, NULL)");
    world_send_call("witness", "+493083793369"); /* of a look that passed it over */
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'witness'", "1");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'refused'", "0");
    assert_says("parked release --all", 0, "1 released, 0 still waiting");
    world_wait_answer("SELECT string_agg(company_id::text, ',') FROM calls WHERE call_id = 'refused'", "2");
}

static void a_call_is_shown_and_moved(void **state)
{
    (void)state;
    world_send_call("moved", "+493083793369");
    world_wait_answer("SELECT company_id FROM calls WHERE call_id = 'moved'", "1");
    size_t before = audits();
    assert_says("call show moved", 0, "+49 30 83793369");
    assert_non_null(strstr(last.out, "The call is company 1's."));
    assert_says("call show moved --json", 0, "{\"owner\":1,\"calls\":[{\"company_id\":1,\"call_id\":\"moved\",");
    world_wait_answer("SELECT company_id || ' ' || what || ' ' || detail FROM audit_log ORDER BY id DESC LIMIT 1",
                      "1 call looked at {\"call\": \"moved\"}");
    assert_int_equal(audits(), before + 2);
    assert_says("call show nobody", 1, "there is no call nobody");

    assert_says("call assign moved --company 1", 0, "is company 1's already");
    assert_says("call assign moved --company 9", 1, "there is no company 9");
    assert_says("call assign nobody --company 2", 1, "there is no call nobody");
    assert_int_equal(audits(), before + 2);
    assert_says("call assign moved --company 2", 0, "call moved is company 2's now");
    world_wait_answer("SELECT string_agg(company_id || ' ' || version, ',') FROM calls WHERE call_id = 'moved'", "2 2");
    world_wait_answer("SELECT company_id || ' ' || what || ' ' || detail FROM audit_log ORDER BY id DESC LIMIT 1",
                      "2 call assigned {\"to\": 2, \"call\": \"moved\", \"from\": 1}");
    world_wait_answer(
        "SELECT string_agg(company_id::text, ' ' ORDER BY id) FROM audit_log WHERE what = 'call assigned'",
        "1 2"); /* either company finds it */
    assert_says("call show moved", 0, "call_assigned");
    assert_says("call assign moved --company 1 --json", 0, "{\"call_id\":\"moved\",\"company_id\":1,\"moved\":true}");
    world_wait_answer("SELECT string_agg(company_id || ' ' || version, ',') FROM calls WHERE call_id = 'moved'", "1 3");
}

/* A signature says whose they are; the next event would say it again. */
static void calls_of_bound_sources_stay(void **state)
{
    (void)state;
    world_send("bound", SLICE("{\"event\":\"call_started\",\"call\":{\"call_id\":\"bound\"}}"), 1);
    world_send_call("mixed", "+493083793369");
    world_send("mixed", SLICE("{\"event\":\"call_ended\",\"call\":{\"call_id\":\"mixed\"}}"), 1);
    world_wait_answer("SELECT count(*) FROM webhook_events WHERE call_id IN ('bound', 'mixed')", "3");
    assert_says("call assign bound --company 2", 1, "bound to company 1");
    assert_says("call assign mixed --company 2", 1, "it stays there");
    world_wait_answer(
        "SELECT string_agg(DISTINCT company_id::text, ',') FROM calls WHERE call_id IN ('bound', 'mixed')", "1");

    /* The events that say so are purged one day; that they said so is not. */
    postgres_execute(world.postgres,
                     "UPDATE webhook_events SET processed_at = now() - interval '100 days' WHERE call_id = 'mixed'");
    assert_says("purge --json", 0, "\"events\":2");
    assert_says("call assign mixed --company 2", 1, "it stays there");
}

/* Not done is not said to be done. */
static void without_session_the_command_says_so(void **state)
{
    (void)state;
    world_send_call("late", "+493083793369");
    world_wait_answer("SELECT company_id FROM calls WHERE call_id = 'late'", "1");
    process_signal(session, SIGSTOP);
    assert_says("call assign late --company 2 --wait 0", 1, "has not moved the call");
    process_signal(session, SIGCONT);
    world_wait_answer("SELECT company_id FROM calls WHERE call_id = 'late'", "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_parked_is_listed_and_shown),
        cmocka_unit_test(a_release_is_a_look_at_once),
        cmocka_unit_test(an_operator_says_whose_a_parked_call_is),
        cmocka_unit_test(what_kafka_refused_is_seen_and_sent_again),
        cmocka_unit_test(a_call_is_shown_and_moved),
        cmocka_unit_test(calls_of_bound_sources_stay),
        cmocka_unit_test(without_session_the_command_says_so),
    };
    return cmocka_run_group_tests_name("call_verbs", tests, start, stop);
}
