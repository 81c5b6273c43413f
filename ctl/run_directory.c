/* run_directory.c: see run_directory.h. A pid counts only while its process lives (a pid file survives kill -9). */
#include "ctl/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "common/text.h"

static const char *const ORDER[] = {"kafka", "postgres", "ingest", "resolver", "session", "sync", "broadcaster"};

/* The file's text without its last newline; absent if there is none or it is larger than such a file can be. */
static struct slice read_small(struct arena *arena, const char *directory, const char *folder, const char *name,
                               const char *suffix)
{
    char text[16384];
    FILE *file = fopen(arena_format(arena, "%s/%s/%s%s", directory, folder, name, suffix).ptr, "re");
    if (!file)
        return SLICE_ABSENT;
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    return arena_copy(arena, (struct slice){text, len});
}

static int64_t living_pid(struct slice text)
{
    int64_t pid = 0;
    if (!text_read_int(text, &pid) || pid <= 0 || pid > INT32_MAX)
        return 0;
    return kill((pid_t)pid, 0) == 0 || errno == EPERM ? pid : 0;
}

/* One line a start, each the second it happened in; the oldest may have been cut off. */
static void read_starts(struct run_part *part, struct slice text)
{
    int64_t lines = 0;
    while (text.len > 0) {
        const char *newline = memchr(text.ptr, '\n', text.len);
        size_t len = newline ? (size_t)(newline - text.ptr) : text.len;
        if (text_read_int((struct slice){text.ptr, len}, &part->started_s))
            lines++;
        text = slice_from(text, len + 1);
    }
    part->restarts = lines > 0 ? lines - 1 : 0;
}

static size_t place_of(const char *name)
{
    size_t i = 0;
    while (i < COUNT(ORDER) && strcmp(ORDER[i], name) != 0)
        i++;
    return i;
}

static int compare_parts(const void *a, const void *b)
{
    const struct run_part *x = a, *y = b;
    size_t x_place = place_of(x->name), y_place = place_of(y->name);
    return x_place != y_place ? (x_place < y_place ? -1 : 1) : strcmp(x->name, y->name);
}

static struct run_part read_part(struct arena *arena, const char *directory, const char *name)
{
    struct run_part part = {.name = name};
    part.pid = living_pid(read_small(arena, directory, "pids", name, ".pid"));
    read_starts(&part, read_small(arena, directory, "starts", name, ""));
    part.management = read_small(arena, directory, "management", name, "").ptr;
    return part;
}

bool run_directory_read(struct arena *arena, const char *path, struct run_part **parts, size_t *count)
{
    DIR *pids = opendir(arena_format(arena, "%s/pids", path).ptr);
    if (!pids)
        return false;
    *parts = arena_zeroed(arena, RUN_PARTS_MAX, sizeof **parts);
    *count = 0;
    for (const struct dirent *entry; *count < RUN_PARTS_MAX && (entry = readdir(pids)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len <= 4 || strcmp(entry->d_name + len - 4, ".pid") != 0)
            continue;
        const char *name = arena_copy(arena, (struct slice){entry->d_name, len - 4}).ptr;
        (*parts)[(*count)++] = read_part(arena, path, name);
    }
    closedir(pids);
    qsort(*parts, *count, sizeof **parts, compare_parts);
    return true;
}
