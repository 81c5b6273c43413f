/* stage.c: a consuming program from its first line to its exit code: what is opened, the loop, what is closed.
 *
 * One thread of ours does all the work, in one libevent loop; librdkafka's own threads wake it. Signals go to it alone. */
#include "common/stage.h"

#include <event2/event.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/drain.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/sentence.h"
#include "common/stage_lock.h"
#include "common/stage_run.h"

enum { TURN_AT_LEAST_EVERY_MS = 100, ACK_TIMEOUT_MS = 30000 };

/* Of what is allocated only Kafka's answers to a fetch are larger: up to 1 MiB a partition. */
enum { MAPPED_FROM_BYTES = 9 << 20, TRIMMED_FROM_BYTES = 16 << 20 };

/* what `open`, `turn` and callbacks may ask ------------------------------------------------------------------------- */

const struct settings *stage_settings(const struct stage_run *run)
{
    return run->settings;
}

struct event_base *stage_loop(const struct stage_run *run)
{
    return run->base;
}

struct producer *stage_producer(const struct stage_run *run)
{
    return run->producer;
}

const char *stage_instance(const struct stage_run *run)
{
    return run->instance;
}

void stage_stop(struct stage_run *run, int exit_code, const char *reason)
{
    if (run->stopping)
        return;
    run->stopping = true;
    run->exit_code = exit_code;
    log_event(exit_code ? LOG_ERROR : LOG_INFO, "stopping", LOG_INT("exit_code", exit_code),
              LOG_TEXT("reason", reason));
    if (run->wake)
        wake_after(run->wake, 0);
}

void stage_turn_again(struct stage_run *run)
{
    wake_after(run->wake, 0);
}

void stage_database_seen(struct stage_run *run, const struct database_error *error)
{
    if (!run->postgresql)
        return;
    bool away = error && error->fault != DATABASE_DATA && error->fault != DATABASE_RACE;
    readiness_set(run->postgresql, !away, away ? "the last statement failed; the log says why" : "answers");
}

/* showing ----------------------------------------------------------------------------------------------------------- */

void stage_count(const struct stage_run *run, const char *what, const char *label, const char *value, const char *help)
{
    char name[128];
    char labels[160];
    snprintf(name, sizeof name, "hookline_%s_%s", run->stage->name, what);
    snprintf(labels, sizeof labels, "%s=\"%s\"", label, value);
    metric_add(metrics_counter(name, labels, help), 1);
}

void stage_show(struct stage_run *run)
{
    bool broker = producer_ready(run->producer);
    bool joined = run->consumer->joined;
    readiness_set(run->kafka, broker && joined,
                  !broker  ? "no broker answers, or a topic is missing (hookline topics create)"
                  : joined ? "partitions are assigned"
                           : "joining the group");
    readiness_set(run->braked_check, !run->braked,
                  run->braked ? "too many records failed for our own faults: mend, then restart" : "is not pulled");
    metric_set(run->metrics.paused, run->consumer->paused);
    metric_set(run->metrics.brake, run->braked);
}

static void metrics_make(struct stage_run *run)
{
    const char *stage = run->stage->name;
    char name[128];
    snprintf(name, sizeof name, "hookline_%s_records_total", stage);
    run->metrics.records = metrics_counter(name, NULL, "Records whose every effect is durable.");
    snprintf(name, sizeof name, "hookline_%s_batches_total", stage);
    run->metrics.batches = metrics_counter(name, NULL, "Attempts at a batch or a part of one.");
    snprintf(name, sizeof name, "hookline_%s_batch_seconds", stage);
    run->metrics.seconds = metrics_histogram(name, NULL, "An attempt, its acks included.");
    snprintf(name, sizeof name, "hookline_%s_time_lag_seconds", stage);
    run->metrics.lag_seconds = metrics_gauge(name, NULL, "Age of the record being worked on; 0 when there is none.");
    snprintf(name, sizeof name, "hookline_%s_paused", stage);
    run->metrics.paused = metrics_gauge(name, NULL, "1 while consumption waits for a broker or a database.");
    snprintf(name, sizeof name, "hookline_%s_brake", stage);
    run->metrics.brake = metrics_gauge(name, NULL, "1 when too many records failed for our own faults.");
}

static bool has_setting(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->setting_count; i++)
        if (strcmp(stage->settings[i].name, name) == 0)
            return true;
    return false;
}

static void readiness_make(struct stage_run *run)
{
    run->kafka = readiness_new("kafka");
    run->braked_check = readiness_new("brake");
    if (has_setting(run->stage, "DATABASE_URL"))
        run->postgresql = readiness_new("postgresql");
}

/* the loop ---------------------------------------------------------------------------------------------------------- */

