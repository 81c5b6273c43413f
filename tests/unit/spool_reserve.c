/* The room that is kept for emptying a spool: there once, it is there until it is given up. */
#include "ingest/spool_reserve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { SPOOL_BYTES = 65536, RESERVE_BYTES = SPOOL_BYTES + 1024 * 1024 };

static char directory[64], path[96], reserve[96];

static int begin(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/hookline-test.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/ingest-0.db", directory);
    snprintf(reserve, sizeof reserve, "%s/ingest-0.reserve", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(reserve);
    return rmdir(directory);
}

static long long size_of_reserve(void)
{
    struct stat file;
    return stat(reserve, &file) == 0 ? (long long)file.st_size : -1;
}

static void it_is_made_kept_and_given_up(void **state)
{
    (void)state;
    const char *problem = NULL;
    assert_true(spool_reserve_make(path, SPOOL_BYTES, &problem));
    assert_int_equal(size_of_reserve(), RESERVE_BYTES);
    assert_true(spool_reserve_make(path, SPOOL_BYTES, &problem));
    assert_true(spool_reserve_make(path, INT64_C(2) * SPOOL_BYTES, &problem)); /* SPOOL_MAX_BYTES was raised */
    assert_int_equal(size_of_reserve(), RESERVE_BYTES + SPOOL_BYTES);
    assert_true(spool_reserve_give_up(path));
    assert_int_equal(size_of_reserve(), -1);
    assert_false(spool_reserve_give_up(path));
}

/* A crowd of connections is no reason to refuse what comes, nor to give up what was kept. */
static void it_is_there_though_no_file_can_be_opened(void **state)
{
    (void)state;
    const char *problem = NULL;
    struct rlimit files;
    assert_true(spool_reserve_make(path, SPOOL_BYTES, &problem));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, files.rlim_max}), 0);
    bool made = spool_reserve_make(path, SPOOL_BYTES, &problem);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(made);
    assert_int_equal(size_of_reserve(), RESERVE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_kept_and_given_up),
        cmocka_unit_test(it_is_there_though_no_file_can_be_opened),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
