/* pace.c: the window before decides about this one. */
#include "broadcaster/pace.h"

bool pace_write(struct pace *pace, int64_t now_ms)
{
    int64_t age_ms = now_ms - pace->window_began_ms;
    if (age_ms >= PACE_WINDOW_MS) {
        pace->gather = pace->writes > PACE_WRITES_MAX && age_ms < 2L * PACE_WINDOW_MS;
        pace->window_began_ms = now_ms;
        pace->writes = 0;
    }
    pace->writes++;
    return pace->gather;
}
