/* purge_kinds.h: what may be purged, kind by kind: how to count it and how to remove some of it. */
#ifndef HOOKLINE_CTL_PURGE_KINDS_H
#define HOOKLINE_CTL_PURGE_KINDS_H

#include "common/database.h"

enum {
    /* Kafka keeps records for 7 days and dead letters for 30; what can still be said again must still be known, or it would
     * have its effect again. With a fortnight to spare. */
    PURGE_MIN_DAYS = 45,
    PURGE_USUAL_DAYS = 90,
    PURGE_BATCH_ROWS = 1000,
};

struct purge_kind {
    const char *name;  /* in JSON and in audit_log */
    const char *about; /* for people */
    bool of_calls;     /* only with --calls-older-than, by that age */
    bool alone;        /* no session may be in the middle of a batch: sessions wait meanwhile, so a batch is short */
    /* $1 older than this (timestamptz) -> how many there are, where the first batch begins (bigint). */
    const struct database_statement *count;
    /* $1 as above, $2 rows at most, $3 and $4 where the batch begins (bigint, text) -> rows removed, is it over (boolean), and
     * where the next batch begins. One statement, so one transaction: whoever dies in between repeats nothing. */
    const struct database_statement *batch;
};

enum { PURGE_KINDS = 6 };
extern const struct purge_kind PURGE_KINDS_OF[PURGE_KINDS];

#endif
