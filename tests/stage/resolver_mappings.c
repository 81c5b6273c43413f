/* When the mappings change under the real resolver: what waited leaves, what was believed is forgotten, heard or not. */
#include "tests/support/resolver_world.h"

#include <signal.h>
#include <stdlib.h>

/* Whatever names a company that is not there yet: each waits for its own, and for nothing else. */
static void each_mapping_releases_those_that_wait_for_it(void **state)
{
    (void)state;
    static const struct {
        const char *call_id, *clue, *mapping, *company;
        const char *branch, *rule;
    } WAITING[] = {
        {"wait_number", "\"to_number\":\"040 66969 001\"", "INSERT INTO phone_numbers VALUES ('+494066969001', 1, 3)",
         "1", "3", "to_number"},
        {"wait_outbound",
         "\"direction\":\"outbound\",\"from_number\":\"+494066969002\",\"to_number\":\"+494066969001\"",
         "INSERT INTO phone_numbers VALUES ('+494066969002', 2, NULL)", "2", NULL, "from_number"},
        {"wait_agent", "\"agent_id\":\"agent_new\"", "INSERT INTO agents VALUES ('agent_new', 2, NULL, NULL)", "2",
         NULL, "agent_id"},
        {"wait_branch", "\"metadata\":{\"branch_id\":77}", "INSERT INTO branches VALUES (77, 2, 'new')", "2", "77",
         "metadata"},
        {"wait_company", "\"metadata\":{\"company_id\":\"78\"}", "INSERT INTO companies (id, name) VALUES (78, 'new')",
         "78", NULL, "metadata"},
    };
    for (size_t i = 0; i < COUNT(WAITING); i++)
        world_send(WAITING[i].call_id,
                   arena_format(world.arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"%s\",%s}}",
                                WAITING[i].call_id, WAITING[i].clue),
                   0);
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id LIKE 'wait\\_%' AND reason = 'unresolved'",
                      "5");
    for (size_t i = 0; i < COUNT(WAITING); i++) {
        char *left =
            postgres_ask(world.postgres, "SELECT count(*) FROM parked_events WHERE call_id LIKE 'wait\\_%' AND "
                                         "released_at IS NULL");
        assert_string_equal(left, arena_format(world.arena, "%zu", COUNT(WAITING) - i).ptr);
        free(left);
        postgres_execute(world.postgres, WAITING[i].mapping);
        const struct broker_record *record = world_record_in(TOPIC_CALLS_EVENTS, WAITING[i].call_id);
        world_assert_header(record, "ce_companyid", WAITING[i].company);
        world_assert_header(record, "ce_branchid", WAITING[i].branch);
        world_assert_header(record, "ce_resolvedby", WAITING[i].rule);
        world_wait_answer(arena_format(world.arena,
                                       "SELECT released_at IS NOT NULL FROM parked_events WHERE call_id = '%s'",
                                       WAITING[i].call_id)
                              .ptr,
                          "t");
    }
}

/* Nobody's until it is somebody's: no company may read what is parked, by whatever right. */
static void no_company_sees_what_is_parked(void **state)
{
    (void)state;
    world_wait_answer("SELECT has_any_column_privilege('hookline_api', 'parked_events', 'SELECT') OR "
                      "has_any_column_privilege('hookline_feed', 'parked_events', 'SELECT')",
                      "f");
    world_wait_answer("SELECT count(*) FROM pg_policy WHERE polrelid = 'parked_events'::regclass AND "
                      "'hookline_api'::regrole = ANY (polroles)",
                      "0");
    world_wait_answer(
        "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'parked_events'::regclass", "t");
}

/* Believed for five minutes otherwise, which is longer than WORLD_SOON_MS. */
static void a_changed_mapping_counts_at_once(void **state)
{
    (void)state;
    struct world_next_call before = {"moving_", "+4989123456", "1", 0};
    struct world_next_call after = {"moved_", "+4989123456", "2", 0};
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4989123456', 1, NULL)");
    assert_true(world_next_call_is_the_companys(&before));
    postgres_execute(world.postgres, "UPDATE phone_numbers SET company_id = 2 WHERE number = '+4989123456'");
    assert_true(wait_until(world_next_call_is_the_companys, &after, WORLD_SOON_MS));
}

