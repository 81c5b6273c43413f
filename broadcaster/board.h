/* board.h: the calls as all screens see them, and what each record of calls.updates means for them.
 *
 *      snapshot of PostgreSQL ──> board_load ──┐
 *      record of calls.updates ─> board_take ──┼──> show   a new state: every screen of the company
 *      PostgreSQL's answer ─────> board_answer ┘    catch_up   news only for who resumed from an older cursor
 *                                                   ask    nobody here knows whether this is new: PostgreSQL does
 *
 * Per company: the calls that are live, with their JSON; the version of every call until ten minutes after it left that
 * list; a bounded history of updates from which a screen resumes. Per partition: how far it was read.
 *
 * For a call that memory knows, the version decides: what is not above what the topic brought before is dropped. The
 * snapshot may already hold what the topic brings only now; that is no news to who began with the snapshot, and news to
 * who resumed. A call that memory does not know and whose update is over a minute old may be a zombie's late word about
 * a call that has long moved on: PostgreSQL is asked, and the company's later records are held until it answers, so
 * that offsets only rise on every screen. Below the watermark (board_start) nothing unknown can be live: the snapshot
 * was begun later.
 *
 * Limits. A snapshot may be ahead of the topic: who began with it and resumes elsewhere is sent the states in between
 * again, and drops them by their version, as everyone must. A zombie less than a minute late, whose call's newer update
 * lies just before the first record that a restarted broadcaster reads, reaches screens that resume.
 *
 * No I/O, no clock: time is passed in, as ms since the epoch. Pure but for malloc; never fails.
 */
#ifndef HOOKLINE_BROADCASTER_BOARD_H
#define HOOKLINE_BROADCASTER_BOARD_H

#include "broadcaster/cursor.h"
#include "broadcaster/update_read.h"

enum { BOARD_LATE_MS = 60 * 1000, BOARD_KEEP_MS = 10 * 60 * 1000, BOARD_PARTITIONS_MAX = 64 };

struct board;

struct board_options {
    size_t history_updates; /* per company */
    size_t history_bytes;   /* of all companies together; the oldest goes first */
    uint64_t seed;          /* of the hash tables */
    int32_t (*partition_of)(int64_t company_id);
    /* Called from within board_take and board_answer; what they point to lives as long as the call. */
    void (*show)(const struct update *update, void *context);
    void (*catch_up)(const struct update *update, void *context);
    void (*ask)(int64_t company_id, struct slice call_id, void *context);
    void *context;
};

/* What became of a record; for the metrics. */
enum board_verdict { BOARD_SHOWN, BOARD_CAUGHT_UP, BOARD_DROPPED, BOARD_ASKED, BOARD_HELD, BOARD_VERDICTS };
const char *board_verdict_name(enum board_verdict verdict);

struct board *board_new(const struct board_options *options);
void board_free(struct board *board);

/* The topic's life; copied. Before any cursor is made. */
void board_set_epoch(struct board *board, struct slice epoch);

/* The partition is read from offset `first` on; what is below `watermark` was there before the snapshot was begun. */
void board_start(struct board *board, int32_t partition, int64_t first, int64_t watermark);
/* The broker says that the partition ends at `next`: a gap at the end counts as read. */
void board_reached(struct board *board, int32_t partition, int64_t next);
/* Every partition was read up to its watermark, and nothing from below it waits for PostgreSQL. */
bool board_caught_up(const struct board *board);
/* The next offset of the partition to be read. */
int64_t board_next_offset(const struct board *board, int32_t partition);

/* A row of the snapshot: `call` is its JSON if it is live, absent otherwise. Copied. */
void board_load(struct board *board, int64_t company_id, struct slice call_id, int64_t version, struct slice call,
                int64_t now_ms);

/* The next record of its partition. Copies what it keeps. */
enum board_verdict board_take(struct board *board, const struct update *update, int64_t now_ms);

/* What PostgreSQL says of the call that was asked for: its version, 0 if it has no such row. Frees what was held, which
 * may ask again. */
void board_answer(struct board *board, int64_t company_id, struct slice call_id, int64_t version, int64_t now_ms);
/* Bytes of records that wait for PostgreSQL: whoever reads the topic stops beyond a limit. */
size_t board_held_bytes(const struct board *board);

/* Forgets versions ten minutes after their calls left the list. Returns how many. */
size_t board_forget(struct board *board, int64_t now_ms);

/* Where a screen of this company is that has seen everything shown so far. */
struct cursor board_cursor(struct board *board, int64_t company_id);

enum board_resume {
    BOARD_RESUME_POSSIBLE, /* everything after the cursor is in the history */
    BOARD_RESUME_AHEAD,    /* this instance has not read as far as the screen has seen */
    BOARD_RESUME_FOREIGN,  /* another life of the topic, or another partition than the company's */
    BOARD_RESUME_TOO_OLD,  /* the history does not reach back so far */
};
enum board_resume board_resume(struct board *board, int64_t company_id, const struct cursor *cursor);
/* The values after `offset`, oldest first. Borrowed for the duration of `each`. */
void board_history(struct board *board, int64_t company_id, int64_t offset,
                   void (*each)(const struct cursor *cursor, struct slice value, void *context), void *context);

/* {"calls":[…]} of the company's live calls, in the order in which they appeared. */
void board_write_live(struct board *board, int64_t company_id, struct buffer *out);
/* Rises with every change of the company's live calls: what was serialised under the same number is still true. */
uint64_t board_changes(struct board *board, int64_t company_id);

struct board_size {
    size_t companies, live, known, history_updates, history_bytes;
};
struct board_size board_size(const struct board *board);

#endif
