/* hookline: the operator's command. What is going on, and how do I put it right?
 *
 *      hookline VERB [ACTION] [OPERAND] [--options]        hookline help VERB
 *
 * One verb per file; this one finds it, reads its command line by its table and runs it. Reads HOOKLINE_* (docs/settings.md).
 * Exits: 0 fine, 1 a finding or a refusal, 64 the command line is wrong, 69 a service is away, 70 our bug or a schema that
 * does not fit, 78 a setting is wrong. Security: connects as hookline_ctl, which reads everything and writes mappings,
 * tokens, epochs and the audit log; only migrate needs an administrator.
 */
#include <stdio.h>

#include "ctl/console.h"
#include "ctl/verbs.h"

static const struct verb *const VERBS[] = {
    &VERB_UP,           &VERB_DOWN,          &VERB_STATUS,         &VERB_LAG,
    &VERB_MIGRATE,      &VERB_TOPICS_CREATE, &VERB_TOPICS_LIST,    &VERB_COMPANY_ADD,
    &VERB_COMPANY_LIST, &VERB_BRANCH_ADD,    &VERB_BRANCH_LIST,    &VERB_NUMBER_ADD,
    &VERB_NUMBER_LIST,  &VERB_AGENT_ADD,     &VERB_AGENT_LIST,     &VERB_TOKEN_CREATE,
    &VERB_TOKEN_LIST,   &VERB_TOKEN_REVOKE,  &VERB_CALL_SHOW,      &VERB_CALL_ASSIGN,
    &VERB_PARKED_LIST,  &VERB_PARKED_SHOW,   &VERB_PARKED_RELEASE, &VERB_SEND,
    &VERB_SIMULATE,     &VERB_VERIFY,        &VERB_PURGE,          &VERB_FORGET,
    &VERB_SPOOL_LIST,   &VERB_SPOOL_DRAIN,   &VERB_SPOOL_EXPORT,   &VERB_SPOOL_SET_ASIDE,
    &VERB_SPOOL_RETRY,
};

static int print_overview(void)
{
    struct buffer out = {0};
    buffer_add_text(&out, "hookline carries phone calls from webhooks to screens; this is its operator's command.\n\n");
    for (size_t i = 0; i < COUNT(VERBS); i++) {
        struct buffer name = {0};
        buffer_add_format(&name, "%s %s", VERBS[i]->name, VERBS[i]->action ? VERBS[i]->action : "");
        buffer_add_format(&out, "  %-16s %s\n", name.data, VERBS[i]->about);
        buffer_free(&name);
    }
    buffer_add_text(&out, "\nhookline help VERB says more of one. All answer in JSON with --json.\n");
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

/* The verb that `words` begin with, and how many words its name takes; NULL if there is none. */
static const struct verb *find_verb(int count, char **words, int *taken)
{
    for (size_t i = 0; count > 0 && i < COUNT(VERBS); i++) {
        if (strcmp(words[0], VERBS[i]->name) != 0)
            continue;
        *taken = VERBS[i]->action ? 2 : 1;
        if (!VERBS[i]->action || (count > 1 && strcmp(words[1], VERBS[i]->action) == 0))
            return VERBS[i];
    }
    return NULL;
}

/* All verbs of that name: `hookline help topics` shows create and list. */
static int print_manual(int count, char **words)
{
    struct buffer out = {0};
    for (size_t i = 0; count > 0 && i < COUNT(VERBS); i++) {
        bool matches = strcmp(words[0], VERBS[i]->name) == 0 &&
                       (count == 1 || !VERBS[i]->action || strcmp(words[1], VERBS[i]->action) == 0);
        if (!matches)
            continue;
        buffer_add_text(&out, out.len > 0 ? "\n" : "");
        arguments_manual(VERBS[i], &out);
    }
    if (out.len == 0)
        return complain(EXIT_CODE_USAGE, "there is no verb \"%s%s%s\"; `hookline help` lists them", words[0],
                        count > 1 ? " " : "", count > 1 ? words[1] : "");
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

/* A first word alone, or followed by what is no action of it. */
static int refuse_verb(int count, char **words)
{
    if (count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0))
        return print_manual(1, words);
    struct buffer actions = {0};
    for (size_t i = 0; i < COUNT(VERBS); i++)
        if (strcmp(words[0], VERBS[i]->name) == 0)
            buffer_add_format(&actions, "%s%s", actions.len > 0 ? " or " : "",
                              VERBS[i]->action ? VERBS[i]->action : "");
    int exit_code = actions.len > 0
                        ? complain(EXIT_CODE_USAGE, "hookline %s %s; see: hookline help %s", words[0],
                                   count > 1 ? "does not know that action" : "wants an action", words[0])
                        : complain(EXIT_CODE_USAGE, "there is no verb \"%s\"; `hookline help` lists them", words[0]);
    if (actions.len > 0)
        fprintf(stderr, "hookline: its actions are: %s\n", actions.data);
    buffer_free(&actions);
    return exit_code;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct arguments *arguments = NULL;
    struct settings *settings = NULL;
    const char *problem = arguments_read(&arguments, arena, verb, argc, argv);
    int exit_code = problem ? complain(EXIT_CODE_USAGE, "%s", problem) : EXIT_CODE_FINE;
    if (!problem && arguments_help(arguments)) {
        struct buffer out = {0};
        arguments_manual(verb, &out);
        exit_code = console_print(&out);
        buffer_free(&out);
    } else if (!problem && (exit_code = console_settings(&settings)) == EXIT_CODE_FINE) {
        exit_code = verb->run(&(struct console){.settings = settings}, arguments);
    }
    settings_free(settings);
    arena_free(arena);
    return exit_code;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return print_overview() == EXIT_CODE_FINE ? EXIT_CODE_USAGE : EXIT_CODE_FINDING;
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return argc == 2 ? print_overview() : print_manual(argc - 2, argv + 2);
    if (strcmp(word, "--version") == 0)
        return puts("hookline " HOOKLINE_VERSION) < 0;
    if (strcmp(word, "--settings-markdown") == 0) {
        console_settings_markdown();
        return EXIT_CODE_FINE;
    }
    int taken = 0;
    const struct verb *verb = find_verb(argc - 1, argv + 1, &taken);
    return verb ? run_verb(verb, argc - taken, argv + taken) : refuse_verb(argc - 1, argv + 1);
}
