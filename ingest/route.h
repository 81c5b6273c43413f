/* route.h: which provider a path belongs to, and which source of it. Pure.
 *
 *      /api/{retell,calcom,stripe}/webhook[/{source}]
 *
 * Whether there is such a source is not said here: a stranger must not learn it from the answer.
 */
#ifndef HOOKLINE_INGEST_ROUTE_H
#define HOOKLINE_INGEST_ROUTE_H

#include "ingest/provider.h"

struct route {
    const struct provider *provider;
    struct slice source; /* absent: whose key it is decides */
};

/* False: nothing is there. Borrows from `path`. */
bool route_of(struct slice path, struct route *route);

#endif
