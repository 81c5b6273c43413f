/* command.h: a program run to its end, with what it said.
 *
 * For programs that answer and go, where process.h is for those that stay. Every failure to run it ends the test.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_COMMAND_H
#define HOOKLINE_TESTS_SUPPORT_COMMAND_H

struct command {
    int exit_code;   /* minus the signal that ended it */
    char *out, *err; /* all that it wrote */
};

/* `words` begins with the program's path, `environment` is "NAME=value" …; NULL ends both. Nothing else is inherited but PATH
 * and the sanitizers' options. `input` is its standard input, NULL: empty. Killed after a minute. */
struct command command_run(const char *const *words, const char *const *environment, const char *input);
void command_free(struct command *command);

#endif
