/* arguments.c: see arguments.h. getopt_long(3) splits the words; the tables say what they must be. */
#include "ctl/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>

#include "common/text.h"
#include "ctl/nearest.h"

enum { ARGUMENTS_OPTIONS_MAX = 40, ARGUMENTS_TEXTS_MAX = 64 };

struct argument {
    bool given;
    const char *texts[ARGUMENTS_TEXTS_MAX];
    size_t text_count;
    int64_t count;
    double amount;
};

struct arguments {
    const struct verb *verb;
    struct arena *arena;
    const char *operand;
    bool help, json;
    struct argument *values; /* one for each row of the verb's table */
};

static const char *refused(struct arena *arena, const struct verb *verb, const char *what, const char *remedy)
{
    return arena_format(arena, "%s; %s. See: hookline help %s%s%s", what, remedy, verb->name, verb->action ? " " : "",
                        verb->action ? verb->action : "")
        .ptr;
}

static const char *read_count(struct arguments *self, const struct option_row *row, struct argument *value,
                              const char *text)
{
    if (text_read_int(slice_of(text), &value->count) && value->count >= row->min && value->count <= row->max)
        return NULL;
    return refused(self->arena, self->verb, arena_format(self->arena, "--%s is \"%s\"", row->name, text).ptr,
                   arena_format(self->arena, "a whole number from %lld to %lld is wanted", (long long)row->min,
                                (long long)row->max)
                       .ptr);
}

static const char *read_amount(struct arguments *self, const struct option_row *row, struct argument *value,
                               const char *text)
{
    char *end = NULL;
    errno = 0;
    value->amount = strtod(text, &end);
    if (end != text && *end == '\0' && errno == 0 && isfinite(value->amount) && value->amount >= (double)row->min &&
        value->amount <= (double)row->max)
        return NULL;
    return refused(
        self->arena, self->verb, arena_format(self->arena, "--%s is \"%s\"", row->name, text).ptr,
        arena_format(self->arena, "a number from %lld to %lld is wanted", (long long)row->min, (long long)row->max)
            .ptr);
}

static const char *read_value(struct arguments *self, const struct option_row *row, struct argument *value,
                              const char *text)
{
    if (row->kind != OPTION_TEXTS && value->given)
        return refused(self->arena, self->verb, arena_format(self->arena, "--%s is given twice", row->name).ptr,
                       "once is enough");
    value->given = true;
    switch (row->kind) {
    case OPTION_FLAG:
        return NULL;
    case OPTION_COUNT:
        return read_count(self, row, value, text);
    case OPTION_AMOUNT:
        return read_amount(self, row, value, text);
    case OPTION_TEXT:
    case OPTION_TEXTS:
        break;
    }
    if (*text == '\0')
        return refused(self->arena, self->verb, arena_format(self->arena, "--%s is empty", row->name).ptr,
                       "leave it out or give it a value");
    if (value->text_count == ARGUMENTS_TEXTS_MAX)
        return refused(self->arena, self->verb, arena_format(self->arena, "--%s is given too often", row->name).ptr,
                       arena_format(self->arena, "at most %d are taken", ARGUMENTS_TEXTS_MAX).ptr);
    value->texts[value->text_count++] = text;
    return NULL;
}

/* getopt's own words for what it met; `row` of a missing value is found by the index that it hands out. */
enum { GETOPT_HELP = 1000, GETOPT_JSON, GETOPT_ROW };

/* "--company, --name", of those whose names begin like this; *count of them. */
static struct slice options_listed(struct arena *arena, const struct option *known, struct slice beginning,
                                   size_t *count)
{
    struct slice list = SLICE("");
    *count = 0;
    for (; known->name; known++)
        if (strncmp(known->name, beginning.ptr, beginning.len) == 0)
            list = arena_format(arena, "%.*s%s--%s", SLICE_PRINT(list), (*count)++ ? ", " : "", known->name);
    return list;
}

