/* command.c: see command.h. Its three streams are files in memory: nothing that it writes can block it.
 * posix_spawn and never fork, for there may be threads here. */
#include "tests/support/command.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"
#include "tests/support/wait.h"

enum { WORDS_MAX = 64, LIFE_MAX_MS = 120000 };

static void fail(const char *doing)
{
    perror(doing);
    abort();
}

static int stream_new(const char *contents)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    size_t len = contents ? strlen(contents) : 0;
    if (fd < 0 || (len > 0 && write(fd, contents, len) != (ssize_t)len) || lseek(fd, 0, SEEK_SET) != 0)
        fail("a stream in memory");
    return fd;
}

static char *stream_end(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        fail("fstat");
    char *text = calloc((size_t)about.st_size + 1, 1);
    if (!text || pread(fd, text, (size_t)about.st_size, 0) != about.st_size)
        fail("reading a stream");
    close(fd);
    return text;
}

static void environment_make(char **list, const char *const *given)
{
    static const char *const INHERITED[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    size_t count = 0;
    for (size_t i = 0; i < COUNT(INHERITED); i++) {
        const char *value = getenv(INHERITED[i]);
        if (value && asprintf(&list[count++], "%s=%s", INHERITED[i], value) < 0)
            fail("memory");
    }
    for (size_t i = 0; given[i] && count < WORDS_MAX; i++)
        list[count++] = memory_copy_string(given[i]);
}

static void list_free(char **list)
{
    for (size_t i = 0; list[i]; i++)
        free(list[i]);
}

static pid_t spawn(const char *const *words, const char *const *environment, const int fds[3])
{
    char *argv[WORDS_MAX + 1] = {0}, *envp[WORDS_MAX + 1] = {0};
    posix_spawn_file_actions_t streams;
    pid_t pid = 0;
    for (size_t i = 0; words[i] && i < WORDS_MAX; i++)
        argv[i] = memory_copy_string(words[i]);
    environment_make(envp, environment);
    posix_spawn_file_actions_init(&streams);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&streams, fds[i], i);
    if (!words[0] || posix_spawn(&pid, words[0], &streams, NULL, argv, envp) != 0)
        fail("starting a program");
    posix_spawn_file_actions_destroy(&streams);
    list_free(argv);
    list_free(envp);
    return pid;
}

struct ending {
    pid_t pid;
    int status;
};

static bool has_ended(void *context)
{
    struct ending *ending = context;
    return waitpid(ending->pid, &ending->status, WNOHANG) == ending->pid;
}

struct command command_run(const char *const *words, const char *const *environment, const char *input)
{
    int fds[3] = {stream_new(input), stream_new(NULL), stream_new(NULL)};
    struct ending ending = {.pid = spawn(words, environment, fds)};
    if (!wait_until(has_ended, &ending, LIFE_MAX_MS)) {
        kill(ending.pid, SIGKILL);
        waitpid(ending.pid, &ending.status, 0);
    }
    close(fds[0]);
    return (struct command){.exit_code =
                                WIFEXITED(ending.status) ? WEXITSTATUS(ending.status) : -WTERMSIG(ending.status),
                            .out = stream_end(fds[1]),
                            .err = stream_end(fds[2])};
}

void command_free(struct command *command)
{
    free(command->out);
    free(command->err);
    *command = (struct command){0};
}
