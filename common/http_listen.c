/* http_listen.c: HOST:PORT, [v6]:PORT and unix:PATH, through the same two calls. */
#include "common/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/arena.h"

enum {
    BACKLOG = 4096, /* the kernel cuts it to somaxconn */
    PROBLEM_BYTES = 256,
};

static const char *problem_with(const char *what, const char *address, const char *why)
{
    static _Thread_local char problem[PROBLEM_BYTES];
    snprintf(problem, sizeof problem, "cannot %s %s: %s", what, address, why);
    return problem;
}

static const char *bind_and_listen(int fd, const struct sockaddr *address, socklen_t length, const char *text)
{
    if (bind(fd, address, length) != 0 || listen(fd, BACKLOG) != 0) {
        const char *problem = problem_with("listen on", text, strerror(errno));
        close(fd);
        return problem;
    }
    return NULL;
}

/* A socket file that nobody listens on any more is in the way of bind(2). */
static void remove_stale(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    if (fd >= 0)
        close(fd);
}

static const char *listen_unix(const char *text, int *fd, char **unix_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = text + strlen("unix:");
    if (*path == '\0' || strlen(path) >= sizeof address.sun_path)
        return problem_with("listen on", text, "a socket's path has 1 to 107 bytes");
    memcpy(address.sun_path, path, strlen(path) + 1);
    remove_stale(&address);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return problem_with("listen on", text, strerror(errno));
    const char *problem = bind_and_listen(*fd, (const struct sockaddr *)&address, sizeof address, text);
    if (!problem)
        *unix_path = memory_copy_string(path);
    return problem;
}

/* "[::1]:80" -> "::1" and "80". False if there is no port. */
static bool split_address(const char *text, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon[1] == '\0')
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= host_size)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static const char *listen_tcp(const char *text, bool reuse_port, int *fd)
{
    char host[256];
    const char *port = NULL;
    if (!split_address(text, host, sizeof host, &port))
        return problem_with("listen on", text, "an address is HOST:PORT, [v6]:PORT or unix:PATH");
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int error = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (error)
        return problem_with("listen on", text, gai_strerror(error));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const char *problem = NULL;
    if (*fd < 0) {
        problem = problem_with("listen on", text, strerror(errno));
    } else {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
        if (reuse_port)
            setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
        problem = bind_and_listen(*fd, found->ai_addr, found->ai_addrlen, text);
    }
    freeaddrinfo(found);
    return problem;
}

const char *http_listen(const char *address, bool reuse_port, int *fd, char **unix_path)
{
    *unix_path = NULL;
    return strncmp(address, "unix:", 5) == 0 ? listen_unix(address, fd, unix_path)
                                             : listen_tcp(address, reuse_port, fd);
}

char *http_listen_address(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } address = {.local = {0}};
    socklen_t length = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    char text[INET6_ADDRSTRLEN + sizeof address.local.sun_path];
    if (getsockname(fd, &address.any, &length) != 0)
        return memory_copy_string("unknown");
    if (address.any.sa_family == AF_UNIX) {
        snprintf(text, sizeof text, "unix:%s", address.local.sun_path);
    } else if (address.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
        snprintf(text, sizeof text, "[%s]:%d", host, ntohs(address.v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
        snprintf(text, sizeof text, "%s:%d", host, ntohs(address.v4.sin_port));
    }
    return memory_copy_string(text);
}
