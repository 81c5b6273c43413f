/* parked_release.h: looks for parked events that have a company now, and lets them go. */
#ifndef HOOKLINE_RESOLVER_PARKED_RELEASE_H
#define HOOKLINE_RESOLVER_PARKED_RELEASE_H

#include "resolver/parked.h"

enum { PARKED_LOOK_EVERY_MS = 30000 };

/* How far a look has come: its pages go in the order of event ids. Zeroed: at the beginning. */
struct release_cursor {
    char last[EVENT_ID_BYTES];
    size_t length; /* 0 or EVENT_ID_BYTES */
};

enum release_outcome {
    RELEASE_DONE,        /* the look is over: there was nothing after the cursor */
    RELEASE_MORE,        /* a page is done, and the cursor behind it */
    RELEASE_NO_KAFKA,    /* not acked: nothing was marked as released; again later */
    RELEASE_NO_DATABASE, /* *error says what; again later, or never */
};

/* Published; and set aside, for Kafka will never take them. */
struct release_counts {
    size_t released, refused;
};

struct release {
    struct database *database;
    struct producer *producer;
    struct placer placer;
};

/* One page (at most 100 events) of what may be placed now: publishes what can be, and counts what was committed. Live calls
 * wait for as long as a page takes, and no longer. A page that failed is the next one again. */
enum release_outcome parked_release(const struct release *release, int64_t now_ms, struct release_cursor *cursor,
                                    struct release_counts *counts, struct database_error *error);

#endif
