/* verb.h: one verb of the command `hookline`: its name, its options, and what it does.
 *
 * The table of a verb's options is its manual: `hookline help VERB` prints it, arguments.h reads the command line by it.
 */
#ifndef HOOKLINE_CTL_VERB_H
#define HOOKLINE_CTL_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command answers to the shell (design.md, "Exit codes"). */
enum exit_code {
    EXIT_CODE_FINE = 0,
    EXIT_CODE_FINDING = 1,        /* refused, or a threshold is passed */
    EXIT_CODE_USAGE = 64,         /* the command line is wrong */
    EXIT_CODE_UNAVAILABLE = 69,   /* PostgreSQL, Kafka or a program does not answer */
    EXIT_CODE_BUG = 70,           /* ours, or a schema that does not fit */
    EXIT_CODE_CONFIGURATION = 78, /* the environment is wrong */
};

enum option_kind {
    OPTION_FLAG,   /* present or not */
    OPTION_TEXT,   /* not empty */
    OPTION_TEXTS,  /* may be given several times */
    OPTION_COUNT,  /* a whole number in .min … .max */
    OPTION_AMOUNT, /* a number with a fraction, in .min … .max */
};

struct option_row {
    const char *name; /* without "--" */
    enum option_kind kind;
    const char *value; /* what the manual calls it: "ID" */
    int64_t min, max;
    bool required;
    const char *help; /* a sentence */
};

struct arguments;
struct console;

struct verb {
    const char *name;
    const char *action;  /* "add" of `hookline company add`; NULL where the verb has only one */
    const char *operand; /* "NAME": exactly one word without "--" is wanted; "[NAME]": at most one; NULL: none */
    const char *about;   /* one sentence */
    const struct option_row *options;
    size_t option_count;
    int (*run)(const struct console *console, const struct arguments *arguments); /* the exit code */
};

#endif
