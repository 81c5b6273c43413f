/* sources_file.c: see sources_file.h. A set is read whole before anything of it is in force. */
#include "common/sources_file.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/source_changes.h"
#include "common/source_read.h"

enum { FILE_MAX_BYTES = 4 * 1024 * 1024, METRIC_BYTES = 96 };

struct sources_file {
    const struct settings *settings;
    struct sources *sources;
    sources_file_changed *changed;
    void *context;
    struct event *hangup;
    struct metric *reloads, *failures, *failed;
};

/* reading ----------------------------------------------------------------------------------------------------------- */

/* NULL when fine, else why not; the caller frees. */
static const char *read_whole(const char *path, char **text, size_t *len)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return strerror(errno);
    *text = memory_new(1, FILE_MAX_BYTES + 1);
    *len = fread(*text, 1, FILE_MAX_BYTES + 1, file);
    const char *problem = ferror(file)            ? strerror(errno)
                          : *len > FILE_MAX_BYTES ? "it has more than 4 MiB, so it is another file"
                                                  : NULL;
    fclose(file);
    if (problem)
        free(*text);
    return problem;
}

static void forget(char *text)
{
    OPENSSL_cleanse(text, FILE_MAX_BYTES + 1);
    free(text);
}

static struct slice path_beside(struct arena *arena, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash)
        return slice_of(path);
    return arena_format(arena, "%.*s/%s", (int)(slash - file), file, path);
}

/* A trailing newline is the editor's. */
static const char *read_key_file(void *context, struct arena *arena, const char *path, struct slice *key)
{
    char *text = NULL;
    size_t len = 0;
    const char *problem = read_whole(path_beside(arena, context, path).ptr, &text, &len);
    if (problem)
        return problem;
    len -= len && text[len - 1] == '\n';
    len -= len && text[len - 1] == '\r';
    *key = arena_copy(arena, (struct slice){text, len});
    forget(text);
    return NULL;
}

static struct sources *read_all(const char *path, const char *retell_api_key, struct buffer *problems)
{
    char *text = NULL;
    size_t len = 0;
    bool has_file = path && *path;
    const char *problem = has_file ? read_whole(path, &text, &len) : NULL;
    if (problem) {
        buffer_add_format(problems, "SOURCES=%s cannot be read: %s\n", path, problem);
        return NULL;
    }
    struct sources *sources = sources_read(&(struct sources_input){.file = has_file ? path : NULL,
                                                                   .text = {text, len},
                                                                   .key_file = read_key_file,
                                                                   .context = (char *)(uintptr_t)path,
                                                                   .retell_api_key = slice_of(retell_api_key)},
                                           problems);
    if (has_file)
        forget(text);
    return sources;
}

struct sources *sources_file_read(const struct settings *settings, struct buffer *problems)
{
    char *retell_api_key = NULL;
    if (!settings_secret_now(settings, "RETELL_API_KEY", problems, &retell_api_key))
        return NULL;
    struct sources *sources = read_all(settings_text(settings, "SOURCES"), retell_api_key, problems);
    settings_secret_free(retell_api_key);
    return sources;
}

struct sources *sources_file_read_path(const char *path, struct buffer *problems)
{
    return read_all(path, NULL, problems);
}

/* telling ----------------------------------------------------------------------------------------------------------- */

static void log_source(const char *event, const struct source *source, struct slice what)
{
    log_event(LOG_INFO, event, LOG_TEXT("provider", source_provider_name(source->provider)),
              LOG_TEXT("source", source->name), LOG_SLICE("what", what));
    if (!source_first_key(source, clock_now_ms()))
        log_event(LOG_WARN, "source_without_key", LOG_TEXT("provider", source_provider_name(source->provider)),
                  LOG_TEXT("source", source->name),
                  LOG_TEXT("problem", "all of its keys have expired: nothing of it is accepted; add a key"));
}

