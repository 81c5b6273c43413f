/* lanes.c: see lanes.h. */
#include "ingest/lanes.h"

#include <string.h>

static const char *const TOPICS[LANE_TOPICS] = {TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_STRIPE};

unsigned lane_of(const struct record *record)
{
    int32_t partition = record->partition == RECORD_PARTITION_BY_KEY ? partition_of_key(record->key, TOPIC_PARTITIONS)
                                                                     : record->partition;
    for (unsigned i = 0; i < LANE_TOPICS; i++)
        if (strcmp(record->topic, TOPICS[i]) == 0 && partition >= 0 && partition < TOPIC_PARTITIONS)
            return i * TOPIC_PARTITIONS + (unsigned)partition;
    return LANE_OF_NONE;
}

const char *lane_topic(unsigned lane)
{
    return lane < LANES ? TOPICS[lane / TOPIC_PARTITIONS] : "";
}

int32_t lane_partition(unsigned lane)
{
    return lane < LANES ? (int32_t)(lane % TOPIC_PARTITIONS) : -1;
}

void lanes_acked(struct lanes *lanes, unsigned lane, int64_t now_ns)
{
    lanes->acked_ns[lane] = now_ns;
    lanes->silent[lane] = false;
}

void lanes_timed_out(struct lanes *lanes, unsigned lane, int64_t sent_ns)
{
    if (lanes->acked_ns[lane] < sent_ns)
        lanes->silent[lane] = true;
}
