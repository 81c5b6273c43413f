/* settings.c: environment + table -> values. The whole environment is checked at once, so that every mistake is named in
 * one start and not one a start. */
#include "common/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/settings_describe.h"
#include "common/text.h"

enum { EXIT_FINE = 0, EXIT_USAGE = 64, EXIT_CONFIGURATION = 78, FILE_MAX_BYTES = 1024 * 1024 };

struct value {
    char *text;
    int64_t count;
};

struct settings {
    const char *program;
    const struct setting *table;
    size_t count;
    struct value *values;
    struct buffer problems; /* one line each */
};

/* Set by the tools around us, not by tables: they must not count as unknown. */
static const char *const NOT_SETTINGS[] = {"HOOKLINE_FAILPOINT", "HOOKLINE_SEED", "HOOKLINE_RUN_DIR", "HOOKLINE_TEST_"};

/* A guarantee rests on each of these (docs/architecture.md): no lost record, no reordered one, no offset moved early. */
static const char *const KAFKA_REFUSED[] = {
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "partitioner",
    "partition.assignment.strategy",
    "group.id",
    "group.instance.id",
    "transactional.id",
    "retries",
    "message.send.max.retries",
    "message.max.bytes",
    "allow.auto.create.topics",
    "delivery.report.only.error",
    "delivery.timeout.ms", /* the program's own, and it would be overwritten without a word */
    "message.timeout.ms",
};

/* setting values ---------------------------------------------------------------------------------------------------- */

static bool address_is_plausible(const char *text)
{
    if (*text == '\0' || strncmp(text, "unix:", 5) == 0)
        return *text == '\0' || text[5] != '\0';
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    return colon && colon != text && text_read_int(slice_of(colon + 1), &port) && port >= 0 && port <= 65535;
}

