/* stage_batch.h: what the harness took and has not finished yet, and the part of it that a stage sees.
 *
 *      messages  librdkafka's, in the order taken ──> records  those with a readable envelope
 *                                                 └─> unreadable: dead letters, before anything else
 *
 * For the harness's own files only; a stage sees stage.h.
 */
#ifndef HOOKLINE_COMMON_STAGE_BATCH_H
#define HOOKLINE_COMMON_STAGE_BATCH_H

#include <librdkafka/rdkafka.h>

#include "common/stage.h"

enum { BATCH_BYTES_MAX = 4 * 1024 * 1024, BATCH_WORD_BYTES = 64, BATCH_DETAIL_BYTES = 512 };

struct batch_letter {
    struct batch_record *record;
    enum dead_letter_fault fault;
    struct slice code, detail;
};

struct batch_message {
    rd_kafka_message_t *message;
    size_t records_before; /* it may be finished when so many records are done, … */
    bool readable;         /* … one more if it is a record itself */
};

struct batch {
    struct stage_run *run;
    struct arena *kept; /* as long as the messages: their headers */
    struct batch_message *messages;
    size_t message_count, message_capacity, finished; /* messages whose offsets may move */
    struct batch_record *records;
    size_t record_count, record_capacity;
    struct batch_letter *unreadable;
    size_t unreadable_count, unreadable_capacity, unreadable_done; /* done: their dead letters are acked */
    size_t bytes;
    int64_t attempts, first_failed_ms; /* 0: nothing has failed yet */

    struct arena *arena; /* as long as one attempt; all below is of the attempt */
    size_t first, count;
    int64_t now_ms;
    struct record *published;
    size_t published_count, published_capacity;
    struct batch_letter *letters;
    size_t letter_count, letter_capacity;
    char code[BATCH_WORD_BYTES], detail[BATCH_DETAIL_BYTES]; /* why it is not DONE */
};

void batch_init(struct batch *batch, struct stage_run *run);
void batch_free(struct batch *batch);
/* Forgets everything taken. */
void batch_clear(struct batch *batch);

/* Takes the message over. `topic` is without prefix, borrowed for as long as the batch. */
void batch_add(struct batch *batch, rd_kafka_message_t *message, const char *topic);

/* A new attempt at these records: nothing published, nobody dead. */
void batch_begin(struct batch *batch, size_t first, size_t count, int64_t now_ms);

/* The record that sets this one aside: published with the rest of the attempt. `topic_full` is where it came from. */
struct record batch_letter_record(struct batch *batch, const struct batch_letter *letter, const char *topic_full,
                                  const char *stage);

#endif
