/* replay.c: feeds a target what fuzzing has found worth keeping: each file of the directories given, and of the short ones
 * every beginning, too. Needs no clang. Exit 1 if there was nothing. */
#include <dirent.h>
#include <stdlib.h>

#include "common/arena.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_MAX_BYTES = 1 << 20, PREFIXES_UP_TO = 512 };

/* A copy of exactly that size, so that the sanitizer sees one byte too many. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *exact = memory_resize(NULL, size > 0 ? size : 1);
    if (size > 0)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *data = memory_new(1, FILE_MAX_BYTES);
    size_t size = file ? fread(data, 1, FILE_MAX_BYTES, file) : 0;
    bool fine = file && !ferror(file);
    if (file)
        fclose(file);
    for (size_t len = 0; fine && len < size && size <= PREFIXES_UP_TO; len++)
        feed(data, len);
    if (fine)
        feed(data, size);
    free(data);
    return fine;
}

static size_t replay_directory(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    for (const struct dirent *entry = NULL; directory && (entry = readdir(directory));) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && replay_file(name))
            count++;
    }
    if (directory)
        closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_directory(argv[i]);
    printf("%zu inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
