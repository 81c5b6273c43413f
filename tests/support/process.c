/* process.c: posix_spawn (never fork: librdkafka's threads may be running here), a port, a file for its stderr. */
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "tests/support/port.h"
#include "tests/support/wait.h"

enum { NOT_IN_TIME = -1000, ENVIRONMENT_MAX = 64, ANSWER_MS = 30000, END_MS = 30000, SOON_MS = 30000, FIRST_GIVEN = 3 };

struct process {
    pid_t pid;
    bool ended;
    int status;
    int port, held; /* the socket that holds it */
    char address[32];
    char log[64];
};

static void broken(const char *what)
{
    perror(what);
    abort();
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void environment_make(char **list, const char *const *given, const struct process *process)
{
    static const char *const INHERITED[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "HOME"};
    char text[512];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(INHERITED); i++)
        if (getenv(INHERITED[i])) {
            snprintf(text, sizeof text, "%s=%s", INHERITED[i], getenv(INHERITED[i]));
            list[count++] = memory_copy_string(text);
        }
    snprintf(text, sizeof text, "HOOKLINE_MANAGEMENT_LISTEN=%s", process->address);
    list[count++] = memory_copy_string(text);
    for (; *given && count < ENVIRONMENT_MAX - 1; given++)
        list[count++] = memory_copy_string(*given);
    list[count] = NULL;
}

static struct process *start(char *const *arguments, const char *const *environment, int listening)
{
    struct process *process = memory_new(1, sizeof *process);
    char *list[ENVIRONMENT_MAX];
    posix_spawn_file_actions_t actions;
    process->held = port_hold(&process->port);
    snprintf(process->address, sizeof process->address, "127.0.0.1:%d", process->port);
    snprintf(process->log, sizeof process->log, "/tmp/hookline-test.XXXXXX");
    int fd = mkstemp(process->log);
    if (fd < 0)
        broken("log");
    close(fd);
    environment_make(list, environment, process);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, process->log, O_WRONLY | O_APPEND, 0600);
    if (listening > 0)
        posix_spawn_file_actions_adddup2(&actions, listening, FIRST_GIVEN);
    if (posix_spawn(&process->pid, arguments[0], &actions, NULL, arguments, list) != 0)
        broken(arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    for (char **at = list; *at; at++)
        free(*at);
    return process;
}

struct process *process_start(const char *program, const char *const *environment)
{
    char *arguments[] = {memory_copy_string(program), NULL};
    struct process *process = start(arguments, environment, 0);
    free(arguments[0]);
    return process;
}

/* A shell in between, which the program replaces, knows the process's id before there is a program. */
struct process *process_start_with_socket(const char *program, const char *const *environment, int listening)
{
    static char shell[] = "/bin/sh";
    static char option[] = "-c";
    static char script[] = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\"";
    char *arguments[] = {shell, option, script, memory_copy_string(program), NULL};
    struct process *process = start(arguments, environment, listening);
    free(arguments[3]);
    return process;
}

/* asking it --------------------------------------------------------------------------------------------------------- */

/* The whole answer, head included; empty if there is none. The caller frees. */
static struct buffer ask(const struct process *process, const char *path)
{
    struct buffer answer = {0};
    struct sockaddr_in address = loopback(process->port);
    struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    char chunk[4096];
    char request[256];
    ssize_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
             process->address);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
        while ((got = read(fd, chunk, sizeof chunk)) > 0)
            buffer_add(&answer, (struct slice){chunk, (size_t)got});
    close(fd);
    return answer;
}

bool process_ready(const struct process *process)
{
    struct buffer answer = ask(process, "/readyz");
    bool ready = slice_starts_with(buffer_slice(&answer), "HTTP/1.1 200");
    buffer_free(&answer);
    return ready;
}

double process_metric(const struct process *process, const char *metric)
{
    struct buffer answer = ask(process, "/metrics");
    struct buffer wanted = {0};
    buffer_add_format(&wanted, "\n%s ", metric);
    const char *at = answer.data ? strstr(answer.data, wanted.data) : NULL;
    double value = at ? strtod(at + wanted.len, NULL) : 0;
    buffer_free(&wanted);
    buffer_free(&answer);
    return value;
}

struct measure {
    const struct process *process;
    const char *metric;
    double least;
};

static bool is_reached(void *context)
{
    const struct measure *measure = context;
    return process_metric(measure->process, measure->metric) >= measure->least;
}

bool process_wait_metric(const struct process *process, const char *metric, double least)
{
    return wait_until(is_reached, &(struct measure){process, metric, least}, SOON_MS);
}

const char *process_management(const struct process *process)
{
    return process->address;
}

/* its end ----------------------------------------------------------------------------------------------------------- */

static bool has_ended(void *context)
{
    struct process *process = context;
    if (!process->ended && waitpid(process->pid, &process->status, WNOHANG) == process->pid)
        process->ended = true;
    return process->ended;
}

static bool ready_or_ended(void *context)
{
    return has_ended(context) || process_ready(context);
}

bool process_wait_ready(struct process *process, int64_t deadline_ms)
{
    return wait_until(ready_or_ended, process, deadline_ms) && !process->ended;
}

bool process_alive(struct process *process)
{
    return !has_ended(process);
}

void process_signal(const struct process *process, int signal)
{
    if (!process->ended)
        kill(process->pid, signal);
}

int process_wait_end(struct process *process, int64_t deadline_ms)
{
    if (!wait_until(has_ended, process, deadline_ms)) {
        process_signal(process, SIGKILL);
        wait_until(has_ended, process, END_MS);
        return NOT_IN_TIME;
    }
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status) : -WTERMSIG(process->status);
}

/* what it said ------------------------------------------------------------------------------------------------------ */

static struct buffer log_read(const struct process *process)
{
    struct buffer text = {0};
    char chunk[4096];
    size_t got = 0;
    FILE *file = fopen(process->log, "re");
    while (file && (got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buffer_add(&text, (struct slice){chunk, got});
    if (file)
        fclose(file);
    return text;
}

bool process_said(const struct process *process, const char *text)
{
    struct buffer log = log_read(process);
    bool found = log.data && strstr(log.data, text);
    buffer_free(&log);
    return found;
}

struct sentence {
    struct process *process;
    const char *text;
};

static bool said_or_ended(void *context)
{
    const struct sentence *sentence = context;
    return process_said(sentence->process, sentence->text) || has_ended(sentence->process);
}

bool process_says(struct process *process, const char *text)
{
    wait_until(said_or_ended, &(struct sentence){process, text}, SOON_MS);
    return process_said(process, text); /* what it said last, between a look at that and one at its end, counts */
}

struct slice process_output(const struct process *process, struct arena *arena)
{
    struct buffer log = log_read(process);
    struct slice text = arena_copy(arena, log.data ? buffer_slice(&log) : SLICE(""));
    buffer_free(&log);
    return text;
}

void process_show(const struct process *process)
{
    struct buffer log = log_read(process);
    fprintf(stderr, "%s", log.data ? log.data : "");
    buffer_free(&log);
}

void process_free(struct process *process)
{
    if (!process)
        return;
    if (!has_ended(process)) {
        kill(process->pid, SIGCONT);
        kill(process->pid, SIGKILL);
        wait_until(has_ended, process, END_MS);
    }
    close(process->held);
    unlink(process->log);
    free(process);
}
