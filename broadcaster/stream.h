/* stream.h: GET /api/calls/stream: a company's screens, what each begins with and what all are then told.
 *
 *      opened ──> WAITING  this instance is not ready, or the screen has seen more than we have read (at most 2 s)
 *            └──> LIVE     snapshot, or what the history holds after Last-Event-ID; from then on every change
 *            └──> CLOSING  a last event says why
 *
 * The state is serialised and the screen registered in one turn of the loop, so that nothing falls between. Events:
 * `snapshot` {"calls":[…]}, `call` (the update's value), `reset` {"reason"} before a snapshot that a resuming screen
 * did not expect, `closed` {"reason"}. docs/api.md has them for readers.
 *
 * Security: a screen belongs to the company of its token's grant and to nothing that the request says.
 */
#ifndef HOOKLINE_BROADCASTER_STREAM_H
#define HOOKLINE_BROADCASTER_STREAM_H

#include "broadcaster/access.h"
#include "broadcaster/board.h"
#include "common/http_server.h"

struct event_base;
struct streams;

struct streams_options {
    struct event_base *base;
    struct board *board;
    struct access *access;
    size_t streams_max, buffer_bytes;
};

struct streams *streams_new(const struct streams_options *options);
void streams_free(struct streams *streams);

/* Answers the exchange with a stream; with 503 beyond streams_max. */
void streams_open(struct streams *streams, struct http_exchange *exchange, const struct access_grant *grant);

/* The board is complete: who waited for it begins. */
void streams_ready(struct streams *streams);

/* A change for every screen of its company. `only_resumed`: those that began with our snapshot know it from there. */
void streams_show(struct streams *streams, const struct update *update, bool only_resumed);
/* The feed has read on: screens that were ahead of us may begin. */
void streams_advanced(struct streams *streams);

/* Closes all, spread over a second; streams_count says when it is done. */
void streams_shut(struct streams *streams);
size_t streams_count(const struct streams *streams);

#endif
