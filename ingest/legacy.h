/* legacy.h: the paths of before: deploy/legacy-paths.txt. Each leads to Retell's route and to nothing else; that somebody
 * still uses it is counted, and said once an hour. */
#ifndef HOOKLINE_INGEST_LEGACY_H
#define HOOKLINE_INGEST_LEGACY_H

#include <stdint.h>

#include "common/slice.h"

struct legacy;
struct legacy_path;

/* `serve` false: they are gone. */
struct legacy *legacy_new(bool serve);
void legacy_free(struct legacy *legacy);

/* NULL: it is none of them. */
struct legacy_path *legacy_find(struct legacy *legacy, struct slice path);
bool legacy_serves(const struct legacy *legacy);

/* A request came there. */
void legacy_seen(struct legacy_path *path, struct slice peer, int64_t now_ms);

#endif
