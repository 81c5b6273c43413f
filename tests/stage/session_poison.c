/* One bad record among 500, of every kind that somebody thought of: it is repaired and counted, or it is alone in the dead
 * letters, byte for byte, with the reason; the others are stored. And nobody outside can pull the brake. */
#include "tests/support/session_world.h"

#include <signal.h>

#include "tests/support/poison.h"
#include "tests/support/wait.h"

static const struct event ENVELOPE = {
    .source = {"/retell/default", 15},
    .time_ms = 1763718600123,
    .correlation_id = {"01993b0e-7a5b-7c31-8000-0123456789ab", 36},
    .traceparent = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55},
    .company_id = 1,
    .resolved_by = {"to_number", 9},
};

/* Sends while session sleeps, so that it finds them all at once. */
static void send_among(const char *flock, const struct record *poisons, size_t count, int32_t partition)
{
    process_signal(world.session, SIGSTOP);
    poison_send_among(world.broker, world.arena, &ENVELOPE, flock, poisons, count, partition);
    process_signal(world.session, SIGCONT);
    world_wait_answer(arena_format(world.arena, "SELECT count(*) FROM calls WHERE call_id LIKE '%s-%%'", flock).ptr,
                      arena_format(world.arena, "%zu", POISON_FLOCK - count).ptr);
}

/* All dead letters, as they were when last waited for. */
static struct {
    struct broker_record *records;
    size_t count, wanted;
} letters;

static bool letters_arrived(void *context)
{
    (void)context;
    letters.records = broker_read(world.broker, TOPIC_CALLS_EVENTS ".dlq", world.arena, &letters.count);
    return letters.count >= letters.wanted;
}

/* A mock broker that leaves a fetch without an answer on a busy machine costs librdkafka's own time-out, and then goes on. */
enum { LETTERS_MS = 3 * WORLD_SOON_MS };

/* Exactly so many more than before. */
static void wait_for_letters(size_t more)
{
    size_t before = letters.count;
    letters.wanted = before + more;
    if (wait_until(letters_arrived, NULL, LETTERS_MS) && letters.count == letters.wanted)
        return;
    process_show(world.session);
    fail_msg("%zu dead letters more, not %zu", letters.count - before, more);
}

/* The record was set aside as it came, with the reason. */
static void assert_letter(const struct record *sent, const char *name, const char *code)
{
    const struct broker_record *letter = poison_find(letters.records, letters.count, name);
    if (!letter)
        fail_msg("%s is no dead letter", name);
    const char *differs = poison_letter_differs(letter, sent);
    if (differs)
        fail_msg("the letter of %s has other bytes: %s", name, differs);
    if (!slice_equals(broker_record_header(letter, "dlq.code"), code))
        fail_msg("%s: %.*s, not %s", name, SLICE_PRINT(broker_record_header(letter, "dlq.code")), code);
    assert_true(broker_record_header(letter, "dlq.detail").len > 10);
    assert_slice(broker_record_header(letter, "dlq.topic"), "hookline.calls.events");
    assert_slice(broker_record_header(letter, "dlq.stage"), "session");
}

/* `code`: it is a dead letter. Else it is stored, and `sql` (over its row of calls) is true. */
static const struct {
    enum poison_kind kind;
    const char *code, *sql;
} ENDS[] = {
    {POISON_NUL, NULL, "agent_id = U&'a\\fffdb' AND metadata = U&'{\"k\\fffd\":\"\\fffd\"}'::jsonb"},
    {POISON_INVALID_UTF8, NULL, "agent_id = U&'a\\fffd' AND metadata = U&'{\"\\fffd\":\"\\fffd\\fffd\\fffd\"}'::jsonb"},
    {POISON_ABSURD_TIMES, NULL, "started_at IS NULL AND ended_at IS NULL AND duration_ms IS NULL"},
    {POISON_DEEP_METADATA, NULL, "metadata IS NULL"},
    {POISON_DEEP_BODY, NULL, "to_number = '+493083793369'"},
    {POISON_DUPLICATE_KEYS, NULL, "agent_id = 'first' AND metadata = '{\"k\":1,\"o\":{\"x\":1}}'"},
    {POISON_NO_CALL_ID, "no_call_id", NULL},
    {POISON_CALL_ID_4_KB, "call_id_too_long", NULL},
    {POISON_WRONG_TYPES, NULL, "agent_id IS NULL AND metadata IS NULL AND cost_cents IS NULL AND status = 'ongoing'"},
    {POISON_NUMBER_OVERFLOW, NULL,
     "cost_cents IS NULL AND latency IS NULL AND duration_ms IS NULL AND metadata IS NULL"},
    {POISON_NO_OBJECT, "not_json", NULL},
    {POISON_BARE_TEXT, "not_json", NULL},
    {POISON_HALF_A_BODY, "not_json", NULL},
    {POISON_EMPTY_BODY, "not_json", NULL},
    {POISON_NO_VALUE, "not_json", NULL},
    {POISON_EMPTY_KEY, NULL, "true"},
    {POISON_HEADERS_ONLY, "not_json", NULL},
    {POISON_NO_HEADERS, "envelope", NULL},
    {POISON_LARGE, NULL, "length(transcript) = 4352 * 1024"},
};

