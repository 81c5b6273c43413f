/* http_deadline.c: how long a peer may take: for a whole head, a whole body, a whole request, a whole pause; and a body must
 * keep a pace. A byte now and then buys nothing (slowloris).
 */
#include "common/clock.h"
#include "common/http_parts.h"

static const struct http_refusal LATE = {408, "request_timeout", "The request did not arrive in time."};
static const struct http_refusal SLOW = {408, "body_too_slow", "The body comes too slowly."};

enum { SLOW_LOOKS = 5 }; /* a body's pace is looked at again after a fifth of the time before the first look */

/* The body's end, the request's end, or the next look at its pace, whichever comes first. */
static int body_deadline_ms(const struct http_connection *connection)
{
    const struct http_server_options *options = &connection->server->options;
    int64_t now_ms = clock_ticks_ms();
    int64_t waited_ms = now_ms - connection->body_begun_ms;
    int64_t left_ms = options->body_deadline_ms - waited_ms;
    int64_t request_left_ms =
        connection->reading ? connection->reading->begun_ms + options->request_deadline_ms - now_ms : left_ms;
    int64_t look_ms = waited_ms < options->body_slow_after_ms ? options->body_slow_after_ms - waited_ms
                                                              : options->body_slow_after_ms / SLOW_LOOKS + 1;
    left_ms = request_left_ms < left_ms ? request_left_ms : left_ms;
    left_ms = look_ms < left_ms ? look_ms : left_ms;
    return left_ms > 0 ? (int)left_ms : 0;
}

static int deadline_ms(const struct http_connection *connection, enum http_deadline deadline)
{
    const struct http_server_options *options = &connection->server->options;
    switch (deadline) {
    case HTTP_DEADLINE_HEAD:
        return options->header_deadline_ms;
    case HTTP_DEADLINE_BODY:
        return body_deadline_ms(connection);
    case HTTP_DEADLINE_IDLE:
        return options->idle_deadline_ms;
    case HTTP_DEADLINE_DRAIN:
        return options->drain_deadline_ms;
    case HTTP_DEADLINE_DRAIN_IDLE:
        return options->drain_idle_ms;
    case HTTP_DEADLINE_STREAM:
        return HTTP_STREAM_CLOSE_MS;
    default:
        return HTTP_LINGER_MS;
    }
}

/* What is waited for instead, once we are about to go. */
static enum http_deadline while_draining(enum http_deadline deadline)
{
    switch (deadline) {
    case HTTP_DEADLINE_HEAD:
    case HTTP_DEADLINE_BODY:
        return HTTP_DEADLINE_DRAIN;
    case HTTP_DEADLINE_IDLE:
        return HTTP_DEADLINE_DRAIN_IDLE;
    default:
        return deadline;
    }
}

/* Setting the deadline that is running already does not prolong it. */
void http_connection_set_deadline(struct http_connection *connection, enum http_deadline deadline)
{
    if (connection->server->draining)
        deadline = while_draining(deadline);
    if (deadline == connection->deadline)
        return;
    connection->deadline = deadline;
    if (deadline == HTTP_DEADLINE_NONE) {
        event_del(connection->timer);
        return;
    }
    if (deadline == HTTP_DEADLINE_BODY) {
        connection->body_begun_ms = clock_ticks_ms();
        connection->body_bytes = 0;
    }
    struct timeval delay = http_timeval(deadline_ms(connection, deadline));
    event_add(connection->timer, &delay);
}

/* What the body that is coming in can be blamed for by now; NULL: nothing. */
static const struct http_refusal *body_fault(const struct http_connection *connection)
{
    const struct http_server_options *options = &connection->server->options;
    int64_t now_ms = clock_ticks_ms();
    int64_t waited_ms = now_ms - connection->body_begun_ms;
    if (waited_ms >= options->body_deadline_ms ||
        now_ms - connection->reading->begun_ms >= options->request_deadline_ms)
        return &LATE;
    bool slow = (int64_t)connection->body_bytes * 1000 < waited_ms * options->body_min_bytes_per_s;
    return slow && waited_ms >= options->body_slow_after_ms ? &SLOW : NULL;
}

bool http_connection_body_overdue(struct http_connection *connection, const struct http_refusal **fault)
{
    *fault = body_fault(connection);
    if (*fault)
        return true;
    struct timeval delay = http_timeval(body_deadline_ms(connection));
    event_add(connection->timer, &delay);
    return false;
}
