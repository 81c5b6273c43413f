/* role_passwords.c: see role_passwords.h. */
#include "ctl/role_passwords.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ctl/console.h"

enum { PASSWORD_MAX = 1000 };

static const char *const ROLES[] = {"hookline_resolver", "hookline_session", "hookline_sync",
                                    "hookline_feed",     "hookline_reader",  "hookline_ctl"};

/* 0 and the password, absent without a file; else the exit code. */
static int read_password(struct arena *arena, const char *path, struct slice *password)
{
    *password = SLICE_ABSENT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? EXIT_CODE_FINE
                               : complain(EXIT_CODE_CONFIGURATION, "%s cannot be read: %s", path, strerror(errno));
    char *text = arena_zeroed(arena, 1, PASSWORD_MAX + 1);
    ssize_t len = read(fd, text, PASSWORD_MAX);
    close(fd);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    if (len <= 0 || len == PASSWORD_MAX || memchr(text, '\n', (size_t)len))
        return complain(EXIT_CODE_CONFIGURATION, "%s is to hold one line, a role's password of less than %d characters",
                        path, PASSWORD_MAX);
    *password = (struct slice){text, (size_t)len};
    return EXIT_CODE_FINE;
}

static int set_password(struct database *database, struct arena *arena, const char *role, const char *password)
{
    struct database_error error;
    if (!database_connected(database, &error))
        return console_database_problem(&error, "setting a role's password");
    char *verifier = PQencryptPasswordConn(database_connection(database), password, role, "scram-sha-256");
    if (!verifier)
        return complain(EXIT_CODE_BUG, "no verifier for the password of %s: %s", role,
                        PQerrorMessage(database_connection(database)));
    /* Neither the names above nor base64 can hold a quote. */
    struct slice sql = arena_format(arena, "ALTER ROLE %s PASSWORD '%s'", role, verifier);
    PQfreemem(verifier);
    return database_execute(database, sql.ptr, &error) ? EXIT_CODE_FINE
                                                       : console_database_problem(&error, "setting a role's password");
}

int role_passwords_set(struct database *database, struct arena *arena, const char *directory)
{
    int exit_code = EXIT_CODE_FINE;
    size_t found = 0;
    for (size_t i = 0; i < COUNT(ROLES) && exit_code == EXIT_CODE_FINE; i++) {
        struct slice password;
        exit_code = read_password(arena, arena_format(arena, "%s/%s", directory, ROLES[i]).ptr, &password);
        if (exit_code != EXIT_CODE_FINE || slice_absent(password))
            continue;
        found++;
        exit_code = set_password(database, arena, ROLES[i], password.ptr);
    }
    if (exit_code == EXIT_CODE_FINE && found == 0)
        return complain(EXIT_CODE_CONFIGURATION, "%s has no file named like a role (%s …)", directory, ROLES[0]);
    return exit_code;
}
