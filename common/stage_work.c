/* stage_work.c: one turn of the harness: what is tried, and what follows from how it went.
 *
 *      fill ──> attempt ──DONE──> brake? ──> publish ──acked──> finish (offsets may move)
 *                  └── else, or not acked ──> attempts.h says what is next, and after how long
 */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/stage_run.h"

enum { LOOK_EVERY_MS = 500 /* at Kafka, while a batch is being halved: rebalances must not wait for us */ };

/* taking ------------------------------------------------------------------------------------------------------------ */

static bool take_one(struct stage_run *run)
{
    rd_kafka_message_t *message = consumer_take(run->consumer);
    run->polled_ms = clock_ticks_ms();
    if (!message)
        return false;
    struct partition *partition =
        consumer_partition(run->consumer, rd_kafka_topic_name(message->rkt), message->partition);
    batch_add(&run->batch, message, partition->topic);
    return true;
}

static void fill(struct stage_run *run)
{
    size_t most = (size_t)settings_count(run->settings, "BATCH_RECORDS");
    while (run->batch.message_count < most && run->batch.bytes < BATCH_BYTES_MAX && take_one(run))
        continue;
    if (run->batch.message_count == most || run->batch.bytes >= BATCH_BYTES_MAX)
        run->hungry = true;
    else if (run->hungry && run->batch.message_count == 0) {
        consumer_nudge(run->consumer);
        run->hungry = false;
    }
    attempts_begin(&run->attempts, run->batch.record_count);
}

/* While a batch waits or is being halved nothing is needed, but rebalances happen only when somebody looks. A record can
 * come all the same: when a slow one needs a witness, nothing is paused. */
static void look(struct stage_run *run)
{
    if (!take_one(run) || !run->batch.message_count)
        return;
    attempts_extend(&run->attempts, run->batch.record_count);
    consumer_pause(run->consumer);
}

void stage_forget(struct stage_run *run)
{
    batch_clear(&run->batch);
    attempts_begin(&run->attempts, 0);
    if (run->braked)
        return;
    run->wait_until_ms = 0;
    consumer_resume(run->consumer);
}

/* an attempt came to nothing ---------------------------------------------------------------------------------------- */

static void wait(struct stage_run *run, int64_t delay_ms)
{
    run->wait_until_ms = delay_ms ? clock_ticks_ms() + delay_ms : 0;
    if (!delay_ms)
        return;
    if (attempts_want_more(&run->attempts))
        consumer_resume(run->consumer);
    else
        consumer_pause(run->consumer);
}

static void attempt_failed(struct stage_run *run, const struct attempt *attempt, enum stage_outcome outcome)
{
    struct batch *batch = &run->batch;
    if (outcome == STAGE_BUG || outcome == STAGE_REFUSED) {
        log_event(LOG_ERROR, "cannot_go_on", LOG_TEXT("code", batch->code), LOG_TEXT("detail", batch->detail));
        stage_stop(run, outcome == STAGE_BUG ? STAGE_EXIT_BUG : STAGE_EXIT_CONFIGURATION, batch->code);
        return;
    }
    if (!batch->first_failed_ms)
        batch->first_failed_ms = batch->now_ms;
    bool ran_alone = attempt->kind == ATTEMPT_RUN && attempt->count == 1 && attempt->first == run->attempts.done;
    if (ran_alone) { /* not why its dead letter could not be sent */
        memcpy(run->bury_code, batch->code, sizeof run->bury_code);
        memcpy(run->bury_detail, batch->detail, sizeof run->bury_detail);
    }
    int64_t delay_ms = attempts_failed(&run->attempts, outcome);
    stage_count(run, "retries_total", "reason", batch->code, "Attempts at a batch that came to nothing, by reason.");
    log_event(delay_ms ? LOG_WARN : LOG_INFO, "attempt_failed", LOG_TEXT("code", batch->code),
              LOG_TEXT("detail", batch->detail), LOG_INT("records", attempt->count), LOG_INT("wait_ms", delay_ms));
    wait(run, delay_ms);
}

/* the brake --------------------------------------------------------------------------------------------------------- */

static int64_t ours_among(const struct batch *batch)
{
    int64_t ours = 0;
    for (size_t i = 0; i < batch->letter_count; i++)
        ours += batch->letters[i].fault == DEAD_OURS;
    return ours;
}

/* True if these dead letters would be too many: they are not sent, and nothing more is consumed. */
static bool brake_holds(struct stage_run *run)
{
    struct brake with_these = run->brake;
    int64_t ours = ours_among(&run->batch);
    brake_count(&with_these, run->batch.now_ms, 0, ours);
    if (!ours || !brake_pulled(&with_these, run->batch.now_ms))
        return false;
    run->braked = true;
    consumer_pause(run->consumer);
    log_event(LOG_ERROR, "brake_pulled", LOG_SLICE("code", run->batch.letters[0].code),
              LOG_SLICE("detail", run->batch.letters[0].detail),
              LOG_TEXT("remedy", "consumption has stopped; mend the cause, then restart this process"));
    return true;
}

/* an attempt -------------------------------------------------------------------------------------------------------- */

static void finish_messages(struct stage_run *run)
{
    struct batch *batch = &run->batch;
    for (; batch->finished < batch->message_count; batch->finished++) {
        const struct batch_message *one = &batch->messages[batch->finished];
        if (one->records_before + one->readable > run->attempts.done)
            break;
        struct partition *partition =
            consumer_partition(run->consumer, rd_kafka_topic_name(one->message->rkt), one->message->partition);
        if (partition)
            consumer_finish(partition, one->message->offset);
    }
}

