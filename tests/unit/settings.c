/* settings.c: a wrong setting is named with what would be right; a right one is read. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/settings.h"

static const struct setting TABLE[] = {
    {.name = "LISTEN", .type = SETTING_ADDRESS, .text = "127.0.0.1:8080", .help = "Where."},
    {.name = "BODY_MAX_BYTES", .type = SETTING_BYTES, .count = 1024, .min = 1, .max = 1048576, .help = "How much."},
    {.name = "WAIT_MS", .type = SETTING_MS, .count = 2000, .min = 1, .max = 60000, .help = "How long."},
    {.name = "LEGACY", .type = SETTING_CHOICE, .text = "serve", .choices = "serve|gone", .help = "What then."},
    {.name = "STRICT", .type = SETTING_FLAG, .count = 1, .help = "Whether."},
    {.name = "KEY", .type = SETTING_SECRET, .required = true, .help = "The key."},
    SETTINGS_OF_KAFKA,
};

static char *const NO_ARGUMENTS[] = {(char[]){"hookline-test"}, NULL};

/* The exit code, or -1 when the program would run; the settings then in *settings. */
static int load(struct settings **settings)
{
    int exit_code = -1;
    enum settings_outcome outcome = settings_load("hookline-test", "A test.", TABLE, COUNT(TABLE), 1,
                                                  (char **)(uintptr_t)NO_ARGUMENTS, settings, &exit_code);
    return outcome == SETTINGS_RUN ? -1 : exit_code;
}

static int clean(void **state)
{
    (void)state;
    for (char **at = environ; *at;) {
        char name[128];
        size_t len = strcspn(*at, "=");
        if (strncmp(*at, "HOOKLINE_", 9) != 0 || len >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, len);
        name[len] = '\0';
        unsetenv(name); /* moves the rest up */
    }
    setenv("HOOKLINE_KEY", "key_test", 1);
    return 0;
}

static void defaults_hold(void **state)
{
    (void)state;
    struct settings *settings = NULL;
    assert_int_equal(load(&settings), -1);
    assert_string_equal(settings_text(settings, "LISTEN"), "127.0.0.1:8080");
    assert_int_equal(settings_count(settings, "BODY_MAX_BYTES"), 1024);
    assert_true(settings_flag(settings, "STRICT"));
    assert_string_equal(settings_text(settings, "KEY"), "key_test");
    settings_free(settings);
}

static void what_is_set_is_read(void **state)
{
    (void)state;
    setenv("HOOKLINE_BODY_MAX_BYTES", "64k", 1);
    setenv("HOOKLINE_LEGACY", "gone", 1);
    setenv("HOOKLINE_STRICT", "Off", 1);
    setenv("HOOKLINE_LISTEN", "[::1]:0", 1);
    struct settings *settings = NULL;
    assert_int_equal(load(&settings), -1);
    assert_int_equal(settings_count(settings, "BODY_MAX_BYTES"), 65536);
    assert_string_equal(settings_text(settings, "LEGACY"), "gone");
    assert_false(settings_flag(settings, "STRICT"));
    settings_free(settings);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } WRONG[] = {
        {"HOOKLINE_LISTEN", "8080"},
        {"HOOKLINE_LISTEN", "host:70000"},
        {"HOOKLINE_BODY_MAX_BYTES", "2M"},
        {"HOOKLINE_BODY_MAX_BYTES", "0"},
        {"HOOKLINE_WAIT_MS", "2s"},
        {"HOOKLINE_WAIT_MS", ""},
        {"HOOKLINE_LEGACY", "serv"},
        {"HOOKLINE_LEGACY", "serve|gone"},
        {"HOOKLINE_STRICT", "perhaps"},
        {"HOOKLINE_KEY", ""},
        {"HOOKLINE_KEY_FILE", "/nowhere"},
        {"HOOKLINE_KAFKA_ACKS", "1"},
        {"HOOKLINE_KAFKA_DELIVERY_REPORT_ONLY_ERROR", "true"},
    };
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        clean(NULL);
        setenv(WRONG[i].name, WRONG[i].value, 1);
        struct settings *settings = NULL;
        if (load(&settings) != 78)
            fail_msg("%s=%s was taken", WRONG[i].name, WRONG[i].value);
    }
    clean(NULL);
    unsetenv("HOOKLINE_KEY");
    struct settings *settings = NULL;
    assert_int_equal(load(&settings), 78);
}

static void a_secret_may_lie_in_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/hookline-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "key_from_file\n", 14), 14);
    close(fd);
    unsetenv("HOOKLINE_KEY");
    setenv("HOOKLINE_KEY_FILE", path, 1);
    struct settings *settings = NULL;
    assert_int_equal(load(&settings), -1);
    assert_string_equal(settings_text(settings, "KEY"), "key_from_file");
    settings_free(settings);
    unlink(path);
}

static void note_property(const char *name, const char *value, void *context)
{
    struct buffer *seen = context;
    buffer_add_format(seen, "%s=%s;", name, value);
}

static void any_other_property_reaches_librdkafka(void **state)
{
    (void)state;
    setenv("HOOKLINE_KAFKA_SOCKET_TIMEOUT_MS", "3000", 1);
    setenv("HOOKLINE_KAFKA_BOOTSTRAP", "broker:9092", 1);
    struct settings *settings = NULL;
    struct buffer seen = {0};
    assert_int_equal(load(&settings), -1);
    settings_kafka_properties(settings, note_property, &seen);
    assert_slice(buffer_slice(&seen), "socket.timeout.ms=3000;");
    buffer_free(&seen);
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_hold, clean),
        cmocka_unit_test_setup(what_is_set_is_read, clean),
        cmocka_unit_test_setup(what_is_wrong_is_refused, clean),
        cmocka_unit_test_setup(a_secret_may_lie_in_a_file, clean),
        cmocka_unit_test_setup(any_other_property_reaches_librdkafka, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
