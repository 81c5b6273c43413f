/* What the webhooks did not say is asked for and arrives. */
#include "tests/support/sync_world.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/wait.h"

enum { SLOTS = 8 };

static const char *const WITH_KEY[] = {"HOOKLINE_RETELL_API_KEY=" WORLD_KEY, NULL};

static void assert_header(const struct broker_record *record, const char *name, const char *expected)
{
    assert_slice(broker_record_header(record, name), expected);
}

#define LACKING_ANSWER "{ \"call_id\": \"lacking\", \"call_cost\": {\"combined_cost\": 15.2150} }"

static void an_ended_call_that_lacks_its_cost_is_asked_for(void **state)
{
    (void)state;
    world_answers(200, LACKING_ANSWER);
    world_sync();
    world_tell_of("lacking", "ended", MISSING_COST);
    const struct broker_record *record = world_wait_event("lacking");

    static const char HEAD[] = "{\"event\":\"call_synced\",\"event_timestamp\":";
    static const char TAIL[] = ",\"call\":" LACKING_ANSWER "}";
    assert_true(slice_starts_with(record->value, HEAD));
    assert_int_equal(record->value.len, strlen(HEAD) + 13 + strlen(TAIL));
    assert_slice(slice_from(record->value, strlen(HEAD) + 13), TAIL);
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event_id_of(SLICE("retell"), 0, record->value), id);
    assert_header(record, "ce_id", id);
    assert_header(record, "ce_source", "/retell/default");
    assert_header(record, "ce_sourcecompany", NULL);
    assert_header(record, "ce_costunit", NULL);
    assert_header(record, "ce_type", "ai.hookline.call_synced");
    assert_header(record, "ce_subject", "lacking");
    assert_header(record, "ce_companyid", "1");
    assert_header(record, "ce_resolvedby", "sync");
    assert_slice(platform_last_target(world.platform, world.arena), "/v2/get-call/lacking");
    assert_slice(platform_last_authorization(world.platform, world.arena), "Bearer key_0123");

    world_wait_job("lacking", "attempts > 0 AND last_code = '200' AND done_at IS NULL");
    struct call whole = world_call("lacking", "ended", 0); /* as session writes it after that event */
    whole.version = 2;
    world_tell(&whole);
    world_wait_job("lacking", "done_at IS NOT NULL AND last_code = 'complete'");
}

static void a_call_that_does_not_end_is_asked_for(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"live\",\"call_status\":\"ongoing\"}");
    world_sync();
    world_tell_of("live", "ongoing", 0);
    world_wait_event("live");
    /* It is an hour old: the next look is in minutes, not in LIVE_AFTER_MS. */
    world_wait_job("live", "reason = 'live' AND attempts = 0 AND due_at > now() + interval '4 minutes'");
    assert_int_equal(platform_asked_for(world.platform, "live"), 1);
}

#define LATER "hookline_sync_fetches_total{outcome=\"later\"}"

static void a_platform_in_trouble_is_asked_again(void **state)
{
    (void)state;
    static const struct platform_answer SCRIPT[] = {{.status = 500, .body = "<html>"},
                                                    {.status = 429, .body = "{}"},
                                                    {.status = 200, .body = "{\"call_id\":\"again\"}"}};
    platform_script(world.platform, SCRIPT, COUNT(SCRIPT));
    double before = process_metric(world_sync(), LATER);
    world_tell_of("again", "ended", MISSING_COST);
    world_wait_event("again");
    assert_true(process_metric(world_sync(), LATER) == before + 2);
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    platform_script(world.platform,
                    &(struct platform_answer){.status = 429, .body = "{}", .header = "Retry-After", .value = "3000"},
                    1);
    world_sync();
    world_tell_of("throttled", "ended", MISSING_COST);
    world_wait_job("throttled", "attempts = 1 AND last_code = '429' AND due_at > now() + interval '45 minutes'");
    assert_int_equal(platform_asked_for(world.platform, "throttled"), 1);
}

static void six_attempts_without_it_are_enough(void **state)
{
    (void)state;
    platform_script(world.platform,
                    &(struct platform_answer){.status = 400, .body = "{}", .header = "Retry-After", .value = "3000"},
                    1);
    world_sync();
    world_tell_of("hopeless", "ended", MISSING_COST);
    world_wait_job("hopeless", "attempts = 1 AND last_code = '400' AND lease_token IS NULL");
    postgres_execute(world.server, "UPDATE sync_jobs SET attempts = 6, due_at = now() WHERE call_id = 'hopeless'");
    world_wait_job("hopeless", "done_at IS NOT NULL AND last_code = '400'");
    assert_int_equal(platform_asked_for(world.platform, "hopeless"), 1);
    assert_true(process_says(world.processes[0], "event=given_up"));
}

static void an_answer_about_another_call_is_refused(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"somebody_elses\"}");
    world_sync();
    world_tell_of("mine", "ended", MISSING_COST);
    world_wait_job("mine", "last_code = 'bad_answer'");
    size_t count = 0;
    world_event_about("mine", &count);
    assert_int_equal(count, 0);
    world_event_about("somebody_elses", &count);
    assert_int_equal(count, 0);
}

