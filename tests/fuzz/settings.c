/* An environment: it is right, and every setting is in its range, or it is refused. Input: lines of NAME=value. */
#include <unistd.h>

#include "common/arena.h"
#include "common/settings.h"
#include "tests/fuzz/fuzz.h"

enum { VARIABLES_MAX = 32 };

static const struct setting TABLE[] = {
    {.name = "TEXT", .type = SETTING_TEXT, .text = "x", .help = "Text."},
    {.name = "SECRET", .type = SETTING_SECRET, .help = "A secret."},
    {.name = "ADDRESS", .type = SETTING_ADDRESS, .text = "127.0.0.1:0", .help = "An address."},
    {.name = "CHOICE", .type = SETTING_CHOICE, .text = "a", .choices = "a|bc|d", .help = "A choice."},
    {.name = "COUNT", .type = SETTING_COUNT, .count = 5, .min = 1, .max = 9, .help = "A number."},
    {.name = "MS", .type = SETTING_MS, .count = 5, .min = 0, .max = 60000, .help = "A time."},
    {.name = "BYTES", .type = SETTING_BYTES, .count = 5, .min = 1, .max = INT64_C(1) << 40, .help = "A size."},
    {.name = "FLAG", .type = SETTING_FLAG, .help = "A flag."},
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_EVERY_PROGRAM,
};

static void ignore_property(const char *name, const char *value, void *context)
{
    (void)context;
    REQUIRE(name[0] && value);
}

static void require_in_range(const struct settings *settings)
{
    for (size_t i = 0; i < COUNT(TABLE); i++) {
        int64_t count = settings_count(settings, TABLE[i].name);
        if (TABLE[i].max > 0)
            REQUIRE(count >= TABLE[i].min && count <= TABLE[i].max);
        if (TABLE[i].type == SETTING_FLAG)
            REQUIRE(count == 0 || count == 1);
    }
    settings_kafka_properties(settings, ignore_property, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char program[] = "fuzz";
    char *arguments[] = {program, NULL};
    char *variables[VARIABLES_MAX + 1];
    size_t count = 0;
    struct slice rest = fuzz_input(data, size);
    struct arena *arena = arena_new();
    while (rest.len > 0 && count < VARIABLES_MAX) {
        struct slice line = fuzz_take(&rest, '\n');
        if (line.len > 0 && memmem(line.ptr, line.len, "_FILE=", 6) == NULL) /* the machine's files are no input */
            variables[count++] = memory_copy_string(arena_copy(arena, line).ptr);
    }
    variables[count] = NULL;
    char **before = environ;
    environ = variables;
    struct settings *settings = NULL;
    int exit_code = 0;
    if (settings_load("fuzz", "Is fuzzed.", TABLE, COUNT(TABLE), 1, arguments, &settings, &exit_code) == SETTINGS_RUN)
        require_in_range(settings);
    else
        REQUIRE(exit_code == 78);
    environ = before;
    settings_free(settings);
    while (count > 0)
        free(variables[--count]);
    arena_free(arena);
    return 0;
}
