/* What an operator has to mend ends the resolver with a sentence and the exit code that says so, before it takes a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/arena.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

enum { SOON_MS = 60000, BUG_OR_SCHEMA = 70, CONFIGURATION = 78 };

static struct postgres *postgres;
static struct broker *broker;
static struct arena *arena;
static char directory[64];

static int server_started(void **state)
{
    (void)state;
    arena = arena_new();
    postgres = postgres_start();
    broker = broker_start();
    snprintf(directory, sizeof directory, "/tmp/hookline-resolver.XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int server_stopped(void **state)
{
    (void)state;
    broker_stop(broker);
    postgres_stop(postgres);
    unlink(arena_format(arena, "%s/hookline-resolver-ends.lock", directory).ptr);
    rmdir(directory);
    arena_free(arena);
    return 0;
}

static void assert_it_ends(const char *role, const char *line, int exit_code, const char *says)
{
    char *url = postgres_url(postgres, role);
    const char *environment[] = {
        arena_format(arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(arena, "HOOKLINE_LOCK_DIRECTORY=%s", directory).ptr,
        arena_format(arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(broker)).ptr,
        "HOOKLINE_INSTANCE=ends",
        line,
        NULL,
    };
    free(url);
    struct process *process = process_start(HOOKLINE_RESOLVER, environment);
    int ended = process_wait_end(process, SOON_MS);
    if (ended != exit_code || !process_said(process, says)) {
        process_show(process);
        fail_msg("%d, not %d with \"%s\"", ended, exit_code, says);
    }
    process_free(process);
}

static void a_role_that_does_not_exist(void **state)
{
    (void)state;
    assert_it_ends("nobody", NULL, CONFIGURATION, "role \\\"nobody\\\" does not exist");
}

static void settings_that_are_wrong(void **state)
{
    (void)state;
    assert_it_ends("hookline_resolver", "HOOKLINE_DEFAULT_REGION=XX", CONFIGURATION, "two capital letters");
    assert_it_ends("hookline_resolver", "HOOKLINE_CACHE_ENTRIES=1", CONFIGURATION, "CACHE_ENTRIES");
}

/* Last: nothing fits afterwards. */
static void a_schema_that_does_not_fit(void **state)
{
    (void)state;
    postgres_execute(postgres, "ALTER TABLE phone_numbers RENAME COLUMN number TO digits");
    assert_it_ends("hookline_resolver", NULL, BUG_OR_SCHEMA, "column n.number does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_that_does_not_exist),
        cmocka_unit_test(settings_that_are_wrong),
        cmocka_unit_test(a_schema_that_does_not_fit),
    };
    return cmocka_run_group_tests_name("resolver_ends", tests, server_started, server_stopped);
}
