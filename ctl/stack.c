/* stack.c: up and down: hands the local stack's beginning and end to deploy/up and deploy/down, which know how. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/console.h"
#include "ctl/verbs.h"

/* deploy/NAME beside the run directory, or in the working directory or one above it. */
static bool find_script(char path[PATH_MAX], const char *run_directory, const char *name)
{
    char base[PATH_MAX];
    snprintf(path, PATH_MAX, "%s/../deploy/%s", run_directory, name);
    if (access(path, X_OK) == 0)
        return true;
    if (!getcwd(base, sizeof base))
        return false;
    for (;;) {
        if (snprintf(path, PATH_MAX, "%s/deploy/%s", base, name) < PATH_MAX && access(path, X_OK) == 0)
            return true;
        char *slash = strrchr(base, '/');
        if (!slash || slash == base)
            return false;
        *slash = '\0';
    }
}

enum { SCRIPT_WORDS_MAX = 12 };

/* What a script is called with: its path, then words, ended by NULL. */
struct command_line {
    struct arena *arena;
    char *words[SCRIPT_WORDS_MAX];
    size_t count;
};

static void add_word(struct command_line *line, const char *word)
{
    size_t size = strlen(word) + 1;
    line->words[line->count++] = memcpy(arena_alloc(line->arena, size), word, size);
}

/* "--name" and its value, if it was given. */
static void pass_on(struct command_line *line, const struct arguments *arguments, const char *name, bool has_value)
{
    if (!argument_given(arguments, name))
        return;
    add_word(line, arena_format(line->arena, "--%s", name).ptr);
    if (has_value)
        add_word(line, argument_text(arguments, name, ""));
}

static int run_script(const struct console *console, const char *name, struct command_line *line)
{
    char path[PATH_MAX];
    const char *run_directory = settings_text(console->settings, "RUN_DIR");
    if (!find_script(path, run_directory, name))
        return complain(EXIT_CODE_CONFIGURATION, "deploy/%s is not here; go into a checkout of hookline", name);
    line->words[0] = path;
    add_word(line, "--run");
    add_word(line, run_directory);
    fflush(stdout);
    execv(path, line->words);
    return complain(EXIT_CODE_CONFIGURATION, "%s cannot be run: %s", path, strerror(errno));
}

static int up(const struct console *console, const struct arguments *arguments)
{
    struct command_line line = {.arena = arguments_arena(arguments), .count = 1};
    pass_on(&line, arguments, "no-simulator", false);
    pass_on(&line, arguments, "broker", true);
    pass_on(&line, arguments, "database", true);
    return run_script(console, "up", &line);
}

static int down(const struct console *console, const struct arguments *arguments)
{
    struct command_line line = {.arena = arguments_arena(arguments), .count = 1};
    pass_on(&line, arguments, "wipe", false);
    return run_script(console, "down", &line);
}

static const struct option_row UP_OPTIONS[] = {
    {.name = "no-simulator", .kind = OPTION_FLAG, .help = "Start without simulated calls."},
    {.name = "broker", .kind = OPTION_TEXT, .value = "HOST:PORT", .help = "Use this Kafka instead of a private one."},
    {.name = "database", .kind = OPTION_TEXT, .value = "URI", .help = "Use this PostgreSQL instead of a private one."},
};
static const struct option_row DOWN_OPTIONS[] = {
    {.name = "wipe", .kind = OPTION_FLAG, .help = "Remove the data, too."},
};

const struct verb VERB_UP = {.name = "up",
                             .about = "Starts the local stack (deploy/up).",
                             .options = UP_OPTIONS,
                             .option_count = COUNT(UP_OPTIONS),
                             .run = up};
const struct verb VERB_DOWN = {.name = "down",
                               .about = "Stops the local stack (deploy/down).",
                               .options = DOWN_OPTIONS,
                               .option_count = COUNT(DOWN_OPTIONS),
                               .run = down};
