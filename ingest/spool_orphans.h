/* spool_orphans.h: the spools that no process holds: which is to be drained, and how many records are set aside in all of them.
 *
 * To be looked at every minute, so a file in which nothing waits is not opened again until it is another one than it was
 * (its inode, size, time of change, and those of its log): counting reads all that is set aside in it, and the loop waits.
 */
#ifndef HOOKLINE_INGEST_SPOOL_ORPHANS_H
#define HOOKLINE_INGEST_SPOOL_ORPHANS_H

#include "ingest/spool_slot.h"

struct spool_orphans;

/* Borrows the directory's name. */
struct spool_orphans *spool_orphans_new(const char *directory);
/* NULL is fine. */
void spool_orphans_free(struct spool_orphans *orphans);

/* One in which records wait, held from now on; NULL: there is none. *set_aside: how many records are set aside in the spools
 * that nobody holds, its own not among them. */
struct spool_slot *spool_orphans_adopt(struct spool_orphans *orphans, int64_t *set_aside);
/* How many files it has opened up to now. */
int64_t spool_orphans_opened(const struct spool_orphans *orphans);

#endif