static void one_bad_record_in_a_batch_costs_only_itself(void **state)
{
    (void)state;
    struct record records[POISON_KINDS];
    size_t dead = 0;
    assert_int_equal(COUNT(ENDS), POISON_KINDS);
    for (size_t i = 0; i < COUNT(ENDS); i++) {
        records[i] = poison_record(world.arena, TOPIC_CALLS_EVENTS, &ENVELOPE, ENDS[i].kind);
        send_among(arena_format(world.arena, "with-%s", poison_name(ENDS[i].kind)).ptr, &records[i], 1,
                   (int32_t)(i % TOPIC_PARTITIONS));
        dead += ENDS[i].code != NULL;
    }
    wait_for_letters(dead);
    for (size_t i = 0; i < COUNT(ENDS); i++) {
        const char *name = poison_name(ENDS[i].kind);
        if (ENDS[i].code)
            assert_letter(&records[i], name, ENDS[i].code);
        else
            world_wait_answer(
                arena_format(world.arena, "SELECT %s FROM calls WHERE call_id = '%s'", ENDS[i].sql, name).ptr, "t");
    }
    assert_true(process_metric(world.session, "hookline_session_odd_values_total{what=\"repaired\"}") >= 5);
    assert_true(process_metric(world.session, "hookline_session_odd_values_total{what=\"dropped\"}") >= 9);
}

/* What becomes of a record with that header absent, "wrong", there twice with two values, no UTF-8, of 64 KB: stored,
 * ignored (an event that we do not know), or the code of its dead letter. */
