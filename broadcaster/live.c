/* live.c: the states above, one timer, and the questions that are under way. */
#include "broadcaster/live.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "broadcaster/feed.h"
#include "broadcaster/snapshot.h"
#include "common/clock.h"
#include "common/database.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/management.h"
#include "common/metrics.h"
#include "common/wake.h"

enum {
    TURN_MS = 1000,
    RETRY_MAX_MS = 5000,
    EPOCH_EVERY_MS = 30 * 1000,
    STALLED_MS = 60 * 1000, /* facts of 2026-09: a consumer of librdkafka 2.0.2 stood still for 112 s, once in 20 */
    HELD_MAX_BYTES = 64 * 1024 * 1024, /* records that wait for PostgreSQL; beyond, the topic waits too */
    EXIT_OURS = 70,
    EXIT_RESTART = 75,
    EXIT_CONFIGURATION = 78,
};

enum live_state { LIVE_SURVEYING, LIVE_SNAPSHOT, LIVE_CATCHING_UP, LIVE_READY };

static const char VERSION_OF[] = "SELECT version FROM calls WHERE company_id = $1 AND call_id = $2";

struct live {
    struct live_options options;
    struct board *board;
    struct feed *feed;
    struct wake *wake;
    struct arena *arena; /* of one record */
    enum live_state state;
    struct feed_span spans[TOPIC_PARTITIONS];
    char epoch[CURSOR_EPOCH_MAX + 1];
    bool epoch_of_database;
    int64_t retry_ms, try_at_ms, epoch_at_ms; /* the last two by clock_ticks_ms */
    int64_t last_record_ms, started_ms;
    struct question *unanswered;
    struct readiness *kafka_ready, *database_ready, *board_ready;
    struct metric *verdicts[BOARD_VERDICTS], *refused, *lag, *live_calls, *known_calls, *history_bytes;
};

static void stop(struct live *live, int exit_code, const char *reason)
{
    log_event(LOG_ERROR, "stopping", LOG_TEXT("reason", reason), LOG_INT("exit_code", exit_code));
    live->options.stop(exit_code, reason, live->options.context);
}

/* Whatever comes later is held back: a screen must not be shown it before what it missed here. */
static void stop_by_failpoint(struct live *live)
{
    feed_hold(live->feed, true);
    stop(live, EXIT_RESTART, "a failpoint");
}

/* What the board says ---------------------------------------------------------------------------------------------- */

static void board_shows(const struct update *update, void *context)
{
    struct live *live = context;
    log_event(LOG_DEBUG, "shown", LOG_SLICE("call_id", update->call_id), LOG_INT("version", update->version),
              LOG_INT("company_id", update->company_id));
    if (FAILPOINT("broadcaster.shown")) {
        stop_by_failpoint(live);
        return;
    }
    live->options.show(update, false, live->options.context);
}

static void board_catches_up(const struct update *update, void *context)
{
    struct live *live = context;
    live->options.show(update, true, live->options.context);
}

struct question {
    struct question *next; /* of those that PostgreSQL did not answer */
    struct live *live;
    int64_t company_id;
    struct slice call_id;
    char text[];
};

static void version_told(const struct query_answer *answer, void *context)
{
    struct question *question = context;
    struct live *live = question->live;
    if (answer->error.fault != DATABASE_FINE) {
        question->next = live->unanswered; /* asked again with the next turn */
        live->unanswered = question;
        return;
    }
    int64_t version = PQntuples(answer->rows[0]) ? database_int(answer->rows[0], 0, 0) : 0;
    board_answer(live->board, question->company_id, question->call_id, version, clock_now_ms());
    free(question);
    feed_hold(live->feed, board_held_bytes(live->board) > HELD_MAX_BYTES);
    live->options.advanced(live->options.context);
    wake_after(live->wake, 0);
}

