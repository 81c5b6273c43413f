/* query.h: PostgreSQL asked without holding up the loop: a few connections, a queue, answers by callback.
 *
 *      struct query *query = query_new_as_company(queries, 7);
 *      database_add_text(query_add(query, "SELECT … WHERE call_id = $1"), id);
 *      query_send(query, done, context);                                       done(answer, context), exactly once
 *
 * Each query is one transaction in one flight (pipeline mode), read only. Refuses at once (DATABASE_AWAY) when the
 * queue is full; gives up, with the same fault, when the query's own time is over, in the queue or under way. A
 * connection on which anything failed is closed: whatever the failed transaction left behind goes with it.
 *
 * Security: query_new_as_company runs as hookline_api with hookline.company set, both for this transaction only, so
 * that row-level security stands between a mistake here and another company's calls.
 */
#ifndef HOOKLINE_BROADCASTER_QUERY_H
#define HOOKLINE_BROADCASTER_QUERY_H

#include <libpq-fe.h>

#include "common/database_fault.h"
#include "common/database_values.h"

struct event_base;
struct queries;
struct query;

enum { QUERY_RESULTS_MAX = 4, QUERY_TIME_MS = 8000, QUERY_SNAPSHOT_TIME_MS = 35000 };

struct query_answer {
    struct database_error error;             /* fault DATABASE_FINE: all is there */
    const PGresult *rows[QUERY_RESULTS_MAX]; /* binary, in the order of query_add; gone after `done` */
};
typedef void query_done(const struct query_answer *answer, void *context);

/* Connects by itself, and again after a loss. `url` is copied. */
struct queries *queries_open(struct event_base *base, const char *url, const char *application, size_t connections);
/* Waiting and running queries are answered with DATABASE_AWAY first. */
void queries_close(struct queries *queries);
/* At least one connection is up. */
bool queries_connected(const struct queries *queries);

struct query *query_new(struct queries *queries);
struct query *query_new_as_company(struct queries *queries, int64_t company_id);
/* All its statements see the same moment (REPEATABLE READ); time QUERY_SNAPSHOT_TIME_MS. */
struct query *query_new_snapshot(struct queries *queries);

/* One more statement; the text is borrowed for good (a constant). Its parameters are to be added to what is
 * returned. */
struct database_values *query_add(struct query *query, const char *sql);
/* Lives until `done` has returned. */
struct arena *query_arena(struct query *query);
void query_send(struct query *query, query_done *done, void *context);

#endif
