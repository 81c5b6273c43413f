/* Every role's rights to every table and view, and row-level security below them, as PostgreSQL's catalogue says. A right that is
 * missing here or there fails: whoever adds a table adds its rows to the list. What the rights come to: tenancy.c. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "tests/support/postgres.h"

static struct postgres *postgres;

/* Rights ---------------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct right {
    const char *role, *relation, *may; /* without "hookline_"; with columns: only those */
} RIGHTS[] = {
    {"api", "branches", "select"},
    {"api", "calls", "select(agent_id,analyzed,branch_id,call_id,call_type,company_id,cost_breakdown,cost_cents,custom_analysis,customer_id,direction,disconnection_reason,duration_ms,ended_at,first_seen_at,from_number,in_voicemail,latency,latency_e2e_p50_ms,metadata,missing,recording_url,sentiment,source,started_at,status,successful,summary,to_number,transcript,updated_at,version)"},
    {"api", "companies", "select"},
    {"api", "customer_calls", "select"},
    {"api", "customers", "select"},
    {"api", "webhook_events", "select(branch_id,call_id,company_id,correlation_id,event_id,event_type,processed_at,provider,received_at,resolved_by,source,status)"},

    {"ctl", "agents", "select insert update delete"},
    {"ctl", "api_tokens", "select(company_id,created_at,expires_at,id,name,revoked_at,role) insert update(revoked_at)"},
    {"ctl", "audit_log", "select insert(company_id,detail,operator,what)"},
    {"ctl", "branches", "select insert"},
    {"ctl", "call_owners", "select insert update(bound) delete"},
    {"ctl", "calls", "select delete"},
    {"ctl", "companies", "select insert"},
    {"ctl", "customer_calls", "select"},
    {"ctl", "customers", "select delete"},
    {"ctl", "forgotten_calls", "select insert"},
    {"ctl", "parked_events", "select update(refused_at,refused_because) delete"},
    {"ctl", "phone_numbers", "select insert update delete"},
    {"ctl", "retell_call_sessions", "select"},
    {"ctl", "sync_jobs", "select insert update delete"},
    {"ctl", "topic_epochs", "select insert update"},
    {"ctl", "webhook_event_counts", "select"},
    {"ctl", "webhook_events", "select update(payload,payload_dropped_at) delete"},
    {"ctl", "webhook_status", "select"},

    {"feed", "api_tokens", "select(company_id,expires_at,revoked_at,token_hash)"},
    {"feed", "calls", "select(agent_id,analyzed,branch_id,call_id,call_type,company_id,cost_cents,customer_id,direction,disconnection_reason,duration_ms,ended_at,first_seen_at,from_number,in_voicemail,latency_e2e_p50_ms,missing,recording_url,sentiment,source,started_at,status,successful,summary,to_number,updated_at,version)"},
    {"feed", "topic_epochs", "select"},
    {"feed", "webhook_events", "select(call_id,company_id,processed_at)"},

    {"reader", "agents", "select"},
    {"reader", "api_tokens", "select(company_id,created_at,expires_at,id,name,revoked_at,role)"},
    {"reader", "audit_log", "select"},
    {"reader", "branches", "select"},
    {"reader", "call_owners", "select"},
    {"reader", "calls", "select"},
    {"reader", "companies", "select"},
    {"reader", "customer_calls", "select"},
    {"reader", "customers", "select"},
    {"reader", "parked_events", "select"},
    {"reader", "phone_numbers", "select"},
    {"reader", "retell_call_sessions", "select"},
    {"reader", "sync_jobs", "select"},
    {"reader", "topic_epochs", "select"},
    {"reader", "webhook_event_counts", "select"},
    {"reader", "webhook_events", "select"},
    {"reader", "webhook_status", "select"},

    {"resolver", "agents", "select"},
    {"resolver", "branches", "select"},
    {"resolver", "call_owners", "select"},
    {"resolver", "companies", "select"},
    {"resolver", "forgotten_calls", "select"},
    {"resolver", "parked_events", "select insert update(refused_at,refused_because,released_at)"},
    {"resolver", "phone_numbers", "select"},

    {"session", "call_owners", "select insert update(company_id) delete"},
    {"session", "calls", "select insert update delete"},
    {"session", "customers", "select insert update(name,name_collected,name_said_at) delete"},
    {"session", "forgotten_calls", "select insert"},
    {"session", "left_calls", "select insert update(left_at,version)"},
    {"session", "sync_jobs", "select insert delete"},
    {"session", "webhook_events", "select(call_id,company_id,event_id) insert update(branch_id,company_id,resolved_by) delete"},

    {"sync", "calls", "select(analyzed,call_id,company_id,cost_cents,ended_at,first_seen_at,missing,source,started_at,status,updated_at)"},
    {"sync", "forgotten_calls", "select"},
    {"sync", "sync_jobs", "select insert update"},
};
/* clang-format on */

