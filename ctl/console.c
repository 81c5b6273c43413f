/* console.c: see console.h. */
#include "ctl/console.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"

static const struct setting SETTINGS[] = {
    {.name = "DATABASE_URL",
     .type = SETTING_SECRET,
     .help = "PostgreSQL, as the role hookline_ctl; for migrate as an administrator who may create roles."},
    SETTINGS_OF_KAFKA,
    {.name = "SPOOL_DIR",
     .type = SETTING_TEXT,
     .help = "Where ingest keeps webhooks on disk while the brokers are away."},
    {.name = "RUN_DIR", .type = SETTING_TEXT, .text = ".run", .help = "Where deploy/up keeps the local stack."},
    {.name = "INGEST_URL",
     .type = SETTING_TEXT,
     .text = "http://127.0.0.1:8080",
     .help = "Where send and simulate post webhooks."},
    {.name = "RETELL_API_KEY",
     .type = SETTING_SECRET,
     .help = "The key with which send and simulate sign, as Retell would; verify knows it."},
    {.name = "SOURCES",
     .type = SETTING_TEXT,
     .text = "",
     .help = "The sources file by which verify says whose a signature is; empty: RETELL_API_KEY alone."},
    {.name = "DEMO_NUMBERS",
     .type = SETTING_TEXT,
     .help = "Numbers that simulate calls without --to, separated by commas."},
    {.name = "AUDIT_KEY",
     .type = SETTING_SECRET,
     .help = "Under this key the audit log keeps hashes of the numbers that were forgotten."},
    {.name = "LOG_FORMAT",
     .type = SETTING_CHOICE,
     .text = "logfmt",
     .choices = "logfmt|json",
     .help = "How a log line is written."},
    {.name = "LOG_LEVEL",
     .type = SETTING_CHOICE,
     .text = "error",
     .choices = "error|warn|info|debug",
     .help = "The least important lines of libraries that are still written; what the command itself has to say is no "
             "log line."},
};

static const char ABOUT[] = "The operator's command: what is going on, and how it is put right.";

int console_settings(struct settings **settings)
{
    char name[] = "hookline", *argv[] = {name, NULL};
    int exit_code = EXIT_CODE_FINE;
    (void)settings_load(name, ABOUT, SETTINGS, COUNT(SETTINGS), 1, argv, settings, &exit_code);
    if (exit_code == EXIT_CODE_FINE)
        log_open(name, settings_text(*settings, "LOG_FORMAT"), settings_text(*settings, "LOG_LEVEL"));
    return exit_code;
}

void console_settings_markdown(void)
{
    settings_markdown("hookline", ABOUT, SETTINGS, COUNT(SETTINGS), stdout);
}

int complain(int exit_code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fflush(stdout);
    fputs("hookline: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return exit_code;
}

const char *console_choice(const struct console *console, const struct arguments *arguments, const char *option,
                           const char *setting)
{
    return argument_text(arguments, option, settings_text(console->settings, setting));
}

int console_database(const struct console *console, struct database **database)
{
    const char *url = settings_text(console->settings, "DATABASE_URL");
    if (!url || *url == '\0')
        return complain(EXIT_CODE_CONFIGURATION, "HOOKLINE_DATABASE_URL is not set; it names the database, as in "
                                                 "postgresql://hookline_ctl:PASSWORD@127.0.0.1:5432/hookline");
    struct database *opened = database_open(url, "hookline");
    struct database_error error;
    if (!database_connected(opened, &error)) {
        database_close(opened);
        return console_database_problem(&error, "connecting to PostgreSQL");
    }
    *database = opened;
    return EXIT_CODE_FINE;
}

int console_database_problem(const struct database_error *error, const char *doing)
{
    if (strcmp(error->sqlstate, "42501") == 0)
        return complain(EXIT_CODE_CONFIGURATION,
                        "%s: %s; the role of HOOKLINE_DATABASE_URL may not do that (hookline_ctl may)", doing,
                        error->message);
    if (strcmp(error->sqlstate, "42P01") == 0)
        return complain(EXIT_CODE_BUG, "%s: %s; has `hookline migrate` been run here?", doing, error->message);
    const char *state = error->sqlstate[0] ? error->sqlstate : "no SQLSTATE";
    switch (error->fault) {
    case DATABASE_REFUSED:
        return complain(EXIT_CODE_CONFIGURATION, "%s: %s (%s); look at HOOKLINE_DATABASE_URL", doing, error->message,
                        state);
    case DATABASE_AWAY:
    case DATABASE_SLOW:
    case DATABASE_RACE:
        return complain(EXIT_CODE_UNAVAILABLE, "%s: %s (%s); try again", doing, error->message, state);
    case DATABASE_DATA:
        return complain(EXIT_CODE_FINDING, "%s: %s (%s)", doing, error->message, state);
    case DATABASE_FINE:
    case DATABASE_OURS:
        break;
    }
    return complain(EXIT_CODE_BUG, "%s: %s (%s)", doing, error->message, state);
}

int console_print(const struct buffer *out)
{
    if ((out->len > 0 && fwrite(out->data, 1, out->len, stdout) != out->len) || fflush(stdout) != 0)
        return complain(EXIT_CODE_FINDING, "the answer cannot be written to standard output");
    return EXIT_CODE_FINE;
}

int console_show(const struct arguments *arguments, const struct table *table)
{
    struct buffer out = {0};
    if (arguments_json(arguments))
        table_write_json(table, &out);
    else
        table_write_text(table, &out);
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}
