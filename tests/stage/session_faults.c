/* What session does about each kind of refusal by PostgreSQL: a trigger on `calls` refuses as an event tells it to.
 *
 *      "agent_id": "fault SQLSTATE TIMES CONSTRAINT"     refused so the first TIMES tries, then stored
 *
 * The tries are counted by a sequence, which no rollback takes back. */
#include "tests/support/session_world.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/wait.h"

enum { ALWAYS = 1000000, FLOCK = 64 };

static const char TRIGGER[] =
    "CREATE SEQUENCE fault_tries;"
    "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ "
    "DECLARE told text[] := string_to_array(NEW.agent_id, ' '); "
    "BEGIN "
    "  IF told[1] = 'fault' THEN " /* null AND nextval() would count as well */
    "    IF nextval('fault_tries') <= told[3]::bigint THEN "
    "      RAISE EXCEPTION 'refused as told' USING ERRCODE = told[2], CONSTRAINT = coalesce(told[4], ''); "
    "    END IF; "
    "  END IF; "
    "  RETURN NEW; "
    "END $$;"
    "CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION fault()";

static int start(void **state)
{
    world_start(state);
    postgres_execute(world.postgres, TRIGGER);
    return 0;
}

static size_t letters(const char *key, const char *code)
{
    size_t count = 0;
    size_t found = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS ".dlq", world.arena, &count);
    for (size_t i = 0; i < count; i++)
        found += slice_equals(records[i].key, key) &&
                 (!code || slice_equals(broker_record_header(&records[i], "dlq.code"), code));
    return found;
}

struct expected_letter {
    const char *key, *code;
};

static bool letter_is_there(void *context)
{
    const struct expected_letter *wanted = context;
    return letters(wanted->key, wanted->code) == 1;
}

/* One record that is refused so, alone among others of its partition. Session sleeps meanwhile and finds them in two batches at the
 * most: a slow record that was a batch of its own would be judged by the next one (stage_work.c). */
static const char *send_faulty(const char *story, const char *sqlstate, int times, const char *constraint)
{
    const char *call_id = arena_format(world.arena, "%s-%s", story, sqlstate).ptr;
    postgres_execute(world.postgres, "ALTER SEQUENCE fault_tries RESTART");
    struct record records[FLOCK];
    struct event envelope = {.source = SLICE("/retell/default"), .company_id = 1};
    for (int i = 0; i < FLOCK; i++) {
        const char *name = i == FLOCK / 3 ? call_id : arena_format(world.arena, "%s-%d", call_id, i).ptr;
        struct slice body =
            i == FLOCK / 3
                ? arena_format(world.arena, "{\"call\":{\"call_id\":\"%s\",\"agent_id\":\"fault %s %d %s\"}}", name,
                               sqlstate, times, constraint)
                : arena_format(world.arena, "{\"call\":{\"call_id\":\"%s\"}}", name);
        struct header *headers = arena_zeroed(world.arena, EVENT_HEADERS_MAX, sizeof *headers);
        envelope.type = SLICE("ai.retell.call_started");
        envelope.id = event_id_of(SLICE("retell"), 0, body);
        envelope.subject = slice_of(name);
        records[i] = (struct record){.topic = TOPIC_CALLS_EVENTS,
                                     .partition = 3,
                                     .key = slice_of(name),
                                     .value = body,
                                     .headers = headers,
                                     .header_count = event_write(&envelope, world.arena, headers)};
    }
    process_signal(world.session, SIGSTOP);
    broker_send_all(world.broker, records, FLOCK);
    process_signal(world.session, SIGCONT);
    return call_id;
}

static void wait_for_others(const char *call_id)
{
    world_wait_answer(arena_format(world.arena, "SELECT count(*) FROM calls WHERE call_id LIKE '%s-%%'", call_id).ptr,
                      arena_format(world.arena, "%d", FLOCK - 1).ptr);
}

/* The world's faults and lost races: the batch comes again until it is stored; nothing is set aside. */
static void what_passes_is_waited_for(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate, *constraint;
    } PASSING[] = {
        {"08006", ""}, {"25006", ""}, {"40001", ""}, {"40P01", ""}, {"40003", ""},           {"53100", ""},
        {"53300", ""}, {"55P03", ""}, {"57P03", ""}, {"58030", ""}, {"23505", "calls_pkey"}, {"57014", ""},
    };
    for (size_t i = 0; i < COUNT(PASSING); i++) {
        const char *call_id = send_faulty("passes", PASSING[i].sqlstate, 2, PASSING[i].constraint);
        wait_for_others(call_id);
        world_wait_answer(arena_format(world.arena, "SELECT version FROM calls WHERE call_id = '%s'", call_id).ptr,
                          "1");
        assert_int_equal(letters(call_id, NULL), 0);
        const char *metric =
            arena_format(world.arena, "hookline_session_retries_total{reason=\"sql_%s\"}", PASSING[i].sqlstate).ptr;
        if (process_metric(world.session, metric) != 2)
            fail_msg("%s is %g, not 2", metric, process_metric(world.session, metric));
    }
}

