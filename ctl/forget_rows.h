/* forget_rows.h: one caller's rows: where they are, and the removal of those that session does not write. */
#ifndef HOOKLINE_CTL_FORGET_ROWS_H
#define HOOKLINE_CTL_FORGET_ROWS_H

#include "common/database.h"

struct forget_call {
    int64_t company_id;
    struct slice call_id, source;
};

struct forget_rows {
    struct database *database;
    struct arena *arena;
    struct slice number; /* E.164 */
    int64_t company_id;  /* DATABASE_NULL: of every company */

    struct forget_call *calls; /* found by forget_rows_find */
    size_t call_count;
    int64_t events, parked, customers; /* rows; customers also counts those that other calls keep */
    struct database_error error;
};

/* Looks; changes nothing. False: error. */
bool forget_rows_find(struct forget_rows *rows);

/* Inside a transaction: the parked events go, and their hashes stay. Reads every parked body, so it comes before
 * forget_rows_alone, which comes before the end: a batch that did not see the hashes is over by then. */
bool forget_rows_remove_parked(struct forget_rows *rows);

/* Inside a transaction, alone: customers of the number go that no call names any more. */
bool forget_rows_remove_customers(struct forget_rows *rows);

/* How many of the calls that were found are still there, events without a call counted. */
bool forget_rows_left(struct forget_rows *rows, int64_t *left);

bool forget_rows_begin(struct forget_rows *rows);
/* No session is in the middle of a batch from here to the end of the transaction: sessions wait meanwhile. */
bool forget_rows_alone(struct forget_rows *rows);

#endif
