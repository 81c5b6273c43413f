/* route.c: see route.h. */
#include "ingest/route.h"

bool route_of(struct slice path, struct route *route)
{
    for (size_t i = 0; i < COUNT(PROVIDERS); i++) {
        if (!slice_starts_with(path, PROVIDERS[i].route))
            continue;
        struct slice rest = slice_from(path, strlen(PROVIDERS[i].route));
        *route = (struct route){&PROVIDERS[i], SLICE_ABSENT};
        if (rest.len == 0)
            return true;
        route->source = slice_from(rest, 1);
        return slice_starts_with(rest, "/") && source_name_valid(route->source);
    }
    return false;
}