/* As above, one line each, of all roles but the owner: what PostgreSQL says, rights by membership and by PUBLIC included. */
static const char RIGHTS_IN_FORCE[] =
    "SELECT string_agg(line, E'\n' ORDER BY line COLLATE \"C\") FROM (SELECT replace(rolname, 'hookline_', '') || ' ' "
    "|| relname "
    "|| ' ' || string_agg(may, ' ' ORDER BY n) AS line FROM (SELECT r.rolname, c.relname, p.n, CASE WHEN "
    "has_table_privilege(r.oid, c.oid, p.name) THEN lower(p.name) WHEN p.by_column THEN (SELECT lower(p.name) || '(' "
    "|| "
    "string_agg(a.attname, ',' ORDER BY a.attname) || ')' FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > "
    "0 AND "
    "NOT a.attisdropped AND has_column_privilege(r.oid, c.oid, a.attnum, p.name)) END AS may FROM pg_roles r, pg_class "
    "c, "
    "(VALUES (1, 'SELECT', true), (2, 'INSERT', true), (3, 'UPDATE', true), (4, 'DELETE', false), (5, 'TRUNCATE', "
    "false), "
    "(6, 'REFERENCES', true), (7, 'TRIGGER', false)) p(n, name, by_column) WHERE r.rolname LIKE 'hookline\\_%' AND "
    "r.rolname "
    "<> 'hookline_owner' AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) t "
    "WHERE may "
    "IS NOT NULL GROUP BY rolname, relname) lines";

