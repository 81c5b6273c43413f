/* spool.c: what waits on ingest's disks, and what Kafka refused.
 *
 * Looks only; a spool that a process works with can be looked at, too. Shows no body. Exits 1 when a file cannot be read.
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/text.h"
#include "ctl/spool_files.h"
#include "ctl/verbs.h"

enum { SHOWN_AT_ONCE = 500, SHOWN_BYTES = 16 * 1024 * 1024 };

static struct slice number(struct arena *arena, int64_t value)
{
    return arena_format(arena, "%lld", (long long)value);
}

static struct slice file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slice_of(slash ? slash + 1 : path);
}

/* ---- list ---- */

static struct slice holder_text(struct arena *arena, const char *path)
{
    long pid = spool_slot_holder(path);
    return pid == 0  ? SLICE("nobody: `hookline spool drain` or any ingest that starts")
           : pid < 0 ? SLICE("a process")
                     : arena_format(arena, "process %ld", pid);
}

/* False: it cannot be read, which its row says. */
static bool add_file(struct table *table, struct arena *arena, const char *path)
{
    struct spool *spool = NULL;
    struct slice cells[6] = {file_name(path), SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT};
    bool readable = spool_open(&spool, path, SPOOL_TO_LOOK) == SPOOL_FINE;
    if (readable) {
        struct spool_stat stat = spool_stat(spool);
        int64_t age_ms = stat.oldest_ms > 0 ? clock_now_ms() - stat.oldest_ms : 0;
        cells[1] = number(arena, stat.records);
        cells[2] = number(arena, stat.bytes);
        cells[3] = number(arena, age_ms / 1000);
        cells[4] = number(arena, stat.set_aside);
        cells[5] = holder_text(arena, path);
    } else {
        cells[5] = arena_format(arena, "cannot be read: %s", spool_problem(NULL));
    }
    table_add(table, cells);
    spool_close(spool);
    return readable;
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"file", COLUMN_TEXT},        {"records", COLUMN_NUMBER},
                                            {"bytes", COLUMN_NUMBER},     {"oldest_seconds", COLUMN_NUMBER},
                                            {"set_aside", COLUMN_NUMBER}, {"drained_by", COLUMN_TEXT}};
    struct arena *arena = arguments_arena(arguments);
    struct spool_files files = {0};
    int exit_code = spool_files_find(console, arguments, &files);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    bool readable = true;
    for (size_t i = 0; i < files.count; i++)
        readable = add_file(table, arena, files.paths[i]) && readable;
    exit_code = console_show(arguments, table);
    return exit_code == EXIT_CODE_FINE && !readable ? EXIT_CODE_FINDING : exit_code;
}

/* ---- set-aside ---- */

static enum spool_outcome add_records(struct table *table, struct arena *arena, struct spool *spool, const char *path)
{
    struct spool_row *rows = NULL;
    size_t count = 0;
    int64_t after = -1;
    struct arena *page = arena_new();
    enum spool_outcome outcome = SPOOL_FINE;
    do {
        arena_reset(page);
        outcome = spool_read(spool, SPOOL_SET_ASIDE, after, INT64_MAX, SHOWN_AT_ONCE, SHOWN_BYTES, page, &rows, &count);
        for (size_t i = 0; i < count; i++) {
            const struct spool_row *row = &rows[i];
            after = row->sequence;
            table_add(table, (struct slice[]){file_name(path), number(arena, row->sequence),
                                              text_write_time(arena, row->received_ms), slice_of(row->record.topic),
                                              number(arena, (int64_t)row->record.value.len), slice_of(row->problem)});
        }
    } while (outcome == SPOOL_FINE && count > 0);
    arena_free(page);
    return outcome;
}

static int set_aside(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"file", COLUMN_TEXT},        {"sequence", COLUMN_NUMBER},
                                            {"received_at", COLUMN_TEXT}, {"topic", COLUMN_TEXT},
                                            {"bytes", COLUMN_NUMBER},     {"problem", COLUMN_TEXT}};
    struct arena *arena = arguments_arena(arguments);
    struct spool_files files = {0};
    int exit_code = spool_files_find(console, arguments, &files);
    struct table *table = table_new(arena, COLUMNS, COUNT(COLUMNS));
    for (size_t i = 0; exit_code == EXIT_CODE_FINE && i < files.count; i++) {
        struct spool *spool = NULL;
        enum spool_outcome outcome = spool_open(&spool, files.paths[i], SPOOL_TO_LOOK);
        if (outcome == SPOOL_FINE)
            outcome = add_records(table, arena, spool, files.paths[i]);
        if (outcome != SPOOL_FINE)
            exit_code = complain(EXIT_CODE_FINDING, "%s cannot be read: %s", files.paths[i], spool_problem(spool));
        spool_close(spool);
    }
    return exit_code == EXIT_CODE_FINE ? console_show(arguments, table) : exit_code;
}

static const struct option_row OPTIONS[] = {SPOOL_DIR_OPTION};

const struct verb VERB_SPOOL_LIST = {.name = "spool",
                                     .action = "list",
                                     .operand = "[FILE]",
                                     .about = "Shows what waits on disk for the brokers, file by file.",
                                     .options = OPTIONS,
                                     .option_count = COUNT(OPTIONS),
                                     .run = list};
const struct verb VERB_SPOOL_SET_ASIDE = {.name = "spool",
                                          .action = "set-aside",
                                          .operand = "[FILE]",
                                          .about = "Shows the records that Kafka refused, and why.",
                                          .options = OPTIONS,
                                          .option_count = COUNT(OPTIONS),
                                          .run = set_aside};
