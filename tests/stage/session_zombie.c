/* Two sessions may be at the same call for a moment: one was frozen in the middle of its transaction, the other has its
 * partitions now. What the first one wrote is read before anything is written over it. */
#include "tests/support/session_world.h"

#include <libpq-fe.h>
#include <stdlib.h>

static void execute(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
}

/* The test is the zombie: it has raised the version and not committed yet when the next event of the call comes. */
static void what_another_session_wrote_is_not_written_over(void **state)
{
    (void)state;
    world_tell("ai.retell.call_started", "raced", "");
    world_wait_answer("SELECT version FROM calls WHERE call_id = 'raced'", "1");
    char *url = postgres_url(world.postgres, "hookline_session");
    PGconn *zombie = PQconnectdb(url);
    free(url);
    execute(zombie, "BEGIN");
    execute(zombie, "UPDATE calls SET version = 7 WHERE call_id = 'raced'");

    world_tell("ai.retell.call_ended", "raced", "\"disconnection_reason\":\"user_hangup\"");
    world_wait_answer("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hookline-session' AND "
                      "wait_event_type = 'Lock'",
                      "1");
    execute(zombie, "COMMIT");
    PQfinish(zombie);
    world_wait_answer("SELECT status || ' ' || version FROM calls WHERE call_id = 'raced'", "ended 8");
    struct world_updates updates = world_updates_of("1/raced", 2);
    assert_int_equal(world_version_of(updates.records[1]), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_session_wrote_is_not_written_over),
    };
    return cmocka_run_group_tests_name("session_zombie", tests, world_start, world_stop);
}
