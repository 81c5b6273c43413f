/* live.h: keeps the board true: builds it at start, follows calls.updates, asks PostgreSQL what only it knows.
 *
 *      SURVEYING ──> SNAPSHOT ──> CATCHING_UP ──> READY
 *       Kafka: how    PostgreSQL    records up to
 *       far is it?                  the watermarks
 *
 * Whoever is away is waited for, however long; /readyz says for whom. Nothing is kept on disk: a restart builds it all
 * anew. Stops the process (exit 75, to be started again) when what it stands on has gone: calls.updates made anew,
 * offsets that no longer exist, a feed that stands still although there is something to read.
 */
#ifndef HOOKLINE_BROADCASTER_LIVE_H
#define HOOKLINE_BROADCASTER_LIVE_H

#include "broadcaster/board.h"
#include "broadcaster/query.h"
#include "common/settings.h"

struct event_base;
struct live;

struct live_options {
    const struct settings *settings;
    struct event_base *base;
    struct queries *queries;
    size_t history_updates, history_bytes;
    void (*ready)(void *context); /* once */
    void (*show)(const struct update *update, bool only_resumed, void *context);
    void (*advanced)(void *context); /* some records were read */
    void (*stop)(int exit_code, const char *reason, void *context);
    void *context;
};

/* NULL when it has begun, else a sentence. */
const char *live_open(struct live **result, const struct live_options *options);
void live_close(struct live *live);

struct board *live_board(struct live *live);

struct live_health {
    bool ready, kafka, database;
    int64_t last_record_ms; /* when the last record was read, ms since the epoch; 0: none yet */
    int64_t lag;            /* records that were not read yet */
    int64_t started_ms;
};
struct live_health live_health(const struct live *live);

#endif
