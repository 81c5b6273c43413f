/* source_changes.h: what differs between two sets of sources, in words and without keys. Pure: for the log of a reload. */
#ifndef HOOKLINE_COMMON_SOURCE_CHANGES_H
#define HOOKLINE_COMMON_SOURCE_CHANGES_H

#include "common/source.h"

/* "added", "removed", or "keys +2026-12 -2026-11, rate_per_s 50 -> 100"; absent if they are the same. One of the two may be
 * NULL; the text lies in `arena`. */
struct slice source_changes(struct arena *arena, const struct source *before, const struct source *after);

#endif
