/* console.h: what every verb needs of the world: the environment, the database, and a way to say what is wrong. */
#ifndef HOOKLINE_CTL_CONSOLE_H
#define HOOKLINE_CTL_CONSOLE_H

#include "common/database.h"
#include "common/settings.h"
#include "ctl/arguments.h"
#include "ctl/table.h"
#include "ctl/verb.h"

struct console {
    const struct settings *settings;
};

/* Reads HOOKLINE_*: 0, or the exit code after saying what is wrong with them. The settings are freed by the caller. */
int console_settings(struct settings **settings);
/* The section of docs/settings.md. */
void console_settings_markdown(void);

/* "hookline: …" and a newline to stderr; returns `exit_code`. */
int complain(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The value of an option, else of a setting, else NULL. */
const char *console_choice(const struct console *console, const struct arguments *arguments, const char *option,
                           const char *setting);

/* Connects. 0, or the exit code after saying why not; closed by the caller with database_close. */
int console_database(const struct console *console, struct database **database);
/* Says what went wrong while `doing`; returns the exit code that goes with it. */
int console_database_problem(const struct database_error *error, const char *doing);

/* Prints a table as --json has it; 0, or 1 if stdout cannot be written. */
int console_show(const struct arguments *arguments, const struct table *table);
int console_print(const struct buffer *out);

#endif
