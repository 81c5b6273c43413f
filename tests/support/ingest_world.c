/* ingest_world.c: one directory holds the socket and the sources file. */
#include "tests/support/ingest_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/retell_sign.h"
#include "tests/unit/test.h"

static const char SOURCES[] = "{\"sources\": ["
                              "{\"name\": \"near\", \"provider\": \"retell\", \"allow\": [\"192.0.2.0/24\"],"
                              " \"keys\": [{\"id\": \"a\", \"key\": \"" INGEST_KEY_NEAR "\"}]},"
                              "{\"name\": \"slow\", \"provider\": \"retell\", \"rate_per_s\": 1, \"burst\": 2,"
                              " \"keys\": [{\"id\": \"a\", \"key\": \"" INGEST_KEY_SLOW "\"}]},"
                              "{\"name\": \"small\", \"provider\": \"retell\", \"body_max_bytes\": 1024,"
                              " \"keys\": [{\"id\": \"a\", \"key\": \"" INGEST_KEY_SMALL "\"}]}]}";

static void write_sources(const char *path)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(SOURCES, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static const char *setting(struct ingest_world *world, const char *name, const char *value)
{
    return arena_format(world->arena, "HOOKLINE_%s=%s", name, value).ptr;
}

void ingest_world_begin(struct ingest_world *world, const char *const *settings)
{
    world->broker = broker_start();
    world->arena = arena_new();
    snprintf(world->directory, sizeof world->directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->address, sizeof world->address, "unix:%s/ingest", world->directory);
    const char *sources = arena_format(world->arena, "%s/sources.json", world->directory).ptr;
    write_sources(sources);
    const char *environment[INGEST_SETTINGS_MAX + 8] = {
        setting(world, "KAFKA_BOOTSTRAP", broker_address(world->broker)),
        setting(world, "LISTEN", world->address),
        setting(world, "SOURCES", sources),
        setting(world, "RETELL_API_KEY", INGEST_KEY),
        setting(world, "TRUSTED_PROXIES", "unix"),
        setting(world, "LOG_LEVEL", "debug"),
        INGEST_PATIENT,
    };
    for (size_t i = 0; settings && settings[i]; i++)
        environment[7 + i] = settings[i];
    world->ingest = process_start(HOOKLINE_INGEST, environment);
    assert_true(process_wait_ready(world->ingest, INGEST_END_MS));
}

void ingest_world_end(struct ingest_world *world)
{
    process_free(world->ingest);
    broker_stop(world->broker);
    unlink(world->address + strlen("unix:"));
    unlink(arena_format(world->arena, "%s/sources.json", world->directory).ptr);
    arena_free(world->arena);
    assert_int_equal(rmdir(world->directory), 0);
}

struct broker_record *ingest_world_records(struct ingest_world *world, size_t *count)
{
    return broker_read(world->broker, TOPIC_WEBHOOKS_RETELL, world->arena, count);
}

double ingest_world_outcomes(struct ingest_world *world, const char *outcome, const char *source)
{
    char name[192];
    snprintf(name, sizeof name, "hookline_ingest_requests_total{outcome=\"%s\",provider=\"%s\",source=\"%s\"}", outcome,
             source ? "retell" : "", source ? source : "");
    return process_metric(world->ingest, name);
}

struct slice ingest_world_request(struct ingest_world *world, const struct ingest_sender *sender, struct slice body)
{
    char signature[RETELL_SIGNATURE_BYTES];
    retell_sign(signature, body, slice_of(sender->key), clock_now_ms());
    return arena_format(world->arena,
                        "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%sX-Retell-Signature: %s\r\n"
                        "Content-Length: %zu\r\n\r\n%.*s",
                        sender->path, sender->fields ? sender->fields : "", signature, body.len, SLICE_PRINT(body));
}

struct http_answer ingest_world_deliver(struct ingest_world *world, const struct ingest_sender *sender,
                                        struct slice body)
{
    struct http_client *client = http_client_open(world->address);
    assert_true(http_client_send(client, ingest_world_request(world, sender, body)));
    struct http_answer answer = http_client_receive(client, world->arena, INGEST_SOON_MS);
    http_client_close(client);
    return answer;
}

struct slice ingest_world_body(struct ingest_world *world, const char *call_id)
{
    return arena_format(world->arena, "{\"event\":\"call_started\",\"call\":{\"call_id\":\"%s\"}}", call_id);
}
