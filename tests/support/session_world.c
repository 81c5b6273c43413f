/* session_world.c: see session_world.h. */
#include "tests/support/session_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/wait.h"

struct session_world world;

void world_start_session(const char *failpoint)
{
    char *url = postgres_url(world.postgres, "hookline_session");
    const char *environment[] = {
        arena_format(world.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker)).ptr,
        "HOOKLINE_LOCK_DIRECTORY=/tmp",
        "HOOKLINE_SESSION_TIMEOUT_MS=6000",
        "HOOKLINE_LOG_LEVEL=debug",
        world.batch_records ? arena_format(world.arena, "HOOKLINE_BATCH_RECORDS=%d", world.batch_records).ptr
                            : "HOOKLINE_BATCH_RECORDS=500",
        arena_format(world.arena, "HOOKLINE_INSTANCE=test-%d", (int)getpid()).ptr,
        failpoint ? arena_format(world.arena, "HOOKLINE_FAILPOINT=%s", failpoint).ptr : NULL,
        NULL,
    };
    free(url);
    world.session = process_start(HOOKLINE_SESSION, environment);
    if (!failpoint) /* with one it may be gone before anybody sees it ready */
        assert_true(process_wait_ready(world.session, WORLD_SOON_MS));
}

int world_start(void **state)
{
    (void)state;
    world.arena = arena_new();
    world.postgres = postgres_start();
    world.broker = broker_start();
    world_start_session(NULL);
    return 0;
}

int world_stop(void **state)
{
    (void)state;
    process_signal(world.session, SIGTERM);
    int exit_code = process_wait_end(world.session, WORLD_SOON_MS);
    process_free(world.session);
    broker_stop(world.broker);
    postgres_stop(world.postgres);
    unlink(arena_format(world.arena, "/tmp/hookline-session-test-%d.lock", (int)getpid()).ptr);
    arena_free(world.arena);
    return exit_code;
}

void world_send_event(struct world_event sent)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(SLICE("retell"), sent.source_company, sent.body),
        .type = slice_of(sent.type),
        .source = SLICE("/retell/default"),
        .subject = slice_of(sent.call_id),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .source_company = sent.source_company,
        .company_id = sent.company,
        .branch_id = sent.branch,
        .resolved_by = sent.source_company ? SLICE("source") : SLICE("to_number"),
        .body = sent.body,
    };
    broker_send(world.broker, &(struct record){
                                  .topic = TOPIC_CALLS_EVENTS,
                                  .partition = RECORD_PARTITION_BY_KEY,
                                  .key = slice_of(sent.call_id ? sent.call_id : "no call"),
                                  .value = sent.body,
                                  .headers = headers,
                                  .header_count = event_write(&event, world.arena, headers),
                              });
}

void world_tell(const char *type, const char *call_id, const char *members)
{
    struct slice body = arena_format(world.arena, "{\"event\":\"%s\",\"call\":{\"call_id\":\"%s\"%s%s}}", type, call_id,
                                     *members ? "," : "", members);
    world_send_event((struct world_event){.type = type, .call_id = call_id, .company = 1, .body = body});
}

struct asked {
    const char *sql, *answer;
};

static bool answered(void *context)
{
    const struct asked *asked = context;
    char *answer = postgres_ask(world.postgres, asked->sql);
    bool same = strcmp(answer, asked->answer) == 0;
    free(answer);
    return same;
}

void world_wait_answer(const char *sql, const char *answer)
{
    struct asked asked = {sql, answer};
    if (wait_until(answered, &asked, WORLD_SOON_MS))
        return;
    char *last = postgres_ask(world.postgres, sql);
    process_show(world.session);
    fail_msg("%s: %s, not %s", sql, last, answer);
}

static bool updates_arrived(void *context)
{
    struct world_updates *updates = context;
    size_t count = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_UPDATES, world.arena, &count);
    updates->count = 0;
    for (size_t i = 0; i < count && updates->count < COUNT(updates->records); i++)
        if (slice_equals(records[i].key, updates->key))
            updates->records[updates->count++] = &records[i];
    return updates->count >= updates->wanted;
}

struct world_updates world_updates_of(const char *key, size_t wanted)
{
    struct world_updates updates = {.key = key, .wanted = wanted};
    if (!wait_until(updates_arrived, &updates, WORLD_SOON_MS)) {
        process_show(world.session);
        fail_msg("%zu of %zu updates of %s", updates.count, wanted, key);
    }
    return updates;
}

bool world_holds(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

int64_t world_version_of(const struct broker_record *update)
{
    static const char NAME[] = "\"version\":";
    const char *at = memmem(update->value.ptr, update->value.len, NAME, sizeof NAME - 1);
    assert_non_null(at);
    return strtoll(at + sizeof NAME - 1, NULL, 10);
}
