/* verify.c: hookline verify: a captured webhook and its signature, step by step.
 *
 * Reads the body as it is (a file, or stdin) and says for each step whether it is fine. Exits 0 when ingest would accept the
 * signature, 1 when not. Security: no key is ever printed; one is read from a file or the environment, not from the command
 * line, which other users of the machine can see.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/clock.h"
#include "common/source_read.h"
#include "common/sources_file.h"
#include "common/text.h"
#include "ctl/console.h"
#include "ctl/verbs.h"
#include "ctl/verify_steps.h"

enum { CHUNK_BYTES = 65536 };

/* 0, or the exit code after saying why not. The caller frees. */
static int read_all(const char *path, struct buffer *out)
{
    FILE *file = path && strcmp(path, "-") != 0 ? fopen(path, "re") : stdin;
    if (!file)
        return complain(EXIT_CODE_USAGE, "%s cannot be read: %s", path, strerror(errno));
    char chunk[CHUNK_BYTES];
    for (size_t len = fread(chunk, 1, sizeof chunk, file); len > 0; len = fread(chunk, 1, sizeof chunk, file))
        buffer_add(out, (struct slice){chunk, len});
    bool failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed)
        return complain(EXIT_CODE_USAGE, "%s cannot be read: %s", path ? path : "stdin", strerror(errno));
    return EXIT_CODE_FINE;
}

/* ---- keys ---- */

/* One key, whatever is wrong with it: that is what the answer may be about. */
static struct sources *sources_of_one(enum source_provider provider, const char *name, struct slice key)
{
    const struct source_key one = {.id = "given", .text = key};
    return sources_new(
        &(struct source){.name = name ? name : "given", .provider = provider, .keys = &one, .key_count = 1}, 1);
}

static int read_key_file(const char *path, enum source_provider provider, const char *name, struct sources **sources)
{
    struct buffer key = {0};
    int exit_code = read_all(path, &key);
    size_t len = key.len;
    len -= len && key.data[len - 1] == '\n'; /* as settings and key_file do */
    if (exit_code == EXIT_CODE_FINE && len == 0)
        exit_code = complain(EXIT_CODE_CONFIGURATION, "%s is empty: it is to hold the key", path);
    if (exit_code == EXIT_CODE_FINE)
        *sources = sources_of_one(provider, name, (struct slice){key.data, len});
    buffer_free(&key);
    return exit_code;
}

static int read_sources(const struct console *console, const char *path, struct sources **sources)
{
    struct buffer problems = {0};
    *sources = path ? sources_file_read_path(path, &problems) : sources_file_read(console->settings, &problems);
    if (!*sources)
        fputs(problems.data, stderr);
    buffer_free(&problems);
    return *sources ? EXIT_CODE_FINE : complain(EXIT_CODE_CONFIGURATION, "the sources are not right, see above");
}

static int open_sources(const struct console *console, const struct arguments *arguments, enum source_provider provider,
                        struct sources **sources)
{
    const char *name = argument_text(arguments, "source", NULL);
    const char *path = argument_text(arguments, "sources", NULL);
    const char *key_path = argument_text(arguments, "key-file", NULL);
    const char *key = settings_text(console->settings, "RETELL_API_KEY");
    const char *file = settings_text(console->settings, "SOURCES");
    if (path && key_path)
        return complain(EXIT_CODE_USAGE, "--sources and --key-file say the same: give one of them");
    if (key_path)
        return read_key_file(key_path, provider, name, sources);
    if (path || (file && *file))
        return read_sources(console, path, sources);
    if (!key || provider != SOURCE_RETELL)
        return complain(EXIT_CODE_CONFIGURATION,
                        "there is no key to verify with: give --sources FILE or --key-file FILE%s",
                        provider == SOURCE_RETELL ? ", or set HOOKLINE_RETELL_API_KEY_FILE" : "");
    *sources = sources_of_one(provider, name ? name : "default", slice_of(key));
    return EXIT_CODE_FINE;
}

/* ---- what was asked ---- */

/* "X-Retell-Signature: v=…" -> its value and provider; else the value as it is. */
static struct slice header_value(const char *text, enum source_provider *provider)
{
    for (size_t i = 0; i < SOURCE_PROVIDERS; i++) {
        size_t len = strlen(PROVIDERS[i].signature_field);
        if (strncasecmp(text, PROVIDERS[i].signature_field, len) != 0 || text[len] != ':')
            continue;
        *provider = (enum source_provider)i;
        const char *value = text + len + 1;
        return slice_of(value + strspn(value, " \t"));
    }
    return slice_of(text);
}

static int read_provider(const struct arguments *arguments, enum source_provider *provider)
{
    const char *said = argument_text(arguments, "provider", NULL);
    if (said && !source_provider_read(slice_of(said), provider))
        return complain(EXIT_CODE_USAGE, "\"%s\" is no provider: --provider is retell, calcom or stripe", said);
    return EXIT_CODE_FINE;
}

