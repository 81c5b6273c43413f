/* operator_event.c: see operator_event.h. */
#include "ctl/operator_event.h"

#include "common/clock.h"
#include "common/random.h"

enum { ACK_MAX_MS = 30000 };

static struct slice value_of(struct arena *arena, const struct operator_event *order, int64_t now_ms)
{
    struct buffer json = {0};
    buffer_add_format(&json, "{\"event\":\"%s\",\"event_timestamp\":%lld,\"call\":{\"call_id\":", order->event,
                      (long long)now_ms);
    buffer_add_json_string(&json, order->call_id);
    buffer_add_char(&json, '}');
    buffer_add(&json, order->members);
    buffer_add_char(&json, '}');
    struct slice value = arena_copy(arena, buffer_slice(&json));
    buffer_free(&json);
    return value;
}

static struct slice correlation_id(struct arena *arena, int64_t now_ms)
{
    uint8_t random[10];
    char text[37];
    random_take(random, sizeof random);
    event_correlation_id(now_ms, random, text);
    return arena_copy(arena, slice_of(text));
}

static struct record record_of(struct arena *arena, const struct operator_event *order)
{
    int64_t now_ms = clock_now_ms();
    struct slice value = value_of(arena, order, now_ms);
    struct event event = {
        .id = event_id_of(SLICE("hookline"), order->company_id, value),
        .type = arena_format(arena, "ai.hookline.%s", order->event),
        .source = order->source,
        .subject = order->call_id,
        .time_ms = now_ms,
        .correlation_id = correlation_id(arena, now_ms),
        .company_id = order->company_id,
        .resolved_by = SLICE("operator"),
    };
    struct header *headers = arena_zeroed(arena, EVENT_HEADERS_MAX, sizeof *headers);
    return (struct record){
        .topic = TOPIC_CALLS_EVENTS,
        .partition = RECORD_PARTITION_BY_KEY,
        .key = order->call_id,
        .value = value,
        .headers = headers,
        .header_count = event_write(&event, arena, headers),
    };
}

int operator_events_send(const struct console *console, struct arena *arena, const struct operator_event *events,
                         size_t count)
{
    static const char *const WRITES[] = {TOPIC_CALLS_EVENTS, NULL};
    struct producer *producer = NULL;
    const char *problem = producer_open(&producer, console->settings, "hookline", WRITES, ACK_MAX_MS);
    if (problem)
        return complain(EXIT_CODE_CONFIGURATION, "%s", problem);
    struct record *records = arena_zeroed(arena, count, sizeof *records);
    for (size_t i = 0; i < count; i++)
        records[i] = record_of(arena, &events[i]);
    producer_warm_up(producer, PRODUCER_WARM_UP_MS);
    enum delivery delivery = producer_send_all(producer, records, count, &problem);
    producer_close(producer);
    if (delivery == DELIVERY_ACKED)
        return EXIT_CODE_FINE;
    return complain(EXIT_CODE_UNAVAILABLE, "Kafka has not confirmed every order (%s); say it again",
                    problem ? problem : "no reason given");
}