static struct slice key_ids(struct arena *arena, const struct source *source)
{
    struct buffer out = {0};
    buffer_add_text(&out, "keys");
    for (size_t i = 0; i < source->key_count; i++)
        buffer_add_format(&out, " %s", source->keys[i].id);
    struct slice ids = arena_copy(arena, buffer_slice(&out));
    buffer_free(&out);
    return ids;
}

static void log_sources(const struct sources *sources)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sources->count; i++)
        log_source("source", &sources->items[i], key_ids(arena, &sources->items[i]));
    arena_free(arena);
}

static void log_changes(const struct sources *before, const struct sources *after)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < after->count; i++) {
        const struct source *source = &after->items[i];
        struct slice what =
            source_changes(arena, sources_find(before, source->provider, slice_of(source->name)), source);
        if (!slice_absent(what))
            log_source("source_changed", source, what);
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct source *source = &before->items[i];
        if (!sources_find(after, source->provider, slice_of(source->name)))
            log_event(LOG_INFO, "source_changed", LOG_TEXT("provider", source_provider_name(source->provider)),
                      LOG_TEXT("source", source->name), LOG_TEXT("what", "removed"));
    }
    log_event(LOG_INFO, "sources_reloaded", LOG_INT("sources", after->count));
    arena_free(arena);
}

static void log_problems(const struct buffer *problems)
{
    for (const char *line = problems->data; line && *line; line = strchr(line, '\n') + 1)
        log_event(LOG_ERROR, "sources_not_reloaded",
                  LOG_SLICE("problem", ((struct slice){line, (size_t)(strchr(line, '\n') - line)})),
                  LOG_TEXT("remedy", "the sources of before stay in force; mend the file and send SIGHUP again"));
}

/* the set in force -------------------------------------------------------------------------------------------------- */

static void reload(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number, (void)what;
    struct sources_file *file = context;
    struct buffer problems = {0};
    struct sources *sources = sources_file_read(file->settings, &problems);
    metric_set(file->failed, !sources);
    metric_add(sources ? file->reloads : file->failures, 1);
    if (sources) {
        struct sources *before = file->sources;
        log_changes(before, sources);
        file->sources = sources;
        file->changed(sources, file->context);
        sources_release(before);
    } else {
        log_problems(&problems);
    }
    buffer_free(&problems);
}

static void open_metrics(struct sources_file *file, const char *program)
{
    static const char HELP[] = "Readings of the sources on SIGHUP, by what came of them.";
    char name[METRIC_BYTES];
    snprintf(name, sizeof name, "hookline_%s_sources_reloads_total", program);
    file->reloads = metrics_counter(name, "outcome=\"in_force\"", HELP);
    file->failures = metrics_counter(name, "outcome=\"refused\"", HELP);
    snprintf(name, sizeof name, "hookline_%s_sources_reload_failed", program);
    file->failed = metrics_gauge(name, "", "1 while the last reading of the sources was refused and older ones serve.");
}

const char *sources_file_open(struct sources_file **result, const struct settings *settings, const char *program,
                              struct event_base *base, sources_file_changed *changed, void *context)
{
    struct buffer problems = {0};
    struct sources *sources = sources_file_read(settings, &problems);
    if (!sources) { /* --check and the start have examined it: it changed since */
        *strchr(problems.data, '\n') = '\0';
        return problems.data;
    }
    struct sources_file *file = memory_new(1, sizeof *file);
    *file = (struct sources_file){.settings = settings, .sources = sources, .changed = changed, .context = context};
    open_metrics(file, program);
    log_sources(sources);
    file->hangup = evsignal_new(base, SIGHUP, reload, file);
    event_add(file->hangup, NULL);
    *result = file;
    return NULL;
}

void sources_file_close(struct sources_file *file)
{
    if (!file)
        return;
    event_free(file->hangup);
    sources_release(file->sources);
    free(file);
}

struct sources *sources_file_now(const struct sources_file *file)
{
    return file->sources;
}
