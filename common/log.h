/* log.h: one line per fact.
 *
 *      time=2026-11-21T09:30:00.123Z level=info program=ingest event=accepted correlation_id=… event_id=… ms=1
 *
 * Typed fields only, on purpose: there is no way to log a body, and a number goes through LOG_NUMBER, which masks it. A
 * value is written by whoever decides (style: who decides logs). Goes to stderr, whole lines in one write(2), by whoever has
 * something to say or by a thread of their own (log_writer.h).
 */
#ifndef HOOKLINE_COMMON_LOG_H
#define HOOKLINE_COMMON_LOG_H

#include <stdint.h>

#include "common/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_REAL, LOG_FIELD_NUMBER };

struct log_field {
    const char *name;
    enum log_field_kind kind;
    struct slice text;
    int64_t integer;
    double real;
};

#define LOG_TEXT(name_, string)  ((struct log_field){.name = (name_), .kind = LOG_FIELD_TEXT, .text = slice_of(string)})
#define LOG_SLICE(name_, slice_) ((struct log_field){.name = (name_), .kind = LOG_FIELD_TEXT, .text = (slice_)})
#define LOG_INT(name_, value)    ((struct log_field){.name = (name_), .kind = LOG_FIELD_INT, .integer = (int64_t)(value)})
#define LOG_REAL(name_, value)   ((struct log_field){.name = (name_), .kind = LOG_FIELD_REAL, .real = (value)})
/* A phone number, masked. */
#define LOG_NUMBER(name_, slice_) ((struct log_field){.name = (name_), .kind = LOG_FIELD_NUMBER, .text = (slice_)})

/* Once, from main. `format` "logfmt" or "json", `level` "error" … "debug". */
void log_open(const char *program, const char *format, const char *level);

/* Whether such lines are written: to be asked before a value is made only for the log. */
bool log_enabled(enum log_level level);

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* log_event(LOG_INFO, "accepted", LOG_TEXT("source", name), LOG_INT("ms", 3)); at least one field. */
#define log_event(level, event, ...)                                                                                   \
    log_fields((level), (event), (const struct log_field[]){__VA_ARGS__},                                              \
               sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
