/* query_private.h: what query.c (the queue) and query_link.c (one connection) know of each other. Nobody else includes
 * it. */
#ifndef HOOKLINE_BROADCASTER_QUERY_PRIVATE_H
#define HOOKLINE_BROADCASTER_QUERY_PRIVATE_H

#include "broadcaster/query.h"

/* BEGIN, SET ROLE, set_config, the query's own, COMMIT. */
enum { QUERY_STEPS_MAX = QUERY_RESULTS_MAX + 4 };

struct query_step {
    const char *sql;
    struct database_values values;
    PGresult *rows;
};

struct query {
    struct query *next;
    struct queries *queries;
    struct arena *arena;
    struct query_step steps[QUERY_STEPS_MAX];
    size_t step_count, first_own, own_count;
    int64_t time_ms, deadline_ms; /* by clock_ticks_ms */
    query_done *done;
    void *context;
};

struct query_link; /* one connection */

struct query_link *query_link_new(struct queries *queries, struct event_base *base, const char *url,
                                  const char *application);
void query_link_free(struct query_link *link);
bool query_link_idle(const struct query_link *link);
bool query_link_up(const struct query_link *link);
/* Runs the query on an idle link. */
void query_link_run(struct query_link *link, struct query *query);
/* Begins to connect if it is down and its pause is over; closes it if its query or its connecting takes too long. */
void query_link_tend(struct query_link *link, int64_t now_ms);

/* From the link to the queue: it is idle again; PostgreSQL refuses us for good; the query is over (frees it). */
void queries_link_idle(struct queries *queries, struct query_link *link);
void queries_refused(struct queries *queries, const struct database_error *error);
void query_finish(struct query *query, const struct database_error *error);

#endif