static int right_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_difference(const char *only_here, const char *there, const char *what)
{
    char *lines = strdup(only_here), *place = NULL;
    for (char *line = strtok_r(lines, "\n", &place); line; line = strtok_r(NULL, "\n", &place)) {
        const char *at = strstr(there, line);
        size_t len = strlen(line);
        while (at && !((at == there || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0')))
            at = strstr(at + 1, line);
        if (!at)
            print_error("%s: %s\n", what, line);
    }
    free(lines);
}

static void every_role_has_the_rights_it_needs_and_no_other(void **state)
{
    (void)state;
    char *lines[COUNT(RIGHTS)];
    struct buffer wanted = {0};
    for (size_t i = 0; i < COUNT(RIGHTS); i++)
        assert_true(asprintf(&lines[i], "%s %s %s", RIGHTS[i].role, RIGHTS[i].relation, RIGHTS[i].may) > 0);
    qsort(lines, COUNT(RIGHTS), sizeof *lines, right_compare);
    for (size_t i = 0; i < COUNT(RIGHTS); i++) {
        buffer_add_format(&wanted, "%s%s", i ? "\n" : "", lines[i]);
        free(lines[i]);
    }
    char *in_force = postgres_ask(postgres, RIGHTS_IN_FORCE);
    show_difference(in_force, wanted.data, "a right too many");
    show_difference(wanted.data, in_force, "a right is missing");
    assert_string_equal(in_force, wanted.data);
    free(in_force);
    buffer_free(&wanted);
}

/* Nothing from which a role could get more than its rows above. */
static void no_role_is_more_than_its_rights(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *answer;
    } FACTS[] = {
        {"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'hookline\\_%' AND (rolsuper OR rolbypassrls OR "
         "rolcreaterole OR "
         "rolcreatedb OR rolreplication)",
         "0"},
        {"SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'hookline\\_%' AND NOT "
         "rolcanlogin",
         "hookline_api,hookline_owner"},
        {"SELECT string_agg(m.rolname || ' is ' || r.rolname, ',') FROM pg_auth_members a JOIN pg_roles m ON m.oid = "
         "a.member "
         "JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname LIKE 'hookline\\_%'",
         "hookline_feed is hookline_api"},
        {"SELECT rolinherit FROM pg_roles WHERE rolname = 'hookline_feed'", "f"},
        {"SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> "
         "'hookline_owner'::regrole",
         "0"},
        {"SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef", "0"},
        {"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'hookline\\_%' AND rolname <> 'hookline_owner' AND "
         "has_schema_privilege(oid, 'public', 'CREATE')",
         "0"},
        {"SELECT count(*) FROM pg_roles r, pg_class s WHERE s.relkind = 'S' AND r.rolname LIKE 'hookline\\_%' AND "
         "r.rolname <> "
         "'hookline_owner' AND has_sequence_privilege(r.oid, s.oid, 'USAGE, SELECT, UPDATE')",
         "0"},
    };
    for (size_t i = 0; i < COUNT(FACTS); i++) {
        char *answer = postgres_ask(postgres, FACTS[i].sql);
        if (strcmp(answer, FACTS[i].answer) != 0)
            fail_msg("%s: %s, not %s", FACTS[i].sql, answer, FACTS[i].answer);
        free(answer);
    }
}

/* Row-level security ---------------------------------------------------------------------------------------------------- */

/* What is not as it must be. A table is a tenant's unless it is one of the two that are nobody's. */
static const char UNSAFE[] =
    "SELECT coalesce(string_agg(relname || ': ' || problem, '; ' ORDER BY relname, problem), '') FROM pg_class c, "
    "LATERAL ("
    "SELECT 'row-level security is not enabled and forced' AS problem WHERE c.relkind IN ('r', 'p') AND c.relname NOT "
    "IN "
    "('topic_epochs', 'schema_migrations') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) UNION ALL "
    "SELECT 'no policy' WHERE c.relkind IN ('r', 'p') AND c.relname NOT IN ('topic_epochs', 'schema_migrations') AND "
    "NOT "
    "EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) UNION ALL "
    "SELECT 'a policy for everybody' WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 0 = "
    "ANY(p.polroles)) "
    "UNION ALL SELECT 'hookline_api is not held to one company' WHERE c.relkind IN ('r', 'p') AND c.relname <> "
    "'topic_epochs' AND has_any_column_privilege('hookline_api', c.oid, 'SELECT') AND (SELECT coalesce(string_agg("
    "pg_get_expr(p.polqual, p.polrelid), ' and '), '') FROM pg_policy p WHERE p.polrelid = c.oid AND "
    "'hookline_api'::regrole::oid = ANY(p.polroles)) NOT IN ('(company_id = "
    "(current_setting(''hookline.company''::text))::"
    "bigint)', '(id = (current_setting(''hookline.company''::text))::bigint)') UNION ALL "
    "SELECT 'the view does not ask as its reader' WHERE c.relkind = 'v' AND NOT ('security_invoker=true' = "
    "ANY(coalesce("
    "c.reloptions, '{}')))) problems WHERE c.relnamespace = 'public'::regnamespace";

static void assert_unsafe(const char *wanted)
{
    char *answer = postgres_ask(postgres, UNSAFE);
    assert_string_equal(answer, wanted);
    free(answer);
}

static void every_tenant_table_is_guarded(void **state)
{
    (void)state;
    assert_unsafe("");
}

/* The guard of the guards: each thing that a new table may lack is named. */
static void a_new_table_without_a_guard_is_found(void **state)
{
    (void)state;
    postgres_execute(postgres, "CREATE TABLE novelties (company_id bigint, secret text)");
    assert_unsafe("novelties: no policy; novelties: row-level security is not enabled and forced");
    postgres_execute(postgres, "ALTER TABLE novelties ENABLE ROW LEVEL SECURITY");
    assert_unsafe("novelties: no policy; novelties: row-level security is not enabled and forced");
    postgres_execute(postgres, "ALTER TABLE novelties FORCE ROW LEVEL SECURITY");
    assert_unsafe("novelties: no policy");
    postgres_execute(postgres, "CREATE POLICY p ON novelties USING (true)");
    assert_unsafe("novelties: a policy for everybody");
    postgres_execute(postgres,
                     "DROP POLICY p ON novelties; CREATE POLICY p ON novelties TO hookline_api USING (true); GRANT "
                     "SELECT ON novelties TO hookline_api");
    assert_unsafe("novelties: hookline_api is not held to one company");
    postgres_execute(postgres,
                     "DROP POLICY p ON novelties; CREATE POLICY p ON novelties TO hookline_api USING (company_id = "
                     "current_setting('hookline.company')::bigint)");
    assert_unsafe("");
    postgres_execute(postgres, "CREATE VIEW old_ways AS SELECT * FROM calls");
    assert_unsafe("old_ways: the view does not ask as its reader");
    postgres_execute(postgres, "DROP VIEW old_ways; DROP TABLE novelties");
}

static int start(void **state)
{
    (void)state;
    postgres = postgres_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    postgres_stop(postgres);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_has_the_rights_it_needs_and_no_other),
        cmocka_unit_test(no_role_is_more_than_its_rights),
        cmocka_unit_test(every_tenant_table_is_guarded),
        cmocka_unit_test(a_new_table_without_a_guard_is_found),
    };
    return cmocka_run_group_tests_name("rights", tests, start, stop);
}
