/* sources_file.h: the sources as the settings name them, read at the start and again on SIGHUP.
 *
 *      SOURCES (a path) ──┐
 *      its key_files    ──┼──> source_read.h ──> the set in force
 *      RETELL_API_KEY   ──┘          └── problems: the old set stays, the log says what is wrong and where
 *
 * A path in the file that does not begin with "/" is one beside the file. RETELL_API_KEY_FILE is read again, too.
 */
#ifndef HOOKLINE_COMMON_SOURCES_FILE_H
#define HOOKLINE_COMMON_SOURCES_FILE_H

#include "common/settings.h"
#include "common/source.h"

struct event_base;
struct sources_file;

#define SETTINGS_OF_SOURCES(key_help)                                                                                  \
    {.name = "SOURCES",                                                                                                \
     .type = SETTING_TEXT,                                                                                             \
     .text = "",                                                                                                       \
     .help = "The sources file (docs/operations.md, \"Sources and keys\"); SIGHUP reads it again, and "                \
             "RETELL_API_KEY_FILE. Empty: there is "                                                                   \
             "none."},                                                                                                 \
    {                                                                                                                  \
        .name = "RETELL_API_KEY", .type = SETTING_SECRET, .help = (key_help)                                           \
    }

/* The set that SOURCES and RETELL_API_KEY make, held once by the caller; perhaps an empty one. NULL: `problems` has a line
 * for each. */
struct sources *sources_file_read(const struct settings *settings, struct buffer *problems);
/* The same of one file alone. */
struct sources *sources_file_read_path(const char *path, struct buffer *problems);

/* A new set is in force. Borrowed: hold what is kept. */
typedef void sources_file_changed(struct sources *sources, void *context);

/* Reads for the first time and listens to SIGHUP from now on. `program` is "ingest" or "sync", for metrics. NULL when fine,
 * else a sentence that lives as long as the process. */
const char *sources_file_open(struct sources_file **result, const struct settings *settings, const char *program,
                              struct event_base *base, sources_file_changed *changed, void *context);
void sources_file_close(struct sources_file *file); /* NULL is fine */

/* Borrowed until the next turn of the loop: hold what is kept. */
struct sources *sources_file_now(const struct sources_file *file);

#endif
