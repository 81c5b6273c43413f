/* run_directory.h: what deploy/up wrote about the local stack: which parts there are, and how each began. */
#ifndef HOOKLINE_CTL_RUN_DIRECTORY_H
#define HOOKLINE_CTL_RUN_DIRECTORY_H

#include <stdint.h>

#include "common/arena.h"

enum { RUN_PARTS_MAX = 32 };

struct run_part {
    const char *name;       /* "ingest": from pids/NAME.pid or starts/NAME */
    int64_t pid;            /* 0: there is no such process */
    int64_t started_s;      /* of the last start, since the epoch; 0: unknown */
    int64_t restarts;       /* starts beyond the first */
    const char *management; /* host:port, NULL if the part has no such port */
};

/* In the order of the data, then by name; `parts` lies in the arena, *count of them. False if the directory cannot be read. */
bool run_directory_read(struct arena *arena, const char *path, struct run_part **parts, size_t *count);

#endif
