/* The log's own thread: lines come out whole and in order, who writes them waits for nobody, and what is lost is counted. */
#include "common/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/thread.h"
#include "tests/unit/test.h"

enum { READER, WRITER, READ_MS = 20000, LINES = 4000, ROOMY_BYTES = 1024 * 1024 };

static int ends[2], kept;
static pthread_t thread;
static int64_t awaited; /* lines: then the reader pauses */
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

/* So many lines; fewer if it is the end, or nothing comes for so long. */
static void read_lines(int64_t lines)
{
    char chunk[65536];
    for (ssize_t got = 1; got > 0 && lines > 0;) {
        got = poll(&(struct pollfd){.fd = ends[READER], .events = POLLIN}, 1, READ_MS);
        got = got > 0 ? read(ends[READER], chunk, sizeof chunk) : 0;
        for (ssize_t i = 0; i < got; i++)
            lines -= chunk[i] == '\n';
        if (got > 0)
            buffer_add(&read_so_far, (struct slice){chunk, (size_t)got});
    }
}

static void *read_awaited(void *context)
{
    (void)context;
    read_lines(awaited);
    return NULL;
}

static void begin_reading(int64_t lines)
{
    awaited = lines;
    assert_int_equal(thread_start(&thread, read_awaited, NULL), 0);
}

/* The lines that are awaited, and whatever else is written. */
static void end_reading(void)
{
    assert_int_equal(pthread_join(thread, NULL), 0);
    log_writer_stop();
    assert_true(dup2(kept, STDERR_FILENO) >= 0); /* the pipe's last writer is gone */
    close(kept);
    read_lines(INT64_MAX);
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
    begin_reading(LINES);
    for (int i = 0; i < LINES; i++)
        say(i);
    end_reading();
    assert_int_equal(count_lines(), LINES);
    assert_int_equal(log_writer_lost(), 0);
}

static void who_stands_still_costs_lines_and_no_time(void **state)
{
    (void)state;
    int64_t said = 0;
    while (log_writer_lost() < 100)
        say(said++);
    begin_reading(said - 100);
    end_reading();
    assert_int_equal(count_lines(), said - 100);
}

static void after_its_end_lines_are_written_at_once(void **state)
{
    (void)state;
    log_writer_stop();
    say(1);
    begin_reading(1);
    end_reading();
    assert_int_equal(count_lines(), 1);
}

static void *say_all(void *some)
{
    for (int i = 0; i < LINES; i++) {
        say(i);
        if (i == LINES / 4)
            sem_post(some);
    }
    return NULL;
}

static void who_speaks_at_its_end_is_heard_in_his_turn(void **state)
{
    (void)state;
    sem_t some;
    pthread_t speaker;
    assert_int_equal(sem_init(&some, 0, 0), 0);
    fcntl(STDERR_FILENO, F_SETPIPE_SZ, ROOMY_BYTES); /* if it may be: a slow reader would use up the end's one second */
    begin_reading(LINES);
    assert_int_equal(thread_start(&speaker, say_all, &some), 0);
    assert_int_equal(sem_wait(&some), 0);
    log_writer_stop();
    assert_int_equal(pthread_join(speaker, NULL), 0);
    end_reading();
    assert_int_equal(count_lines(), LINES);
    sem_destroy(&some);
}

/* As whoever shares it with us may make it. */
static void a_full_pipe_that_does_not_block_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < LINES; i++)
        say(i);
    begin_reading(LINES);
    end_reading();
    assert_int_equal(count_lines(), LINES);
    assert_int_equal(log_writer_lost(), 0);
}

static void what_a_full_disk_does_not_take_is_counted(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0 && dup2(full, STDERR_FILENO) >= 0);
    close(full);
    say(1);
    say(2);
    while (log_writer_lost() < 2)
        sched_yield();
    begin_reading(0);
    end_reading();
    assert_int_equal(log_writer_lost(), 2);
    assert_int_equal(count_lines(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_said_is_written_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(after_its_end_lines_are_written_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_speaks_at_its_end_is_heard_in_his_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_pipe_that_does_not_block_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_full_disk_does_not_take_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stands_still_costs_lines_and_no_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