/* getopt says '?' to three mistakes. `code` (its optopt) is the option's when that takes no value, the letter of a short
 * option, else 0. */
static const char *option_refused(struct arguments *self, const struct option *known, const char *written, int code)
{
    struct arena *arena = self->arena;
    if (code > 0 && code < GETOPT_HELP)
        return refused(arena, self->verb, arena_format(arena, "-%c is not an option of this verb", code).ptr,
                       "but for -h all are written with two dashes");
    struct slice name = slice_of(written + strlen("--"));
    name.len = strcspn(name.ptr, "=");
    if (code)
        return refused(arena, self->verb, arena_format(arena, "--%.*s takes no value", SLICE_PRINT(name)).ptr,
                       "write it alone");
    size_t count = 0;
    struct slice like_it = options_listed(arena, known, name, &count);
    if (count > 1)
        return refused(arena, self->verb, arena_format(arena, "--%.*s stands for several", SLICE_PRINT(name)).ptr,
                       arena_format(arena, "write one of %.*s", SLICE_PRINT(like_it)).ptr);

    const char *names[ARGUMENTS_OPTIONS_MAX + 2];
    struct slice all = options_listed(arena, known, SLICE(""), &count);
    for (size_t i = 0; i < count; i++)
        names[i] = known[i].name;
    const char *nearest = nearest_word(name, names, count);
    return refused(arena, self->verb,
                   arena_format(arena, "--%.*s is not an option of this verb", SLICE_PRINT(name)).ptr,
                   nearest ? arena_format(arena, "perhaps --%s is meant", nearest).ptr
                           : arena_format(arena, "its options are %.*s", SLICE_PRINT(all)).ptr);
}

static const char *read_options(struct arguments *self, int argc, char **argv)
{
    struct option known[ARGUMENTS_OPTIONS_MAX + 3] = {0};
    const struct verb *verb = self->verb;
    for (size_t i = 0; i < verb->option_count; i++)
        known[i] = (struct option){verb->options[i].name,
                                   verb->options[i].kind == OPTION_FLAG ? no_argument : required_argument, NULL,
                                   GETOPT_ROW + (int)i};
    known[verb->option_count] = (struct option){"help", no_argument, NULL, GETOPT_HELP};
    known[verb->option_count + 1] = (struct option){"json", no_argument, NULL, GETOPT_JSON};

    optind = 0; /* glibc: start anew, also with the order of words */
    opterr = 0;
    const char *problem = NULL;
    for (int found; !problem && (found = getopt_long(argc, argv, ":h", known, NULL)) != -1;) {
        if (found == GETOPT_HELP || found == 'h')
            self->help = true;
        else if (found == GETOPT_JSON)
            self->json = true;
        else if (found == ':')
            problem = refused(
                self->arena, verb, arena_format(self->arena, "%s has no value", argv[optind - 1]).ptr,
                arena_format(self->arena, "write %s %s", argv[optind - 1], verb->options[optopt - GETOPT_ROW].value)
                    .ptr);
        else if (found == '?')
            problem = option_refused(self, known, argv[optind - 1], optopt);
        else
            problem = read_value(self, &verb->options[found - GETOPT_ROW], &self->values[found - GETOPT_ROW], optarg);
    }
    return problem;
}

static const char *read_operand(struct arguments *self, int count, char **words)
{
    const struct verb *verb = self->verb;
    const char *wanted = verb->operand;
    if (count > (wanted ? 1 : 0))
        return refused(self->arena, verb,
                       arena_format(self->arena, "\"%s\" is one word too many", words[count - 1]).ptr,
                       "put quotes around a name with spaces");
    if (count == 1 && *words[0] != '\0')
        self->operand = words[0];
    if (wanted && wanted[0] != '[' && !self->operand)
        return refused(self->arena, verb, arena_format(self->arena, "%s is missing", wanted).ptr, "it is wanted here");
    return NULL;
}