static void send_question(struct question *question)
{
    struct query *query = query_new(question->live->options.queries);
    struct database_values *values = query_add(query, VERSION_OF);
    database_add_int(values, question->company_id);
    database_add_text(values, question->call_id);
    query_send(query, version_told, question);
}

static void board_asks(int64_t company_id, struct slice call_id, void *context)
{
    struct question *question = memory_new(1, sizeof *question + call_id.len);
    question->live = context;
    question->company_id = company_id;
    question->call_id = (struct slice){question->text, call_id.len};
    memcpy(question->text, call_id.ptr, call_id.len);
    send_question(question);
}

static void ask_again(struct live *live)
{
    struct question *question = live->unanswered;
    live->unanswered = NULL;
    while (question) {
        struct question *next = question->next;
        send_question(question);
        question = next;
    }
}

static int32_t partition_of_company(int64_t company_id)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)company_id);
    return partition_of_key((struct slice){text, (size_t)len}, TOPIC_PARTITIONS);
}

/* What the feed brings --------------------------------------------------------------------------------------------- */

static void refuse(struct live *live, const struct feed_record *record, const char *problem)
{
    metric_add(live->refused, 1);
    board_reached(live->board, record->partition, record->offset + 1);
    log_event(LOG_ERROR, "update_refused", LOG_TEXT("problem", problem), LOG_INT("partition", record->partition),
              LOG_INT("offset", record->offset));
}

static void record_came(const struct feed_record *record, void *context)
{
    struct live *live = context;
    struct update update;
    arena_reset(live->arena);
    live->last_record_ms = clock_now_ms();
    if (FAILPOINT("broadcaster.taken")) {
        stop_by_failpoint(live);
        return;
    }
    const char *problem = slice_absent(record->value) ? "no value" : update_read(&update, live->arena, record->value);
    if (!problem && partition_of_company(update.company_id) != record->partition)
        problem = "it lies in a partition that is not its company's";
    if (problem) {
        refuse(live, record, problem);
        return;
    }
    update.partition = record->partition;
    update.offset = record->offset;
    update.published_at_ms = record->published_at_ms;
    metric_add(live->verdicts[board_take(live->board, &update, live->last_record_ms)], 1);
    if (board_held_bytes(live->board) > HELD_MAX_BYTES)
        feed_hold(live->feed, true);
}

static void partition_ended(int32_t partition, int64_t next, void *context)
{
    struct live *live = context;
    board_reached(live->board, partition, next);
}

static void become_ready_if_caught_up(struct live *live)
{
    if (live->state != LIVE_CATCHING_UP || !board_caught_up(live->board))
        return;
    struct board_size size = board_size(live->board);
    live->state = LIVE_READY;
    readiness_set(live->board_ready, true, "complete");
    log_event(LOG_INFO, "ready", LOG_INT("live_calls", size.live), LOG_INT("known_calls", size.known),
              LOG_INT("history_updates", size.history_updates), LOG_INT("ms", clock_now_ms() - live->started_ms));
    live->options.ready(live->options.context);
}

static void feed_turned(void *context)
{
    struct live *live = context;
    become_ready_if_caught_up(live);
    live->options.advanced(live->options.context);
}

static void feed_lost(const char *reason, void *context)
{
    stop(context, EXIT_RESTART, reason);
}

/* Building up ------------------------------------------------------------------------------------------------------ */

static void try_later(struct live *live, const char *event, const char *problem)
{
    live->state = LIVE_SURVEYING;
    live->retry_ms = live->retry_ms ? live->retry_ms * 2 : TURN_MS;
    if (live->retry_ms > RETRY_MAX_MS)
        live->retry_ms = RETRY_MAX_MS;
    live->try_at_ms = clock_ticks_ms() + live->retry_ms;
    log_event(LOG_WARN, event, LOG_TEXT("problem", problem), LOG_INT("again_in_ms", live->retry_ms));
}

