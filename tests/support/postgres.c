/* postgres.c: initdb, postgres, and what a test asks of them. */
#include "tests/support/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/port.h"

enum { START_MAX_MS = 60000, LOOK_EVERY_NS = 5000000 };

struct postgres {
    char directory[256], binaries[256];
    int port, held; /* the socket that holds it */
    pid_t pid;
};

static void fail(const char *what, const char *detail) __attribute__((noreturn));
static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "tests/support/postgres: %s: %s\n", what, detail);
    abort();
}

static void look_again_soon(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_NS}, NULL);
}

/* The newest installed server, as Debian lays it out. */
static void find_binaries(struct postgres *postgres)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0 || found.gl_pathc == 0)
        fail("no server is installed", "/usr/lib/postgresql/*/bin");
    const char *newest = found.gl_pathv[found.gl_pathc - 1];
    snprintf(postgres->binaries, sizeof postgres->binaries, "%.*s", (int)(strrchr(newest, '/') - newest), newest);
    globfree(&found);
}

static void become_server_user(void)
{
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam("postgres");
    if (!user || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(126);
}

/* In the child: quiet but for the server's log, gone when the test is gone. */
static pid_t start_process(const struct postgres *postgres, const char *program, const char *const arguments[])
{
    char path[512], log[512];
    snprintf(path, sizeof path, "%s/%s", postgres->binaries, program);
    snprintf(log, sizeof log, "%s/log", postgres->directory);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become_server_user();
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir(postgres->directory) != 0)
        _exit(126);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    char *copies[32] = {NULL}; /* exec promises not to write, but its type does not say so */
    for (size_t i = 0; arguments[i] && i + 1 < sizeof copies / sizeof copies[0]; i++)
        copies[i] = strdup(arguments[i]);
    execv(path, copies);
    _exit(127);
}

static int wait_for_exit(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail("waitpid", strerror(errno));
    return status;
}

static void initialize(struct postgres *postgres)
{
    const char *const arguments[] = {"initdb", "-D", "data", "-U",          "postgres",  "-A",
                                     "trust",  "-E", "UTF8", "--no-locale", "--no-sync", NULL};
    if (wait_for_exit(start_process(postgres, "initdb", arguments)) != 0)
        fail("initdb failed, see log in", postgres->directory);
}

static void url_write(const struct postgres *postgres, const char *role, const char *name, char *url, size_t size)
{
    snprintf(url, size, "postgresql://%s@127.0.0.1:%d/%s", role, postgres->port, name);
}

/* Whether it answers before it exits or the deadline. */
static bool start_server(struct postgres *postgres)
{
    char port[16], url[256];
    snprintf(port, sizeof port, "%d", postgres->port);
    const char *fsync = getenv("HOOKLINE_TEST_POSTGRES_FSYNC"); /* "on" for measurements */
    char durable[32];
    snprintf(durable, sizeof durable, "fsync=%s", fsync ? fsync : "off");
    const char *const arguments[] = {"postgres",
                                     "-D",
                                     "data",
                                     "-p",
                                     port,
                                     "-c",
                                     "listen_addresses=127.0.0.1",
                                     "-c",
                                     "unix_socket_directories=",
                                     "-c",
                                     durable,
                                     "-c",
                                     "shared_buffers=128MB",
                                     "-c",
                                     "max_wal_size=4GB",
                                     NULL};
    postgres->pid = start_process(postgres, "postgres", arguments);
    url_write(postgres, "postgres", "postgres", url, sizeof url);
    for (int64_t deadline = clock_ticks_ms() + START_MAX_MS; clock_ticks_ms() < deadline; look_again_soon()) {
        if (PQping(url) == PQPING_OK)
            return true;
        if (waitpid(postgres->pid, NULL, WNOHANG) == postgres->pid)
            return false;
    }
    fail("the server does not answer, see log in", postgres->directory);
}

static PGresult *run(const struct postgres *postgres, const char *name, const char *sql)
{
    char url[256];
    url_write(postgres, "postgres", name, url, sizeof url);
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail(sql, PQerrorMessage(connection));
    PQfinish(connection);
    return result;
}

static char *file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail(path, strerror(errno));
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size)
        fail("cannot be read", path);
    fclose(file);
    return text;
}

static void migrate(const struct postgres *postgres)
{
    glob_t found;
    if (glob(HOOKLINE_MIGRATIONS "/*.sql", 0, NULL, &found) != 0)
        fail("no migrations in", HOOKLINE_MIGRATIONS);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *sql = file_read(found.gl_pathv[i]);
        PQclear(run(postgres, "hookline", sql)); /* several statements in one PQexec are one transaction */
        free(sql);
    }
    globfree(&found);
}

struct postgres *postgres_start(void)
{
    struct postgres *postgres = calloc(1, sizeof *postgres);
    const char *parent = getenv("TMPDIR");
    if (!postgres)
        fail("postgres_start", strerror(errno));
    find_binaries(postgres);
    snprintf(postgres->directory, sizeof postgres->directory, "%s/hookline-postgres-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(postgres->directory))
        fail(postgres->directory, strerror(errno));
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && (!user || chown(postgres->directory, user->pw_uid, user->pw_gid) != 0))
        fail("the user postgres is missing", strerror(errno));
    initialize(postgres);
    postgres->held = port_hold(&postgres->port);
    if (!start_server(postgres))
        fail("the server does not start, see log in", postgres->directory);
    PQclear(run(postgres, "postgres", "CREATE DATABASE hookline"));
    migrate(postgres);
    return postgres;
}

void postgres_crash(struct postgres *postgres)
{
    kill(postgres->pid, SIGQUIT);
    wait_for_exit(postgres->pid);
    postgres->pid = 0;
}

void postgres_resume(struct postgres *postgres)
{
    if (!start_server(postgres))
        fail("the server does not come back, see log in", postgres->directory);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void postgres_stop(struct postgres *postgres)
{
    if (!postgres)
        return;
    if (postgres->pid)
        postgres_crash(postgres);
    close(postgres->held);
    nftw(postgres->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(postgres);
}

char *postgres_url(const struct postgres *postgres, const char *role)
{
    char url[256];
    url_write(postgres, role, "hookline", url, sizeof url);
    return strdup(url);
}

void postgres_execute(const struct postgres *postgres, const char *sql)
{
    PQclear(run(postgres, "hookline", sql));
}

char *postgres_ask(const struct postgres *postgres, const char *sql)
{
    PGresult *result = run(postgres, "hookline", sql);
    char *answer = strdup(PQntuples(result) > 0 && PQnfields(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return answer;
}