static int read_time(const struct arguments *arguments, int64_t *now_ms)
{
    const char *at = argument_text(arguments, "at", NULL);
    *now_ms = clock_now_ms();
    if (!at || text_read_time(slice_of(at), now_ms) || (text_read_int(slice_of(at), now_ms) && *now_ms >= 0))
        return EXIT_CODE_FINE;
    return complain(EXIT_CODE_USAGE, "\"%s\" is no time: write --at 2026-11-21T09:30:00Z, or milliseconds since 1970",
                    at);
}

/* ---- the answer ---- */

static void write_json(struct buffer *out, const struct verify_question *question, const struct verify_answer *answer)
{
    buffer_add_format(out, "{\"valid\":%s,\"provider\":\"%s\",\"steps\":[", answer->valid ? "true" : "false",
                      source_provider_name(question->provider->id));
    for (size_t i = 0; i < VERIFY_STEPS; i++) {
        const struct verify_step *step = &answer->steps[i];
        buffer_add_format(out, "%s{\"step\":\"%s\",\"ok\":%s,\"says\":", i ? "," : "", step->name,
                          step->state == VERIFY_UNKNOWN ? "null"
                          : step->state == VERIFY_FINE  ? "true"
                                                        : "false");
        buffer_add_json_string(out, step->says);
        buffer_add_char(out, '}');
    }
    buffer_add_text(out, "]}\n");
}

static void write_text(struct buffer *out, const struct verify_question *question, const struct verify_answer *answer)
{
    for (size_t i = 0; i < VERIFY_STEPS; i++)
        buffer_add_format(out, "%-7s %-7s %.*s\n", answer->steps[i].name, verify_state_name(answer->steps[i].state),
                          SLICE_PRINT(answer->steps[i].says));
    if (answer->valid)
        buffer_add_text(out, "valid\n");
    else
        buffer_add_format(out, "NOT valid: ingest answers %d\n", question->header_count > 1 ? 400 : 401);
}

static int answer_question(const struct console *console, const struct arguments *arguments,
                           struct verify_question *question, enum source_provider provider)
{
    struct sources *sources = NULL;
    struct buffer body = {0}, out = {0};
    int exit_code = read_time(arguments, &question->now_ms);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = open_sources(console, arguments, provider, &sources);
    if (exit_code == EXIT_CODE_FINE && question->source && !sources_find(sources, provider, slice_of(question->source)))
        exit_code = complain(EXIT_CODE_FINDING, "there is no %s source named %s: to ingest that is a bad signature",
                             source_provider_name(provider), question->source);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = read_all(arguments_operand(arguments), &body);
    if (exit_code == EXIT_CODE_FINE) {
        question->sources = sources;
        question->body = buffer_slice(&body);
        struct verify_answer answer = verify_find(arguments_arena(arguments), question);
        if (arguments_json(arguments))
            write_json(&out, question, &answer);
        else
            write_text(&out, question, &answer);
        exit_code = console_print(&out) == EXIT_CODE_FINE && answer.valid ? EXIT_CODE_FINE : EXIT_CODE_FINDING;
    }
    buffer_free(&out);
    buffer_free(&body);
    sources_release(sources);
    return exit_code;
}

static int verify(const struct console *console, const struct arguments *arguments)
{
    enum source_provider provider = SOURCE_RETELL;
    size_t count = 0;
    const char *const *texts = argument_texts(arguments, "header", &count);
    struct slice *headers = arena_zeroed(arguments_arena(arguments), count, sizeof *headers);
    for (size_t i = 0; i < count; i++)
        headers[i] = header_value(texts[i], &provider);
    int exit_code = read_provider(arguments, &provider);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    struct verify_question question = {.provider = &PROVIDERS[provider],
                                       .source = argument_text(arguments, "source", NULL),
                                       .headers = headers,
                                       .header_count = count};
    return answer_question(console, arguments, &question, provider);
}

static const struct option_row OPTIONS[] = {
    {.name = "header",
     .kind = OPTION_TEXTS,
     .value = "VALUE",
     .help = "The signature header, its value or \"NAME: VALUE\"; as often as it was there."},
    {.name = "provider",
     .kind = OPTION_TEXT,
     .value = "NAME",
     .help = "retell, calcom or stripe; without it the header's name says so, else retell."},
    {.name = "source",
     .kind = OPTION_TEXT,
     .value = "NAME",
     .help = "The source that the path named (/api/retell/webhook/NAME)."},
    {.name = "sources",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .help = "The sources file; without it HOOKLINE_SOURCES, else HOOKLINE_RETELL_API_KEY(_FILE)."},
    {.name = "key-file", .kind = OPTION_TEXT, .value = "FILE", .help = "One key alone instead of sources."},
    {.name = "at",
     .kind = OPTION_TEXT,
     .value = "TIME",
     .help = "When it arrived (RFC 3339, or milliseconds since 1970); without it now."},
};

const struct verb VERB_VERIFY = {.name = "verify",
                                 .operand = "[FILE]",
                                 .about =
                                     "Says which step of a webhook's signature fails; the body is FILE's, or stdin's.",
                                 .options = OPTIONS,
                                 .option_count = COUNT(OPTIONS),
                                 .run = verify};