static void a_call_that_the_platform_does_not_know_is_gone_after_a_day(void **state)
{
    (void)state;
    world_answers(422, "{\"status\":\"error\",\"message\":\"Cannot find requested asset under given api key\"}");
    world_sync();
    world_tell_of("young", "ongoing", 0);
    world_wait_job("young", "attempts > 0 AND last_code = '422' AND done_at IS NULL");
    struct call old = world_call("old", "ongoing", 0);
    old.first_seen_at = clock_now_ms() - 25 * WORLD_HOUR;
    world_tell(&old);
    const struct broker_record *record = world_wait_event("old");
    assert_header(record, "ce_type", "ai.hookline.call_gone");
    assert_true(slice_starts_with(record->value, "{\"event\":\"call_gone\",\"event_timestamp\":"));
    assert_non_null(memmem(record->value.ptr, record->value.len, ",\"call\":{\"call_id\":\"old\"}}", 25));
    world_wait_job("old", "done_at IS NOT NULL AND last_code = 'gone'");
    size_t count = 0;
    world_event_about("young", &count);
    assert_int_equal(count, 0);
}

static void two_processes_never_ask_for_the_same_call(void **state)
{
    (void)state;
    enum { CALLS = 40 };
    platform_script(
        world.platform,
        &(struct platform_answer){.status = 429, .body = "{}", .header = "Retry-After", .value = "3600", .held = true},
        1);
    world_sync();
    world_start_sync(1, WITH_KEY);
    char id[32];
    for (int i = 0; i < CALLS; i++) {
        snprintf(id, sizeof id, "many_%d", i);
        world_tell_of(id, "ended", MISSING_COST);
    }
    world_wait_asked(NULL, SLOTS + SLOTS); /* eight at once each: both are at work */
    platform_release(world.platform);
    world_wait_sql("SELECT count(*) = 40 FROM sync_jobs WHERE attempts = 1 AND lease_token IS NULL");
    for (int i = 0; i < CALLS; i++) {
        snprintf(id, sizeof id, "many_%d", i);
        assert_int_equal(platform_asked_for(world.platform, id), 1);
    }
    world_forget(1);
}

static bool not_ready(void *context)
{
    return !process_ready(context);
}

static void a_refused_key_is_the_operators_to_see(void **state)
{
    (void)state;
    world_answers(401, "{}");
    struct process *process = world_sync();
    world_tell_of("denied", "ended", MISSING_COST);
    world_wait_job("denied", "attempts = 0 AND last_code = '401' AND due_at > now()");
    assert_true(wait_until(not_ready, process, WORLD_SOON_MS));
    assert_true(process_says(process, "event=key_refused source=default"));
    assert_false(process_said(process, WORLD_KEY));
}

static void without_a_key_the_jobs_are_kept(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"kept\"}");
    struct process *process = world_start_sync(0, (const char *const[]){NULL});
    world_tell_of("kept", "ended", MISSING_COST);
    world_wait_job("kept", "done_at IS NULL AND lease_token IS NULL");
    assert_true(process_says(process, "event=cannot_ask"));
    assert_true(process_ready(process));
    assert_int_equal(platform_asked(world.platform), 0);
}

/* ---- sources of a file ---- */

static char sources_path[96];

static void write_sources(const char *text)
{
    snprintf(sources_path, sizeof sources_path, "%s/sources.json", world.locks);
    FILE *file = fopen(sources_path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct process *start_with_sources(const char *text)
{
    static char variable[128];
    write_sources(text);
    snprintf(variable, sizeof variable, "HOOKLINE_SOURCES=%s", sources_path);
    return world_start_sync(0, (const char *const[]){variable, NULL});
}

static double reloads_before;

static bool reloaded(void *process)
{
    return process_metric(process, "hookline_sync_sources_reloads_total{outcome=\"in_force\"}") > reloads_before;
}

static void change_sources(const char *text)
{
    struct process *process = world.processes[0];
    reloads_before = process_metric(process, "hookline_sync_sources_reloads_total{outcome=\"in_force\"}");
    write_sources(text);
    process_signal(process, SIGHUP);
    assert_true(wait_until(reloaded, process, WORLD_SOON_MS));
}

static void tell_of_source(const char *call_id, const char *source)
{
    struct call call = world_call(call_id, "ended", MISSING_COST);
    call.source = slice_of(source);
    world_tell(&call);
}

#define ACME(more, keys) "{\"sources\":[{\"name\":\"acme\",\"provider\":\"retell\"," more "\"keys\":[" keys "]}]}"
#define OLD_KEY          "{\"id\":\"old\",\"key\":\"key_old_1\",\"expires_at\":\"2001-01-01T00:00:00Z\"}"
#define FIRST_KEY        "{\"id\":\"first\",\"key\":\"key_first_1\"}"
#define NEXT_KEY         "{\"id\":\"next\",\"key\":\"key_next_1\"}"

static void a_source_is_asked_with_its_own_active_key(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"acmes\"}");
    start_with_sources(ACME("\"company_id\":1,\"cost_unit\":\"dollars\",", OLD_KEY "," FIRST_KEY "," NEXT_KEY));
    tell_of_source("acmes", "acme");
    const struct broker_record *record = world_wait_event("acmes");
    assert_slice(platform_last_authorization(world.platform, world.arena), "Bearer key_first_1");
    assert_header(record, "ce_source", "/retell/acme");
    assert_header(record, "ce_sourcecompany", "1"); /* bound to the job's company */
    assert_header(record, "ce_costunit", "dollars");
}

static void a_source_of_another_company_says_nothing_about_the_owner(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"owned\"}");
    change_sources(ACME("\"company_id\":2,", FIRST_KEY));
    tell_of_source("owned", "acme");
    assert_header(world_wait_event("owned"), "ce_sourcecompany", NULL);
}

