/* receive.h: one webhook's way through ingest. */
#ifndef HOOKLINE_INGEST_RECEIVE_H
#define HOOKLINE_INGEST_RECEIVE_H

#include "common/http_server.h"
#include "ingest/keep.h"
#include "ingest/limits.h"
#include "ingest/roster.h"

struct receive;

/* `keep` and `limits` are borrowed for as long as it lives. `serve_legacy_paths` false: they answer 410. */
struct receive *receive_new(struct sources *sources, struct keep *keep, struct limits *limits, bool serve_legacy_paths);
void receive_free(struct receive *receive);

/* From the next request on; those in flight keep the sources that they began with. */
void receive_use(struct receive *receive, struct sources *sources);

/* A few times a second: tells how many refusals were not logged one by one. */
void receive_tick(struct receive *receive);

/* For http_server_options; the context is the struct receive. */
void receive_head(struct http_exchange *exchange, void *context);
void receive_webhook(struct http_exchange *exchange, void *context);
struct http_header receive_refused(const struct http_refusal *refusal, struct slice peer, void *context);

#endif
