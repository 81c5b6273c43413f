/* settings.h: what an operator may set: one table per program, and the table is the manual.
 *
 * A setting NAME is read from HOOKLINE_NAME, or from the file named by HOOKLINE_NAME_FILE (one trailing newline is
 * dropped; for secrets). `--help`, `--check` and docs/settings.md are printed from the same table. Any librdkafka property
 * a.b.c may be given as HOOKLINE_KAFKA_A_B_C, except those that a guarantee rests on.
 *
 * Refuses, naming the setting, its value and what would be right: a value of the wrong form or out of range, a required
 * one that is missing, NAME and NAME_FILE together, an unreadable file, a forbidden KAFKA_*. An unknown HOOKLINE_* is only
 * named: programs may share one environment file.
 */
#ifndef HOOKLINE_COMMON_SETTINGS_H
#define HOOKLINE_COMMON_SETTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "common/buffer.h"

enum setting_type {
    SETTING_TEXT,    /* .text is the default */
    SETTING_SECRET,  /* text that is never printed */
    SETTING_ADDRESS, /* HOST:PORT, [v6]:PORT, or unix:PATH */
    SETTING_CHOICE,  /* one of .choices, "a|b|c" */
    SETTING_COUNT,   /* a whole number in .min … .max; .count is the default */
    SETTING_MS,      /* the same, milliseconds */
    SETTING_BYTES,   /* the same, bytes; 64k, 12M, 1G are understood */
    SETTING_FLAG,    /* yes/no, true/false, on/off, 1/0; .count is the default */
};

struct setting {
    const char *name;
    enum setting_type type;
    const char *text;
    int64_t count, min, max;
    const char *choices;
    bool required;
    const char *help; /* a sentence */
};

/* The rows that programs share. A program's table is made of its own rows and of these. */
#define SETTINGS_OF_EVERY_PROGRAM                                                                                      \
    {.name = "LOG_FORMAT",                                                                                             \
     .type = SETTING_CHOICE,                                                                                           \
     .text = "logfmt",                                                                                                 \
     .choices = "logfmt|json",                                                                                         \
     .help = "How a log line is written."},                                                                            \
    {                                                                                                                  \
        .name = "LOG_LEVEL", .type = SETTING_CHOICE, .text = "info", .choices = "error|warn|info|debug",               \
        .help = "The least important lines that are still written."                                                    \
    }

#define SETTINGS_OF_MANAGEMENT(default_address)                                                                        \
    {                                                                                                                  \
        .name = "MANAGEMENT_LISTEN", .type = SETTING_ADDRESS, .text = (default_address),                               \
        .help = "Where /livez, /readyz and /metrics answer; keep it private. Empty: nowhere."                          \
    }

#define SETTINGS_OF_KAFKA                                                                                              \
    {.name = "KAFKA_BOOTSTRAP",                                                                                        \
     .type = SETTING_TEXT,                                                                                             \
     .text = "127.0.0.1:9092",                                                                                         \
     .help = "Brokers to ask first, host:port, comma separated; name three if there are three."},                      \
    {                                                                                                                  \
        .name = "TOPIC_PREFIX", .type = SETTING_TEXT, .text = "hookline.",                                             \
        .help = "What every topic's name starts with."                                                                 \
    }

#define SETTINGS_OF_DATABASE                                                                                           \
    {                                                                                                                  \
        .name = "DATABASE_URL", .type = SETTING_SECRET, .required = true,                                              \
        .help = "PostgreSQL, as libpq reads it: postgresql://role:password@host:port/database."                        \
    }

struct settings;

/* What a program asks of its settings beyond the table: adds a line for each problem, ended by a newline. */
typedef void settings_examiner(const struct settings *settings, struct buffer *problems);

enum settings_outcome { SETTINGS_RUN, SETTINGS_EXIT };

/* Reads arguments (--help, --check, --settings-markdown) and environment. SETTINGS_EXIT: what was asked for has been
 * printed (or, to stderr, what is wrong) and *exit_code (0, 64, 78) is to be returned by main. The result belongs to the
 * process and is freed with settings_free. `table` and `program` are borrowed for as long. `about` is one sentence. */
enum settings_outcome settings_load(const char *program, const char *about, const struct setting *table, size_t count,
                                    int argc, char **argv, struct settings **result, int *exit_code);
/* The same with an examiner (NULL: none), which runs when the table has nothing to say, for --check as for a start. */
enum settings_outcome settings_load_examined(const char *program, const char *about, const struct setting *table,
                                             size_t count, settings_examiner *examine, int argc, char **argv,
                                             struct settings **result, int *exit_code);
void settings_free(struct settings *settings);

/* The value of a setting of the table; a name that is not in it aborts. Text may be NULL (no default, not set). */
const char *settings_text(const struct settings *settings, const char *name);
int64_t settings_count(const struct settings *settings, const char *name);
bool settings_flag(const struct settings *settings, const char *name);

/* What a secret of the table is now: its NAME_FILE is read again. *secret is NULL if it is not set, else to be given to
 * settings_secret_free. False: it cannot be read, or is empty; a line about it was added. */
bool settings_secret_now(const struct settings *settings, const char *name, struct buffer *problems, char **secret);
void settings_secret_free(char *secret); /* NULL is fine */

/* The librdkafka properties given as KAFKA_*: calls `each` for every one ("socket.timeout.ms", "3000"). */
void settings_kafka_properties(const struct settings *settings,
                               void (*each)(const char *name, const char *value, void *context), void *context);

/* One program's section of docs/settings.md. */
void settings_markdown(const char *program, const char *about, const struct setting *table, size_t count, FILE *out);

#endif
