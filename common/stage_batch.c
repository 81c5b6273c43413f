/* stage_batch.c: messages become records, and what a stage says about them is kept until the harness acts on it. */
#include "common/stage_batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/dead_letter_cut.h"

/* Room for one more of `size` bytes behind `count`. */
static void *grown(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity ? 2 * *capacity : 64;
    return memory_resize(list, *capacity * size);
}

void batch_init(struct batch *batch, struct stage_run *run)
{
    *batch = (struct batch){.run = run, .kept = arena_new(), .arena = arena_new()};
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->message_count; i++)
        rd_kafka_message_destroy(batch->messages[i].message);
    batch->message_count = batch->finished = batch->record_count = batch->bytes = 0;
    batch->unreadable_count = batch->unreadable_done = 0;
    batch->published_count = batch->letter_count = batch->first = batch->count = 0;
    batch->attempts = batch->first_failed_ms = 0;
    arena_reset(batch->kept);
    arena_reset(batch->arena);
}

void batch_free(struct batch *batch)
{
    batch_clear(batch);
    arena_free(batch->kept);
    arena_free(batch->arena);
    free(batch->messages);
    free(batch->records);
    free(batch->unreadable);
    free(batch->published);
    free(batch->letters);
}

/* taking ------------------------------------------------------------------------------------------------------------ */

static struct header *headers_read(struct arena *arena, const rd_kafka_message_t *message, size_t *count)
{
    rd_kafka_headers_t *raw = NULL;
    *count = 0;
    if (rd_kafka_message_headers(message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    size_t total = rd_kafka_header_cnt(raw);
    struct header *headers = arena_zeroed(arena, total, sizeof *headers);
    for (; *count < total; (*count)++) {
        const void *value = NULL;
        struct header *header = &headers[*count];
        rd_kafka_header_get_all(raw, *count, &header->name, &value, &header->value.len);
        header->value.ptr = value;
    }
    return headers;
}

static struct batch_record record_read(struct arena *arena, const rd_kafka_message_t *message, const char *topic,
                                       const char **problem)
{
    struct batch_record record = {
        .key = {message->key, message->key_len},
        .topic = topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
    };
    struct slice body = {message->payload, message->len};
    record.headers = headers_read(arena, message, &record.header_count);
    *problem = event_read(&record.event, record.headers, record.header_count, body);
    record.event.body = body;
    return record;
}

static void unreadable_add(struct batch *batch, const struct batch_record *record, const char *problem)
{
    batch->unreadable =
        grown(batch->unreadable, batch->unreadable_count, &batch->unreadable_capacity, sizeof *batch->unreadable);
    struct batch_record *copy = arena_alloc(batch->kept, sizeof *copy);
    *copy = *record;
    batch->unreadable[batch->unreadable_count++] =
        (struct batch_letter){copy, DEAD_SENDERS, SLICE("envelope"), slice_of(problem)};
}

void batch_add(struct batch *batch, rd_kafka_message_t *message, const char *topic)
{
    const char *problem = NULL;
    struct batch_record record = record_read(batch->kept, message, topic, &problem);
    batch->messages = grown(batch->messages, batch->message_count, &batch->message_capacity, sizeof *batch->messages);
    batch->messages[batch->message_count++] = (struct batch_message){message, batch->record_count, !problem};
    batch->bytes += message->len + message->key_len;
    if (problem) {
        unreadable_add(batch, &record, problem);
        return;
    }
    batch->records = grown(batch->records, batch->record_count, &batch->record_capacity, sizeof *batch->records);
    batch->records[batch->record_count++] = record;
}

/* an attempt -------------------------------------------------------------------------------------------------------- */

void batch_begin(struct batch *batch, size_t first, size_t count, int64_t now_ms)
{
    arena_reset(batch->arena);
    batch->first = first;
    batch->count = count;
    batch->now_ms = now_ms;
    batch->attempts++;
    batch->published_count = batch->letter_count = 0;
    batch->code[0] = batch->detail[0] = '\0';
    for (size_t i = first; i < first + count; i++) {
        batch->records[i].own = NULL;
        batch->records[i].dead = false;
    }
}

struct batch_record *batch_records(struct batch *batch, size_t *count)
{
    *count = batch->count;
    return batch->records + batch->first;
}

struct arena *batch_arena(struct batch *batch)
{
    return batch->arena;
}

int64_t batch_now_ms(const struct batch *batch)
{
    return batch->now_ms;
}

void batch_publish(struct batch *batch, const struct record *record)
{
    batch->published =
        grown(batch->published, batch->published_count, &batch->published_capacity, sizeof *batch->published);
    batch->published[batch->published_count++] = *record;
}

void batch_dead_letter(struct batch *batch, struct batch_record *record, enum dead_letter_fault fault, const char *code,
                       const char *detail)
{
    batch->letters = grown(batch->letters, batch->letter_count, &batch->letter_capacity, sizeof *batch->letters);
    record->dead = true;
    batch->letters[batch->letter_count++] =
        (struct batch_letter){record, fault, arena_copy(batch->arena, slice_of(code)),
                              arena_copy(batch->arena, slice_of(detail ? detail : ""))};
}

struct record batch_letter_record(struct batch *batch, const struct batch_letter *letter, const char *topic_full,
                                  const char *stage)
{
    const struct batch_record *dead = letter->record;
    const struct dead_letter facts = {
        .topic = slice_of(topic_full),
        .partition = dead->partition,
        .offset = dead->offset,
        .timestamp_ms = dead->timestamp_ms,
        .stage = stage,
        .code = letter->code,
        .detail = letter->detail,
        .attempts = batch->attempts,
        .first_failed_ms = batch->first_failed_ms ? batch->first_failed_ms : batch->now_ms,
    };
    struct record record = {
        .topic = arena_format(batch->arena, "%s.dlq", dead->topic).ptr,
        .partition = dead->partition,
        .key = dead->key,
        .value = dead->event.body,
    };
    record.headers = dead_letter_headers(batch->arena, dead->headers, dead->header_count, &facts, &record.header_count);
    dead_letter_cut(batch->arena, &record);
    return record;
}

/* why not ----------------------------------------------------------------------------------------------------------- */

enum stage_outcome batch_problem(struct batch *batch, enum stage_outcome outcome, const char *code, const char *detail)
{
    snprintf(batch->code, sizeof batch->code, "%s", code);
    snprintf(batch->detail, sizeof batch->detail, "%s", detail ? detail : "");
    return outcome;
}

enum stage_outcome batch_database_problem(struct batch *batch, const struct database_error *error)
{
    static const enum stage_outcome OUTCOMES[] = {
        [DATABASE_FINE] = STAGE_BUG,   [DATABASE_AWAY] = STAGE_WAIT,   [DATABASE_SLOW] = STAGE_SLOW,
        [DATABASE_RACE] = STAGE_AGAIN, [DATABASE_DATA] = STAGE_BISECT, [DATABASE_REFUSED] = STAGE_REFUSED,
        [DATABASE_OURS] = STAGE_BUG,
    };
    char code[BATCH_WORD_BYTES];
    snprintf(code, sizeof code, "%s%s", error->sqlstate[0] ? "sql_" : "database_away", error->sqlstate);
    stage_database_seen(batch->run, error);
    return batch_problem(batch, OUTCOMES[error->fault], code, error->message);
}