static void snapshot_failed(struct live *live, const struct database_error *error)
{
    if (error->fault == DATABASE_REFUSED)
        stop(live, EXIT_CONFIGURATION, "PostgreSQL refuses DATABASE_URL");
    else if (error->fault == DATABASE_OURS)
        stop(live, EXIT_OURS, "the database's schema does not fit: run `hookline migrate`");
    else
        try_later(live, "no_snapshot", error->message);
}

/* Without an epoch from PostgreSQL cursors hold only as long as this process. */
static void set_epoch(struct live *live, struct slice epoch)
{
    uint8_t random[8] = {0};
    live->epoch_of_database = !slice_absent(epoch);
    if (live->epoch_of_database) {
        snprintf(live->epoch, sizeof live->epoch, "%.*s", SLICE_PRINT(epoch));
    } else {
        RAND_bytes(random, sizeof random);
        for (size_t i = 0; i < sizeof random; i++)
            snprintf(live->epoch + 2 * i, 3, "%02x", random[i]);
        log_event(
            LOG_WARN, "no_epoch", LOG_TEXT("topic", TOPIC_CALLS_UPDATES),
            LOG_TEXT("remedy", "run `hookline topics create`; until then screens cannot resume across a restart"));
    }
    board_set_epoch(live->board, slice_of(live->epoch));
}

static void snapshot_taken(const struct snapshot_result *result, void *context)
{
    struct live *live = context;
    if (result->error.fault != DATABASE_FINE) {
        snapshot_failed(live, &result->error);
        return;
    }
    set_epoch(live, result->epoch);
    log_event(LOG_INFO, "snapshot", LOG_INT("live_calls", result->live), LOG_INT("recent_calls", result->recent));
    for (int32_t i = 0; i < TOPIC_PARTITIONS; i++)
        board_start(live->board, i, live->spans[i].first, live->spans[i].watermark);
    const char *problem = feed_start(live->feed, live->spans);
    if (!problem && FAILPOINT("broadcaster.started"))
        problem = "a failpoint";
    if (problem) {
        stop(live, EXIT_RESTART, problem);
        return;
    }
    live->state = LIVE_CATCHING_UP;
    readiness_set(live->board_ready, false, "reading calls.updates up to where it was when we began");
    become_ready_if_caught_up(live);
}

static void survey(struct live *live)
{
    const char *problem = feed_survey(live->feed, clock_now_ms(), (int64_t)live->options.history_updates, live->spans);
    if (!problem && FAILPOINT("broadcaster.surveyed"))
        problem = "a failpoint";
    if (problem) {
        readiness_set(live->kafka_ready, false, problem);
        try_later(live, "no_survey", problem);
        return;
    }
    live->state = LIVE_SNAPSHOT;
    readiness_set(live->board_ready, false, "waiting for the snapshot from PostgreSQL");
    snapshot_take(live->options.queries, live->board, TOPIC_CALLS_UPDATES, snapshot_taken, live);
}

/* Time ------------------------------------------------------------------------------------------------------------- */

static void epoch_told(const struct snapshot_result *result, void *context)
{
    struct live *live = context;
    if (result->error.fault == DATABASE_FINE && live->epoch_of_database && !slice_absent(result->epoch) &&
        !slice_equals(result->epoch, live->epoch))
        stop(live, EXIT_RESTART, "calls.updates was made anew");
}

static void write_metrics(struct live *live)
{
    struct board_size size = board_size(live->board);
    metric_set(live->lag, (double)feed_lag(live->feed));
    metric_set(live->live_calls, (double)size.live);
    metric_set(live->known_calls, (double)size.known);
    metric_set(live->history_bytes, (double)size.history_bytes);
}

