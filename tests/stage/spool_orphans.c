/* Spools that nobody holds: what is set aside in them is counted once and not every minute, and one that cannot be read to its
 * end is left, not called drained. */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/spool_orphans.h"
#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { LOOKS = 3, RECORDS = 60, UNREADABLE = 30, BODY_BYTES = 3000, PAGE_BYTES = 8192 };

static struct spool_orphans *orphans;
static char path[PATH_MAX];

static int begin(void **state)
{
    spool_world_clean(state);
    assert_int_equal(mkdir(spool_world.spool, 0700), 0);
    spool_slot_name(path, spool_world.spool, 0);
    orphans = spool_orphans_new(spool_world.spool);
    return 0;
}

static int end(void **state)
{
    spool_orphans_free(orphans);
    return spool_world_stop(state);
}

static struct spool *open_as(enum spool_purpose purpose)
{
    struct spool *spool = NULL;
    assert_int_equal(spool_open(&spool, path, purpose), SPOOL_FINE);
    return spool;
}

static void close_committed(struct spool *spool)
{
    assert_int_equal(spool_commit(spool), SPOOL_FINE);
    spool_close(spool);
}

static void append(struct spool *spool, int64_t sequence)
{
    static const struct header HEADER = {"ce_id", {"abc", 3}};
    struct spool_row row = {.sequence = sequence,
                            .received_ms = 1,
                            .record = {.topic = TOPIC_WEBHOOKS_RETELL,
                                       .partition = RECORD_PARTITION_BY_KEY,
                                       .key = SLICE("call"),
                                       .value = SLICE("{}"),
                                       .headers = &HEADER,
                                       .header_count = 1}};
    assert_int_equal(spool_append(spool, &row), SPOOL_FINE);
}

static void put_aside(int64_t from, int64_t to)
{
    struct spool *spool = open_as(SPOOL_TO_WRITE);
    for (int64_t sequence = from; sequence <= to; sequence++) {
        append(spool, sequence);
        assert_int_equal(spool_set_aside(spool, sequence, "too large"), SPOOL_FINE);
    }
    close_committed(spool);
}

/* It was written to long ago. */
static void put_aside_once(int64_t from, int64_t to)
{
    put_aside(from, to);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0), 0);
}

/* Nothing is adopted. */
static void assert_counted(int64_t wanted)
{
    int64_t set_aside = -1;
    assert_null(spool_orphans_adopt(orphans, &set_aside));
    assert_int_equal(set_aside, wanted);
}

static void what_is_set_aside_is_counted_again_when_somebody_wrote(void **state)
{
    (void)state;
    put_aside_once(1, 2);
    assert_counted(2);
    int64_t opened = spool_orphans_opened(orphans);
    assert_int_equal(opened, 1);
    for (int i = 0; i < LOOKS; i++)
        assert_counted(2);
    assert_int_equal(spool_orphans_opened(orphans), opened);
    struct spool *spool = open_as(SPOOL_TO_MEND); /* an operator's command, beside it */
    assert_int_equal(spool_delete(spool, SPOOL_SET_ASIDE, 1), SPOOL_FINE);
    close_committed(spool);
    assert_counted(1);
    assert_int_equal(spool_orphans_opened(orphans), opened + 1);
}

/* What is written stands in the file's log first, when the one who writes it stays. */
static void what_stands_in_the_log_counts(void **state)
{
    (void)state;
    put_aside_once(1, 2);
    assert_counted(2);
    struct spool *spool = open_as(SPOOL_TO_MEND);
    assert_int_equal(spool_delete(spool, SPOOL_SET_ASIDE, 1), SPOOL_FINE);
    assert_int_equal(spool_commit(spool), SPOOL_FINE);
    assert_counted(1);
    spool_close(spool);
    assert_counted(1);
}

static void what_somebody_holds_is_his_to_count(void **state)
{
    (void)state;
    struct spool_slot *slot = NULL;
    put_aside_once(1, 2);
    assert_counted(2);
    assert_null(spool_slot_hold(&slot, path));
    assert_counted(0);
    spool_slot_release(slot);
    assert_counted(2);
}

static void one_in_which_something_waits_again_is_adopted(void **state)
{
    (void)state;
    int64_t set_aside = -1;
    put_aside_once(1, 1);
    assert_counted(1);
    struct spool *spool = open_as(SPOOL_TO_WRITE);
    append(spool, 2);
    close_committed(spool);
    struct spool_slot *slot = spool_orphans_adopt(orphans, &set_aside);
    assert_non_null(slot);
    assert_int_equal(set_aside, 0); /* its own not among them */
    spool_slot_release(slot);
}

/* ---- one that cannot be read ---- */

static struct slice large(int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e%02d\",\"x\":\"%0*d\",\"call\":{\"call_id\":\"left\"}}",
                        number, BODY_BYTES, 0);
}

/* A page in the middle of what waits: the file opens, and its rows are counted, without it. */
static void spoil_page_of(int number)
{
    static char zeros[PAGE_BYTES];
    struct stat file;
    struct slice wanted = arena_format(spool_world.arena, "\"event\":\"e%02d\"", number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &file), 0);
    char *bytes = memory_new((size_t)file.st_size, 1);
    assert_int_equal(pread(fd, bytes, (size_t)file.st_size, 0), file.st_size);
    const char *found = memmem(bytes, (size_t)file.st_size, wanted.ptr, wanted.len);
    assert_non_null(found);
    assert_int_equal(pwrite(fd, zeros, PAGE_BYTES, (found - bytes) / PAGE_BYTES * PAGE_BYTES), PAGE_BYTES);
    free(bytes);
    close(fd);
}

static bool directory_has(const char *pattern)
{
    bool has = false;
    DIR *entries = opendir(spool_world.spool);
    assert_non_null(entries);
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        has = has || fnmatch(pattern, entry->d_name, 0) == 0;
    closedir(entries);
    return has;
}

static void an_orphan_that_cannot_be_read_to_its_end_is_left(void **state)
{
    (void)state;
    char first[PATH_MAX];
    spool_ingest_begin(NULL);
    spool_broker_away();
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(spool_deliver(large(i)), 200);
    process_signal(spool_world.ingest, SIGTERM);
    assert_int_equal(process_wait_end(spool_world.ingest, SPOOL_END_MS), 0);
    snprintf(first, sizeof first, "%s", path);
    spool_slot_name(path, spool_world.spool, 1); /* the next process takes the first */
    assert_int_equal(rename(first, path), 0);
    spoil_page_of(UNREADABLE);
    spool_broker_back();
    spool_ingest_begin(NULL);
    assert_true(process_says(spool_world.ingest, "orphan_left"));
    assert_true(process_said(spool_world.ingest, "spool_corrupt"));
    assert_false(process_said(spool_world.ingest, "orphan_drained"));
    assert_true(directory_has("ingest-1.corrupt-*.db"));
    spool_await_empty();
    assert_int_equal(spool_deliver(large(RECORDS)), 200); /* and it harms nothing else */
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(what_is_set_aside_is_counted_again_when_somebody_wrote),
        STORY(what_stands_in_the_log_counts),
        STORY(what_somebody_holds_is_his_to_count),
        STORY(one_in_which_something_waits_again_is_adopted),
        STORY(an_orphan_that_cannot_be_read_to_its_end_is_left),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
