/* silence.c: see silence.h. */
#include "ingest/silence.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

void silence_begin(struct silence *silence, int64_t ack_timeout_ms)
{
    *silence = (struct silence){.ack_timeout_ms = ack_timeout_ms};
    silence->partitions = metrics_gauge("hookline_ingest_partitions_silent", "",
                                        "Partitions that did not acknowledge in time, and nothing since.");
}

static void say_all(struct silence *silence, bool silent)
{
    if (silence->all == silent)
        return;
    silence->all = silent;
    log_event(silent ? LOG_WARN : LOG_INFO, silent ? "brokers_silent" : "brokers_answer",
              LOG_INT("partitions", silence->lane_count));
}

static void say_lane(struct silence *silence, unsigned lane, bool was_silent)
{
    bool silent = silence->lanes.silent[lane];
    if (silent == was_silent)
        return;
    silence->lane_count += silent ? 1 : -1U;
    metric_set(silence->partitions, silence->lane_count);
    log_event(silent ? LOG_WARN : LOG_INFO, silent ? "partition_silent" : "partition_answers",
              LOG_TEXT("topic", lane_topic(lane)), LOG_INT("partition", lane_partition(lane)),
              LOG_INT("silent", silence->lane_count));
}

void silence_acked(struct silence *silence, unsigned lane)
{
    bool was_silent = silence->lanes.silent[lane];
    silence->acked_ns = clock_ticks_ns();
    lanes_acked(&silence->lanes, lane, silence->acked_ns);
    say_lane(silence, lane, was_silent);
    say_all(silence, false);
}

void silence_timed_out(struct silence *silence, unsigned lane, int64_t sent_ns)
{
    bool was_silent = silence->lanes.silent[lane];
    if (clock_ticks_ns() - sent_ns < silence->ack_timeout_ms * 1000000)
        return;
    lanes_timed_out(&silence->lanes, lane, sent_ns);
    say_lane(silence, lane, was_silent);
    if (silence->acked_ns < sent_ns)
        say_all(silence, true);
}
