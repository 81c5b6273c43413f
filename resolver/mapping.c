/* mapping.c: the look-ups and LISTEN. */
#include "resolver/mapping.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/metrics.h"

/* All alike: keys as text in, (key, company, branch, region) out. */
static const struct database_statement LOOK_UPS[MAPPING_KINDS] = {
    [MAPPING_NUMBER] = {"numbers",
                        "SELECT number, company_id, branch_id, NULL::text FROM phone_numbers WHERE number = ANY($1)"},
    [MAPPING_AGENT] = {"agents",
                       "SELECT agent_id, company_id, branch_id, NULL::text FROM agents WHERE agent_id = ANY($1)"},
    [MAPPING_COMPANY] = {"companies", "SELECT id::text, id, NULL::bigint, default_region FROM companies "
                                      "WHERE id = ANY($1::bigint[])"},
    [MAPPING_BRANCH] = {"branches",
                        "SELECT id::text, company_id, id, NULL::text FROM branches WHERE id = ANY($1::bigint[])"},
    [MAPPING_OWNER] = {"owners",
                       "SELECT call_id, company_id, NULL::bigint, NULL::text FROM call_owners WHERE call_id = ANY($1)"},
};

struct mappings {
    struct database *database;
    struct event_base *base;
    struct event *readable; /* the LISTENing socket, in the stage's loop; NULL while there is none */
    struct mapping_cache *cache;
    uint64_t listening; /* the generation of the connection that LISTENs; 0: none */
    bool changed;
    struct metric *hits, *shared, *misses, *flushes;
};

static void forget_everything(struct mappings *mappings)
{
    mapping_cache_flush(mappings->cache);
    metric_add(mappings->flushes, 1);
    mappings->changed = true;
}

/* Reads what has arrived without waiting. A connection found dead is LISTENed on no more: mappings_listen opens another. */
static void take_notifications(struct mappings *mappings)
{
    PGconn *connection = database_connection(mappings->database);
    if (!connection || mappings->listening != database_generation(mappings->database))
        return;
    if (!PQconsumeInput(connection))
        mappings->listening = 0;
    bool notified = false;
    for (PGnotify *notification; (notification = PQnotifies(connection)) != NULL; notified = true)
        PQfreemem(notification);
    if (notified)
        forget_everything(mappings);
}

static void socket_readable(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct mappings *mappings = context;
    take_notifications(mappings);
    if (!mappings->listening && mappings->readable)
        event_del(mappings->readable); /* a dead socket stays readable: it would turn the loop for ever */
}

static void watch_socket(struct mappings *mappings)
{
    if (mappings->readable)
        event_free(mappings->readable);
    int socket = PQsocket(database_connection(mappings->database));
    mappings->readable = event_new(mappings->base, socket, EV_READ | EV_PERSIST, socket_readable, mappings);
    if (!mappings->readable || event_add(mappings->readable, NULL) != 0)
        log_event(LOG_WARN, "mappings_not_watched", LOG_TEXT("remedy", "changes are seen with the next batch instead"));
}

struct mappings *mappings_new(struct database *database, struct event_base *base, size_t cache_entries, uint64_t seed)
{
    struct mappings *mappings = memory_new(1, sizeof *mappings);
    mappings->database = database;
    mappings->base = base;
    mappings->cache = mapping_cache_new(cache_entries, seed);
    mappings->hits =
        metrics_counter("hookline_resolver_lookups_total", "from=\"cache\"", "Mappings that were looked up.");
    mappings->shared =
        metrics_counter("hookline_resolver_lookups_total", "from=\"batch\"", "Mappings that were looked up.");
    mappings->misses =
        metrics_counter("hookline_resolver_lookups_total", "from=\"database\"", "Mappings that were looked up.");
    mappings->flushes =
        metrics_counter("hookline_resolver_cache_flushes_total", "",
                        "Times that the cache was emptied: a mapping changed, or a connection was new.");
    return mappings;
}

void mappings_free(struct mappings *mappings)
{
    if (!mappings)
        return;
    if (mappings->readable)
        event_free(mappings->readable);
    mapping_cache_free(mappings->cache);
    free(mappings);
}

bool mappings_listen(struct mappings *mappings, struct database_error *error)
{
    take_notifications(mappings);
    if (database_connection(mappings->database) && mappings->listening == database_generation(mappings->database))
        return true;
    mappings->listening = 0;
    if (!database_execute(mappings->database, "LISTEN hookline_mappings", error))
        return false;
    mappings->listening = database_generation(mappings->database);
    forget_everything(mappings);
    watch_socket(mappings);
    return true;
}

bool mappings_changed(struct mappings *mappings)
{
    bool changed = mappings->changed;
    mappings->changed = false;
    return changed;
}

