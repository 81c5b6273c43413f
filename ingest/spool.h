/* spool.h: records that wait on our disk for the brokers: one SQLite file, WAL, synchronous=FULL.
 *
 *      append, delete, set aside ──> one transaction ──spool_commit──> one fsync
 *
 * Rows lie in the order of their sequence, which the caller gives: the order in which they were received. A record that
 * Kafka will never take is set aside: a table of its own, which nobody empties but an operator.
 *
 * File format 1: PRAGMA application_id 'hkls', user_version 1; any other is refused and left as it is. The file has mode
 * 0600, for bodies are personal data: what is deleted is overwritten (secure_delete), and spool_tidy gives the file's pages
 * and the log's back once nothing waits. One process owns it (spool_slot.h); others may look, and mend in short transactions.
 *
 * A write that fails takes its whole transaction with it: nothing of it counts, and the next one begins anew.
 */
#ifndef HOOKLINE_INGEST_SPOOL_H
#define HOOKLINE_INGEST_SPOOL_H

#include "common/producer.h"

struct spool;

enum spool_outcome {
    SPOOL_FINE,
    SPOOL_FAILED,  /* the disk does not answer as it should; perhaps not for ever */
    SPOOL_FULL,    /* the disk is full (spool_reserve.h) */
    SPOOL_CORRUPT, /* what is in the file is no database any more */
    SPOOL_STRANGE, /* a sound file, but not of this format */
};

enum spool_purpose {
    SPOOL_TO_WRITE, /* by the process whose spool it is: waits 100 ms for somebody else's transaction, then fails */
    SPOOL_TO_MEND,  /* beside it, by an operator's command, which can wait: 10 s; commit soon, for the process cannot */
    SPOOL_TO_LOOK,
};

struct spool_row {
    int64_t sequence;
    int64_t received_ms;  /* since the epoch */
    struct record record; /* headers NULL: the row is there, its headers are not to be read */
    const char *problem;  /* of one that was set aside: why; else NULL */
};

struct spool_stat {
    int64_t records, bytes; /* that wait */
    int64_t set_aside, set_aside_bytes;
    int64_t oldest_ms;     /* when the oldest that waits was received; 0: none waits */
    int64_t last_sequence; /* the greatest there is, 0: none */
};

enum spool_table { SPOOL_WAITING, SPOOL_SET_ASIDE };

/* Makes the file only to write. The caller closes. */
enum spool_outcome spool_open(struct spool **result, const char *path, enum spool_purpose purpose);
/* What was not committed is gone. NULL is fine. */
void spool_close(struct spool *spool);
/* What went wrong last, as a sentence; lives until the next call. Of a spool that could not be opened: spool NULL. */
const char *spool_problem(const struct spool *spool);

/* These three are part of the transaction that spool_commit ends. Copies. */
enum spool_outcome spool_append(struct spool *spool, const struct spool_row *row);
enum spool_outcome spool_delete(struct spool *spool, enum spool_table table, int64_t sequence);
enum spool_outcome spool_set_aside(struct spool *spool, int64_t sequence, const char *problem);
/* FINE: all of it is on the disk. Without a transaction: FINE, and nothing is done. */
enum spool_outcome spool_commit(struct spool *spool);
/* Takes back what was not committed, for this reason. */
void spool_undo(struct spool *spool, const char *problem);

/* Some row that waits has this key; false, too, when the file cannot be read. */
bool spool_key_waits(struct spool *spool, struct slice key);

/* The rows after `after` and before `below`, the lowest sequence first: at most rows_max, and no more once they have
 * bytes_max; in `arena`. */
enum spool_outcome spool_read(struct spool *spool, enum spool_table table, int64_t after, int64_t below,
                              size_t rows_max, size_t bytes_max, struct arena *arena, struct spool_row **rows,
                              size_t *count);

/* Without reading the bodies. The counts and bytes of a spool that is written are kept in memory. */
struct spool_stat spool_stat(struct spool *spool);

/* Counts what is set aside once more, if somebody else wrote to the file: an operator may have taken some of it away. The
 * count reads the whole table, and ingest's loop waits for it. */
void spool_recount_set_aside(struct spool *spool);

/* One small step of giving back what is free, for when nothing waits; true while there is more to do. */
bool spool_tidy(struct spool *spool);

#endif
