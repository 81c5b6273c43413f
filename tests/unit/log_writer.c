/* The log's own thread: lines come out whole and in order, who writes them waits for nobody, and what is lost is counted. */
#include "common/log_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/thread.h"
#include "tests/unit/test.h"

enum { READER, WRITER };

static int ends[2], kept;
static pthread_t thread;
static struct buffer read_so_far;

/* Standard error is a pipe that nobody reads yet. */
static int setup(void **state)
{
    (void)state;
    kept = dup(STDERR_FILENO);
    if (kept < 0 || pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[WRITER], STDERR_FILENO) < 0)
        return 1;
    close(ends[WRITER]);
    log_open("test", "logfmt", "info");
    return log_writer_start() ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    close(ends[READER]);
    buffer_free(&read_so_far);
    return 0;
}

static void *read_all(void *context)
{
    (void)context;
    char chunk[65536];
    for (ssize_t got = 1; got > 0;) {
        got = read(ends[READER], chunk, sizeof chunk);
        if (got > 0)
            buffer_add(&read_so_far, (struct slice){chunk, (size_t)got});
    }
    return NULL;
}

static void begin_reading(void)
{
    assert_int_equal(thread_start(&thread, read_all, NULL), 0);
}

/* All that was written is read. */
static void end_reading(void)
{
    log_writer_stop();
    assert_true(dup2(kept, STDERR_FILENO) >= 0); /* the pipe's last writer is gone */
    close(kept);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void say(int64_t number)
{
    static const char FILLING[] =
        "a line of about two hundred bytes, as ingest has them: a time, a correlation id, an event id, "
        "an outcome, a source, a duration, and what else there is to say";
    log_event(LOG_INFO, "said", LOG_INT("number", number), LOG_TEXT("filling", FILLING));
}

/* Lines said: their numbers rise, and each ends as it should. */
static int64_t count_lines(void)
{
    static const char NAME[] = "number=";
    int64_t lines = 0;
    int64_t last = -1;
    for (struct slice rest = buffer_slice(&read_so_far); rest.len > 0; lines++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        assert_non_null(end);
        size_t len = (size_t)(end - rest.ptr);
        const char *number = memmem(rest.ptr, len, NAME, sizeof NAME - 1);
        assert_true(number && end[-1] == '"');
        int64_t next = strtoll(number + sizeof NAME - 1, NULL, 10);
        assert_true(next > last);
        last = next;
        rest = slice_from(rest, len + 1);
    }
    return lines;
}

static void what_is_said_is_written_in_order(void **state)
{
    (void)state;
    begin_reading();
    for (int i = 0; i < 5000; i++)
        say(i);
    end_reading();
    assert_int_equal(count_lines(), 5000);
    assert_int_equal(log_writer_lost(), 0);
}

static void who_stands_still_costs_lines_and_no_time(void **state)
{
    (void)state;
    int64_t said = 0;
    while (log_writer_lost() < 100)
        say(said++);
    begin_reading();
    end_reading();
    assert_int_equal(count_lines(), said - 100);
}

static void after_its_end_lines_are_written_at_once(void **state)
{
    (void)state;
    log_writer_stop();
    say(1);
    begin_reading();
    end_reading();
    assert_int_equal(count_lines(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_said_is_written_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(after_its_end_lines_are_written_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stands_still_costs_lines_and_no_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
