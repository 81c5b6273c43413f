/* spool_export.c: a spool's records as lines of JSON on standard output, bodies and all: for another Kafka, or a court.
 *
 * Looks only: what is exported still waits. Security: bodies are personal data; where the lines go is the caller's care.
 */
#include "ctl/spool_files.h"
#include "ctl/spool_line.h"
#include "ctl/verbs.h"

enum { ROWS_AT_ONCE = 200, BYTES_AT_ONCE = 4 * 1024 * 1024 };

static int export_rows(struct spool *spool, const char *path, enum spool_table table)
{
    struct arena *arena = arena_new();
    struct spool_row *rows = NULL;
    size_t count = 0;
    int64_t after = -1;
    int exit_code = EXIT_CODE_FINE;
    do {
        struct buffer lines = {0};
        arena_reset(arena);
        if (spool_read(spool, table, after, INT64_MAX, ROWS_AT_ONCE, BYTES_AT_ONCE, arena, &rows, &count) != SPOOL_FINE)
            exit_code = complain(EXIT_CODE_FINDING, "%s cannot be read: %s", path, spool_problem(spool));
        for (size_t i = 0; i < count; i++) {
            after = rows[i].sequence;
            spool_line_write(&lines, &rows[i]);
        }
        if (console_print(&lines) != EXIT_CODE_FINE)
            exit_code = EXIT_CODE_FINDING;
        buffer_free(&lines);
    } while (count > 0 && exit_code == EXIT_CODE_FINE);
    arena_free(arena);
    return exit_code;
}

static int export(const struct console *console, const struct arguments *arguments)
{
    struct spool_files files = {0};
    enum spool_table table = argument_given(arguments, "set-aside") ? SPOOL_SET_ASIDE : SPOOL_WAITING;
    int exit_code = spool_files_find(console, arguments, &files);
    for (size_t i = 0; exit_code == EXIT_CODE_FINE && i < files.count; i++) {
        struct spool *spool = NULL;
        exit_code = spool_open(&spool, files.paths[i], SPOOL_TO_LOOK) == SPOOL_FINE
                        ? export_rows(spool, files.paths[i], table)
                        : complain(EXIT_CODE_FINDING, "%s cannot be read: %s", files.paths[i], spool_problem(NULL));
        spool_close(spool);
    }
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    SPOOL_DIR_OPTION,
    {"set-aside", OPTION_FLAG, NULL, 0, 0, false, "Those that Kafka refused, instead of those that wait."},
};

const struct verb VERB_SPOOL_EXPORT = {.name = "spool",
                                       .action = "export",
                                       .operand = "[FILE]",
                                       .about = "Writes a spool's records to standard output, one line of JSON each.",
                                       .options = OPTIONS,
                                       .option_count = COUNT(OPTIONS),
                                       .run = export};
