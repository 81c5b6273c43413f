/* spool.c: rows into the spool and out of it. */
#include "ingest/spool.h"

#include <stdio.h>

#include "ingest/spool_headers.h"
#include "ingest/spool_private.h"

#define COLUMNS "sequence, received_ms, topic, partition, key, headers, size, value"

static const char *const SQL[SPOOL_STATEMENTS] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_APPEND] = ("INSERT INTO record (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
    [STATEMENT_DELETE] = "DELETE FROM record WHERE sequence = ?1 RETURNING size",
    [STATEMENT_DELETE_SET_ASIDE] = "DELETE FROM set_aside WHERE sequence = ?1 RETURNING size",
    [STATEMENT_SET_ASIDE] = ("INSERT INTO set_aside (" COLUMNS ", problem) SELECT " COLUMNS
                             ", ?2 FROM record WHERE sequence = ?1 RETURNING size"),
    [STATEMENT_KEY_WAITS] = "SELECT 1 FROM record WHERE key = ?1 LIMIT 1",
    [STATEMENT_READ] = ("SELECT " COLUMNS ", NULL FROM record WHERE sequence > ?1 AND sequence < ?2 ORDER BY sequence"),
    [STATEMENT_READ_SET_ASIDE] =
        ("SELECT " COLUMNS ", problem FROM set_aside WHERE sequence > ?1 AND sequence < ?2 ORDER BY sequence"),
    [STATEMENT_TOTALS] = "SELECT count(*), coalesce(sum(size), 0) FROM record",
    [STATEMENT_TOTALS_SET_ASIDE] = "SELECT count(*), coalesce(sum(size), 0) FROM set_aside",
    [STATEMENT_OLDEST] = "SELECT received_ms FROM record ORDER BY sequence LIMIT 1",
    [STATEMENT_LAST] = ("SELECT max(coalesce((SELECT max(sequence) FROM record), 0),"
                        " coalesce((SELECT max(sequence) FROM set_aside), 0))"),
    [STATEMENT_OTHERS_WROTE] = "PRAGMA data_version",
};

