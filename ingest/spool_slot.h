/* spool_slot.h: which spool is whose: DIRECTORY/ingest-N.db belongs to whoever holds the lock of ingest-N.lock.
 *
 *      a process takes the first slot that nobody holds ──> its own spool, with what an earlier holder left in it
 *      spools that nobody holds and that are not empty   ──> orphans, adopted one after the other and drained
 *
 * So processes on one port can share one configuration. The lock is the kernel's (flock), so it goes with the process,
 * however that ends; the file names the holder. A file that is no database any more is renamed to ingest-N.corrupt-TIME.db,
 * with its log, and a new one takes its place; one of another format is left alone, and the next slot taken.
 */
#ifndef HOOKLINE_INGEST_SPOOL_SLOT_H
#define HOOKLINE_INGEST_SPOOL_SLOT_H

#include <linux/limits.h>

#include "ingest/spool.h"

struct spool_slot;

enum { SPOOL_SLOTS_MAX = 256 };

/* Makes the directory (0700) if only its last part is missing. NULL, or a sentence: it cannot be used. */
const char *spool_slot_take(struct spool_slot **result, const char *directory);
/* The slot of this path (spool_slot_name), held from now on, as an heir does: its spool is opened, or NULL. NULL: somebody holds
 * it, or there is no such file. */
struct spool_slot *spool_slot_inherit(const char *path);
/* Closes the spool and lets the slot go. NULL is fine. */
void spool_slot_release(struct spool_slot *slot);

/* DIRECTORY/ingest-NUMBER.db */
void spool_slot_name(char path[PATH_MAX], const char *directory, int number);
/* NULL while it cannot be opened: disk full, no rights. */
struct spool *spool_slot_spool(const struct spool_slot *slot);
const char *spool_slot_path(const struct spool_slot *slot);
/* What was in it when it was taken has been put out of the way: it was no database any more. */
bool spool_slot_was_corrupt(const struct spool_slot *slot);
/* Closes what is there, and opens it again; what turns out to be no database is put out of the way first, and so is what
 * `corrupt` says has been found to be none. */
void spool_slot_reopen(struct spool_slot *slot, bool corrupt);

/* For an operator's look. Paths of all spools in the directory, in `arena`; NULL, or a sentence. */
const char *spool_slot_list(const char *directory, struct arena *arena, const char ***paths, size_t *count);
/* The pid that holds the spool at this path, 0: nobody does. */
long spool_slot_holder(const char *path);
/* Holds one spool by its path, without opening it anew when it is corrupt. NULL, or a sentence. */
const char *spool_slot_hold(struct spool_slot **result, const char *path);

#endif
