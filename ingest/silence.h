/* silence.h: whether the brokers answer: all of them together, and each lane by itself (lanes.h).
 *
 *      a record of a lane not acknowledged in its time, and none of that lane since it was sent   the lane is silent
 *      … and none of any lane since then                                                          all are
 *      an ack                                                                                     its lane is not, nor are all
 *
 * Each change is said once, in the log and as a metric.
 */
#ifndef HOOKLINE_INGEST_SILENCE_H
#define HOOKLINE_INGEST_SILENCE_H

#include "ingest/lanes.h"

struct silence {
    struct lanes lanes;
    int64_t ack_timeout_ms;
    int64_t acked_ns; /* when anything was last acknowledged; monotonic */
    unsigned lane_count;
    bool all;
    struct metric *partitions;
};

void silence_begin(struct silence *silence, int64_t ack_timeout_ms);
void silence_acked(struct silence *silence, unsigned lane);
/* A record that was sent at sent_ns is given up. One that failed before its time says nothing of its lane: the producer was
 * given up, or the broker said no. */
void silence_timed_out(struct silence *silence, unsigned lane, int64_t sent_ns);

#endif
