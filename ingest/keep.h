/* keep.h: a record is safe with the brokers or on our disk, or it is not, and the answer comes in time.
 *
 *      keep_record ──> brokers ──ack──────────────────────────────> KEPT       (a late ack deletes the row)
 *           │             └──failed, ack_timeout_ms──┐
 *           └──away, silent, its call waits there────┴──> spool ──fsync──> KEPT_SPOOLED
 *                                                           └──full, too old, disk at fault──> KEPT_NOT
 *
 * Brokers are silent when a record was not acknowledged in time and none has been since it was sent; then new ones go to the
 * spool at once, and one row of the spool at a time asks whether they are back (spool_drain.h). The first ack of any record ends
 * it. So a frozen broker costs only those that were under way their ack_timeout_ms, and memory holds no more than these.
 * A partition may be so by itself (lanes.h), one broker of several being frozen or away: then only what is for it.
 *
 * Order: the spool is drained in the order received; a record whose call has a row there joins it if the spool takes it, and
 * a row waits for the producer's last word on its own record and on every older one of its lane (a call's records are all of
 * one), and on no other's. So one process keeps a call's order but for what the brokers fail in the middle of a call, and what
 * a full spool does not take.
 *
 * A record that was answered with "no" may still reach the topic: the sender's repetition has the same event id, and
 * whoever reads takes one of them. A producer that librdkafka gives up for good is replaced by a new one; what was under way
 * with it goes to the spool.
 */
#ifndef HOOKLINE_INGEST_KEEP_H
#define HOOKLINE_INGEST_KEEP_H

#include "common/producer.h"

struct event_base;
struct keep;

enum kept { KEPT, KEPT_SPOOLED, KEPT_NOT };

/* `seconds` from keep_record to the answer. `problem` is NULL unless KEPT_NOT. */
typedef void keep_answer(void *opaque, enum kept kept, double seconds, const char *problem);

/* Reads ACK_TIMEOUT_MS and SPOOL_*. NULL when fine, else a sentence. */
const char *keep_open(struct keep **result, struct event_base *base, const struct settings *settings);
/* Webhooks go to this topic from now on (without prefix, one of those of lanes.h, kept as it is): the brokers must know it, else
 * the spool takes what comes. A topic that no source writes to is better not named (producer_write_to). */
void keep_write_to(struct keep *keep, const char *topic);
/* Looks for the brokers, 250 ms at most, so that the first records need not wait for the topics' metadata: for the start, when
 * the listening socket is there already. While they are away the spool takes what comes. */
void keep_warm_up(struct keep *keep);
/* Whoever still waits is spooled and answered; then waits up to 5 s for what is under way. */
void keep_close(struct keep *keep);

/* `answer` runs once, within ack_timeout_ms and a fsync, perhaps before this returns; what the record points to is borrowed
 * until then. `may_spool`: its source lets it wait on our disk. */
void keep_record(struct keep *keep, const struct record *record, bool may_spool, keep_answer *answer, void *opaque);

enum keep_state {
    KEEP_TO_BROKERS, /* they are up and answer */
    KEEP_TO_SPOOL,   /* they are not, and the spool takes more */
    KEEP_NOWHERE,
};
enum keep_state keep_state(const struct keep *keep);
/* NULL: the spool takes more; else why not (spools.h). */
const char *keep_spool_problem(const struct keep *keep);
/* Now and then (a few times a second): replaces a producer that is no more, drains, looks after the spool. */
void keep_tick(struct keep *keep);

#endif