static const char STORED[] = "stored";
static const char IGNORED[] = "ignored";
static const struct {
    const char *header, *ends[POISON_TWISTS];
} HEADER_ENDS[] = {
    {"ce_specversion", {STORED, STORED, STORED, STORED, STORED}},
    {"ce_id", {"envelope", "envelope", "envelope", "envelope", "envelope"}},
    {"ce_source", {STORED, STORED, "envelope", STORED, STORED}},
    {"ce_sourcecompany", {STORED, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_type", {"envelope", IGNORED, "envelope", IGNORED, IGNORED}},
    {"ce_subject", {"no_call_id", STORED, "envelope", STORED, "call_id_too_long"}},
    {"ce_time", {STORED, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_correlationid", {STORED, STORED, "envelope", STORED, STORED}},
    {"ce_costunit", {STORED, STORED, "envelope", STORED, STORED}},
    {"content-type", {STORED, STORED, STORED, STORED, STORED}},
    {"traceparent", {STORED, STORED, STORED, STORED, STORED}},
    {"ce_companyid", {"no_company", "envelope", "envelope", "envelope", "envelope"}},
    {"ce_branchid", {STORED, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_resolvedby", {STORED, STORED, "envelope", STORED, STORED}},
};

/* The call that a record with a wrong ce_subject is about: the envelope is believed, resolver wrote it. */
static const char *subject_of(const char *header, enum poison_twist twist, const char *name)
{
    if (strcmp(header, "ce_subject") != 0)
        return arena_format(world.arena, "'%s'", name).ptr;
    return twist == TWIST_WRONG ? "'wrong'" : "U&'\\fffd\\fffd('";
}

static void assert_twisted(const struct record *sent, const char *header, enum poison_twist twist, const char *end)
{
    const char *name = arena_format(world.arena, "%s-%s", header, poison_twist_name(twist)).ptr;
    if (end != STORED && end != IGNORED) {
        assert_letter(sent, name, end);
        return;
    }
    const char *subject = subject_of(header, twist, name);
    world_wait_answer(arena_format(world.arena,
                                   "SELECT status || ' ' || (SELECT count(*) FROM calls c WHERE c.call_id = w.call_id) "
                                   "FROM webhook_events w WHERE call_id = %s",
                                   subject)
                          .ptr,
                      end == STORED ? "processed 1" : "ignored 0");
}

static void each_header_of_the_envelope_may_be_garbled(void **state)
{
    (void)state;
    struct record records[COUNT(HEADER_ENDS)][POISON_TWISTS];
    size_t dead = 0;
    for (size_t i = 0; i < COUNT(HEADER_ENDS); i++) {
        const char *header = HEADER_ENDS[i].header;
        for (size_t twist = 0; twist < POISON_TWISTS; twist++) {
            records[i][twist] =
                poison_twisted_record(world.arena, TOPIC_CALLS_EVENTS, &ENVELOPE, header, (enum poison_twist)twist);
            dead += HEADER_ENDS[i].ends[twist] != STORED && HEADER_ENDS[i].ends[twist] != IGNORED;
        }
        send_among(arena_format(world.arena, "beside-%s", header).ptr, records[i], POISON_TWISTS,
                   (int32_t)(i % TOPIC_PARTITIONS));
    }
    wait_for_letters(dead);
    for (size_t i = 0; i < COUNT(HEADER_ENDS); i++)
        for (size_t twist = 0; twist < POISON_TWISTS; twist++)
            assert_twisted(&records[i][twist], HEADER_ENDS[i].header, (enum poison_twist)twist,
                           HEADER_ENDS[i].ends[twist]);
}

/* Ten thousand records that nobody can read are their sender's fault: they are set aside, and the next good one is stored. */
static void senders_cannot_pull_the_brake(void **state)
{
    (void)state;
    enum { FLOOD = 10000 };
    struct record *records = arena_zeroed(world.arena, FLOOD, sizeof *records);
    const struct record broken = poison_record(world.arena, TOPIC_CALLS_EVENTS, &ENVELOPE, POISON_HALF_A_BODY);
    const struct record no_envelope = poison_record(world.arena, TOPIC_CALLS_EVENTS, &ENVELOPE, POISON_NO_HEADERS);
    for (size_t i = 0; i < FLOOD; i++)
        records[i] = i % 4 ? broken : no_envelope;
    broker_send_all(world.broker, records, FLOOD);
    world_tell("ai.retell.call_started", "half-a-body", ""); /* the key of those before it: behind them */
    wait_for_letters(FLOOD);
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id = 'half-a-body'", "1");
    assert_true(process_ready(world.session));
    assert_true(process_metric(world.session, "hookline_session_brake") == 0);
    assert_true(process_wait_metric(world.session, "hookline_session_dead_letters_total{code=\"not_json\"}", 7500));
}

static bool brake_is_pulled(void *context)
{
    (void)context;
    return process_metric(world.session, "hookline_session_brake") == 1;
}

/* Refusals by SQL are ours: at most a hundred a minute, and one percent, are set aside; then consumption stops, loudly. What
 * was not set aside is in Kafka, and is stored by the process that is started after the cause was mended. */
static void what_is_ours_pulls_the_brake_and_a_restart_goes_on(void **state)
{
    (void)state;
    enum { REFUSED = 40 };
    postgres_execute(world.postgres, "ALTER TABLE calls ADD CONSTRAINT ours CHECK (agent_id <> 'refused')");
    /* a new process: its minute holds nothing yet, and 40 of 40 are more than a percent */
    process_signal(world.session, SIGTERM);
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), 0);
    process_free(world.session);
    world_start_session(NULL);
    for (int i = 0; i < REFUSED; i++)
        world_tell("ai.retell.call_started", arena_format(world.arena, "refused-%d", i).ptr,
                   "\"agent_id\":\"refused\"");
    assert_true(wait_until(brake_is_pulled, NULL, WORLD_SOON_MS));
    assert_false(process_ready(world.session));
    assert_true(process_says(world.session, "event=brake_pulled"));
    assert_true(process_says(world.session, "mend the cause, then restart"));
    /* counted before the brake was: none comes any more, but the last may not be readable yet */
    size_t aside = (size_t)process_metric(world.session, "hookline_session_dead_letters_total{code=\"sql_23514\"}");
    assert_in_range(aside, 1, 10);
    wait_for_letters(aside);

    postgres_execute(world.postgres, "ALTER TABLE calls DROP CONSTRAINT ours");
    process_signal(world.session, SIGTERM);
    assert_int_equal(process_wait_end(world.session, WORLD_SOON_MS), 0);
    process_free(world.session);
    world_start_session(NULL);
    world_wait_answer("SELECT count(*) FROM calls WHERE call_id LIKE 'refused-%'",
                      arena_format(world.arena, "%zu", REFUSED - aside).ptr);
    wait_for_letters(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_record_in_a_batch_costs_only_itself),
        cmocka_unit_test(each_header_of_the_envelope_may_be_garbled),
        cmocka_unit_test(senders_cannot_pull_the_brake),
        cmocka_unit_test(what_is_ours_pulls_the_brake_and_a_restart_goes_on),
    };
    return cmocka_run_group_tests_name("session_poison", tests, world_start, world_stop);
}
