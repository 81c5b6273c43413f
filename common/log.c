/* log.c: builds the line in memory and writes it in one piece, so that lines of several threads never mix.
 *
 * A thread that collects keeps its lines until its loop says so, or until they fill LINES_MAX_BYTES: a write(2) for each
 * webhook was a twentieth of what ingest needs for it.
 */
#include "common/log.h"

#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/text.h"

enum { LINES_MAX_BYTES = 32768 };

static const char *const LEVELS[] = {"error", "warn", "info", "debug"};

static struct {
    const char *program;
    bool json;
    enum log_level least;
} settings = {.program = "hookline", .least = LOG_INFO};

static _Thread_local struct {
    struct buffer lines;
    void (*due)(void *context); /* NULL: this thread does not collect */
    void *context;
} collected;

void log_open(const char *program, const char *format, const char *level)
{
    settings.program = program;
    settings.json = strcmp(format, "json") == 0;
    for (size_t i = 0; i < COUNT(LEVELS); i++)
        if (strcmp(level, LEVELS[i]) == 0)
            settings.least = (enum log_level)i;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.least;
}

/* logfmt: bare if it is a plain word, else a JSON string (which every logfmt reader takes). */
static bool bare_word(struct slice text)
{
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return true;
}

static void add_value(struct buffer *line, struct slice text)
{
    if (!settings.json && bare_word(text))
        buffer_add(line, text);
    else
        buffer_add_json_string(line, text);
}

static void add_name(struct buffer *line, const char *name, bool first)
{
    if (settings.json)
        buffer_add_text(line, first ? "{\"" : ",\"");
    else if (!first)
        buffer_add_char(line, ' ');
    buffer_add_text(line, name);
    buffer_add_text(line, settings.json ? "\":" : "=");
}

static void add_number(struct buffer *line, struct slice number)
{
    struct arena *arena = arena_new();
    add_value(line, number.len ? text_mask_number(arena, number) : number);
    arena_free(arena);
}

static void add_field(struct buffer *line, const struct log_field *field)
{
    add_name(line, field->name, false);
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        add_value(line, field->text);
        break;
    case LOG_FIELD_NUMBER:
        add_number(line, field->text);
        break;
    case LOG_FIELD_INT:
        buffer_add_int(line, field->integer);
        break;
    case LOG_FIELD_REAL:
        buffer_add_real(line, field->real);
        break;
    }
}

static void add_line(struct buffer *line, enum log_level level, const char *event, const struct log_field *fields,
                     size_t count)
{
    const char *quote = settings.json ? "\"" : "";
    add_name(line, "time", true);
    buffer_add_text(line, quote);
    buffer_add_time(line, clock_now_ms());
    buffer_add_text(line, quote);
    const struct log_field head[] = {LOG_TEXT("level", LEVELS[level]), LOG_TEXT("program", settings.program),
                                     LOG_TEXT("event", event)};
    for (size_t i = 0; i < COUNT(head); i++)
        add_field(line, &head[i]);
    for (size_t i = 0; i < count; i++)
        add_field(line, &fields[i]);
    buffer_add_text(line, settings.json ? "}\n" : "\n");
}

static void write_out(struct buffer *lines)
{
    ssize_t written = write(STDERR_FILENO, lines->data, lines->len);
    (void)written; /* nowhere to complain */
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    if (!log_enabled(level))
        return;
    if (!collected.due) {
        struct buffer line = {0};
        add_line(&line, level, event, fields, count);
        write_out(&line);
        buffer_free(&line);
        return;
    }
    bool first = collected.lines.len == 0;
    add_line(&collected.lines, level, event, fields, count);
    if (level <= LOG_WARN || collected.lines.len >= LINES_MAX_BYTES)
        log_flush();
    else if (first)
        collected.due(collected.context);
}

void log_collect(void (*due)(void *context), void *context)
{
    log_flush();
    buffer_free(&collected.lines);
    collected.due = due;
    collected.context = context;
}

void log_flush(void)
{
    if (collected.lines.len > 0)
        write_out(&collected.lines);
    buffer_clear(&collected.lines);
}
