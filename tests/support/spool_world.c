/* spool_world.c: see spool_world.h. */
#include "tests/support/spool_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "ctl/retell_sign.h"
#include "tests/support/command.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { MORE_MAX = 8 };

struct spool_world spool_world;

static void spool_remove(void)
{
    const char *words[] = {"/bin/rm", "-rf", spool_world.spool, NULL};
    const char *environment[] = {NULL};
    struct command command = command_run(words, environment, NULL);
    assert_int_equal(command.exit_code, 0);
    command_free(&command);
}

int spool_world_begin(void **state)
{
    (void)state;
    struct spool_world *world = &spool_world;
    snprintf(world->directory, sizeof world->directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    world->broker = broker_start();
    world->arena = arena_new();
    world->spool = arena_format(world->arena, "%s/spool", world->directory).ptr;
    world->address = arena_format(world->arena, "unix:%s/ingest", world->directory).ptr;
    return 0;
}

int spool_world_end(void **state)
{
    (void)state;
    struct spool_world *world = &spool_world;
    broker_stop(world->broker);
    spool_remove();
    unlink(world->address + strlen("unix:"));
    arena_free(world->arena);
    return rmdir(world->directory);
}

int spool_world_clean(void **state)
{
    (void)state;
    spool_remove();
    spool_world.accepted_count = 0;
    spool_broker_back();
    return 0;
}

int spool_world_stop(void **state)
{
    (void)state;
    process_free(spool_world.ingest);
    spool_world.ingest = NULL;
    broker_set_delay(spool_world.broker, 0);
    return 0;
}

struct process *spool_ingest_start(const char *address, const char *const *more)
{
    char variables[5][192];
    const char *environment[COUNT(variables) + MORE_MAX + 1] = {NULL};
    size_t count = 0;
    snprintf(variables[0], sizeof *variables, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(spool_world.broker));
    snprintf(variables[1], sizeof *variables, "HOOKLINE_LISTEN=%s", address);
    snprintf(variables[2], sizeof *variables, "HOOKLINE_RETELL_API_KEY=" SPOOL_KEY);
    snprintf(variables[3], sizeof *variables, "HOOKLINE_ACK_TIMEOUT_MS=%d", SPOOL_ACK_TIMEOUT_MS);
    snprintf(variables[4], sizeof *variables, "HOOKLINE_SPOOL_DIR=%s", spool_world.spool);
    for (; more && more[count]; count++) { /* first: the first of two values counts */
        assert_true(count < MORE_MAX);
        environment[count] = more[count];
    }
    for (size_t i = 0; i < COUNT(variables); i++)
        environment[count++] = variables[i];
    return process_start(HOOKLINE_INGEST, environment);
}

static bool goes_to_the_brokers(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_brokers_answer") > 0;
}

static bool goes_to_the_spool(void *context)
{
    return !goes_to_the_brokers(context);
}

void spool_ingest_begin(const char *const *more)
{
    process_free(spool_world.ingest);
    spool_world.ingest = spool_ingest_start(spool_world.address, more);
    assert_true(process_wait_ready(spool_world.ingest, SPOOL_END_MS));
    if (!spool_world.broker_away)
        assert_true(wait_until(goes_to_the_brokers, NULL, SPOOL_END_MS));
}

const char *spool_file(const char *name, const char *text)
{
    const char *path = arena_format(spool_world.arena, "%s/%s", spool_world.directory, name).ptr;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct slice spool_body(const char *event, const char *call_id)
{
    return arena_format(spool_world.arena, "{\"event\":\"%s\",\"call\":{\"call_id\":\"%s\"}}", event, call_id);
}

struct http_client *spool_send(const char *path, struct slice body)
{
    char signature[RETELL_SIGNATURE_BYTES];
    struct buffer request = {0};
    retell_sign(signature, body, SLICE(SPOOL_KEY), clock_now_ms());
    buffer_add_format(&request, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n", path);
    buffer_add_format(&request, "X-Retell-Signature: %s\r\nContent-Length: %zu\r\n\r\n", signature, body.len);
    buffer_add(&request, body);
    struct http_client *client = http_client_try(spool_world.address);
    if (client && !http_client_send(client, buffer_slice(&request)))
        http_client_finish(client); /* it died while we sent: there will be no answer */
    buffer_free(&request);
    return client;
}

int spool_receive(struct http_client *client, struct slice body)
{
    struct spool_world *world = &spool_world;
    struct http_answer answer = http_client_receive(client, world->arena, SPOOL_SOON_MS);
    http_client_close(client);
    if (answer.status != 200)
        return answer.status;
    assert_true(world->accepted_count < SPOOL_ACCEPTED_MAX);
    world->accepted[world->accepted_count++] = arena_copy(world->arena, body);
    return answer.status;
}

int spool_deliver_to(const char *path, struct slice body)
{
    struct http_client *client = spool_send(path, body);
    return client ? spool_receive(client, body) : 0;
}

int spool_deliver(struct slice body)
{
    return spool_deliver_to("/api/retell/webhook", body);
}

void spool_broker_away_at_once(void)
{
    broker_set_down(spool_world.broker, true);
    spool_world.broker_away = true;
}

void spool_broker_away(void)
{
    spool_broker_away_at_once();
    if (wait_until(goes_to_the_spool, NULL, SPOOL_END_MS))
        return;
    process_show(spool_world.ingest);
    fail_msg("ingest does not see that the broker is away");
}

void spool_broker_back(void)
{
    broker_set_down(spool_world.broker, false);
    spool_world.broker_away = false;
}

double spool_metric(const char *name)
{
    return process_metric(spool_world.ingest, name);
}

static bool is_empty(void *context)
{
    (void)context;
    return process_ready(spool_world.ingest) && spool_metric("hookline_ingest_spool_records") <= 0 &&
           spool_metric("hookline_ingest_spool_orphan_records") <= 0 && spool_metric("hookline_ingest_in_flight") <= 0;
}

void spool_await_empty(void)
{
    if (wait_until(is_empty, NULL, SPOOL_END_MS))
        return;
    process_show(spool_world.ingest);
    fail_msg("%.0f records still wait in the spool", spool_metric("hookline_ingest_spool_records"));
}

struct broker_record *spool_records(size_t *count)
{
    return broker_read(spool_world.broker, TOPIC_WEBHOOKS_RETELL, spool_world.arena, count);
}

static size_t times_among(const struct broker_record *records, size_t count, struct slice body)
{
    size_t times = 0;
    for (size_t i = 0; i < count; i++)
        times += slice_same(records[i].value, body);
    return times;
}

size_t spool_times(struct slice body)
{
    size_t count = 0;
    const struct broker_record *records = spool_records(&count);
    return times_among(records, count, body);
}

void spool_judge(void)
{
    size_t count = 0;
    const struct broker_record *records = spool_records(&count);
    for (size_t i = 0; i < spool_world.accepted_count; i++)
        if (times_among(records, count, spool_world.accepted[i]) == 0)
            fail_msg("accepted, and not in the topic: %.*s", SLICE_PRINT(spool_world.accepted[i]));
}