static void turn(void *context)
{
    struct stage_run *run = context;
    liveness_tick();
    if (drain_requested())
        stage_stop(run, 0, "asked to stop");
    if (!run->stopping)
        stage_work(run);
    if (!run->stopping && run->stage->turn)
        run->stage->turn(run->stage->context);
    consumer_commit(run->consumer);
    const char *fatal = producer_fatal(run->producer);
    if (run->consumer->stop || fatal) {
        run->gave_up = run->consumer->stop != NULL;
        stage_stop(run, STAGE_EXIT_RESTART, run->consumer->stop ? run->consumer->stop : fatal);
    }
    stage_show(run);
    if (run->stopping)
        event_base_loopbreak(run->base);
}

static void revoked(void *context)
{
    stage_forget(context);
}

/* opening ----------------------------------------------------------------------------------------------------------- */

static const char *identify(struct stage_run *run)
{
    const char *instance = settings_text(run->settings, "INSTANCE");
    if (*instance)
        snprintf(run->instance, sizeof run->instance, "%s", instance);
    else if (gethostname(run->instance, sizeof run->instance - 1) != 0)
        return "this host has no name: set HOOKLINE_INSTANCE";
    return stage_lock_take(settings_text(run->settings, "LOCK_DIRECTORY"), run->stage->name, run->instance);
}

static const char *open_kafka(struct stage_run *run)
{
    char client_id[160];
    snprintf(client_id, sizeof client_id, "hookline-%s-%s", run->stage->name, run->instance);
    const char *problem = producer_open(&run->producer, run->settings, client_id, run->stage->writes, ACK_TIMEOUT_MS);
    if (problem)
        return problem;
    producer_warm_up(run->producer, PRODUCER_WARM_UP_MS);
    producer_attach(run->producer, run->base);
    return NULL;
}

static const char *open_consumer(struct stage_run *run)
{
    run->wake = wake_open(run->base, TURN_AT_LEAST_EVERY_MS, turn, run);
    return consumer_open(&run->consumer, &(struct consumer_options){
                                             .settings = run->settings,
                                             .stage = run->stage->name,
                                             .instance = run->instance,
                                             .reads = run->stage->reads,
                                             .wake_fd = wake_fd(run->wake),
                                             .revoked = revoked,
                                             .context = run,
                                         });
}

static const char *open_all(struct stage_run *run)
{
    const char *problem = kafka_library_problem();
    if (!problem)
        problem = identify(run);
    if (problem)
        return problem;
    drain_block();
    readiness_make(run);
    metrics_make(run);
    run->base = event_base_new();
    problem = management_open(&run->management, settings_text(run->settings, "MANAGEMENT_LISTEN"));
    if (!problem)
        problem = open_kafka(run);
    if (!problem)
        problem = run->stage->open ? run->stage->open(run, run->stage->context) : NULL;
    if (problem)
        return problem;
    stage_database_seen(run, NULL);
    return open_consumer(run);
}

/* An answer to a fetch goes back to the kernel when its last record is done. By itself malloc would take the second one from
 * the heap, where others' blocks soon lie between them: 57 MB became 68 in every other run. */
static void bound_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM_BYTES);
}

/* closing ----------------------------------------------------------------------------------------------------------- */

/* Also after a start that came half way. */
static void close_all(struct stage_run *run)
{
    consumer_close(run->consumer);
    producer_close(run->producer);
    wake_close(run->wake);
    if (run->base)
        event_base_free(run->base);
    management_close(run->management);
    batch_free(&run->batch);
    settings_free(run->settings);
}

static void finish(struct stage_run *run)
{
    drain_within(DRAIN_DEADLINE_S);
    if (!run->gave_up && consumer_commit_and_wait(run->consumer))
        drain_set_exit_code(run->exit_code); /* nothing that matters is left to do */
    if (run->stage->close)
        run->stage->close(run->stage->context);
    batch_clear(&run->batch);
    log_event(LOG_INFO, "stopped", LOG_INT("exit_code", run->exit_code));
    if (run->gave_up)
        _exit(run->exit_code); /* librdkafka has given up; its orderly end has been seen to hang */
}

int stage_main(int argc, char **argv, const struct stage *stage)
{
    struct stage_run run = {.stage = stage};
    char program[64];
    int exit_code = 0;
    snprintf(program, sizeof program, "hookline-%s", stage->name);
    if (settings_load_examined(program, stage->about, stage->settings, stage->setting_count, stage->examine, argc, argv,
                               &run.settings, &exit_code) == SETTINGS_EXIT)
        return exit_code;
    bound_memory();
    log_open(stage->name, settings_text(run.settings, "LOG_FORMAT"), settings_text(run.settings, "LOG_LEVEL"));
    batch_init(&run.batch, &run);
    const char *problem = open_all(&run);
    if (problem) {
        log_event(LOG_ERROR, "cannot_start", LOG_TEXT("reason", problem));
        drain_within(DRAIN_DEADLINE_S);
        close_all(&run);
        return STAGE_EXIT_CONFIGURATION;
    }
    drain_listen(wake_fd(run.wake));
    log_event(LOG_INFO, "started", LOG_TEXT("instance", run.instance), LOG_TEXT("version", HOOKLINE_VERSION));
    event_base_dispatch(run.base);
    finish(&run);
    close_all(&run);
    return run.exit_code;
}
