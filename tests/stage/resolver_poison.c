/* One bad record among 500 in what resolver reads: it goes on to session as it is, waits, or is alone in the dead letters,
 * byte for byte, with the reason; the others get their company. */
#include "tests/support/resolver_world.h"

#include <signal.h>

#include "tests/support/poison.h"

static const struct event ENVELOPE = {
    .source = {"/retell/default", 15},
    .time_ms = 1763718600123,
    .correlation_id = {"01993b0e-7a5b-7c31-8000-0123456789ab", 36},
    .traceparent = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55},
};

/* A topic as it was when last waited for. */
struct seen {
    const char *topic;
    struct broker_record *records;
    size_t count, wanted;
};

static struct seen letters = {.topic = TOPIC_WEBHOOKS_RETELL ".dlq"};
static struct seen events = {.topic = TOPIC_CALLS_EVENTS};

static bool arrived(void *context)
{
    struct seen *seen = context;
    seen->records = broker_read(world.broker, seen->topic, world.arena, &seen->count);
    return seen->count >= seen->wanted;
}

static void wait_for_more(struct seen *seen, size_t more)
{
    size_t before = seen->count;
    seen->wanted = before + more;
    if (wait_until(arrived, seen, WORLD_SOON_MS) && seen->count == seen->wanted)
        return;
    process_show(world.resolver);
    fail_msg("%s: %zu records more, not %zu", seen->topic, seen->count - before, more);
}

static const char ON[] = "goes on";
static const char WAITS[] = "waits";

static void send_among(const char *flock, const struct record *poisons, size_t count, int32_t partition)
{
    process_signal(world.resolver, SIGSTOP);
    poison_send_among(world.broker, world.arena, &ENVELOPE, flock, poisons, count, partition);
    process_signal(world.resolver, SIGCONT);
}

/* `end`: ON, WAITS, or the code of its dead letter. */
static void assert_end(const struct record *sent, const char *name, const char *call_id, const char *end)
{
    if (end == WAITS) {
        world_wait_answer("SELECT count(*) > 0 FROM parked_events WHERE reason = 'not_a_call'", "t");
        return;
    }
    if (end == ON) {
        for (size_t i = 0; i < events.count; i++)
            if (slice_same(events.records[i].value, sent->value) &&
                slice_equals(broker_record_header(&events.records[i], "ce_subject"), call_id)) {
                assert_slice(broker_record_header(&events.records[i], "ce_companyid"), "1");
                return;
            }
        fail_msg("%s did not go on", name);
    }
    const struct broker_record *letter = poison_find(letters.records, letters.count, name);
    if (!letter)
        fail_msg("%s is no dead letter", name);
    const char *differs = poison_letter_differs(letter, sent);
    if (differs)
        fail_msg("the letter of %s has other bytes: %s", name, differs);
    assert_slice(broker_record_header(letter, "dlq.code"), end);
    assert_slice(broker_record_header(letter, "dlq.stage"), "resolver");
    assert_true(broker_record_header(letter, "dlq.detail").len > 10);
}

static const struct {
    enum poison_kind kind;
    const char *end;
} ENDS[] = {
    {POISON_NUL, ON},
    {POISON_INVALID_UTF8, ON},
    {POISON_ABSURD_TIMES, ON},
    {POISON_DEEP_METADATA, ON},
    {POISON_DEEP_BODY, ON},
    {POISON_DUPLICATE_KEYS, ON},
    {POISON_NO_CALL_ID, WAITS},
    {POISON_CALL_ID_4_KB, "call_id_too_long"},
    {POISON_WRONG_TYPES, ON},
    {POISON_NUMBER_OVERFLOW, ON},
    {POISON_NO_OBJECT, "not_json"},
    {POISON_BARE_TEXT, "not_json"},
    {POISON_HALF_A_BODY, "not_json"},
    {POISON_EMPTY_BODY, "not_json"},
    {POISON_NO_VALUE, "not_json"},
    {POISON_EMPTY_KEY, ON},
    {POISON_HEADERS_ONLY, "not_json"},
    {POISON_NO_HEADERS, "envelope"},
};

