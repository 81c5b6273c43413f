/* api.h: GET /api/calls, /api/calls/{id}, /api/stats: a company's calls as JSON, from PostgreSQL.
 *
 * Each answer is one read-only transaction as hookline_api with the token's company set (query.h). A foreign call and
 * one that never was get the same 404. Refuses with 400 a state, limit, before or since that it cannot read.
 */
#ifndef HOOKLINE_BROADCASTER_API_H
#define HOOKLINE_BROADCASTER_API_H

#include "broadcaster/live.h"
#include "common/http_server.h"

struct api {
    struct queries *queries;
    const struct live *live; /* for the pipeline's own health */
};

void api_calls(const struct api *api, struct http_exchange *exchange, int64_t company_id);
/* `call_id` lies in the exchange's arena. */
void api_call(const struct api *api, struct http_exchange *exchange, int64_t company_id, struct slice call_id);
void api_stats(const struct api *api, struct http_exchange *exchange, int64_t company_id);

/* 200 with JSON that must not be kept by anyone between us and the screen. */
void api_respond_json(struct http_exchange *exchange, struct buffer *json);
/* 503 when PostgreSQL is away or slow, 500 and a line in the log when the fault is ours. */
void api_respond_fault(struct http_exchange *exchange, const struct database_error *error);

#endif
