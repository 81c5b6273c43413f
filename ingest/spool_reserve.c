/* spool_reserve.c: a file that nobody reads. */
#include "ingest/spool_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SUFFIX_LEN = 3,
    /* Zeros over the largest record and its copy in the log (10 MiB each), and a log that waits for its checkpoint (4 MiB). */
    RESERVE_MAX_BYTES = 32 * 1024 * 1024,
    RESERVE_OVERHEAD_BYTES = 1024 * 1024,
    ROOM_FACTOR = 2, /* not the disk's last bytes: taking those would make it full */
};

static char problem_text[PATH_MAX + 128];

static void reserve_path(char reserve[PATH_MAX], const char *path)
{
    snprintf(reserve, PATH_MAX, "%.*sreserve", (int)(strlen(path) - SUFFIX_LEN + 1), path);
}

static int64_t free_bytes(int fd)
{
    struct statvfs disk;
    return fstatvfs(fd, &disk) == 0 ? (int64_t)disk.f_bavail * (int64_t)disk.f_frsize : INT64_MAX;
}

/* Without opening it: a process that has no file left to open has its reserve all the same. */
static bool is_made(const char *reserve, int64_t bytes)
{
    struct stat file;
    return lstat(reserve, &file) == 0 && S_ISREG(file.st_mode) && file.st_size >= bytes;
}

/* 0, or the error's number. *free_there: what the disk has. */
static int make(const char *reserve, int64_t bytes, int64_t *free_there)
{
    int fd = open(reserve, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    *free_there = free_bytes(fd);
    int error = *free_there < ROOM_FACTOR * bytes ? ENOSPC : posix_fallocate(fd, 0, bytes);
    if (error != 0)
        unlink(reserve);
    close(fd);
    return error;
}

bool spool_reserve_make(const char *path, int64_t bytes_max, const char **problem)
{
    char reserve[PATH_MAX];
    int64_t bytes =
        bytes_max < RESERVE_MAX_BYTES - RESERVE_OVERHEAD_BYTES ? bytes_max + RESERVE_OVERHEAD_BYTES : RESERVE_MAX_BYTES;
    reserve_path(reserve, path);
    int64_t free_there = 0;
    int error = is_made(reserve, bytes) ? 0 : make(reserve, bytes, &free_there);
    if (error == 0)
        return true;
    if (error == ENOSPC)
        snprintf(problem_text, sizeof problem_text,
                 "its disk has %lld KiB free; %lld KiB are needed: one half is kept for emptying the spool, the other "
                 "stays free",
                 (long long)free_there / 1024, (long long)(ROOM_FACTOR * bytes / 1024));
    else
        snprintf(problem_text, sizeof problem_text, "%s cannot be made: %s", reserve, strerror(error));
    *problem = problem_text;
    return false;
}

bool spool_reserve_give_up(const char *path)
{
    char reserve[PATH_MAX];
    reserve_path(reserve, path);
    return unlink(reserve) == 0;
}
