/* waiting.c: see waiting.h. */
#include "ingest/waiting.h"

#include <stdlib.h>

void waiting_ring_init(struct waiting *ring)
{
    ring->older = ring->newer = ring;
}

struct waiting *waiting_oldest(const struct waiting *ring)
{
    return ring->newer == ring ? NULL : ring->newer;
}

void waiting_leave(struct waiting *waiting)
{
    if (!waiting->ring)
        return;
    waiting->older->newer = waiting->newer;
    waiting->newer->older = waiting->older;
    waiting->older = waiting->newer = waiting->ring = NULL;
}

void waiting_join(struct waiting *waiting, struct waiting *ring)
{
    waiting_leave(waiting);
    waiting->older = ring->older;
    waiting->newer = waiting->ring = ring;
    ring->older->newer = waiting;
    ring->older = waiting;
}

void waiting_free_if_over(struct waiting *waiting)
{
    if (waiting->answer || waiting->under_way || waiting->in_group)
        return;
    waiting_leave(waiting);
    free(waiting);
}