static int by_key(const void *a, const void *b)
{
    const struct mapping_question *const *left = a;
    const struct mapping_question *const *right = b;
    return slice_compare((*left)->key, (*right)->key);
}

/* The questions of one kind that the cache cannot answer, in the order of their keys; equal keys are asked once. */
struct misses {
    struct mapping_question **questions;
    size_t count;
    struct database_values values;
};

static void find_misses(struct mappings *mappings, struct arena *arena, struct mapping_question *questions,
                        size_t count, int64_t now_ms, struct misses misses[MAPPING_KINDS])
{
    for (size_t kind = 0; kind < MAPPING_KINDS; kind++)
        misses[kind] = (struct misses){.questions = arena_zeroed(arena, count, sizeof(struct mapping_question *))};
    for (size_t i = 0; i < count; i++) {
        struct mapping_question *question = &questions[i];
        question->answer = (struct mapping){0};
        if (slice_absent(question->key))
            continue;
        bool known = question->kind != MAPPING_OWNER &&
                     mapping_cache_find(mappings->cache, question->kind, question->key, now_ms, &question->answer);
        struct misses *of_kind = &misses[question->kind];
        if (known)
            metric_add(mappings->hits, 1);
        else
            of_kind->questions[of_kind->count++] = question;
    }
}

/* Each key once, however many events of the batch ask for it. */
static void add_keys(struct mappings *mappings, struct misses *misses, struct arena *arena)
{
    struct slice *keys = arena_alloc(arena, misses->count * sizeof *keys);
    size_t distinct = 0;
    qsort(misses->questions, misses->count, sizeof(struct mapping_question *), by_key);
    for (size_t i = 0; i < misses->count; i++)
        if (distinct == 0 || !slice_same(keys[distinct - 1], misses->questions[i]->key))
            keys[distinct++] = misses->questions[i]->key;
    metric_add(mappings->misses, (int64_t)distinct);
    metric_add(mappings->shared, (int64_t)(misses->count - distinct));
    database_values_init(&misses->values, arena);
    database_add_texts(&misses->values, keys, distinct);
}

static struct mapping mapping_of_row(const PGresult *rows, int row)
{
    int64_t branch = database_int(rows, row, 2);
    struct mapping mapping = {.company_id = database_int(rows, row, 1),
                              .branch_id = branch == DATABASE_NULL ? 0 : branch};
    struct slice region = database_text(rows, row, 3);
    if (region.len < sizeof mapping.region && !slice_absent(region))
        memcpy(mapping.region, region.ptr, region.len);
    return mapping;
}

/* Answers all questions with the row's key: they stand next to each other. */
static void answer_with_row(struct misses *misses, const PGresult *rows, int row)
{
    struct slice key = database_text(rows, row, 0);
    size_t low = 0;
    for (size_t high = misses->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(misses->questions[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < misses->count && slice_same(misses->questions[low]->key, key); low++)
        misses->questions[low]->answer = mapping_of_row(rows, row);
}

static void remember(struct mappings *mappings, const struct misses *misses, int64_t now_ms)
{
    for (size_t i = 0; i < misses->count; i++) {
        const struct mapping_question *question = misses->questions[i];
        if (question->kind != MAPPING_OWNER && (i == 0 || !slice_same(question->key, misses->questions[i - 1]->key)))
            mapping_cache_put(mappings->cache, question->kind, question->key, &question->answer, now_ms);
    }
}

bool mappings_look_up(struct mappings *mappings, struct arena *arena, struct mapping_question *questions, size_t count,
                      int64_t now_ms, struct database_error *error)
{
    if (!mappings_listen(mappings, error))
        return false;
    struct misses misses[MAPPING_KINDS];
    find_misses(mappings, arena, questions, count, now_ms, misses);

    struct database_step steps[MAPPING_KINDS];
    struct misses *asked[MAPPING_KINDS];
    size_t step_count = 0;
    for (size_t kind = 0; kind < MAPPING_KINDS; kind++) {
        if (!misses[kind].count)
            continue;
        add_keys(mappings, &misses[kind], arena);
        asked[step_count] = &misses[kind];
        steps[step_count++] = (struct database_step){.statement = &LOOK_UPS[kind], .values = &misses[kind].values};
    }
    size_t failed_step = 0;
    if (step_count && !database_flight(mappings->database, steps, step_count, NULL, error, &failed_step))
        return false;

    for (size_t i = 0; i < step_count; i++) {
        for (int row = 0; row < PQntuples(steps[i].rows); row++)
            answer_with_row(asked[i], steps[i].rows, row);
        PQclear(steps[i].rows);
        remember(mappings, asked[i], now_ms);
    }
    return true;
}
