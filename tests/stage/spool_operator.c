/* `hookline spool` as an operator uses it: beside a running ingest, and after one that is no more. */
#include <signal.h>
#include <stdio.h>

#include "tests/support/command.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { TOO_LARGE = 10, TOPIC_NOT_AUTHORISED = 29, WORDS_MAX = 8, RECORDS = 5 };

static struct command last;

/* hookline spool ACTION [WORD [WORD]]; the exit code. */
static int spool_verb(const char *action, const char *first, const char *second)
{
    const char *words[WORDS_MAX] = {HOOKLINE_CTL, "spool", action, first, first ? second : NULL, NULL};
    const char *const environment[] = {
        arena_format(spool_world.arena, "HOOKLINE_SPOOL_DIR=%s", spool_world.spool).ptr,
        arena_format(spool_world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(spool_world.broker)).ptr, NULL};
    command_free(&last);
    last = command_run(words, environment, NULL);
    return last.exit_code;
}

static void assert_said(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void fill(const char *call)
{
    spool_ingest_begin(NULL);
    spool_broker_away();
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(spool_deliver(arena_format(spool_world.arena,
                                                    "{\"event\":\"e%d\",\"call\":{\"call_id\":\"%s\"}}", i, call)),
                         200);
}

static void what_waits_is_shown_and_written_out_beside_a_running_process(void **state)
{
    (void)state;
    fill("shown");
    assert_int_equal(spool_verb("list", "--json", NULL), 0);
    assert_said(last.out, "\"file\":\"ingest-0.db\",\"records\":5,");
    assert_said(last.out, "\"drained_by\":\"process ");
    assert_int_equal(spool_verb("export", NULL, NULL), 0);
    assert_int_equal(lines_of(last.out), RECORDS);
    assert_said(last.out, "eyJldmVudCI6ImU0IiwiY2FsbCI6eyJjYWxsX2lkIjoic2hvd24ifX0="); /* the last body, base64 */
    assert_int_equal(spool_verb("set-aside", "--json", NULL), 0);
    assert_slice(slice_of(last.out), "[]\n");
    assert_int_equal(spool_verb("drain", "ingest-0.db", NULL), 1);
    assert_said(last.err, "holds");
    assert_int_equal(spool_verb("drain", "ingest-7.db", NULL), 64);
    assert_said(last.err, "there is no spool");
}

static void what_nobody_holds_is_drained_by_hand(void **state)
{
    (void)state;
    fill("orphan");
    process_signal(spool_world.ingest, SIGKILL);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), -SIGKILL);
    assert_int_equal(spool_verb("list", NULL, NULL), 0);
    assert_said(last.out, "nobody");
    spool_broker_back();
    assert_int_equal(spool_verb("drain", "ingest-0.db", "--json"), 0);
    assert_said(last.out, "\"sent\":5,\"refused\":0}");
    spool_judge();
    assert_int_equal(spool_verb("list", "--json", NULL), 0);
    assert_said(last.out, "\"records\":0,\"bytes\":0,");
}

static void what_kafka_refused_is_shown_and_sent_again_when_its_cause_is_mended(void **state)
{
    (void)state;
    struct slice body = spool_body("call_ended", "refused");
    spool_ingest_begin(NULL);
    broker_fail_produces(spool_world.broker, TOO_LARGE, 1);
    assert_int_equal(spool_deliver(body), 200);
    spool_await_empty();
    assert_int_equal(spool_verb("set-aside", NULL, NULL), 0);
    assert_said(last.out, "webhooks.retell");
    assert_int_equal(spool_verb("export", "--set-aside", NULL), 0);
    assert_said(last.out, "\"problem\":\"");
    broker_fail_produces(spool_world.broker, TOO_LARGE, 1);
    assert_int_equal(spool_verb("retry", "ingest-0.db", NULL), 1); /* refused again: it stays */
    assert_said(last.out, "0 sent, 1 refused, the last with: Broker: Message size too large");
    assert_int_equal(spool_verb("retry", "ingest-0.db", NULL), 0);
    assert_said(last.out, "1 sent, 0 refused");
    assert_int_equal(spool_times(body), 1);
    assert_int_equal(spool_verb("set-aside", "--json", NULL), 0);
    assert_slice(slice_of(last.out), "[]\n");
}

static bool nothing_is_set_aside(void *context)
{
    (void)context;
    return process_ready(spool_world.ingest) && spool_metric("hookline_ingest_spool_set_aside") <= 0;
}

static struct slice of_call(int number)
{
    return spool_body("call_ended", arena_format(spool_world.arena, "right%d", number).ptr);
}

/* ingest may not write to its topic: what comes is answered, the first set aside; what follows, as soon as librdkafka lets it
 * through, set aside or in the topic. Nobody need send it again. */
static void what_came_without_the_right_is_sent_again_when_it_is_granted(void **state)
{
    (void)state;
    spool_ingest_begin(NULL);
    broker_fail_produces(spool_world.broker, TOPIC_NOT_AUTHORISED, 1);
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(spool_deliver(of_call(i)), 200);
    assert_true(process_wait_metric(spool_world.ingest, "hookline_ingest_spool_set_aside", 1));
    assert_true(process_says(spool_world.ingest, "mend what Kafka says"));
    spool_await_empty();
    assert_int_equal(spool_times(of_call(0)), 0);
    assert_int_equal(spool_verb("set-aside", NULL, NULL), 0);
    assert_said(last.out, "Topic authorization failed");
    assert_int_equal(spool_verb("retry", "ingest-0.db", NULL), 0);
    assert_said(last.out, "sent, 0 refused");
    spool_judge();
    assert_true(wait_until(nothing_is_set_aside, NULL, SPOOL_END_MS)); /* ingest sees what the command did */
}

static void without_a_directory_it_says_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(spool_verb("list", "--dir", "/nowhere"), 69);
    assert_said(last.err, "/nowhere");
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, spool_world_clean, spool_world_stop)
    const struct CMUnitTest tests[] = {
        STORY(what_waits_is_shown_and_written_out_beside_a_running_process),
        STORY(what_nobody_holds_is_drained_by_hand),
        STORY(what_kafka_refused_is_shown_and_sent_again_when_its_cause_is_mended),
        STORY(what_came_without_the_right_is_sent_again_when_it_is_granted),
        STORY(without_a_directory_it_says_what_is_missing),
    };
    int failed = cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
    command_free(&last);
    return failed;
}
