/* spool_file.c: the spool's file: made, opened, looked at, made smaller.
 *
 * Pages of 8 KiB: three webhooks of the usual 2 KiB share one, where pages of 4 KiB would hold one each and waste the rest.
 * The index has the sizes, so that counting a full spool at the start reads a few MiB of index instead of all bodies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/spool_private.h"

#define APPLICATION_ID "0x686b6c73" /* "hkls" */

enum {
    APPLICATION = 0x686b6c73,
    FORMAT = 1,
    BUSY_MS =
        100, /* in ingest's loop; what an operator's command writes takes less. Beyond it: 503, and again in a second */
    MEND_BUSY_MS = 10000,
};

/* Before there are tables: the page size and the kind of vacuum cannot be changed later. */
static const char BEFORE_TABLES[] = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;";

static const char ALWAYS[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                             "PRAGMA wal_autocheckpoint = 500; PRAGMA journal_size_limit = 4194304;"
                             "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE record (sequence INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL, topic TEXT NOT NULL,"
    " partition INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, size INTEGER NOT NULL, value BLOB NOT "
    "NULL);"
    "CREATE INDEX record_key ON record (key, size);"
    "CREATE TABLE set_aside (sequence INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL, topic TEXT NOT NULL,"
    " partition INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, size INTEGER NOT NULL,"
    " problem TEXT NOT NULL, value BLOB NOT NULL);"
    "PRAGMA application_id = " APPLICATION_ID ";"
    "PRAGMA user_version = 1;"
    "COMMIT;";

_Static_assert(FORMAT == 1, "SCHEMA writes the format's number");

static char open_problem[SPOOL_PROBLEM_MAX]; /* of the last spool that could not be opened */

const char *spool_problem(const struct spool *spool)
{
    return spool ? spool->problem : open_problem;
}

enum spool_outcome spool_fail(struct spool *spool, int code, const char *doing)
{
    snprintf(spool->problem, sizeof spool->problem, "%s: %s", doing,
             spool->database ? sqlite3_errmsg(spool->database) : sqlite3_errstr(code));
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return spool->fault = SPOOL_CORRUPT;
    case SQLITE_FULL:
        return spool->fault = SPOOL_FULL;
    default:
        return spool->fault = SPOOL_FAILED;
    }
}

static enum spool_outcome execute(struct spool *spool, const char *sql, const char *doing)
{
    int code = sqlite3_exec(spool->database, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SPOOL_FINE : spool_fail(spool, code, doing);
}

static enum spool_outcome read_number(struct spool *spool, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    *number = 0;
    int code = sqlite3_prepare_v2(spool->database, sql, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    enum spool_outcome outcome =
        code == SQLITE_ROW || code == SQLITE_DONE ? SPOOL_FINE : spool_fail(spool, code, "reading the spool's format");
    sqlite3_finalize(statement);
    return outcome;
}

/* Ours, empty, or somebody else's? */
static enum spool_outcome check_format(struct spool *spool, bool *empty)
{
    int64_t application = 0;
    int64_t format = 0;
    int64_t pages = 0;
    enum spool_outcome outcome = read_number(spool, "PRAGMA application_id", &application);
    if (outcome == SPOOL_FINE)
        outcome = read_number(spool, "PRAGMA user_version", &format);
    if (outcome == SPOOL_FINE)
        outcome = read_number(spool, "SELECT count(*) FROM sqlite_schema", &pages);
    if (outcome != SPOOL_FINE)
        return outcome;
    *empty = application == 0 && format == 0 && pages == 0;
    if (*empty || (application == APPLICATION && format == FORMAT))
        return SPOOL_FINE;
    snprintf(
        spool->problem, sizeof spool->problem,
        "it is no spool of format %d (application %lld, format %lld): written by another version, which can drain it",
        FORMAT, (long long)application, (long long)format);
    return SPOOL_STRANGE;
}

/* SQLite would make it 0644; its log and its index take the mode of the file. */
static enum spool_outcome make_file(struct spool *spool, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(spool->problem, sizeof spool->problem, "opening it: %s", strerror(errno));
        return SPOOL_FAILED;
    }
    close(fd); /* before SQLite has it: closing any descriptor of a file drops the process's locks on it */
    return SPOOL_FINE;
}

static enum spool_outcome open_to_write(struct spool *spool)
{
    bool empty = false;
    enum spool_outcome outcome = check_format(spool, &empty);
    if (outcome == SPOOL_FINE && empty)
        outcome = execute(spool, BEFORE_TABLES, "making the spool");
    if (outcome == SPOOL_FINE)
        outcome = execute(spool, ALWAYS, "opening the spool");
    if (outcome == SPOOL_FINE && empty)
        outcome = execute(spool, SCHEMA, "making the spool's tables");
    return outcome;
}

static enum spool_outcome open_to_look(struct spool *spool)
{
    bool empty = false;
    enum spool_outcome outcome = check_format(spool, &empty);
    if (outcome == SPOOL_FINE && empty) {
        snprintf(spool->problem, sizeof spool->problem, "it is empty: no spool was made in it yet");
        return SPOOL_STRANGE;
    }
    return outcome;
}

enum spool_outcome spool_open(struct spool **result, const char *path, enum spool_purpose purpose)
{
    struct spool *spool = memory_new(1, sizeof *spool);
    *spool = (struct spool){0};
    int flags = SQLITE_OPEN_NOMUTEX | (purpose == SPOOL_TO_LOOK ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    enum spool_outcome outcome = purpose == SPOOL_TO_WRITE ? make_file(spool, path) : SPOOL_FINE;
    if (outcome == SPOOL_FINE) {
        int code = sqlite3_open_v2(path, &spool->database, flags, NULL);
        outcome = code == SQLITE_OK ? SPOOL_FINE : spool_fail(spool, code, "opening it");
        sqlite3_busy_timeout(spool->database, purpose == SPOOL_TO_MEND ? MEND_BUSY_MS : BUSY_MS);
    }
    if (outcome == SPOOL_FINE)
        outcome = purpose == SPOOL_TO_WRITE ? open_to_write(spool) : open_to_look(spool);
    if (outcome == SPOOL_FINE && purpose == SPOOL_TO_MEND)
        outcome = execute(spool, ALWAYS, "opening the spool");
    if (outcome == SPOOL_FINE)
        outcome = spool_count(spool);
    if (outcome == SPOOL_FINE) {
        *result = spool;
        return SPOOL_FINE;
    }
    memcpy(open_problem, spool->problem, sizeof open_problem);
    spool_close(spool);
    return outcome;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    for (size_t i = 0; i < SPOOL_STATEMENTS; i++)
        sqlite3_finalize(spool->statements[i]);
    sqlite3_close(spool->database);
    free(spool);
}

/* The log first: pages that are free already may still stand in it. */
bool spool_tidy(struct spool *spool)
{
    int log_frames = 0;
    int done_frames = 0;
    int64_t free_pages = 0;
    if (spool->writing)
        return true;
    if (read_number(spool, "PRAGMA freelist_count", &free_pages) != SPOOL_FINE)
        return false;
    if (free_pages > 0)
        return execute(spool, "PRAGMA incremental_vacuum(500)", "giving pages back") == SPOOL_FINE;
    sqlite3_busy_timeout(spool->database,
                         0); /* for somebody's look it would wait in ingest's loop, four times a second */
    int code = sqlite3_wal_checkpoint_v2(spool->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log_frames, &done_frames);
    sqlite3_busy_timeout(spool->database, BUSY_MS);
    return code == SQLITE_BUSY; /* somebody looks at it: again later */
}
