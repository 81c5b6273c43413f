/* sync_world.c: one process serves most stories: the mock broker lets a group's new member wait until the old one's session
 * has ended, 10 s. */
#include "tests/support/sync_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/wait.h"

enum { ENVIRONMENT_MAX = 24, VARIABLE_MAX = 256, LEASE_MS = 600000 /* runs out in no story */ };

struct sync_world world;

/* servers ------------------------------------------------------------------------------------------------------------ */

int world_start(void **state)
{
    (void)state;
    world.server = postgres_start();
    world.broker = broker_start();
    world.platform = platform_start();
    world.arena = arena_new();
    snprintf(world.locks, sizeof world.locks, "/tmp/hookline-sync-XXXXXX");
    assert_non_null(mkdtemp(world.locks));
    return 0;
}

static void remove_locks(void)
{
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/hookline-sync-test-%d.lock", world.locks, i);
        unlink(path);
    }
    rmdir(world.locks);
}

int world_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(world.processes); i++)
        if (world.processes[i])
            process_free(world.processes[i]);
    arena_free(world.arena);
    platform_stop(world.platform);
    broker_stop(world.broker);
    postgres_stop(world.server);
    remove_locks();
    return 0;
}

/* hookline-sync, its settings beside the usual ones: NAME=value, NULL ends. */
struct process *world_start_sync(int instance, const char *const *more)
{
    static char texts[ENVIRONMENT_MAX][VARIABLE_MAX];
    const char *environment[ENVIRONMENT_MAX + 1];
    char *url = postgres_url(world.server, "hookline_sync");
    size_t count = 0;
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_DATABASE_URL=%s", url);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker));
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_RETELL_API_URL=%s", platform_url(world.platform));
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_INSTANCE=test-%d", instance);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LOCK_DIRECTORY=%s", world.locks);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_SESSION_TIMEOUT_MS=6000");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LIVE_AFTER_MS=200");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_MISSING_AFTER_MS=200");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_RETRY_FIRST_MS=100");
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_LEASE_MS=%d", world.lease_ms ? world.lease_ms : LEASE_MS);
    snprintf(texts[count++], VARIABLE_MAX, "HOOKLINE_SWEEP_EVERY_MS=1000");
    free(url);
    for (; *more; more++)
        snprintf(texts[count++], VARIABLE_MAX, "%s", *more);
    for (size_t i = 0; i < count; i++)
        environment[i] = texts[i];
    environment[count] = NULL;
    if (world.processes[instance]) /* a story failed before it came to that */
        process_free(world.processes[instance]);
    world.processes[instance] = process_start(HOOKLINE_SYNC, environment);
    if (!process_wait_ready(world.processes[instance], WORLD_SOON_MS)) {
        process_show(world.processes[instance]);
        fail_msg("hookline-sync is not ready");
    }
    return world.processes[instance];
}

static const char *const WITH_KEY[] = {"HOOKLINE_RETELL_API_KEY=" WORLD_KEY, NULL};

struct process *world_sync(void)
{
    return world.processes[0] ? world.processes[0] : world_start_sync(0, WITH_KEY);
}

void world_forget(int instance)
{
    process_free(world.processes[instance]);
    world.processes[instance] = NULL;
}

/* Each story begins with no job. */
int world_empty(void **state)
{
    (void)state;
    postgres_execute(world.server, "TRUNCATE sync_jobs, calls");
    arena_reset(world.arena);
    return 0;
}

/* what session would do ---------------------------------------------------------------------------------------------- */

void world_store_call(const struct call *call)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO calls (company_id, call_id, source, started_at, ended_at, status, analyzed, missing, version,"
             " stamps, first_seen_at, updated_at)"
             " VALUES (%lld, '%.*s', '%.*s', to_timestamp(%lld / 1e3), to_timestamp(%lld / 1e3), '%.*s', false, "
             "'%s', %lld,"
             " '', to_timestamp(%lld / 1e3), now()) ON CONFLICT (company_id, call_id) DO UPDATE SET"
             " status = excluded.status, missing = excluded.missing, version = excluded.version",
             (long long)call->company_id, SLICE_PRINT(call->call_id), SLICE_PRINT(call->source),
             (long long)call->started_at, (long long)call->ended_at, SLICE_PRINT(call->status),
             call->missing ? "{cost}" : "{}", (long long)call->version, (long long)call->first_seen_at);
    postgres_execute(world.server, sql);
}

