/* legacy.c: a dozen paths, looked through only by requests that no route has. */
#include "ingest/legacy.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/embedded.h"
#include "common/log.h"
#include "common/metrics.h"

enum { PATHS_MAX = 32, SAY_EVERY_MS = 3600 * 1000 };

struct legacy_path {
    struct slice path; /* in the program itself */
    struct metric *requests;
    int64_t said_ms; /* 0: not yet */
    uint64_t unsaid;
};

struct legacy {
    bool serve;
    size_t count;
    struct legacy_path paths[PATHS_MAX];
};

static void add(struct legacy *legacy, struct slice path)
{
    char label[128];
    if (legacy->count == PATHS_MAX)
        abort(); /* the list is compiled in */
    snprintf(label, sizeof label, "path=\"%.*s\"", SLICE_PRINT(path));
    legacy->paths[legacy->count++] = (struct legacy_path){
        .path = path,
        .requests = metrics_counter("hookline_ingest_legacy_requests_total", label,
                                    "Requests at paths of before (deploy/legacy-paths.txt)."),
    };
}

struct legacy *legacy_new(bool serve)
{
    struct legacy *legacy = memory_new(1, sizeof *legacy);
    *legacy = (struct legacy){.serve = serve};
    struct slice rest = LEGACY_PATH_FILES[0].contents;
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct slice line = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        if (slice_starts_with(line, "/"))
            add(legacy, line);
        rest = slice_from(rest, line.len + 1);
    }
    return legacy;
}

void legacy_free(struct legacy *legacy)
{
    free(legacy);
}

struct legacy_path *legacy_find(struct legacy *legacy, struct slice path)
{
    for (size_t i = 0; i < legacy->count; i++)
        if (slice_same(legacy->paths[i].path, path))
            return &legacy->paths[i];
    return NULL;
}

bool legacy_serves(const struct legacy *legacy)
{
    return legacy->serve;
}

void legacy_seen(struct legacy_path *path, struct slice peer, int64_t now_ms)
{
    metric_add(path->requests, 1);
    path->unsaid++;
    if (path->said_ms && now_ms - path->said_ms < SAY_EVERY_MS)
        return;
    log_event(LOG_WARN, "legacy_path", LOG_SLICE("path", path->path), LOG_SLICE("peer", peer),
              LOG_INT("requests", path->unsaid),
              LOG_TEXT("remedy", "at the sender, enter /api/retell/webhook instead"));
    path->said_ms = now_ms;
    path->unsaid = 0;
}
