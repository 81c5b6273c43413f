/* resolver_world.c: see resolver_world.h. */
#include "tests/support/resolver_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct resolver_world world;

void world_start_resolver(const char *last)
{
    char *url = postgres_url(world.postgres, "hookline_resolver");
    const char *environment[] = {
        arena_format(world.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(world.broker)).ptr,
        arena_format(world.arena, "HOOKLINE_LOCK_DIRECTORY=%s", world.directory).ptr,
        "HOOKLINE_SESSION_TIMEOUT_MS=6000",
        "HOOKLINE_LOG_LEVEL=debug",
        "HOOKLINE_INSTANCE=test",
        last,
        NULL,
    };
    free(url);
    world.resolver = process_start(HOOKLINE_RESOLVER, environment);
    assert_true(process_wait_ready(world.resolver, WORLD_SOON_MS));
}

void world_end_resolver(int signal, int expected)
{
    if (signal)
        process_signal(world.resolver, signal);
    assert_int_equal(process_wait_end(world.resolver, WORLD_SOON_MS), expected);
    process_free(world.resolver);
}

int world_start(void **state)
{
    (void)state;
    world.arena = arena_new();
    snprintf(world.directory, sizeof world.directory, "/tmp/hookline-resolver.XXXXXX");
    if (!mkdtemp(world.directory))
        return 1;
    world.postgres = postgres_start();
    world.broker = broker_start();
    postgres_execute(world.postgres,
                     "INSERT INTO companies (id, name, default_region) VALUES (1, 'a', 'DE'), (2, 'b', 'AT');"
                     "INSERT INTO branches (id, company_id, name) VALUES (3, 1, 'c');"
                     "INSERT INTO phone_numbers VALUES ('+493083793369', 1, 3), ('+431588580', 2, NULL);"
                     "INSERT INTO agents VALUES ('agent_2', 2, NULL, NULL)");
    world_start_resolver(NULL);
    return 0;
}

int world_stop(void **state)
{
    (void)state;
    world_end_resolver(SIGTERM, 0);
    broker_stop(world.broker);
    postgres_stop(world.postgres);
    unlink(arena_format(world.arena, "%s/hookline-resolver-test.lock", world.directory).ptr);
    rmdir(world.directory);
    arena_free(world.arena);
    return 0;
}

void world_send(const char *call_id, struct slice body, int64_t source_company)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct event event = {
        .id = event_id_of(SLICE("retell"), source_company, body),
        .type = SLICE("ai.retell.call_started"),
        .source = SLICE("/retell/default"),
        .subject = slice_of(call_id),
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .traceparent = SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .cost_unit = SLICE("dollars"),
        .source_company = source_company,
    };
    broker_send(world.broker, &(struct record){
                                  .topic = TOPIC_WEBHOOKS_RETELL,
                                  .partition = RECORD_PARTITION_BY_KEY,
                                  .key = slice_of(call_id ? call_id : "no call"),
                                  .value = body,
                                  .headers = headers,
                                  .header_count = event_write(&event, world.arena, headers),
                              });
}

void world_send_call(const char *call_id, const char *to_number)
{
    world_send(call_id,
               arena_format(world.arena,
                            "{\"event\":\"call_started\", \"call\":{\"call_id\":\"%s\",\"direction\":\"inbound\","
                            "\"from_number\":\"+4915112345678\",\"to_number\":\"%s\"}}",
                            call_id, to_number),
               0);
}

bool world_arrived(void *context)
{
    struct world_wanted *wanted = context;
    size_t count = 0;
    size_t times = 0;
    struct broker_record *records = broker_read(world.broker, wanted->topic, world.arena, &count);
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].key, wanted->key)) {
            wanted->found = &records[i];
            times++;
        }
    return times >= wanted->times;
}

const struct broker_record *world_record_in(const char *topic, const char *key)
{
    struct world_wanted wanted = {topic, key, 1, NULL};
    if (!wait_until(world_arrived, &wanted, WORLD_SOON_MS)) {
        process_show(world.resolver);
        fail_msg("%s never came to %s", key, topic);
    }
    return wanted.found;
}

void world_assert_header(const struct broker_record *record, const char *name, const char *expected)
{
    struct slice value = broker_record_header(record, name);
    if (!slice_same(value, slice_of(expected)))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, SLICE_PRINT(value), expected ? expected : "(absent)");
}

static bool flock_arrived(void *context)
{
    const struct world_flock *flock = context;
    bool seen[1000] = {false};
    size_t missing = 0;
    size_t count = 0;
    struct broker_record *records = broker_read(world.broker, TOPIC_CALLS_EVENTS, world.arena, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        if (slice_starts_with(records[i].key, flock->prefix) &&
            text_read_int(slice_from(records[i].key, strlen(flock->prefix)), &number) && number < (int64_t)COUNT(seen))
            seen[number] = slice_equals(broker_record_header(&records[i], "ce_companyid"), flock->company);
    }
    for (size_t i = flock->first; i < flock->count; i += flock->step)
        missing += !seen[i];
    return missing == 0;
}

void world_wait_flock(struct world_flock flock)
{
    if (wait_until(flock_arrived, &flock, WORLD_SOON_MS))
        return;
    process_show(world.resolver);
    fail_msg("not all of %s came", flock.prefix);
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
    if (!wait_until(answered, &asked, WORLD_SOON_MS)) {
        process_show(world.resolver);
        fail_msg("%s: never %s", sql, answer);
    }
}

bool world_next_call_is_the_companys(void *context)
{
    struct world_next_call *next = context;
    const char *call_id = arena_format(world.arena, "%s%d", next->prefix, next->calls++).ptr;
    world_send_call(call_id, next->number);
    return slice_equals(broker_record_header(world_record_in(TOPIC_CALLS_EVENTS, call_id), "ce_companyid"),
                        next->company);
}
