/* lanes.h: a lane is a partition of a topic that webhooks go to. One may be closed while the others are open. Pure.
 *
 *      open         records go there
 *      silent       one was not acknowledged in time, and none of this lane since it was sent: its broker is frozen, or away
 *      leaderless   no broker has it now, or its topic is missing or forbidden (the producer knows; keep.c asks it)
 *
 * What is for a closed lane waits in the spool, and keeps nobody else there. The first ack on a silent lane opens it.
 */
#ifndef HOOKLINE_INGEST_LANES_H
#define HOOKLINE_INGEST_LANES_H

#include "common/producer.h"

enum { LANE_TOPICS = 3, LANES = LANE_TOPICS * TOPIC_PARTITIONS, LANE_OF_NONE = LANES };

enum lane_state { LANE_OPEN, LANE_SILENT, LANE_LEADERLESS };

struct lanes {
    int64_t acked_ns[LANES + 1]; /* when it last acknowledged anything; monotonic */
    bool silent[LANES + 1];
};

/* LANE_OF_NONE: of a topic that no webhook goes to; such a lane is a lane, too. */
unsigned lane_of(const struct record *record);
/* Without prefix; of LANE_OF_NONE "" and -1. */
const char *lane_topic(unsigned lane);
int32_t lane_partition(unsigned lane);

void lanes_acked(struct lanes *lanes, unsigned lane, int64_t now_ns);
/* A record that was sent at sent_ns has not been acknowledged in its time. */
void lanes_timed_out(struct lanes *lanes, unsigned lane, int64_t sent_ns);

#endif
