/* spool_reserve.h: room on the disk that is kept for emptying a spool.
 *
 *      ingest-0.db        the spool; taking rows out of it writes, too: into its log, and zeros over what was deleted
 *      ingest-0.reserve   as many bytes as that may need, taken beforehand; given up when a deletion finds the disk full
 *
 * Without it a disk that is full stays full: what waits cannot leave. A spool whose reserve is gone takes no more records,
 * or they would fill what was given up for the deletions.
 */
#ifndef HOOKLINE_INGEST_SPOOL_RESERVE_H
#define HOOKLINE_INGEST_SPOOL_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* For the spool at `path` (…/ingest-0.db), whose records have at most bytes_max together. True: it is there, made now if it
 * was not. False, with a sentence that lives until the next call: the disk has not twice as much free, or something else. */
bool spool_reserve_make(const char *path, int64_t bytes_max, const char **problem);
/* Gives it back to the disk. False: there was none. */
bool spool_reserve_give_up(const char *path);

#endif
