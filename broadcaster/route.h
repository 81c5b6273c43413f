/* route.h: what a path of the broadcaster asks for. Pure.
 *
 *      /api/calls  /api/calls/stream  /api/calls/{id}  /api/stats  /  and the page's files
 *
 * A call id is percent-decoded; one that is empty, over 128 bytes, or holds a '/' or a wrong escape is no route at all.
 */
#ifndef HOOKLINE_BROADCASTER_ROUTE_H
#define HOOKLINE_BROADCASTER_ROUTE_H

#include <stdint.h>

#include "common/arena.h"

enum route_kind { ROUTE_NONE, ROUTE_PAGE, ROUTE_CALLS, ROUTE_CALL, ROUTE_STREAM, ROUTE_STATS };

struct route {
    enum route_kind kind;
    struct slice call_id; /* of ROUTE_CALL */
    struct slice file;    /* of ROUTE_PAGE: its name, "index.html" for "/" */
};

struct route route_of(struct slice path, struct arena *arena);

/* Where a list of calls goes on: "µs since the epoch:call id", as `next` of the list before said. False if it is none: no
 * such text, a time that PostgreSQL does not have, or an id that no call can have (over 128 bytes, a NUL, no UTF-8). */
bool route_read_before(struct slice text, int64_t *time_us, struct slice *call_id);

#endif