static bool choice_is_known(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (len > 0 && !strchr(text, '|') && strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return true;
    return false;
}

static bool read_flag(const char *text, int64_t *flag)
{
    static const char *const WORDS[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < COUNT(WORDS); i++)
        if (strcasecmp(text, WORDS[i]) == 0) {
            *flag = (int64_t)(i % 2);
            return true;
        }
    return false;
}

static bool read_bytes(const char *text, int64_t *bytes)
{
    struct slice number = slice_of(text);
    int64_t unit = 1;
    switch (number.len ? number.ptr[number.len - 1] : '\0') {
    case 'k':
    case 'K':
        unit = INT64_C(1) << 10;
        break;
    case 'm':
    case 'M':
        unit = INT64_C(1) << 20;
        break;
    case 'g':
    case 'G':
        unit = INT64_C(1) << 30;
        break;
    default:
        break;
    }
    number.len -= unit > 1;
    return text_read_int(number, bytes) && !__builtin_mul_overflow(*bytes, unit, bytes);
}

static bool value_read(const struct setting *row, const char *text, int64_t *count)
{
    switch (row->type) {
    case SETTING_TEXT:
        return true;
    case SETTING_SECRET:
        return *text != '\0';
    case SETTING_ADDRESS:
        return address_is_plausible(text);
    case SETTING_CHOICE:
        return choice_is_known(row->choices, text);
    case SETTING_FLAG:
        return read_flag(text, count);
    case SETTING_BYTES:
        return read_bytes(text, count) && *count >= row->min && *count <= row->max;
    case SETTING_COUNT:
    case SETTING_MS:
        break;
    }
    return text_read_int(slice_of(text), count) && *count >= row->min && *count <= row->max;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *text = memory_new(1, FILE_MAX_BYTES + 1);
    size_t len = fread(text, 1, FILE_MAX_BYTES, file);
    bool failed = ferror(file);
    fclose(file);
    if (failed) {
        free(text);
        return NULL;
    }
    if (len && text[len - 1] == '\n')
        len--;
    if (len && text[len - 1] == '\r')
        len--;
    text[len] = '\0';
    return text;
}

/* What the environment says of a setting, from NAME or NAME_FILE; NULL: nothing. The caller frees. */
static char *environment_value(const struct setting *row, struct buffer *problems)
{
    char name[96];
    char file_name[104];
    snprintf(name, sizeof name, "%s%s", SETTINGS_PREFIX, row->name);
    snprintf(file_name, sizeof file_name, "%s_FILE", name);
    const char *direct = getenv(name);
    const char *path = getenv(file_name);
    if (direct && path) {
        buffer_add_format(problems, "%s and %s are both set: keep one of them\n", name, file_name);
        return NULL;
    }
    if (!path)
        return direct ? memory_copy_string(direct) : NULL;
    char *text = read_file(path);
    if (!text)
        buffer_add_format(problems, "%s=%s cannot be read: %s\n", file_name, path, strerror(errno));
    return text;
}

static void add_wrong_value(struct buffer *problems, const struct setting *row, const char *text)
{
    buffer_add_format(problems, "%s%s=%s is not right: it must be ", SETTINGS_PREFIX, row->name,
                      row->type == SETTING_SECRET ? "(secret)" : text);
    setting_describe_form(problems, row);
    buffer_add_char(problems, '\n');
}

static void setting_read(struct settings *settings, size_t index)
{
    const struct setting *row = &settings->table[index];
    struct value *value = &settings->values[index];
    value->count = row->count;
    size_t before = settings->problems.len;
    char *text = environment_value(row, &settings->problems);
    if (!text) {
        value->text = row->text ? memory_copy_string(row->text) : NULL;
        if (row->required && settings->problems.len == before)
            buffer_add_format(&settings->problems, "%s%s is not set: %s\n", SETTINGS_PREFIX, row->name, row->help);
        return;
    }
    value->text = text;
    if (!value_read(row, text, &value->count))
        add_wrong_value(&settings->problems, row, text);
}

/* the rest of the environment --------------------------------------------------------------------------------------- */

/* "HOOKLINE_KAFKA_SOCKET_TIMEOUT_MS=…" or "KAFKA_…=…" -> "socket.timeout.ms"; false if it is no librdkafka property. */
static bool kafka_property_name(const char *variable, char *name, size_t size)
{
    if (strncmp(variable, SETTINGS_PREFIX, sizeof SETTINGS_PREFIX - 1) == 0)
        variable += sizeof SETTINGS_PREFIX - 1;
    if (strncmp(variable, "KAFKA_", 6) != 0 || strncmp(variable, "KAFKA_BOOTSTRAP=", 16) == 0 ||
        strncmp(variable, "KAFKA_BOOTSTRAP_FILE=", 21) == 0)
        return false;
    size_t len = 0;
    for (const char *at = variable + 6; *at && *at != '='; at++) {
        if (len + 1 == size)
            return false;
        name[len++] = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
    }
    name[len] = '\0';
    return len > 0;
}

static bool is_setting(const struct settings *settings, struct slice name)
{
    for (size_t i = 0; i < settings->count; i++) {
        size_t len = strlen(settings->table[i].name);
        bool starts = name.len >= len && memcmp(name.ptr, settings->table[i].name, len) == 0;
        if (starts && (name.len == len || slice_equals(slice_from(name, len), "_FILE")))
            return true;
    }
    return false;
}

static bool is_not_ours(const char *variable)
{
    for (size_t i = 0; i < COUNT(NOT_SETTINGS); i++)
        if (strncmp(variable, NOT_SETTINGS[i], strlen(NOT_SETTINGS[i])) == 0)
            return true;
    return false;
}

static void check_variable(struct settings *settings, const char *variable)
{
    char property[128];
    const char *equals = strchr(variable, '=');
    if (!equals || strncmp(variable, SETTINGS_PREFIX, sizeof SETTINGS_PREFIX - 1) != 0 || is_not_ours(variable))
        return;
    struct slice name = {variable + sizeof SETTINGS_PREFIX - 1,
                         (size_t)(equals - variable) - (sizeof SETTINGS_PREFIX - 1)};
    if (is_setting(settings, name))
        return;
    if (!kafka_property_name(variable, property, sizeof property)) {
        buffer_add_format(&settings->problems, "%.*s is no setting of %s: --help lists them\n",
                          (int)(equals - variable), variable, settings->program);
        return;
    }
    for (size_t i = 0; i < COUNT(KAFKA_REFUSED); i++)
        if (strcmp(property, KAFKA_REFUSED[i]) == 0)
            buffer_add_format(&settings->problems, "%.*s is refused: a guarantee rests on hookline's own value of %s\n",
                              (int)(equals - variable), variable, property);
}

void settings_kafka_properties(const struct settings *settings,
                               void (*each)(const char *name, const char *value, void *context), void *context)
{
    char property[128];
    for (char **at = environ; *at; at++) {
        const char *equals = strchr(*at, '=');
        if (!equals || strncmp(*at, SETTINGS_PREFIX, sizeof SETTINGS_PREFIX - 1) != 0)
            continue;
        struct slice name = {*at + sizeof SETTINGS_PREFIX - 1, (size_t)(equals - *at) - (sizeof SETTINGS_PREFIX - 1)};
        if (!is_setting(settings, name) && kafka_property_name(*at, property, sizeof property))
            each(property, equals + 1, context);
    }
}

/* asked for on the command line ------------------------------------------------------------------------------------- */

static enum settings_outcome answer(const struct settings *settings, const char *about, const char *option,
                                    int *exit_code)
{
    *exit_code = EXIT_FINE;
    if (strcmp(option, "--help") == 0)
        settings_help(settings->program, about, settings->table, settings->count, stdout);
    else if (strcmp(option, "--version") == 0)
        printf("%s %s\n", settings->program, HOOKLINE_VERSION);
    else if (strcmp(option, "--settings-markdown") == 0)
        settings_markdown(settings->program, about, settings->table, settings->count, stdout);
    else {
        fprintf(stderr,
                "%s: unknown argument %s; it takes --check, --help, --version or --settings-markdown, and settings "
                "from the environment\n",
                settings->program, option);
        *exit_code = EXIT_USAGE;
    }
    return SETTINGS_EXIT;
}

static enum settings_outcome check(struct settings *settings, settings_examiner *examine, bool only_check,
                                   int *exit_code)
{
    for (size_t i = 0; i < settings->count; i++)
        setting_read(settings, i);
    for (char **at = environ; *at; at++)
        check_variable(settings, *at);
    if (examine && settings->problems.len == 0)
        examine(settings, &settings->problems);
    if (settings->problems.len) {
        for (const char *line = settings->problems.data; *line; line = strchr(line, '\n') + 1)
            fprintf(stderr, "%s: %.*s\n", settings->program, (int)(strchr(line, '\n') - line), line);
        *exit_code = EXIT_CONFIGURATION;
        return SETTINGS_EXIT;
    }
    if (only_check)
        printf("%s: the settings are right\n", settings->program);
    *exit_code = EXIT_FINE;
    return only_check ? SETTINGS_EXIT : SETTINGS_RUN;
}

enum settings_outcome settings_load_examined(const char *program, const char *about, const struct setting *table,
                                             size_t count, settings_examiner *examine, int argc, char **argv,
                                             struct settings **result, int *exit_code)
{
    struct settings *settings = memory_new(1, sizeof *settings);
    *settings = (struct settings){.program = program, .table = table, .count = count};
    settings->values = memory_new(count, sizeof *settings->values);
    bool only_check = argc == 2 && strcmp(argv[1], "--check") == 0;
    enum settings_outcome outcome = argc > 1 && !only_check ? answer(settings, about, argv[argc > 2 ? 2 : 1], exit_code)
                                                            : check(settings, examine, only_check, exit_code);
    *result = NULL;
    if (outcome == SETTINGS_RUN)
        *result = settings;
    else
        settings_free(settings);
    return outcome;
}

enum settings_outcome settings_load(const char *program, const char *about, const struct setting *table, size_t count,
                                    int argc, char **argv, struct settings **result, int *exit_code)
{
    return settings_load_examined(program, about, table, count, NULL, argc, argv, result, exit_code);
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->table[i].type == SETTING_SECRET)
            settings_secret_free(settings->values[i].text);
        else
            free(settings->values[i].text);
    }
    free(settings->values);
    buffer_free(&settings->problems);
    free(settings);
}

/* what programs ask for --------------------------------------------------------------------------------------------- */

static const struct value *find(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->table[i].name, name) == 0)
            return &settings->values[i];
    fprintf(stderr, "%s: our bug: there is no setting %s in the table\n", settings->program, name);
    abort();
}

const char *settings_text(const struct settings *settings, const char *name)
{
    return find(settings, name)->text;
}

bool settings_secret_now(const struct settings *settings, const char *name, struct buffer *problems, char **secret)
{
    const struct setting *row = &settings->table[find(settings, name) - settings->values];
    size_t before = problems->len;
    int64_t count = 0;
    *secret = environment_value(row, problems);
    if (*secret && !value_read(row, *secret, &count)) {
        add_wrong_value(problems, row, *secret);
        settings_secret_free(*secret);
        *secret = NULL;
    }
    return problems->len == before;
}

void settings_secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

int64_t settings_count(const struct settings *settings, const char *name)
{
    return find(settings, name)->count;
}

bool settings_flag(const struct settings *settings, const char *name)
{
    return find(settings, name)->count != 0;
}
