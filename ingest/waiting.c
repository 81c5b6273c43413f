/* waiting.c: see waiting.h. */
#include "ingest/waiting.h"

#include <stdlib.h>

void waiting_rings_init(struct waiting_rings *rings)
{
    *rings = (struct waiting_rings){0};
    rings->line.older = rings->line.newer = &rings->line;
    rings->held.older = rings->held.newer = &rings->held;
}

struct waiting *waiting_oldest(const struct waiting *ring)
{
    return ring->newer == ring ? NULL : ring->newer;
}

static void ring_leave(struct waiting *waiting)
{
    waiting->older->newer = waiting->newer;
    waiting->newer->older = waiting->older;
    waiting->older = waiting->newer = waiting->ring = NULL;
}

static void lane_join(struct waiting *waiting)
{
    struct waiting_rings *rings = waiting->rings;
    struct waiting *newest = rings->lane_newest[waiting->lane];
    waiting->lane_older = newest;
    waiting->lane_newer = NULL;
    *(newest ? &newest->lane_newer : &rings->lane_oldest[waiting->lane]) = waiting;
    rings->lane_newest[waiting->lane] = waiting;
}

static void lane_leave(struct waiting *waiting)
{
    struct waiting_rings *rings = waiting->rings;
    struct waiting *older = waiting->lane_older;
    struct waiting *newer = waiting->lane_newer;
    *(older ? &older->lane_newer : &rings->lane_oldest[waiting->lane]) = newer;
    *(newer ? &newer->lane_older : &rings->lane_newest[waiting->lane]) = older;
}

void waiting_leave(struct waiting *waiting)
{
    if (!waiting->ring)
        return;
    ring_leave(waiting);
    lane_leave(waiting);
}

void waiting_join(struct waiting *waiting, struct waiting *ring)
{
    if (waiting->ring)
        ring_leave(waiting);
    else
        lane_join(waiting);
    waiting->older = ring->older;
    waiting->newer = waiting->ring = ring;
    ring->older->newer = waiting;
    ring->older = waiting;
}

void waiting_oldest_of_lanes(const struct waiting_rings *rings, int64_t sequences[LANES + 1])
{
    for (unsigned lane = 0; lane <= LANES; lane++)
        sequences[lane] = rings->lane_oldest[lane] ? rings->lane_oldest[lane]->sequence : INT64_MAX;
}

void waiting_free_if_over(struct waiting *waiting)
{
    if (waiting->answer || waiting->under_way || waiting->in_group)
        return;
    waiting_leave(waiting);
    free(waiting);
}
