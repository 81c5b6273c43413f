/* What session carries alone: from calls.events to committed rows and acked updates, bodies of about 1.8 KB.
 *
 * Its own PostgreSQL (fsync on) and a mock broker inside this process, on the same machine: prints events a second, batches,
 * and session's own CPU time. Calls live through started, ended, analyzed within 3 000 live ones; every tenth event comes
 * twice. Asserts only that every event took effect.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/event.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

enum { PADDING = 1400, ENOUGH_MS = 120000 };

static const size_t CALLS = 7000;
static const size_t WINDOW = 3000;

static struct {
    struct postgres *postgres;
    struct broker *broker;
    struct process *session;
    struct arena *arena;
    char padding[PADDING + 1];
    size_t sent;
} with;

static void send_event(const char *type, size_t call)
{
    struct header headers[EVENT_HEADERS_MAX];
    struct slice call_id = arena_format(with.arena, "call_%032zu", call);
    struct slice body = arena_format(with.arena,
                                     "{\"event\":\"%s\",\"call\":{\"call_id\":\"%.*s\",\"call_type\":\"phone_call\","
                                     "\"agent_id\":\"agent_%zu\",\"call_status\":\"ended\","
                                     "\"direction\":\"inbound\",\"from_number\":\"+4930%08zu\",\"to_number\":\"+"
                                     "4989123456\",\"start_timestamp\":1703302407333,"
                                     "\"end_timestamp\":1703302428855,\"duration_ms\":21522,\"disconnection_reason\":"
                                     "\"user_hangup\",\"transcript\":\"%s\","
                                     "\"call_cost\":{\"combined_cost\":15.215},\"latency\":{\"e2e\":{\"p50\":812.5}}}}",
                                     type, SLICE_PRINT(call_id), call % 20, call % 5000, with.padding);
    const struct event event = {
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = arena_format(with.arena, "ai.retell.%s", type),
        .source = SLICE("/retell/default"),
        .subject = call_id,
        .time_ms = 1763718600123,
        .correlation_id = SLICE("01993b0e-7a5b-7c31-8000-0123456789ab"),
        .company_id = 1 + (int64_t)(call % 10),
        .resolved_by = SLICE("to_number"),
        .body = body,
    };
    const struct record record = {
        .topic = TOPIC_CALLS_EVENTS,
        .partition = RECORD_PARTITION_BY_KEY,
        .key = call_id,
        .value = body,
        .headers = headers,
        .header_count = event_write(&event, with.arena, headers),
    };
    for (size_t times = with.sent % 10 == 0 ? 2 : 1; times > 0; times--)
        broker_send(with.broker, &record);
    with.sent++;
    arena_reset(with.arena);
}

static bool all_stored(void *context)
{
    (void)context;
    return process_metric(with.session, "hookline_session_events_total{outcome=\"fresh\"}") >= (double)with.sent;
}

static void print_answer(const char *what, const char *sql)
{
    char *answer = postgres_ask(with.postgres, sql);
    printf("%-34s %s\n", what, answer);
    free(answer);
}

static double cpu_seconds_of_children(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void session_start(void)
{
    char *url = postgres_url(with.postgres, "hookline_session");
    const char *environment[] = {
        arena_format(with.arena, "HOOKLINE_DATABASE_URL=%s", url).ptr,
        arena_format(with.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker)).ptr,
        "HOOKLINE_LOCK_DIRECTORY=/tmp",
        arena_format(with.arena, "HOOKLINE_INSTANCE=bench-%d", (int)getpid()).ptr,
        NULL,
    };
    free(url);
    with.session = process_start(HOOKLINE_SESSION, environment);
}

int main(void)
{
    setenv("HOOKLINE_TEST_POSTGRES_FSYNC", "on", 1);
    memset(with.padding, 'x', PADDING);
    with.arena = arena_new();
    with.postgres = postgres_start();
    with.broker = broker_start();
    for (size_t i = 0; i < CALLS + 2 * WINDOW; i++) {
        if (i < CALLS)
            send_event("call_started", i);
        if (i >= WINDOW && i < CALLS + WINDOW)
            send_event("call_ended", i - WINDOW);
        if (i >= 2 * WINDOW)
            send_event("call_analyzed", i - 2 * WINDOW);
    }
    double before = cpu_seconds_of_children();
    session_start();
    bool all = wait_until(all_stored, NULL, ENOUGH_MS);
    process_signal(with.session, SIGTERM);
    int exit_code = process_wait_end(with.session, ENOUGH_MS);
    double cpu = cpu_seconds_of_children() - before;
    printf("%-34s %zu, with repeats %zu\n", "events", with.sent, with.sent + (with.sent + 9) / 10);
    print_answer(
        "events a second (repeats not counted)",
        "SELECT round(count(*) / extract(epoch FROM max(processed_at) - min(processed_at))) FROM webhook_events");
    print_answer("batches", "SELECT count(DISTINCT processed_at) FROM webhook_events");
    printf("%-34s %.1f\n", "session's CPU, us an event", cpu * 1e6 / (double)with.sent);
    process_free(with.session);
    broker_stop(with.broker);
    postgres_stop(with.postgres);
    arena_free(with.arena);
    return all && exit_code == 0 ? 0 : 1;
}