static const char *check_required(struct arguments *self)
{
    const struct verb *verb = self->verb;
    for (size_t i = 0; i < verb->option_count; i++)
        if (verb->options[i].required && !self->values[i].given)
            return refused(
                self->arena, verb, arena_format(self->arena, "--%s is missing", verb->options[i].name).ptr,
                arena_format(self->arena, "write --%s %s", verb->options[i].name, verb->options[i].value).ptr);
    return NULL;
}

const char *arguments_read(struct arguments **result, struct arena *arena, const struct verb *verb, int argc,
                           char **argv)
{
    if (verb->option_count > ARGUMENTS_OPTIONS_MAX)
        abort();
    struct arguments *self = arena_zeroed(arena, 1, sizeof *self);
    self->verb = verb;
    self->arena = arena;
    self->values = arena_zeroed(arena, verb->option_count + 1, sizeof *self->values);
    *result = self;

    const char *problem = read_options(self, argc, argv);
    if (problem || self->help)
        return problem;
    problem = read_operand(self, argc - optind, argv + optind);
    return problem ? problem : check_required(self);
}

void arguments_usage(const struct verb *verb, struct buffer *out)
{
    buffer_add_format(out, "hookline %s", verb->name);
    if (verb->action)
        buffer_add_format(out, " %s", verb->action);
    if (verb->operand)
        buffer_add_format(out, " %s", verb->operand);
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct option_row *row = &verb->options[i];
        buffer_add_format(out, row->required ? " --%s" : " [--%s", row->name);
        if (row->kind != OPTION_FLAG)
            buffer_add_format(out, " %s", row->value);
        buffer_add_text(out, row->required ? "" : "]");
        if (row->kind == OPTION_TEXTS)
            buffer_add_text(out, "…");
    }
}

void arguments_manual(const struct verb *verb, struct buffer *out)
{
    buffer_add_text(out, "usage: ");
    arguments_usage(verb, out);
    buffer_add_format(out, " [--json]\n\n%s\n\n", verb->about);
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct option_row *row = &verb->options[i];
        struct buffer left = {0};
        buffer_add_format(&left, "--%s", row->name);
        if (row->kind != OPTION_FLAG)
            buffer_add_format(&left, " %s", row->value);
        buffer_add_format(out, "  %-30s %s\n", left.data, row->help);
        buffer_free(&left);
    }
    buffer_add_format(out, "  %-30s %s\n", "--json", "Answer in JSON, for programs.");
}

bool arguments_help(const struct arguments *arguments)
{
    return arguments->help;
}

bool arguments_json(const struct arguments *arguments)
{
    return arguments->json;
}

struct arena *arguments_arena(const struct arguments *arguments)
{
    return arguments->arena;
}

const char *arguments_operand(const struct arguments *arguments)
{
    return arguments->operand;
}

static const struct argument *value_of(const struct arguments *arguments, const char *name)
{
    const struct verb *verb = arguments->verb;
    for (size_t i = 0; i < verb->option_count; i++)
        if (strcmp(verb->options[i].name, name) == 0)
            return &arguments->values[i];
    abort(); /* a verb asks for an option that its own table does not have */
}

bool argument_given(const struct arguments *arguments, const char *name)
{
    return value_of(arguments, name)->given;
}

const char *argument_text(const struct arguments *arguments, const char *name, const char *otherwise)
{
    const struct argument *value = value_of(arguments, name);
    return value->given ? value->texts[0] : otherwise;
}

int64_t argument_count(const struct arguments *arguments, const char *name, int64_t otherwise)
{
    const struct argument *value = value_of(arguments, name);
    return value->given ? value->count : otherwise;
}

double argument_amount(const struct arguments *arguments, const char *name, double otherwise)
{
    const struct argument *value = value_of(arguments, name);
    return value->given ? value->amount : otherwise;
}

const char *const *argument_texts(const struct arguments *arguments, const char *name, size_t *count)
{
    const struct argument *value = value_of(arguments, name);
    *count = value->text_count;
    return value->texts;
}