/* A value that PostgreSQL will never take: its record alone is set aside. 57014 is one only if the record after it passes. */
static void what_never_passes_is_set_aside_alone(void **state)
{
    (void)state;
    static const char *const NEVER[] = {"21000", "22003", "22P05", "23502", "23505", "23514", "54000", "57014"};
    for (size_t i = 0; i < COUNT(NEVER); i++) {
        const char *call_id = send_faulty("never", NEVER[i], ALWAYS, "some_constraint");
        wait_for_others(call_id);
        struct expected_letter wanted = {call_id, arena_format(world.arena, "sql_%s", NEVER[i]).ptr};
        assert_true(wait_until(letter_is_there, &wanted, WORLD_SOON_MS));
        world_wait_answer(
            arena_format(world.arena, "SELECT count(*) FROM webhook_events WHERE call_id = '%s'", call_id).ptr, "0");
    }
}

static bool was_slow_often(void *context)
{
    (void)context;
    return process_metric(world.session, "hookline_session_retries_total{reason=\"sql_57014\"}") >= *(double *)context;
}

/* When every statement is over its time nobody is a culprit: halved, waited for, and stored when the server is well again. */
static void a_slow_server_makes_no_dead_letters(void **state)
{
    (void)state;
    postgres_execute(world.postgres,
                     "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                     "'slow' USING ERRCODE = '57014'; END $$;"
                     "CREATE TRIGGER slow BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION slow()");
    double often = process_metric(world.session, "hookline_session_retries_total{reason=\"sql_57014\"}") + 20;
    for (int i = 0; i < 8; i++)
        world_tell("ai.retell.call_started", arena_format(world.arena, "slow-%d", i).ptr, "");
    assert_true(wait_until(was_slow_often, &often, WORLD_SOON_MS));
    postgres_execute(world.postgres, "DROP TRIGGER slow ON calls");
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'slow-%'", "8");
    for (int i = 0; i < 8; i++)
        assert_int_equal(letters(arena_format(world.arena, "slow-%d", i).ptr, NULL), 0);
}

/* A zombie stores the call between session's look and its write: the insert meets calls_pkey, and the batch starts over. */
static void a_race_with_a_zombie_is_run_again(void **state)
{
    (void)state;
    char *url = postgres_url(world.postgres, "postgres");
    PGconn *zombie = PQconnectdb(url);
    free(url);
    PQclear(PQexec(zombie, "BEGIN"));
    PGresult *stored =
        PQexec(zombie, "INSERT INTO calls (company_id, call_id, source, status, analyzed, missing, version, "
                       "stamps, first_seen_at, updated_at) SELECT company_id, 'raced', source, status, "
                       "analyzed, missing, 7, stamps, now(), now() FROM calls WHERE call_id = 'slow-0'");
    assert_string_equal(PQcmdTuples(stored), "1");
    PQclear(stored);
    world_tell("ai.retell.call_ended", "raced", "");
    world_wait_answer(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'hookline_session' AND wait_event_type = 'Lock'", "1");
    PQclear(PQexec(zombie, "COMMIT"));
    PQfinish(zombie);
    world_wait_answer("SELECT version || ' ' || status FROM calls WHERE call_id = 'raced'", "8 ended");
    struct world_updates updates = world_updates_of("1/raced", 1);
    assert_int_equal(world_version_of(updates.records[0]), 8);
    assert_int_equal(letters("raced", NULL), 0);
}

/* Our bugs, and a schema or a role that does not fit: the process says which and ends; the record stays in Kafka. */
static void what_is_wrong_with_us_ends_the_process(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int exit_code;
    } ENDS[] = {{"42703", 70}, {"XX000", 70}, {"28000", 78}, {"3D000", 78}};
    for (size_t i = 0; i < COUNT(ENDS); i++) {
        const char *call_id = send_faulty("ends", ENDS[i].sqlstate, 1, "");
        int exit_code = process_wait_end(world.session, WORLD_SOON_MS);
        if (exit_code != ENDS[i].exit_code) {
            process_show(world.session);
            fail_msg("%s: exit %d, not %d", ENDS[i].sqlstate, exit_code, ENDS[i].exit_code);
        }
        assert_true(process_says(world.session, arena_format(world.arena, "code=sql_%s", ENDS[i].sqlstate).ptr));
        assert_true(process_says(world.session, "refused as told"));
        process_free(world.session);
        world_start_session(NULL);
        wait_for_others(call_id);
        world_wait_answer(arena_format(world.arena, "SELECT version FROM calls WHERE call_id = '%s'", call_id).ptr,
                          "1");
        assert_int_equal(letters(call_id, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_is_waited_for),
        cmocka_unit_test(what_never_passes_is_set_aside_alone),
        cmocka_unit_test(a_slow_server_makes_no_dead_letters),
        cmocka_unit_test(a_race_with_a_zombie_is_run_again),
        cmocka_unit_test(what_is_wrong_with_us_ends_the_process),
    };
    return cmocka_run_group_tests_name("session_faults", tests, start, world_stop);
}
