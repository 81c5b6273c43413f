/* broadcaster_world.c: one of each server for all tests of a program, and two companies with a token each. */
#include "tests/support/broadcaster_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/call_json.h"
#include "common/clock.h"
#include "tests/support/wait.h"

enum { READY_MS = 60000 };

struct broadcaster_world world;

void world_start_program(void)
{
    char *url = postgres_url(world.postgres, "hookline_feed");
    struct buffer environment[4] = {0};
    buffer_add_format(&environment[0], "HOOKLINE_DATABASE_URL=%s", url);
    buffer_add_format(&environment[1], "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker));
    buffer_add_format(&environment[2], "HOOKLINE_LISTEN=unix:%s", world.socket);
    const char *list[] = {environment[0].data, environment[1].data, environment[2].data, "HOOKLINE_LOG_LEVEL=debug",
                          NULL};
    world.process = process_start(HOOKLINE_BROADCASTER, list);
    if (!process_wait_ready(world.process, READY_MS)) {
        process_show(world.process);
        abort();
    }
    for (size_t i = 0; i < COUNT(environment); i++)
        buffer_free(&environment[i]);
    free(url);
}

void world_stop_program(void)
{
    process_signal(world.process, SIGTERM);
    assert_int_equal(process_wait_end(world.process, SOON_MS), 0);
    process_free(world.process);
    world.process = NULL;
}

int world_set_up(void **state)
{
    (void)state;
    world.postgres = postgres_start();
    world.broker = broker_start();
    snprintf(world.directory, sizeof world.directory, "/tmp/hookline-broadcaster-XXXXXX");
    if (!mkdtemp(world.directory))
        abort();
    snprintf(world.socket, sizeof world.socket, "%s/screens", world.directory);
    postgres_execute(world.postgres, "INSERT INTO companies (id, name) VALUES (1, 'Demo One'), (2, 'Demo Two')");
    postgres_execute(world.postgres, "INSERT INTO api_tokens (token_hash, company_id) "
                                     "SELECT sha256(('token-of-company-' || id)::bytea), id FROM companies");
    postgres_execute(world.postgres, "INSERT INTO topic_epochs (topic, epoch) VALUES ('calls.updates', 'e1')");
    world_start_program();
    return 0;
}

int world_tear_down(void **state)
{
    (void)state;
    process_free(world.process);
    broker_stop(world.broker);
    postgres_stop(world.postgres);
    unlink(world.socket);
    rmdir(world.directory);
    return 0;
}

void world_commit(const struct change *change)
{
    struct buffer sql = {0};
    buffer_add_format(
        &sql,
        "INSERT INTO calls (company_id, call_id, source, status, analyzed, missing, version, stamps, first_seen_at, "
        "updated_at, from_number, cost_cents) VALUES (%d, '%s', 'default', '%s', false, '{}', %d, '', now(), now(), "
        "'+4915112345678', 15.215) ON CONFLICT (company_id, call_id) DO UPDATE SET status = excluded.status, "
        "version = excluded.version, updated_at = excluded.updated_at",
        change->company, change->call_id, change->status, change->version);
    postgres_execute(world.postgres, sql.data);
    buffer_free(&sql);
}

void world_publish(const struct change *change)
{
    struct call call;
    struct buffer value = {0};
    struct buffer key = {0};
    char company[16];
    int64_t now_ms = clock_now_ms();
    call_init(&call);
    call.company_id = change->company;
    call.call_id = slice_of(change->call_id);
    call.source = SLICE("default");
    call.status = slice_of(change->status);
    call.version = change->version;
    call.first_seen_at = call.updated_at = now_ms - change->age_ms;
    struct call_update_event event = {SLICE("00112233445566778899aabbccddeeff"), SLICE("ai.retell.call_started"),
                                      now_ms};
    call_update_write(&value, &call, &event, false);
    buffer_add_format(&key, "%d/%s", change->company, change->call_id);
    int len = snprintf(company, sizeof company, "%d", change->company);
    broker_send(world.broker,
                &(struct record){.topic = TOPIC_CALLS_UPDATES,
                                 .partition = partition_of_key((struct slice){company, (size_t)len}, TOPIC_PARTITIONS),
                                 .key = buffer_slice(&key),
                                 .value = buffer_slice(&value)});
    buffer_free(&value);
    buffer_free(&key);
}

void world_change(int company, const char *call_id, int version, const char *status)
{
    struct change both = {company, call_id, version, status, 0};
    world_commit(&both);
    world_publish(&both);
}

struct screen *world_open_stream(const char *bearer, const char *last_id)
{
    char fields[256];
    snprintf(fields, sizeof fields, "%s%s%s%s", bearer, last_id ? "Last-Event-ID: " : "", last_id ? last_id : "",
             last_id ? "\r\n" : "");
    return screen_get(world.socket, "/api/calls/stream", fields);
}

const char *world_event_of(const char *call_id, int version)
{
    static char text[2][128];
    static int turn;
    char *mine = text[turn++ % 2];
    snprintf(mine, sizeof text[0], "data: {\"v\":1,\"company_id\":1,\"call_id\":\"%s\",\"version\":%d,", call_id,
             version);
    return mine;
}