static bool asked_with_next_key(void *context)
{
    (void)context;
    tell_of_source("acme_again", "acme");
    return slice_equals(platform_last_authorization(world.platform, world.arena), "Bearer key_next_1");
}

static bool failure_counted(void *process)
{
    return process_metric(process, "hookline_sync_sources_reload_failed") > 0;
}

static void a_call_of_an_unknown_source_waits_until_the_file_has_it(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"acme_again\"}");
    struct process *process = world.processes[0];
    change_sources("{\"sources\":[{\"name\":\"other\",\"provider\":\"retell\",\"keys\":[" FIRST_KEY "]}]}");
    tell_of_source("acme_again", "acme");
    assert_true(process_says(process, "event=cannot_ask source=acme"));
    world_wait_job("acme_again", "due_at < now() AND done_at IS NULL AND lease_token IS NULL");
    assert_int_equal(platform_asked(world.platform), 0);

    write_sources("{\"sources\":[");
    process_signal(process, SIGHUP);
    assert_true(wait_until(failure_counted, process, WORLD_SOON_MS));
    assert_true(process_says(process, "sources.json: line 1, column"));

    write_sources(ACME("", NEXT_KEY));
    process_signal(process, SIGHUP);
    assert_true(wait_until(asked_with_next_key, NULL, WORLD_SOON_MS));
    assert_true(process_metric(process, "hookline_sync_sources_reload_failed") == 0);
    assert_false(process_said(process, "key_next_1"));
    world_forget(0);
    unlink(sources_path);
}

/* ---- what else ---- */

static void what_no_update_told_is_swept_up(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"untold\"}");
    struct call call = world_call("untold", "ended", MISSING_COST);
    world_store_call(&call);
    world_sync();
    world_wait_event("untold");
}

static bool dead_letter_arrived(void *context)
{
    (void)context;
    size_t count = 0;
    broker_read(world.broker, TOPIC_CALLS_UPDATES ".dlq", world.arena, &count);
    return count > 0;
}

static void what_is_no_update_is_set_aside(void **state)
{
    (void)state;
    world_answers(200, "{\"call_id\":\"after\"}");
    world_sync();
    world_send_update(SLICE("odd"), SLICE("{\"v\":1}"));
    world_tell_of("after", "ended", MISSING_COST);
    world_wait_event("after");
    assert_true(wait_until(dead_letter_arrived, NULL, WORLD_SOON_MS));
    size_t count = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_UPDATES ".dlq", world.arena, &count);
    assert_int_equal(count, 1);
    assert_header(records, "dlq.code", "update");
    assert_slice(records->value, "{\"v\":1}");
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(an_ended_call_that_lacks_its_cost_is_asked_for, world_empty),
        cmocka_unit_test_setup(a_call_that_does_not_end_is_asked_for, world_empty),
        cmocka_unit_test_setup(a_platform_in_trouble_is_asked_again, world_empty),
        cmocka_unit_test_setup(retry_after_is_waited_for, world_empty),
        cmocka_unit_test_setup(six_attempts_without_it_are_enough, world_empty),
        cmocka_unit_test_setup(an_answer_about_another_call_is_refused, world_empty),
        cmocka_unit_test_setup(a_call_that_the_platform_does_not_know_is_gone_after_a_day, world_empty),
        cmocka_unit_test_setup(what_no_update_told_is_swept_up, world_empty),
        cmocka_unit_test_setup(what_is_no_update_is_set_aside, world_empty),
        cmocka_unit_test_setup(two_processes_never_ask_for_the_same_call, world_empty),
        cmocka_unit_test_setup(a_refused_key_is_the_operators_to_see, world_empty),
        cmocka_unit_test_setup(without_a_key_the_jobs_are_kept, world_empty),
        cmocka_unit_test_setup(a_source_is_asked_with_its_own_active_key, world_empty),
        cmocka_unit_test_setup(a_source_of_another_company_says_nothing_about_the_owner, world_empty),
        cmocka_unit_test_setup(a_call_of_an_unknown_source_waits_until_the_file_has_it, world_empty),
    };
    return cmocka_run_group_tests(TESTS, world_start, world_stop);
}
