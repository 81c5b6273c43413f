/* stage_run.h: a running stage, as the harness's own files see it. */
#ifndef HOOKLINE_COMMON_STAGE_RUN_H
#define HOOKLINE_COMMON_STAGE_RUN_H

#include "common/attempts.h"
#include "common/brake.h"
#include "common/management.h"
#include "common/metrics.h"
#include "common/stage_batch.h"
#include "common/stage_consumer.h"
#include "common/wake.h"

struct stage_metrics {
    struct metric *records, *batches, *seconds, *lag_seconds, *paused, *brake;
};

/* What was sent of an attempt and has not been reported. It outlives the attempt if a drain cuts the waiting short. */
struct publication {
    size_t missing;
    enum delivery worst;
    const char *problem;
};

struct stage_run {
    const struct stage *stage;
    struct settings *settings;
    char instance[128];
    struct event_base *base;
    struct producer *producer;
    struct consumer *consumer;
    struct wake *wake;
    struct management *management;
    struct readiness *kafka, *postgresql, *braked_check; /* postgresql: NULL if the stage has no database */

    struct batch batch;
    struct attempts attempts;
    struct brake brake;
    bool braked;
    bool hungry; /* a batch was full, and there may be more than librdkafka has fetched */
    struct publication publication;
    char bury_code[BATCH_WORD_BYTES], bury_detail[BATCH_DETAIL_BYTES]; /* why the record alone failed */
    int64_t wait_until_ms;                                             /* clock_ticks_ms; 0: not waiting */
    int64_t polled_ms; /* clock_ticks_ms of the last look at the consumer's queue */

    bool stopping, gave_up; /* gave_up: Kafka no longer knows us, nothing may be committed */
    int exit_code;
    struct stage_metrics metrics;
};

enum { STAGE_EXIT_BUG = 70, STAGE_EXIT_RESTART = 75, STAGE_EXIT_CONFIGURATION = 78 };

/* One turn of the work: take, attempt, publish, finish. At most one attempt, so that the loop's other events get theirs. */
void stage_work(struct stage_run *run);

/* The batch is not ours any more. */
void stage_forget(struct stage_run *run);

/* Sends the attempt's records and dead letters and waits for the acks. *problem is set unless all are acked. */
enum delivery stage_publish(struct stage_run *run, const char **problem);

/* The gauges and the checks of /readyz. */
void stage_show(struct stage_run *run);

/* Adds one to hookline_<stage>_<what>{<label>="<value>"}. */
void stage_count(const struct stage_run *run, const char *what, const char *label, const char *value, const char *help);

#endif