static void attempt_succeeded(struct stage_run *run, bool envelopes)
{
    struct batch *batch = &run->batch;
    if (envelopes)
        batch->unreadable_done = batch->unreadable_count;
    else
        attempts_succeeded(&run->attempts);
    brake_count(&run->brake, batch->now_ms, (int64_t)batch->count, ours_among(batch));
    metric_add(run->metrics.records, (int64_t)batch->count);
    finish_messages(run);
    run->wait_until_ms = 0;
    if (run->consumer->paused)
        consumer_resume(run->consumer);
    if (FAILPOINT(".stored"))
        stage_stop(run, STAGE_EXIT_RESTART, "failpoint");
}

/* What the attempt wants to be sent, by its kind; the stage's own part runs in here. */
static enum stage_outcome attempt_make(struct stage_run *run, const struct attempt *attempt, bool envelopes)
{
    struct batch *batch = &run->batch;
    if (envelopes) {
        for (size_t i = batch->unreadable_done; i < batch->unreadable_count; i++)
            batch_dead_letter(batch, batch->unreadable[i].record, DEAD_SENDERS, "envelope",
                              batch->unreadable[i].detail.ptr);
        return STAGE_DONE;
    }
    if (attempt->kind == ATTEMPT_BURY) {
        batch_dead_letter(batch, &batch->records[attempt->first], DEAD_OURS, run->bury_code, run->bury_detail);
        return STAGE_DONE;
    }
    enum stage_outcome outcome = run->stage->batch(batch, run->stage->context);
    if (outcome == STAGE_DONE)
        stage_database_seen(run, NULL);
    if (outcome == STAGE_DONE && FAILPOINT(".decided"))
        return batch_problem(batch, STAGE_WAIT, "failpoint", "decided");
    return outcome;
}

static enum stage_outcome attempt_publish(struct stage_run *run)
{
    const char *problem = NULL;
    enum delivery delivery = stage_publish(run, &problem);
    if (delivery == DELIVERY_ACKED && FAILPOINT(".published"))
        return batch_problem(&run->batch, STAGE_WAIT, "failpoint", "published");
    if (delivery == DELIVERY_ACKED)
        return STAGE_DONE;
    return batch_problem(&run->batch, delivery == DELIVERY_REFUSED ? STAGE_BUG : STAGE_WAIT,
                         delivery == DELIVERY_REFUSED ? "kafka_refuses_our_record" : "not_published", problem);
}

static void attempt(struct stage_run *run)
{
    struct batch *batch = &run->batch;
    struct attempt next = attempts_next(&run->attempts);
    bool envelopes = batch->unreadable_done < batch->unreadable_count;
    int64_t started_ns = clock_ticks_ns();
    batch_begin(batch, next.first, !envelopes && next.kind == ATTEMPT_RUN ? next.count : 0, clock_now_ms());
    enum stage_outcome outcome = attempt_make(run, &next, envelopes);
    if (outcome == STAGE_DONE && brake_holds(run))
        return;
    if (outcome == STAGE_DONE)
        outcome = attempt_publish(run);
    metric_add(run->metrics.batches, 1);
    metric_observe(run->metrics.seconds, (double)(clock_ticks_ns() - started_ns) / 1e9);
    if (outcome == STAGE_DONE)
        attempt_succeeded(run, envelopes);
    else
        attempt_failed(run, &next, outcome);
}

static bool batch_is_finished(const struct stage_run *run)
{
    return run->batch.unreadable_done == run->batch.unreadable_count &&
           attempts_next(&run->attempts).kind == ATTEMPT_FINISHED;
}

/* Now minus the time of the record at which we are: what a screen is behind. */
static void show_lag(struct stage_run *run)
{
    const struct batch *batch = &run->batch;
    size_t at = run->attempts.done < batch->record_count ? run->attempts.done : batch->record_count - 1;
    int64_t behind_ms = batch->record_count ? clock_now_ms() - batch->records[at].timestamp_ms : 0;
    metric_set(run->metrics.lag_seconds, behind_ms > 0 ? (double)behind_ms / 1000 : 0);
}

void stage_work(struct stage_run *run)
{
    struct batch *batch = &run->batch;
    consumer_find_starts(run->consumer);
    if (!batch->message_count) {
        fill(run);
        if (batch->message_count && FAILPOINT(".taken"))
            wait(run, ATTEMPTS_WAIT_FIRST_MS);
    } else if (run->wait_until_ms || run->braked || clock_ticks_ms() - run->polled_ms >= LOOK_EVERY_MS)
        look(run);
    show_lag(run);
    if (!batch->message_count) {
        const char *stalled = run->consumer->stop ? NULL : consumer_stalled(run->consumer, clock_ticks_ms());
        if (stalled)
            stage_stop(run, STAGE_EXIT_RESTART, stalled);
        return;
    }
    int64_t left_ms = run->wait_until_ms ? run->wait_until_ms - clock_ticks_ms() : 0;
    if (run->braked || left_ms > 0 || run->consumer->stop) {
        if (left_ms > 0)
            wake_after(run->wake, left_ms);
        return;
    }
    attempt(run);
    if (batch_is_finished(run))
        batch_clear(batch);
    wake_after(run->wake, run->wait_until_ms ? ATTEMPTS_WAIT_FIRST_MS : 0);
}