/* "Nobody's" is believed for ten seconds, unless somebody adds the number. */
static void an_added_number_counts_at_once(void **state)
{
    (void)state;
    struct world_next_call after = {"added_", "+4989123457", "2", 0};
    world_send_call("not_yet", "+4989123457");
    world_wait_answer("SELECT count(*) FROM parked_events WHERE call_id = 'not_yet'", "1");
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4989123457', 2, NULL)");
    assert_true(wait_until(world_next_call_is_the_companys, &after, WORLD_SOON_MS));
    world_assert_header(world_record_in(TOPIC_CALLS_EVENTS, "not_yet"), "ce_companyid", "2");
}

static bool has_forgotten(void *context)
{
    return process_metric(world.resolver, "hookline_resolver_cache_flushes_total") > *(double *)context;
}

/* Fifty calls to one number in one batch: one look-up, and none for those that come later. */
static void a_batch_asks_for_a_number_once(void **state)
{
    (void)state;
    enum { CALLS = 50 };
    static const char DATABASE[] = "hookline_resolver_lookups_total{from=\"database\"}";
    double flushes = process_metric(world.resolver, "hookline_resolver_cache_flushes_total");
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4989123459', 1, NULL)");
    assert_true(wait_until(has_forgotten, &flushes, WORLD_SOON_MS));
    double before = process_metric(world.resolver, DATABASE);
    process_signal(world.resolver, SIGSTOP);
    for (int i = 0; i < CALLS; i++)
        world_send_call(arena_format(world.arena, "flight_%d", i).ptr, "+4989123459");
    process_signal(world.resolver, SIGCONT);
    world_wait_flock((struct world_flock){"flight_", 0, 1, CALLS, "1"});
    assert_true(process_metric(world.resolver, DATABASE) == before + 1);
}

static bool backend_ended(void *context)
{
    (void)context;
    char *answer = postgres_ask(world.postgres,
                                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hookline-resolver'");
    bool ended = strcmp(answer, "0") == 0;
    free(answer);
    return ended;
}

/* What was notified while nobody listened was heard by nobody; so nothing that was believed before is believed after. The
 * resolver stands still meanwhile: it cannot have asked anew. */
static void a_mapping_that_changed_while_it_was_deaf_counts(void **state)
{
    (void)state;
    struct world_next_call before = {"hearing_", "+4989123458", "1", 0};
    postgres_execute(world.postgres, "INSERT INTO phone_numbers VALUES ('+4989123458', 1, NULL)");
    assert_true(world_next_call_is_the_companys(&before));
    assert_true(world_next_call_is_the_companys(&before)); /* from the cache */

    process_signal(world.resolver, SIGSTOP);
    char *terminated =
        postgres_ask(world.postgres, "SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity "
                                     "WHERE application_name = 'hookline-resolver'");
    assert_string_equal(terminated, "1");
    free(terminated);
    assert_true(wait_until(backend_ended, NULL, WORLD_SOON_MS));
    postgres_execute(world.postgres, "UPDATE phone_numbers SET company_id = 2 WHERE number = '+4989123458'");
    world_send_call("deaf", "+4989123458");
    process_signal(world.resolver, SIGCONT);
    world_assert_header(world_record_in(TOPIC_CALLS_EVENTS, "deaf"), "ce_companyid", "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mapping_releases_those_that_wait_for_it),
        cmocka_unit_test(no_company_sees_what_is_parked),
        cmocka_unit_test(a_changed_mapping_counts_at_once),
        cmocka_unit_test(an_added_number_counts_at_once),
        cmocka_unit_test(a_batch_asks_for_a_number_once),
        cmocka_unit_test(a_mapping_that_changed_while_it_was_deaf_counts),
    };
    return cmocka_run_group_tests_name("resolver_mappings", tests, world_start, world_stop);
}
