/* stack.c: up and down: hands the local stack's beginning and end to deploy/up and deploy/down, which know how. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/operator.h"
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

static int run_script(const struct operator* operator, const char * name, char *const *options)
{
    char path[PATH_MAX];
    if (!find_script(path, settings_text(operator->settings, "RUN_DIR"), name))
        return complain(OPERATOR_CONFIGURATION, "deploy/%s is not here; go into a checkout of hookline", name);
    char *argv[8] = {path};
    for (size_t i = 0; options[i] && i + 2 < COUNT(argv); i++)
        argv[i + 1] = options[i];
    fflush(stdout);
    execv(path, argv);
    return complain(OPERATOR_CONFIGURATION, "%s cannot be run: %s", path, strerror(errno));
}

/* "--name" and its value, if it was given. */
static void pass_on(const struct arguments *arguments, const char *name, char **options, size_t *count, bool has_value)
{
    if (!argument_given(arguments, name))
        return;
    struct arena *arena = arguments_arena(arguments);
    struct slice option = has_value ? arena_format(arena, "--%s=%s", name, argument_text(arguments, name, ""))
                                    : arena_format(arena, "--%s", name);
    char *copy = arena_alloc(arena, option.len + 1);
    memcpy(copy, option.ptr, option.len + 1);
    options[(*count)++] = copy;
}

static int up(const struct operator* operator, const struct arguments * arguments)
{
    char *options[4] = {0};
    size_t count = 0;
    pass_on(arguments, "no-simulator", options, &count, false);
    pass_on(arguments, "broker", options, &count, true);
    pass_on(arguments, "database", options, &count, true);
    return run_script(operator, "up", options);
}

static int down(const struct operator* operator, const struct arguments * arguments)
{
    char *options[2] = {0};
    size_t count = 0;
    pass_on(arguments, "wipe", options, &count, false);
    return run_script(operator, "down", options);
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
