/* The spool's disk is full: what waits in it leaves all the same when the broker is back, and nothing more is taken until there
 * is room again. A disk of its own (tmpfs), which only root can mount: anybody else skips this. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/spool_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

enum { RECORDS = 40, BODY_BYTES = 20000, BLOCK_BYTES = 4096, FILLER_BYTES = 6 * 1024 * 1024 };

/* Of the spool: a reserve of 3 MiB, and 6 MiB must be free for it. */
static const char *const SMALL[] = {"HOOKLINE_SPOOL_MAX_BYTES=2M", NULL};
static char NO_ROOM[] = "its reserve cannot be made; make room on its disk";
static char ROOM[] = "takes what the brokers do not take";
static const char DISK[] = "size=10m,mode=0700";

/* In this process's own view of the disks: nothing is left mounted when the test is killed. */
static bool mount_disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", spool_world.spool, "tmpfs", 0, DISK) == 0;
}

static char filler[160];
static bool mounted;

static int begin(void **state)
{
    spool_world_clean(state);
    assert_int_equal(mkdir(spool_world.spool, 0700), 0);
    mounted = mount_disk();
    snprintf(filler, sizeof filler, "%s/filler", spool_world.spool);
    return 0;
}

static int end(void **state)
{
    spool_world_stop(state);
    return mounted ? umount(spool_world.spool) : 0;
}

static void fill_disk(void)
{
    static const char ZEROS[BLOCK_BYTES];
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, ZEROS, sizeof ZEROS) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static struct slice large(int number)
{
    return arena_format(spool_world.arena, "{\"event\":\"e\",\"x\":\"%0*d\",\"call\":{\"call_id\":\"c%d\"}}",
                        BODY_BYTES, 0, number);
}

static bool is_refused(void *context)
{
    int *number = context;
    return spool_deliver(large((*number)++)) == 503;
}

static bool is_kept(void *context)
{
    return !is_refused(context);
}

static bool readyz_says(void *context)
{
    const char *text = context;
    struct http_client *client = http_client_open(process_management(spool_world.ingest));
    http_client_send(client, SLICE("GET /readyz?verbose HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct http_answer answer = http_client_receive(client, spool_world.arena, SPOOL_END_MS);
    http_client_close(client);
    assert_int_equal(answer.status, 200);
    return memmem(answer.body.ptr, answer.body.len, text, strlen(text));
}

static bool takes(void *context)
{
    (void)context;
    return spool_metric("hookline_ingest_spool_takes") > 0;
}

static bool takes_nothing(void *context)
{
    return !takes(context);
}

/* While the brokers are there nobody needs the spool, so nobody would notice before they are away. */
static void that_it_would_take_nothing_is_said_beforehand(void **state)
{
    (void)state;
    if (!mounted) {
        print_message("skipped: mounting a tmpfs needs root\n");
        skip();
    }
    fill_disk();
    assert_int_equal(truncate(filler, FILLER_BYTES), 0);
    spool_ingest_begin(SMALL);
    assert_true(wait_until(takes_nothing, NULL, SPOOL_END_MS));
    assert_true(process_ready(spool_world.ingest));
    assert_true(wait_until(readyz_says, NO_ROOM, SPOOL_END_MS));
    assert_true(process_says(spool_world.ingest, "KiB free; 6144 KiB are needed"));
    assert_int_equal(unlink(filler), 0);
    assert_true(wait_until(takes, NULL, SPOOL_END_MS));
    assert_true(wait_until(readyz_says, ROOM, SPOOL_END_MS));
}

static void what_waits_on_a_full_disk_leaves_it(void **state)
{
    (void)state;
    int number = RECORDS;
    if (!mounted) {
        print_message("skipped: mounting a tmpfs needs root\n");
        skip();
    }
    spool_ingest_begin(SMALL);
    spool_broker_away();
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(spool_deliver(large(i)), 200);
    fill_disk();
    assert_true(wait_until(is_refused, &number, SPOOL_END_MS));
    spool_broker_back();
    spool_await_empty();
    spool_judge();
    assert_true(process_says(spool_world.ingest, "spool_reserve_given_up"));
    spool_broker_away();
    assert_true(is_refused(&number)); /* it would fill what was given up */
    assert_int_equal(unlink(filler), 0);
    assert_true(wait_until(is_kept, &number, SPOOL_END_MS));
    assert_true(process_says(spool_world.ingest, "spool_reserve_made"));
    spool_broker_back();
    spool_await_empty();
    spool_judge();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(that_it_would_take_nothing_is_said_beforehand, begin, end),
        cmocka_unit_test_setup_teardown(what_waits_on_a_full_disk_leaves_it, begin, end),
    };
    return cmocka_run_group_tests(tests, spool_world_begin, spool_world_end);
}
