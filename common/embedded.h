/* embedded.h: files that travel inside a program (embed.py writes them): the dashboard's page, the migrations, a list. */
#ifndef HOOKLINE_COMMON_EMBEDDED_H
#define HOOKLINE_COMMON_EMBEDDED_H

#include "common/slice.h"

struct embedded_file {
    const char *name;      /* without folder; NULL ends the list */
    struct slice contents; /* followed by a NUL that is not counted */
};

extern const struct embedded_file DASHBOARD_FILES[];   /* broadcaster/page/, linked into hookline-broadcaster */
extern const struct embedded_file LEGACY_PATH_FILES[]; /* deploy/legacy-paths.txt, linked into hookline-ingest */
extern const struct embedded_file MIGRATION_FILES[];   /* deploy/migrations/, linked into hookline, in order */

#endif
