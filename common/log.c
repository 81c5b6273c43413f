/* log.c: builds the line in memory and writes it in one piece, so that lines of several threads never mix.
 * Where the program has a writer (log_writer.h), the line is built in what it gathers.
 */
#include "common/log.h"

#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/log_writer.h"
#include "common/text.h"

static const char *const LEVELS[] = {"error", "warn", "info", "debug"};

static struct {
    const char *program;
    bool json;
    enum log_level least;
} settings = {.program = "hookline", .least = LOG_INFO};

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

static void write_now(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    struct buffer line = {0};
    add_line(&line, level, event, fields, count);
    ssize_t written = write(STDERR_FILENO, line.data, line.len);
    (void)written; /* nowhere to complain */
    buffer_free(&line);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    if (!log_enabled(level))
        return;
    struct buffer *gathered = log_writer_begin();
    if (!gathered) {
        write_now(level, event, fields, count);
        return;
    }
    add_line(gathered, level, event, fields, count);
    log_writer_end();
}
