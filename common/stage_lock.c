/* stage_lock.c: flock on DIRECTORY/hookline-STAGE-INSTANCE.lock, which holds the owner's pid. */
#include "common/stage_lock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/sentence.h"

static bool name_is_plain(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            return false;
    return *name != '\0';
}

static const char *usable_directory(const char *directory)
{
    if (strcmp(directory, STAGE_LOCK_DIRECTORY) != 0 || access(directory, W_OK) == 0)
        return directory;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && access(runtime, W_OK) == 0)
        return runtime;
    const char *temporary = getenv("TMPDIR");
    return temporary ? temporary : P_tmpdir;
}

static const char *holder_sentence(int fd, const char *path, const char *stage, const char *instance)
{
    char pid[24] = "";
    if (pread(fd, pid, sizeof pid - 1, 0) <= 0)
        snprintf(pid, sizeof pid, "unknown");
    pid[strcspn(pid, "\n")] = '\0';
    return sentence_make("another %s called %s runs here (pid %s holds %s): give this one another "
                         "HOOKLINE_INSTANCE, or stop that one",
                         stage, instance, pid, path);
}

const char *stage_lock_take(const char *directory, const char *stage, const char *instance)
{
    char path[PATH_MAX];
    if (!name_is_plain(instance))
        return sentence_make("HOOKLINE_INSTANCE=%s is not right: letters, digits, '.', '_' and '-' only", instance);
    snprintf(path, sizeof path, "%s/hookline-%s-%s.lock", usable_directory(directory), stage, instance);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return sentence_make("%s cannot be opened: %s; HOOKLINE_LOCK_DIRECTORY says where it lies", path,
                             strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const char *sentence = holder_sentence(fd, path, stage, instance);
        close(fd);
        return sentence;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        return sentence_make("%s cannot be written: %s", path, strerror(errno));
    return NULL; /* the descriptor stays open: it is the lock */
}
