/* keep.h: a record is safe with the brokers, or it is not, and the answer comes in time.
 *
 *      keep_record ──> producer ──ack──────────────────────> KEPT
 *                          ├─────refused, queue full──────┐
 *                          └─────ack_timeout_ms──────────┴─> KEPT_NOT   (a late ack is counted, no more)
 *
 * KEPT_NOT is where a spool on disk would be asked: it would stand between the producer's "no" and ours, and turn it
 * into KEPT after its fsync. There is none yet, so the sender is told to come again.
 *
 * A record that was answered with "no" may still reach the topic: the sender's repetition has the same event id, and
 * whoever reads takes one of them. A producer that librdkafka gives up for good is replaced by a new one.
 */
#ifndef HOOKLINE_INGEST_KEEP_H
#define HOOKLINE_INGEST_KEEP_H

#include "common/producer.h"

struct event_base;
struct keep;

enum kept { KEPT, KEPT_NOT };

/* `seconds` from keep_record to the answer. `problem` is NULL when KEPT. */
typedef void keep_answer(void *opaque, enum kept kept, double seconds, const char *problem);

/* NULL when fine, else a sentence. */
const char *keep_open(struct keep **result, struct event_base *base, const struct settings *settings,
                      int64_t ack_timeout_ms);
/* Waits up to 5 s for what is under way; whoever still waits for an answer gets KEPT_NOT. */
void keep_close(struct keep *keep);

/* `answer` runs once, within ack_timeout_ms and a little, perhaps before this returns; what the record points to is borrowed
 * until then. `may_spool`: its source lets it wait on our disk. */
void keep_record(struct keep *keep, const struct record *record, bool may_spool, keep_answer *answer, void *opaque);

/* The producer has brokers and topics. */
bool keep_ready(const struct keep *keep);
/* Now and then (a few times a second): replaces a producer that is no more. */
void keep_tick(struct keep *keep);

#endif