static void look_after(struct live *live, int64_t now_ms)
{
    readiness_set(live->kafka_ready, feed_connected(live->feed),
                  feed_connected(live->feed) ? "connected" : "no broker is connected");
    if (feed_stalled_ms(live->feed, now_ms) > STALLED_MS)
        stop(live, EXIT_RESTART, "a partition has records and none comes");
    if (now_ms >= live->epoch_at_ms) {
        live->epoch_at_ms = now_ms + EPOCH_EVERY_MS;
        snapshot_ask_epoch(live->options.queries, TOPIC_CALLS_UPDATES, epoch_told, live);
    }
}

static void turn(void *context)
{
    struct live *live = context;
    int64_t now_ms = clock_ticks_ms();
    liveness_tick();
    bool database = queries_connected(live->options.queries);
    readiness_set(live->database_ready, database, database ? "connected" : "no connection to PostgreSQL");
    if (live->state == LIVE_SURVEYING && now_ms >= live->try_at_ms)
        survey(live);
    else if (live->state == LIVE_READY || live->state == LIVE_CATCHING_UP)
        look_after(live, now_ms);
    become_ready_if_caught_up(live);
    ask_again(live);
    board_forget(live->board, clock_now_ms());
    write_metrics(live);
}

static void make_metrics(struct live *live)
{
    for (int i = 0; i < BOARD_VERDICTS; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "verdict=\"%s\"", board_verdict_name((enum board_verdict)i));
        live->verdicts[i] = metrics_counter("hookline_broadcaster_updates_total", labels,
                                            "Records of calls.updates, by what became of them.");
    }
    live->refused = metrics_counter("hookline_broadcaster_updates_refused_total", "",
                                    "Records of calls.updates that nobody may be shown.");
    live->lag =
        metrics_gauge("hookline_broadcaster_lag_records", "", "Records of calls.updates that were not read yet.");
    live->live_calls = metrics_gauge("hookline_broadcaster_live_calls", "", "Calls that are live, of all companies.");
    live->known_calls = metrics_gauge("hookline_broadcaster_known_calls", "", "Calls whose version is in memory.");
    live->history_bytes = metrics_gauge("hookline_broadcaster_history_bytes", "", "Memory that the histories take.");
}

const char *live_open(struct live **result, const struct live_options *options)
{
    struct live *live = memory_new(1, sizeof *live);
    live->options = *options;
    live->arena = arena_new();
    live->started_ms = clock_now_ms();
    struct feed_events events = {record_came, partition_ended, feed_turned, feed_lost, live};
    const char *problem = feed_open(&live->feed, options->settings, options->base, &events);
    if (problem) {
        arena_free(live->arena);
        free(live);
        return problem;
    }
    struct board_options board = {.history_updates = options->history_updates,
                                  .history_bytes = options->history_bytes,
                                  .partition_of = partition_of_company,
                                  .show = board_shows,
                                  .catch_up = board_catches_up,
                                  .ask = board_asks,
                                  .context = live};
    RAND_bytes((unsigned char *)&board.seed, sizeof board.seed);
    live->board = board_new(&board);
    live->kafka_ready = readiness_new("kafka");
    live->database_ready = readiness_new("database");
    live->board_ready = readiness_new("board");
    make_metrics(live);
    live->wake = wake_open(options->base, TURN_MS, turn, live);
    wake_after(live->wake, 0);
    *result = live;
    return NULL;
}

void live_close(struct live *live)
{
    if (!live)
        return;
    wake_close(live->wake);
    feed_close(live->feed);
    board_free(live->board);
    while (live->unanswered) {
        struct question *next = live->unanswered->next;
        free(live->unanswered);
        live->unanswered = next;
    }
    arena_free(live->arena);
    free(live);
}

struct board *live_board(struct live *live)
{
    return live->board;
}

struct live_health live_health(const struct live *live)
{
    return (struct live_health){.ready = live->state == LIVE_READY,
                                .kafka = feed_connected(live->feed),
                                .database = queries_connected(live->options.queries),
                                .last_record_ms = live->last_record_ms,
                                .lag = feed_lag(live->feed),
                                .started_ms = live->started_ms};
}
