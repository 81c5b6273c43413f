/* spool_group.h: group commit: whatever one turn of the loop wants of a spool is one transaction and one fsync.
 *
 *      turn of the loop:  append append delete append ──> commit ──> done done done
 *
 * The fsync is waited for in the loop (about 1 ms here, 10 ms when the disk is busy): whoever comes meanwhile is in the next
 * group, so that a slow disk makes larger groups instead of a queue. Deletions alone wait up to 50 ms for company, for
 * nobody waits for them.
 *
 * When a commit fails nobody's record is kept; deletions and settings aside are not forgotten but tried again with the next.
 * If the disk is full the spool's reserve (spool_reserve.h) is given up for them.
 */
#ifndef HOOKLINE_INGEST_SPOOL_GROUP_H
#define HOOKLINE_INGEST_SPOOL_GROUP_H

#include "ingest/spool_slot.h"

struct event_base;
struct spool_group;

/* `problem` NULL: the record is on the disk. */
typedef void spool_group_done(void *opaque, const char *problem);

/* Borrows the slot. */
struct spool_group *spool_group_new(struct event_base *base, struct spool_slot *slot);
/* Commits first. NULL is fine. */
void spool_group_free(struct spool_group *group);

/* `done` runs once, never before this returns. The row is copied. */
void spool_group_append(struct spool_group *group, const struct spool_row *row, spool_group_done *done, void *opaque);
void spool_group_delete(struct spool_group *group, int64_t sequence);
/* Says so in the log. `problem` is copied. */
void spool_group_set_aside(struct spool_group *group, int64_t sequence, const char *problem);
/* Now, not at the end of the turn. */
void spool_group_commit(struct spool_group *group);

/* Somebody read what is no database any more: the file is put out of the way, and whoever waits is told so. */
void spool_group_corrupt(struct spool_group *group);

/* Deletions and settings aside that are not on the disk yet. */
size_t spool_group_removals(const struct spool_group *group);
/* The last commit failed, less than a second ago, or the spool is not open. */
bool spool_group_broken(const struct spool_group *group);
/* Its reserve is there, as the caller said, and was not given up since. True at first. */
bool spool_group_reserved(const struct spool_group *group);
void spool_group_set_reserved(struct spool_group *group, bool reserved);
/* Now and then: tries again what failed, opens what could not be opened. */
void spool_group_tick(struct spool_group *group);

#endif
