/* query.c: the queue, and who runs what. */
#include "broadcaster/query_private.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

/* Beyond this many waiting queries an answer would come too late to be of use. */
enum { QUEUE_MAX = 1000, TEND_EVERY_MS = 100 };

struct queries {
    struct query_link **links;
    size_t link_count, waiting;
    struct query *first, *last;
    struct event *tend;
    bool closing;
};

static void assign_work(struct queries *queries)
{
    for (size_t i = 0; i < queries->link_count && queries->first; i++) {
        if (!query_link_idle(queries->links[i]))
            continue;
        struct query *query = queries->first;
        queries->first = query->next;
        if (!queries->first)
            queries->last = NULL;
        queries->waiting--;
        query_link_run(queries->links[i], query);
    }
}

void queries_link_idle(struct queries *queries, struct query_link *link)
{
    (void)link;
    if (!queries->closing)
        assign_work(queries);
}

static struct database_error away(const char *message)
{
    struct database_error error = {.fault = DATABASE_AWAY};
    snprintf(error.message, sizeof error.message, "%s", message);
    return error;
}

/* Ends the waiting queries for which `over` is true. */
static void end_waiting(struct queries *queries, int64_t deadline_up_to_ms, const struct database_error *error)
{
    struct query *waiting = queries->first;
    queries->first = queries->last = NULL;
    queries->waiting = 0;
    while (waiting) {
        struct query *query = waiting;
        waiting = query->next;
        query->next = NULL;
        if (query->deadline_ms <= deadline_up_to_ms) {
            query_finish(query, error);
            continue;
        }
        *(queries->last ? &queries->last->next : &queries->first) = query;
        queries->last = query;
        queries->waiting++;
    }
}

void queries_refused(struct queries *queries, const struct database_error *error)
{
    end_waiting(queries, INT64_MAX, error);
}

static void tend(evutil_socket_t descriptor, short what, void *context)
{
    struct queries *queries = context;
    (void)descriptor;
    (void)what;
    int64_t now_ms = clock_ticks_ms();
    for (size_t i = 0; i < queries->link_count; i++)
        query_link_tend(queries->links[i], now_ms);
    struct database_error error = away("no answer in time");
    end_waiting(queries, now_ms, &error);
    assign_work(queries);
}

struct queries *queries_open(struct event_base *base, const char *url, const char *application, size_t connections)
{
    struct queries *queries = memory_new(1, sizeof *queries);
    queries->links = memory_new(connections, sizeof(struct query_link *));
    queries->link_count = connections;
    for (size_t i = 0; i < connections; i++)
        queries->links[i] = query_link_new(queries, base, url, application);
    queries->tend = event_new(base, -1, EV_PERSIST, tend, queries);
    event_add(queries->tend, &(struct timeval){.tv_usec = TEND_EVERY_MS * 1000L});
    event_active(queries->tend, EV_TIMEOUT, 0);
    return queries;
}

void queries_close(struct queries *queries)
{
    if (!queries)
        return;
    queries->closing = true;
    event_free(queries->tend);
    struct database_error error = away("closing");
    end_waiting(queries, INT64_MAX, &error);
    for (size_t i = 0; i < queries->link_count; i++)
        query_link_free(queries->links[i]);
    free((void *)queries->links);
    free(queries);
}

bool queries_connected(const struct queries *queries)
{
    for (size_t i = 0; i < queries->link_count; i++)
        if (query_link_up(queries->links[i]))
            return true;
    return false;
}

static struct database_values *add_step(struct query *query, const char *sql)
{
    struct query_step *step = &query->steps[query->step_count++];
    step->sql = sql;
    database_values_init(&step->values, query->arena);
    return &step->values;
}

static struct query *query_begin(struct queries *queries, const char *begin, int64_t time_ms)
{
    struct query *query = memory_new(1, sizeof *query);
    query->queries = queries;
    query->arena = arena_new();
    query->time_ms = time_ms;
    add_step(query, begin);
    query->first_own = query->step_count;
    return query;
}

struct query *query_new(struct queries *queries)
{
    return query_begin(queries, "BEGIN READ ONLY", QUERY_TIME_MS);
}

struct query *query_new_snapshot(struct queries *queries)
{
    return query_begin(queries, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", QUERY_SNAPSHOT_TIME_MS);
}

struct query *query_new_as_company(struct queries *queries, int64_t company_id)
{
    struct query *query = query_new(queries);
    add_step(query, "SET LOCAL ROLE hookline_api");
    struct slice company = arena_format(query->arena, "%lld", (long long)company_id);
    database_add_text(add_step(query, "SELECT set_config('hookline.company', $1, true)"), company);
    query->first_own = query->step_count;
    return query;
}

struct database_values *query_add(struct query *query, const char *sql)
{
    if (query->own_count == QUERY_RESULTS_MAX)
        abort();
    query->own_count++;
    return add_step(query, sql);
}

struct arena *query_arena(struct query *query)
{
    return query->arena;
}

void query_send(struct query *query, query_done *done, void *context)
{
    struct queries *queries = query->queries;
    query->done = done;
    query->context = context;
    query->deadline_ms = clock_ticks_ms() + query->time_ms;
    add_step(query, "COMMIT");
    if (queries->closing || queries->waiting >= QUEUE_MAX) {
        struct database_error error = away(queries->closing ? "closing" : "too many queries are waiting");
        query_finish(query, &error);
        return;
    }
    *(queries->last ? &queries->last->next : &queries->first) = query;
    queries->last = query;
    queries->waiting++;
    assign_work(queries);
}

void query_finish(struct query *query, const struct database_error *error)
{
    struct query_answer answer = {.error = *error};
    for (size_t i = 0; i < query->own_count && error->fault == DATABASE_FINE; i++)
        answer.rows[i] = query->steps[query->first_own + i].rows;
    query->done(&answer, query->context);
    for (size_t i = 0; i < query->step_count; i++)
        PQclear(query->steps[i].rows);
    arena_free(query->arena);
    free(query);
}