void world_send_update(struct slice key, struct slice value)
{
    struct event event = {.id = event_id_of(SLICE("hookline"), 1, value),
                          .type = SLICE("ai.hookline.call_updated"),
                          .source = SLICE("/retell/default"),
                          .company_id = 1};
    struct header headers[EVENT_HEADERS_MAX];
    broker_send(world.broker, &(struct record){.topic = TOPIC_CALLS_UPDATES,
                                               .partition = partition_of_key(SLICE("1"), TOPIC_PARTITIONS),
                                               .key = key,
                                               .value = value,
                                               .headers = headers,
                                               .header_count = event_write(&event, world.arena, headers)});
}

struct call world_call(const char *call_id, const char *status, unsigned missing)
{
    struct call call;
    call_init(&call);
    call.company_id = 1;
    call.call_id = slice_of(call_id);
    call.source = SLICE("default");
    call.status = slice_of(status);
    call.missing = missing;
    call.version = 1;
    call.started_at = clock_now_ms() - WORLD_HOUR;
    call.ended_at = clock_now_ms() - WORLD_MINUTE;
    call.first_seen_at = call.started_at;
    call.updated_at = call.ended_at;
    return call;
}

void world_tell(const struct call *call)
{
    struct call_update_event event = {.id = SLICE("00"), .type = SLICE("ai.retell.call_ended")};
    struct buffer value = {0};
    world_store_call(call);
    call_update_write(&value, call, &event, false);
    world_send_update(call->call_id, buffer_slice(&value));
    buffer_free(&value);
}

void world_tell_of(const char *call_id, const char *status, unsigned missing)
{
    struct call call = world_call(call_id, status, missing);
    world_tell(&call);
}

/* what must become true ---------------------------------------------------------------------------------------------- */

static bool sql_is_true(void *context)
{
    char *answer = postgres_ask(world.server, context);
    bool yes = strcmp(answer, "t") == 0;
    free(answer);
    return yes;
}

void world_wait_sql(const char *sql)
{
    char *copy = memory_copy_string(sql);
    bool fine = wait_until(sql_is_true, copy, WORLD_SOON_MS);
    free(copy);
    if (fine)
        return;
    char *jobs = postgres_ask(world.server, "SELECT string_agg(j::text, ' ') FROM sync_jobs j");
    process_show(world.processes[0]);
    print_error("jobs: %s\n", jobs);
    free(jobs);
    fail_msg("never true: %s", sql);
}

/* Of the call's job; others may be left from the story before. */
void world_wait_job(const char *call_id, const char *condition)
{
    world_wait_sql(arena_format(world.arena, "SELECT %s FROM sync_jobs WHERE call_id = '%s'", condition, call_id).ptr);
}

/* The record of calls.events about the call, of which there must be one before long; NULL if there is none now. */
const struct broker_record *world_event_about(const char *call_id, size_t *count)
{
    size_t all = 0;
    const struct broker_record *found = NULL;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS, world.arena, &all);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (slice_equals(records[i].key, call_id)) {
            found = &records[i];
            (*count)++;
        }
    return found;
}

static bool event_arrived(void *context)
{
    size_t count = 0;
    return world_event_about(context, &count) != NULL;
}

const struct broker_record *world_wait_event(const char *call_id)
{
    size_t count = 0;
    char *copy = memory_copy_string(call_id);
    bool fine = wait_until(event_arrived, copy, WORLD_SOON_MS);
    free(copy);
    if (!fine) {
        process_show(world.processes[0]);
        fail_msg("no event about %s", call_id);
    }
    return world_event_about(call_id, &count);
}

struct question_count {
    const char *call_id; /* NULL: any */
    size_t least;
};

static bool asked_so_often(void *context)
{
    const struct question_count *wanted = context;
    size_t asked =
        wanted->call_id ? platform_asked_for(world.platform, wanted->call_id) : platform_asked(world.platform);
    return asked >= wanted->least;
}

void world_wait_asked(const char *call_id, size_t least)
{
    struct question_count wanted = {call_id, least};
    if (wait_until(asked_so_often, &wanted, WORLD_SOON_MS))
        return;
    process_show(world.processes[0]);
    fail_msg("not asked %zu times", least);
}

void world_answers(int status, const char *body)
{
    platform_script(world.platform, &(struct platform_answer){.status = status, .body = body}, 1);
}