static void one_bad_record_in_a_batch_costs_only_itself(void **state)
{
    (void)state;
    struct record records[COUNT(ENDS)];
    size_t dead = 0;
    size_t waiting = 0;
    for (size_t i = 0; i < COUNT(ENDS); i++) {
        records[i] = poison_record(world.arena, TOPIC_WEBHOOKS_RETELL, &ENVELOPE, ENDS[i].kind);
        send_among(arena_format(world.arena, "with-%s", poison_name(ENDS[i].kind)).ptr, &records[i], 1,
                   (int32_t)(i % TOPIC_PARTITIONS));
        dead += ENDS[i].end != ON && ENDS[i].end != WAITS;
        waiting += ENDS[i].end == WAITS;
    }
    wait_for_more(&events, COUNT(ENDS) * POISON_FLOCK - dead - waiting);
    wait_for_more(&letters, dead);
    for (size_t i = 0; i < COUNT(ENDS); i++)
        assert_end(&records[i], poison_name(ENDS[i].kind), poison_name(ENDS[i].kind), ENDS[i].end);
}

/* Absent, "wrong", twice with two values, no UTF-8, 64 KB. What resolver writes itself (ce_companyid, ce_branchid,
 * ce_resolvedby, ce_subject) it does not believe, but an envelope is an envelope. */
static const struct {
    const char *header, *ends[POISON_TWISTS];
} HEADER_ENDS[] = {
    {"ce_specversion", {ON, ON, ON, ON, ON}},
    {"ce_id", {"envelope", "envelope", "envelope", "envelope", "envelope"}},
    {"ce_sourcecompany", {ON, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_type", {"envelope", ON, "envelope", ON, ON}},
    {"ce_subject", {ON, ON, "envelope", ON, ON}},
    {"ce_time", {ON, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_correlationid", {ON, ON, "envelope", ON, ON}},
    {"ce_costunit", {ON, ON, "envelope", ON, ON}},
    {"content-type", {ON, ON, ON, ON, ON}},
    {"traceparent", {ON, ON, ON, ON, ON}},
    {"ce_companyid", {ON, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_branchid", {ON, "envelope", "envelope", "envelope", "envelope"}},
    {"ce_resolvedby", {ON, ON, "envelope", ON, ON}},
};

static void each_header_of_the_envelope_may_be_garbled(void **state)
{
    (void)state;
    struct record records[COUNT(HEADER_ENDS)][POISON_TWISTS];
    size_t dead = 0;
    for (size_t i = 0; i < COUNT(HEADER_ENDS); i++) {
        const char *header = HEADER_ENDS[i].header;
        for (size_t twist = 0; twist < POISON_TWISTS; twist++) {
            records[i][twist] =
                poison_twisted_record(world.arena, TOPIC_WEBHOOKS_RETELL, &ENVELOPE, header, (enum poison_twist)twist);
            dead += HEADER_ENDS[i].ends[twist] != ON;
        }
        send_among(arena_format(world.arena, "beside-%s", header).ptr, records[i], POISON_TWISTS,
                   (int32_t)(i % TOPIC_PARTITIONS));
    }
    wait_for_more(&events, COUNT(HEADER_ENDS) * POISON_FLOCK - dead);
    wait_for_more(&letters, dead);
    for (size_t i = 0; i < COUNT(HEADER_ENDS); i++)
        for (size_t twist = 0; twist < POISON_TWISTS; twist++) {
            const char *name =
                arena_format(world.arena, "%s-%s", HEADER_ENDS[i].header, poison_twist_name((enum poison_twist)twist))
                    .ptr;
            assert_end(&records[i][twist], name, name, HEADER_ENDS[i].ends[twist]);
        }
    assert_true(process_ready(world.resolver));
    assert_true(process_metric(world.resolver, "hookline_resolver_brake") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_record_in_a_batch_costs_only_itself),
        cmocka_unit_test(each_header_of_the_envelope_may_be_garbled),
    };
    return cmocka_run_group_tests_name("resolver_poison", tests, world_start, world_stop);
}
