/* stage.h: the harness of a program that consumes one kind of topic.
 *
 *      take a batch ──> decide, one transaction ──> publish, await the acks ──> move the offsets
 *       (harness)          (the stage's own)              (harness)                (harness)
 *
 * The harness owns polling, rebalances, start offsets, batching (what is there now, at most 500 records or 4 MiB; it never
 * waits for more), back-pressure, waiting for a broker or database that is away, dead letters and their brake, drain on
 * SIGTERM, metrics and the management port. A stage is its settings, `open`, `batch` and `close`.
 *
 * Offsets move only when everything that the batch caused is durable. A crash anywhere repeats the batch.
 * Exits: 0 drained; 70 our bug or schema; 75 restart me (fatal in librdkafka, fenced); 78 configuration.
 */
#ifndef HOOKLINE_COMMON_STAGE_H
#define HOOKLINE_COMMON_STAGE_H

#include "common/database.h"
#include "common/event.h"
#include "common/producer.h"
#include "common/settings.h"
#include "common/stage_outcome.h"

struct event_base;
struct stage_run; /* a running stage */
struct batch;

struct batch_record {
    struct event event; /* read from the headers; body = value */
    struct slice key;
    const struct header *headers; /* as they came */
    size_t header_count;
    const char *topic; /* without prefix */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* Kafka's */
    void *own;            /* the stage's */
    bool dead;            /* set by batch_dead_letter */
};

/* Records in the order of (partition, offset) per partition. Records whose envelope cannot be read never get here: they
 * are dead letters with the code "envelope". */
struct batch_record *batch_records(struct batch *batch, size_t *count);
/* Lives until the batch is over (its publishing included). */
struct arena *batch_arena(struct batch *batch);
/* When the batch was taken: the only clock that a stage may use. ms since the epoch. */
int64_t batch_now_ms(const struct batch *batch);

/* To be sent after STAGE_DONE, in this order. The record and all it points to are borrowed until the batch is over. */
void batch_publish(struct batch *batch, const struct record *record);

/* Sets the record aside in <topic>.dlq, after STAGE_DONE. `code` is a stable word; `detail` at most 200 bytes and nothing of
 * the payload. Only DEAD_OURS counts towards the brake (more than 1 % or 100 a minute). */
void batch_dead_letter(struct batch *batch, struct batch_record *record, enum dead_letter_fault fault, const char *code,
                       const char *detail);

/* Why the outcome is not DONE; copied. Also sorts a database error into the outcome that goes with it. */
enum stage_outcome batch_problem(struct batch *batch, enum stage_outcome outcome, const char *code, const char *detail);
enum stage_outcome batch_database_problem(struct batch *batch, const struct database_error *error);

struct stage {
    const char *name;         /* "resolver": the group is hookline-resolver, the program hookline-resolver */
    const char *about;        /* one sentence for --help */
    const char *const *reads; /* topics without prefix, NULL ends */
    /* Topics without prefix, NULL ends: ready only when they are there. Dead letters go without saying. */
    const char *const *writes;
    const struct setting *settings;
    size_t setting_count;
    settings_examiner *examine; /* perhaps NULL */
    /* Before the first batch; NULL when fine, else a sentence (exit 78). */
    const char *(*open)(struct stage_run *run, void *context);
    enum stage_outcome (*batch)(struct batch *batch, void *context);
    /* Perhaps NULL. The harness is idle or between batches: for work of its own that must not run inside a batch. */
    void (*turn)(void *context);
    void (*close)(void *context);
    void *context;
};

/* The rows that every consuming stage has; take Kafka, database and management rows from settings.h beside it. */
#define SETTINGS_OF_EVERY_STAGE                                                                                        \
    {.name = "INSTANCE",                                                                                               \
     .type = SETTING_TEXT,                                                                                             \
     .text = "",                                                                                                       \
     .help = "Name of this process among its like, stable across restarts; empty: the host's name."},                  \
        {.name = "LOCK_DIRECTORY",                                                                                     \
         .type = SETTING_TEXT,                                                                                         \
         .text = "/run/lock",                                                                                          \
         .help =                                                                                                       \
             "Where the lock file of this stage and instance lies; it keeps a second process of the same name away."}, \
        {.name = "SESSION_TIMEOUT_MS",                                                                                 \
         .type = SETTING_MS,                                                                                           \
         .count = 30000,                                                                                               \
         .min = 6000,                                                                                                  \
         .max = 300000,                                                                                                \
         .help = "After this long without a heartbeat Kafka gives the partitions to others."},                         \
        {.name = "STALL_AFTER_MS",                                                                                     \
         .type = SETTING_MS,                                                                                           \
         .count = 60000,                                                                                               \
         .min = 3000,                                                                                                  \
         .max = 3600000,                                                                                               \
         .help = "When a partition has had records and given none for this long, the process ends with 75."},          \
    {                                                                                                                  \
        .name = "BATCH_RECORDS", .type = SETTING_COUNT, .count = 500, .min = 1, .max = 10000,                          \
        .help = "The most records taken in one turn."                                                                  \
    }

/* A whole program: settings, signals, lock, loop, drain. Returns the exit code. */
int stage_main(int argc, char **argv, const struct stage *stage);

/* For `open`, `turn` and event callbacks. */
const struct settings *stage_settings(const struct stage_run *run);
struct event_base *stage_loop(const struct stage_run *run); /* the loop in which the harness waits: add events to it */
struct producer *stage_producer(const struct stage_run *run);
const char *stage_instance(const struct stage_run *run);
/* What the database last said, for /readyz: NULL when all was well. Batches are counted by themselves (a DONE is well,
 * batch_database_problem is not); this is for queries made in `turn` and in callbacks. */
void stage_database_seen(struct stage_run *run, const struct database_error *error);
/* The next turn comes as soon as the loop's other events had theirs: for a `turn` that has left some of its work. */
void stage_turn_again(struct stage_run *run);
/* Ends the process in an orderly way with this exit code after the current turn. */
void stage_stop(struct stage_run *run, int exit_code, const char *reason);

#endif
