/* What a look-up costs: from the cache, and a batch of 500 events that the cache knows nothing about.
 *
 * Prints; asserts nothing but that the answers are right. Aims (design.md): under 1 µs, under 10 ms.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "resolver/placement.h"
#include "tests/support/postgres.h"

enum { EVENTS = 500, NUMBERS = 5000, ROUNDS = 40, LOOK_UPS = 2000000 };

static void expect(bool right, const char *what)
{
    if (right)
        return;
    fprintf(stderr, "bench-mapping: %s\n", what);
    exit(1);
}

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure_cache(void)
{
    static char keys[NUMBERS][16];
    struct mapping_cache *cache = mapping_cache_new(65536, 1);
    struct mapping mapping = {.company_id = 1};
    for (int i = 0; i < NUMBERS; i++) {
        snprintf(keys[i], sizeof keys[i], "+4930%08d", i);
        mapping_cache_put(cache, MAPPING_NUMBER, slice_of(keys[i]), &mapping, 0);
    }
    int64_t hits = 0;
    int64_t began = clock_ticks_ns();
    for (size_t i = 0; i < LOOK_UPS; i++)
        hits += mapping_cache_find(cache, MAPPING_NUMBER, (struct slice){keys[(i * 7919) % NUMBERS], 13}, 1, &mapping);
    int64_t took = clock_ticks_ns() - began;
    expect(hits == LOOK_UPS, "the cache forgot something");
    printf("cached look-up            %6.0f ns\n", (double)took / (double)LOOK_UPS);
    mapping_cache_free(cache);
}

/* Every event has a number, an agent and a company in metadata of its own. */
static struct event *events_new(struct arena *arena)
{
    struct event *events = arena_zeroed(arena, EVENTS, sizeof *events);
    for (int i = 0; i < EVENTS; i++)
        events[i].body =
            arena_format(arena,
                         "{\"event\":\"call_started\",\"call\":{\"call_id\":\"call_%d\",\"direction\":\"inbound\","
                         "\"to_number\":\"+4930%08d\",\"from_number\":\"+4915112345678\",\"agent_id\":\"agent_%d\","
                         "\"metadata\":{\"company_id\":%d}}}",
                         i, i * (NUMBERS / EVENTS), i, 1 + i * (NUMBERS / EVENTS));
    return events;
}

static void measure_batches(const struct placer *placer, const struct event *events, const char *what, int64_t step_ms)
{
    int64_t took[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        struct arena *arena = arena_new();
        struct placement *placements = arena_zeroed(arena, EVENTS, sizeof *placements);
        for (int i = 0; i < EVENTS; i++)
            placements[i].event = &events[i];
        struct database_error error;
        int64_t began = clock_ticks_ns();
        expect(placements_find(placer, arena, placements, EVENTS, (round + 1) * step_ms, &error), "no answer");
        took[round] = clock_ticks_ns() - began;
        for (int i = 0; i < EVENTS; i++)
            expect(placements[i].resolution.company_id == 1 + i * (NUMBERS / EVENTS), "a wrong company");
        arena_free(arena);
    }
    qsort(took, ROUNDS, sizeof *took, by_time);
    int64_t median = took[ROUNDS / 2];
    printf("%-25s %6.2f ms median, %.2f ms at most\n", what, (double)median / 1e6, (double)took[ROUNDS - 1] / 1e6);
}

int main(void)
{
    measure_cache();

    struct postgres *postgres = postgres_start();
    postgres_execute(postgres,
                     "INSERT INTO companies (id, name) SELECT i, 'company ' || i FROM generate_series(1, 5000) i");
    postgres_execute(postgres, "INSERT INTO phone_numbers (number, company_id) "
                               "SELECT '+4930' || lpad(i::text, 8, '0'), i + 1 FROM generate_series(0, 4999) i");
    postgres_execute(postgres, "ANALYZE");
    char *url = postgres_url(postgres, "hookline_resolver");
    struct database *database = database_open(url, "bench");
    struct event_base *base = event_base_new();
    struct mappings *mappings = mappings_new(database, base, 65536, 1);
    struct placer placer = {mappings, number_memo_new(), "DE"};
    struct arena *arena = arena_new();
    const struct event *events = events_new(arena);
    measure_batches(&placer, events, "500 events, cached", 0);
    measure_batches(&placer, events, "500 events, uncached", MAPPING_TTL_MS); /* each round all entries have expired */
    arena_free(arena);
    mappings_free(mappings);
    number_memo_free(placer.numbers);
    event_base_free(base);
    database_close(database);
    free(url);
    postgres_stop(postgres);
    return 0;
}