sqlite3_stmt *spool_prepare(struct spool *spool, enum spool_statement which)
{
    sqlite3_stmt **statement = &spool->statements[which];
    if (*statement) {
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
        return *statement;
    }
    int code = sqlite3_prepare_v3(spool->database, SQL[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK)
        spool_fail(spool, code, "preparing a statement");
    return *statement;
}

/* Bindings are let go: what they point to is the caller's. */
static enum spool_outcome finish(struct spool *spool, sqlite3_stmt *statement, int code, const char *doing)
{
    enum spool_outcome outcome =
        code == SQLITE_DONE || code == SQLITE_ROW ? SPOOL_FINE : spool_fail(spool, code, doing);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return outcome;
}

/* Up to three numbers of the first row; 0 without one. */
static enum spool_outcome ask(struct spool *spool, enum spool_statement which, int64_t *numbers, int count)
{
    sqlite3_stmt *statement = spool_prepare(spool, which);
    if (!statement)
        return spool->fault;
    int code = sqlite3_step(statement);
    for (int i = 0; i < count; i++)
        numbers[i] = code == SQLITE_ROW ? sqlite3_column_int64(statement, i) : 0;
    return finish(spool, statement, code, "counting");
}

enum spool_outcome spool_count(struct spool *spool)
{
    int64_t waiting[2] = {0};
    int64_t aside[2] = {0};
    int64_t last = 0;
    enum spool_outcome outcome = ask(spool, STATEMENT_TOTALS, waiting, 2);
    if (outcome == SPOOL_FINE)
        outcome = ask(spool, STATEMENT_TOTALS_SET_ASIDE, aside, 2);
    if (outcome == SPOOL_FINE)
        outcome = ask(spool, STATEMENT_LAST, &last, 1);
    spool->now = spool->sure = (struct spool_stat){.records = waiting[0],
                                                   .bytes = waiting[1],
                                                   .set_aside = aside[0],
                                                   .set_aside_bytes = aside[1],
                                                   .last_sequence = last};
    return outcome;
}

void spool_recount_set_aside(struct spool *spool)
{
    int64_t aside[2] = {0};
    int64_t others_wrote = 0;
    if (spool->writing || ask(spool, STATEMENT_OTHERS_WROTE, &others_wrote, 1) != SPOOL_FINE ||
        others_wrote == spool->others_wrote || ask(spool, STATEMENT_TOTALS_SET_ASIDE, aside, 2) != SPOOL_FINE)
        return;
    spool->others_wrote = others_wrote;
    spool->now.set_aside = spool->sure.set_aside = aside[0];
    spool->now.set_aside_bytes = spool->sure.set_aside_bytes = aside[1];
}

struct spool_stat spool_stat(struct spool *spool)
{
    struct spool_stat stat = spool->now;
    if (stat.records > 0)
        ask(spool, STATEMENT_OLDEST, &stat.oldest_ms, 1);
    return stat;
}

/* the transaction --------------------------------------------------------------------------------------------------- */

static void roll_back(struct spool *spool)
{
    char problem[SPOOL_PROBLEM_MAX];
    memcpy(problem, spool->problem, sizeof problem);
    sqlite3_stmt *statement = spool_prepare(spool, STATEMENT_ROLLBACK);
    if (statement && !sqlite3_get_autocommit(spool->database)) /* SQLite may have done it already */
        finish(spool, statement, sqlite3_step(statement), "undoing");
    memcpy(spool->problem, problem, sizeof problem);
    spool->writing = false;
    spool->now = spool->sure;
}

static enum spool_outcome begin(struct spool *spool)
{
    if (spool->writing)
        return SPOOL_FINE;
    sqlite3_stmt *statement = spool_prepare(spool, STATEMENT_BEGIN);
    enum spool_outcome outcome =
        statement ? finish(spool, statement, sqlite3_step(statement), "beginning") : spool->fault;
    spool->writing = outcome == SPOOL_FINE;
    return outcome;
}

enum spool_outcome spool_commit(struct spool *spool)
{
    if (!spool->writing)
        return SPOOL_FINE;
    sqlite3_stmt *statement = spool_prepare(spool, STATEMENT_COMMIT);
    enum spool_outcome outcome =
        statement ? finish(spool, statement, sqlite3_step(statement), "writing to the disk") : spool->fault;
    if (outcome != SPOOL_FINE) {
        roll_back(spool);
        return outcome;
    }
    spool->writing = false;
    spool->sure = spool->now;
    return SPOOL_FINE;
}

void spool_undo(struct spool *spool, const char *problem)
{
    snprintf(spool->problem, sizeof spool->problem, "%s", problem);
    roll_back(spool);
}

static void bind_bytes(sqlite3_stmt *statement, int at, struct slice bytes)
{
    sqlite3_bind_blob64(statement, at, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

enum spool_outcome spool_append(struct spool *spool, const struct spool_row *row)
{
    const struct record *record = &row->record;
    sqlite3_stmt *statement = NULL;
    if (begin(spool) != SPOOL_FINE || !(statement = spool_prepare(spool, STATEMENT_APPEND)))
        return spool->fault;
    struct buffer headers = {0};
    spool_headers_write(&headers, record->headers, record->header_count);
    int64_t size = (int64_t)(record->key.len + record->value.len + headers.len);
    sqlite3_bind_int64(statement, 1, row->sequence);
    sqlite3_bind_int64(statement, 2, row->received_ms);
    sqlite3_bind_text(statement, 3, record->topic, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, record->partition);
    bind_bytes(statement, 5, record->key);
    bind_bytes(statement, 6, buffer_slice(&headers));
    sqlite3_bind_int64(statement, 7, size);
    bind_bytes(statement, 8, record->value);
    enum spool_outcome outcome = finish(spool, statement, sqlite3_step(statement), "writing a record");
    buffer_free(&headers);
    if (outcome != SPOOL_FINE) {
        roll_back(spool);
        return outcome;
    }
    spool->now.records++;
    spool->now.bytes += size;
    spool->now.last_sequence = row->sequence > spool->now.last_sequence ? row->sequence : spool->now.last_sequence;
    return SPOOL_FINE;
}

/* A statement about one row; *size is -1 if there is none of that sequence. */
static enum spool_outcome touch(struct spool *spool, enum spool_statement which, int64_t sequence, const char *problem,
                                int64_t *size)
{
    sqlite3_stmt *statement = NULL;
    if (begin(spool) != SPOOL_FINE || !(statement = spool_prepare(spool, which)))
        return spool->fault;
    sqlite3_bind_int64(statement, 1, sequence);
    if (problem)
        sqlite3_bind_text(statement, 2, problem, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    *size = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    if (code == SQLITE_ROW)
        code = sqlite3_step(statement); /* RETURNING's rows must be read to the end */
    enum spool_outcome outcome = finish(spool, statement, code, "taking a record out");
    if (outcome != SPOOL_FINE)
        roll_back(spool);
    return outcome;
}

enum spool_outcome spool_delete(struct spool *spool, enum spool_table table, int64_t sequence)
{
    int64_t size = 0;
    bool aside = table == SPOOL_SET_ASIDE;
    enum spool_outcome outcome =
        touch(spool, aside ? STATEMENT_DELETE_SET_ASIDE : STATEMENT_DELETE, sequence, NULL, &size);
    if (outcome != SPOOL_FINE || size < 0)
        return outcome;
    *(aside ? &spool->now.set_aside : &spool->now.records) -= 1;
    *(aside ? &spool->now.set_aside_bytes : &spool->now.bytes) -= size;
    return SPOOL_FINE;
}

enum spool_outcome spool_set_aside(struct spool *spool, int64_t sequence, const char *problem)
{
    int64_t size = 0;
    enum spool_outcome outcome = touch(spool, STATEMENT_SET_ASIDE, sequence, problem, &size);
    if (outcome != SPOOL_FINE || size < 0)
        return outcome;
    spool->now.set_aside++;
    spool->now.set_aside_bytes += size;
    return spool_delete(spool, SPOOL_WAITING, sequence);
}

/* reading ----------------------------------------------------------------------------------------------------------- */

bool spool_key_waits(struct spool *spool, struct slice key)
{
    if (spool->now.records == 0)
        return false;
    sqlite3_stmt *statement = spool_prepare(spool, STATEMENT_KEY_WAITS);
    if (!statement)
        return false;
    bind_bytes(statement, 1, key);
    int code = sqlite3_step(statement);
    finish(spool, statement, code, "looking for a key");
    return code == SQLITE_ROW;
}

static struct slice column_bytes(sqlite3_stmt *statement, int at, struct arena *arena)
{
    const char *bytes = sqlite3_column_blob(statement, at);
    return arena_copy(arena, (struct slice){bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at)});
}

static void read_row(sqlite3_stmt *statement, struct arena *arena, struct spool_row *row)
{
    struct header *headers = NULL;
    size_t header_count = 0;
    bool sound = spool_headers_read(column_bytes(statement, 5, arena), arena, &headers, &header_count);
    *row = (struct spool_row){
        .sequence = sqlite3_column_int64(statement, 0),
        .received_ms = sqlite3_column_int64(statement, 1),
        .record = {.topic = column_bytes(statement, 2, arena).ptr,
                   .partition = sqlite3_column_int(statement, 3),
                   .key = column_bytes(statement, 4, arena),
                   .value = column_bytes(statement, 7, arena),
                   .headers = sound ? headers : NULL,
                   .header_count = sound ? header_count : 0},
        .problem = sqlite3_column_type(statement, 8) == SQLITE_NULL ? NULL : column_bytes(statement, 8, arena).ptr,
    };
}

enum spool_outcome spool_read(struct spool *spool, enum spool_table table, int64_t after, int64_t below,
                              size_t rows_max, size_t bytes_max, struct arena *arena, struct spool_row **rows,
                              size_t *count)
{
    sqlite3_stmt *statement =
        spool_prepare(spool, table == SPOOL_SET_ASIDE ? STATEMENT_READ_SET_ASIDE : STATEMENT_READ);
    *count = 0;
    if (!statement)
        return spool->fault;
    sqlite3_bind_int64(statement, 1, after);
    sqlite3_bind_int64(statement, 2, below);
    *rows = arena_zeroed(arena, rows_max, sizeof **rows);
    int code = SQLITE_DONE;
    for (size_t bytes = 0; *count < rows_max && bytes < bytes_max && (code = sqlite3_step(statement)) == SQLITE_ROW;) {
        read_row(statement, arena, &(*rows)[*count]);
        bytes += (size_t)sqlite3_column_int64(statement, 6);
        ++*count;
    }
    return finish(spool, statement, code, "reading records");
}
