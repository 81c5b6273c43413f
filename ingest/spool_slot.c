/* spool_slot.c: locks, names and renaming; the spool itself is spool.c's. */
#include "ingest/spool_slot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sentence.h"

enum { SUFFIX_LEN = 3 };

struct spool_slot {
    char path[PATH_MAX]; /* …/ingest-0.db */
    int lock;
    struct spool *spool;
    bool was_corrupt;
};

static const char PREFIX[] = "ingest-";

void spool_slot_name(char path[PATH_MAX], const char *directory, int number)
{
    snprintf(path, PATH_MAX, "%s/%s%d.db", directory, PREFIX, number);
}

/* "…/ingest-0.db" -> "…/ingest-0.lock" */
static void lock_path(char lock[PATH_MAX], const char *path)
{
    snprintf(lock, PATH_MAX, "%.*slock", (int)(strlen(path) - SUFFIX_LEN + 1), path);
}

/* ---- locks ---- */

/* The descriptor that is the lock; -1: somebody holds it, or errno says why not. */
static int lock_take(const char *path)
{
    char lock[PATH_MAX];
    lock_path(lock, path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        errno = 0; /* the name of the holder is for people; the lock is what counts */
    return fd;
}

long spool_slot_holder(const char *path)
{
    char lock[PATH_MAX];
    char pid[24] = "";
    lock_path(lock, path);
    int fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    ssize_t got = held ? pread(fd, pid, sizeof pid - 1, 0) : 0;
    close(fd);
    if (!held)
        return 0;
    long holder = got > 0 ? strtol(pid, NULL, 10) : 0;
    return holder > 0 ? holder : -1;
}

/* ---- opening ---- */

static void rename_part(const char *from, const char *to, const char *suffix)
{
    char old[PATH_MAX];
    char new[PATH_MAX];
    snprintf(old, sizeof old, "%s%s", from, suffix);
    snprintf(new, sizeof new, "%s%s", to, suffix);
    if (rename(old, new) != 0 && errno != ENOENT)
        log_event(LOG_ERROR, "spool_not_renamed", LOG_TEXT("path", old), LOG_TEXT("problem", strerror(errno)));
}

/* Nothing is deleted: what is in it can be looked for with SQLite's own means. */
static void put_out_of_the_way(const char *path, const char *problem)
{
    char aside[PATH_MAX];
    snprintf(aside, sizeof aside, "%.*s.corrupt-%lld.db", (int)(strlen(path) - SUFFIX_LEN), path,
             (long long)clock_now_ms());
    log_event(LOG_ERROR, "spool_corrupt", LOG_TEXT("path", path), LOG_TEXT("now", aside), LOG_TEXT("problem", problem),
              LOG_TEXT("remedy", "what it held is not drained by itself: see docs/operations.md, \"Kafka is away\""));
    rename_part(path, aside, "-wal"); /* first: a log beside a new file would be taken for its own */
    rename_part(path, aside, "-shm");
    rename_part(path, aside, "");
}

static enum spool_outcome slot_open(struct spool_slot *slot)
{
    enum spool_outcome outcome = spool_open(&slot->spool, slot->path, SPOOL_TO_WRITE);
    if (outcome == SPOOL_CORRUPT) {
        put_out_of_the_way(slot->path, spool_problem(NULL));
        slot->was_corrupt = true;
        outcome = spool_open(&slot->spool, slot->path, SPOOL_TO_WRITE);
    }
    if (outcome != SPOOL_FINE) {
        slot->spool = NULL;
        log_event(LOG_ERROR, "spool_not_opened", LOG_TEXT("path", slot->path),
                  LOG_TEXT("problem", spool_problem(NULL)));
    }
    return outcome;
}

void spool_slot_reopen(struct spool_slot *slot, bool corrupt)
{
    char problem[128];
    snprintf(problem, sizeof problem, "%s", slot->spool ? spool_problem(slot->spool) : "");
    spool_close(slot->spool);
    slot->spool = NULL;
    if (corrupt)
        put_out_of_the_way(slot->path, problem);
    slot->was_corrupt = slot->was_corrupt || corrupt;
    slot_open(slot);
}

static struct spool_slot *slot_new(const char *path, int lock)
{
    struct spool_slot *slot = memory_new(1, sizeof *slot);
    *slot = (struct spool_slot){.lock = lock};
    snprintf(slot->path, sizeof slot->path, "%s", path);
    return slot;
}

/* A directory that is made now must still be there after a power cut. */
static const char *directory_make(const char *directory)
{
    char parent[PATH_MAX];
    if (mkdir(directory, 0700) != 0)
        return errno == EEXIST ? NULL
                               : sentence_make("HOOKLINE_SPOOL_DIR=%s cannot be made: %s", directory, strerror(errno));
    snprintf(parent, sizeof parent, "%s/..", directory);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced ? NULL
                  : sentence_make("HOOKLINE_SPOOL_DIR=%s cannot be made durable: %s", directory, strerror(errno));
}

const char *spool_slot_take(struct spool_slot **result, const char *directory)
{
    const char *problem = directory_make(directory);
    for (int number = 0; !problem && number < SPOOL_SLOTS_MAX; number++) {
        char path[PATH_MAX];
        spool_slot_name(path, directory, number);
        int lock = lock_take(path);
        if (lock < 0 && errno != EWOULDBLOCK)
            return sentence_make("HOOKLINE_SPOOL_DIR=%s cannot be used: %s", directory, strerror(errno));
        if (lock < 0)
            continue;
        *result = slot_new(path, lock);
        if (slot_open(*result) != SPOOL_STRANGE)
            return NULL;
        spool_slot_release(*result);
    }
    *result = NULL;
    return problem ? problem
                   : sentence_make("HOOKLINE_SPOOL_DIR=%s: all %d spools in it are taken, or of another version",
                                   directory, SPOOL_SLOTS_MAX);
}

void spool_slot_release(struct spool_slot *slot)
{
    if (!slot)
        return;
    spool_close(slot->spool);
    close(slot->lock);
    free(slot);
}

struct spool *spool_slot_spool(const struct spool_slot *slot)
{
    return slot->spool;
}

const char *spool_slot_path(const struct spool_slot *slot)
{
    return slot->path;
}

/* ---- those of others ---- */

bool spool_slot_was_corrupt(const struct spool_slot *slot)
{
    return slot->was_corrupt;
}

struct spool_slot *spool_slot_inherit(const char *path)
{
    int lock = access(path, F_OK) == 0 ? lock_take(path) : -1;
    if (lock < 0)
        return NULL;
    struct spool_slot *slot = slot_new(path, lock);
    slot_open(slot);
    return slot;
}

const char *spool_slot_hold(struct spool_slot **result, const char *path)
{
    int lock = lock_take(path);
    if (lock < 0)
        return errno == EWOULDBLOCK
                   ? sentence_make("process %ld holds %s and drains it by itself", spool_slot_holder(path), path)
                   : sentence_make("the lock of %s cannot be taken: %s", path, strerror(errno));
    *result = slot_new(path, lock);
    if (spool_open(&(*result)->spool, path, SPOOL_TO_WRITE) == SPOOL_FINE)
        return NULL;
    const char *problem = sentence_make("%s: %s", path, spool_problem(NULL));
    (*result)->spool = NULL;
    spool_slot_release(*result);
    return problem;
}

static bool is_spool(const char *name)
{
    size_t len = strlen(name);
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && len > SUFFIX_LEN &&
           strcmp(name + len - SUFFIX_LEN, ".db") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

const char *spool_slot_list(const char *directory, struct arena *arena, const char ***paths, size_t *count)
{
    DIR *entries = opendir(directory);
    if (!entries)
        return sentence_make("the spools' directory %s cannot be read: %s", directory, strerror(errno));
    *paths = arena_zeroed(arena, SPOOL_SLOTS_MAX, sizeof **paths);
    *count = 0;
    for (const struct dirent *entry = readdir(entries); entry && *count < SPOOL_SLOTS_MAX; entry = readdir(entries))
        if (is_spool(entry->d_name))
            (*paths)[(*count)++] = arena_format(arena, "%s/%s", directory, entry->d_name).ptr;
    closedir(entries);
    if (*count > 0)
        qsort(*paths, *count, sizeof **paths, by_name);
    return NULL;
}
