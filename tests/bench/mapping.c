/* What a look-up costs: from the cache, and a batch of 500 events that the cache knows nothing about; what a spelling costs;
 * and how soon a change of a mapping is in force.
 *
 * Prints; asserts nothing but that the answers are right. Aims: under 1 µs, under 10 ms, within 100 ms.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "resolver/placement.h"
#include "tests/support/postgres.h"

enum { EVENTS = 500, NUMBERS = 5000, ROUNDS = 40, RUNS = 7, LOOK_UPS = 2000000, NUMBER_SPELLINGS = 100 };

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

static int64_t median(int64_t *took, size_t count)
{
    qsort(took, count, sizeof *took, by_time);
    return took[count / 2];
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
    int64_t took[RUNS];
    for (int run = 0; run < RUNS; run++) {
        int64_t hits = 0;
        int64_t began = clock_ticks_ns();
        for (size_t i = 0; i < LOOK_UPS; i++)
            hits +=
                mapping_cache_find(cache, MAPPING_NUMBER, (struct slice){keys[(i * 7919) % NUMBERS], 13}, 1, &mapping);
        took[run] = clock_ticks_ns() - began;
        expect(hits == LOOK_UPS, "the cache forgot something");
    }
    int64_t usual = median(took, RUNS);
    printf("%-25s %6.0f ns median of %d runs, %.0f ns at most\n", "cached look-up", (double)usual / LOOK_UPS, RUNS,
           (double)took[RUNS - 1] / LOOK_UPS);
    mapping_cache_free(cache);
}

/* A spelling that libphonenumber must read, and the same again. */
static void measure_numbers(void)
{
    static char spellings[NUMBER_SPELLINGS][24];
    struct number_memo *memo = number_memo_new();
    struct slice normal;
    phone_region_known("DE"); /* loads the library's tables */
    for (int i = 0; i < NUMBER_SPELLINGS; i++)
        snprintf(spellings[i], sizeof spellings[i], "030 / 23 %06d", i);
    for (int round = 0; round < 2; round++) {
        struct arena *arena = arena_new();
        int64_t began = clock_ticks_ns();
        for (int i = 0; i < NUMBER_SPELLINGS; i++)
            expect(number_memo_normalize(memo, arena, slice_of(spellings[i]), "DE", &normal) == PHONE_E164,
                   "no number");
        printf("%-25s %6.0f ns\n", round ? "a spelling, remembered" : "a spelling, new",
               (double)(clock_ticks_ns() - began) / NUMBER_SPELLINGS);
        arena_free(arena);
    }
    number_memo_free(memo);
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
    int64_t usual = median(took, ROUNDS);
    printf("%-25s %6.2f ms median of %d, %.2f ms at most\n", what, (double)usual / 1e6, ROUNDS,
           (double)took[ROUNDS - 1] / 1e6);
}

/* From the commit of a change to the first look-up that knows of it: what a webhook may meet at the worst. */
static void measure_change(struct mappings *mappings, struct database *other)
{
    int64_t took[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        struct arena *arena = arena_new();
        struct database_error error;
        struct mapping_question question = {MAPPING_NUMBER, SLICE("+493000000000"), {0}};
        int64_t company = 2 + round % 2;
        expect(mappings_look_up(mappings, arena, &question, 1, 0, &error), "no answer");
        const char *change =
            arena_format(arena, "UPDATE phone_numbers SET company_id = %lld WHERE number = '+493000000000'",
                         (long long)company)
                .ptr;
        expect(database_execute(other, change, &error), "no change");
        int64_t began = clock_ticks_ns();
        do
            expect(mappings_look_up(mappings, arena, &question, 1, 0, &error), "no answer");
        while (question.answer.company_id != company);
        took[round] = clock_ticks_ns() - began;
        arena_free(arena);
    }
    int64_t usual = median(took, ROUNDS);
    printf("%-25s %6.2f ms median of %d, %.2f ms at most\n", "a change is in force", (double)usual / 1e6, ROUNDS,
           (double)took[ROUNDS - 1] / 1e6);
}

int main(void)
{
    measure_cache();
    measure_numbers();

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
    char *other_url = postgres_url(postgres, "hookline_ctl");
    struct database *other = database_open(other_url, "bench");
    measure_change(mappings, other);
    database_close(other);
    free(other_url);
    arena_free(arena);
    mappings_free(mappings);
    number_memo_free(placer.numbers);
    event_base_free(base);
    database_close(database);
    free(url);
    postgres_stop(postgres);
    return 0;
}
