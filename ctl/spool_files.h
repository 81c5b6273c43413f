/* spool_files.h: which spools the verbs of `hookline spool` mean: all in the directory, or one by its name or path. */
#ifndef HOOKLINE_CTL_SPOOL_FILES_H
#define HOOKLINE_CTL_SPOOL_FILES_H

#include "ctl/console.h"
#include "ingest/spool_slot.h"

#define SPOOL_DIR_OPTION                                                                                               \
    {                                                                                                                  \
        "dir", OPTION_TEXT, "DIRECTORY", 0, 0, false, "Where the spools lie; else HOOKLINE_SPOOL_DIR."                 \
    }

struct spool_files {
    const char **paths;
    size_t count;
};

/* The one that the operand names, else all. 0, or the exit code after saying why not. */
int spool_files_find(const struct console *console, const struct arguments *arguments, struct spool_files *files);

#endif
