/* http_client.c: one buffer of what has come and was not taken yet. */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/text.h"

enum { SEND_DEADLINE_MS = 10000 };

struct http_client {
    int fd;
    struct buffer come;
    size_t taken;
    bool ended, was_reset;
};

static void stop_test(const char *what, const char *address)
{
    fprintf(stderr, "http_client: %s %s: %s\n", what, address, strerror(errno));
    abort();
}

/* -1: nobody listens. */
static int connected(int fd, const struct sockaddr *to, socklen_t size)
{
    if (connect(fd, to, size) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_tcp(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(address, ':');
    to.sin_port = htons((uint16_t)(colon ? strtoul(colon + 1, NULL, 10) : 0));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        stop_test("no socket for", address);
    return connected(fd, (const struct sockaddr *)&to, sizeof to);
}

static int connect_unix(const char *address)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", address + strlen("unix:"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        stop_test("no socket for", address);
    return connected(fd, (const struct sockaddr *)&to, sizeof to);
}

struct http_client *http_client_try(const char *address)
{
    int fd = strncmp(address, "unix:", 5) == 0 ? connect_unix(address) : connect_tcp(address);
    if (fd < 0)
        return NULL;
    struct http_client *client = memory_new(1, sizeof *client);
    client->fd = fd;
    return client;
}

struct http_client *http_client_open(const char *address)
{
    struct http_client *client = http_client_try(address);
    if (!client)
        stop_test("cannot connect to", address);
    return client;
}

void http_client_close(struct http_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    buffer_free(&client->come);
    free(client);
}

/* True if the socket is ready before the time is over. */
static bool wait_for(const struct http_client *client, short what, int64_t until_ms)
{
    struct pollfd fd = {.fd = client->fd, .events = what};
    int64_t left_ms = until_ms - clock_ticks_ms();
    return poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0) == 1;
}

bool http_client_send(struct http_client *client, struct slice bytes)
{
    int64_t until_ms = clock_ticks_ms() + SEND_DEADLINE_MS;
    while (bytes.len > 0) {
        if (!wait_for(client, POLLOUT, until_ms))
            return false;
        ssize_t sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        bytes = slice_from(bytes, sent > 0 ? (size_t)sent : 0);
    }
    return true;
}

void http_client_finish(struct http_client *client)
{
    shutdown(client->fd, SHUT_WR);
}

void http_client_reset(struct http_client *client)
{
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1, .l_linger = 0}, sizeof(struct linger));
    close(client->fd);
    client->fd = -1;
}

static struct slice untaken(const struct http_client *client)
{
    return slice_from(buffer_slice(&client->come), client->taken);
}

/* Where `text` begins in what was not taken yet; NULL: nowhere. */
static const char *find(const struct http_client *client, const char *text)
{
    struct slice rest = untaken(client);
    return rest.ptr && rest.len > 0 ? memmem(rest.ptr, rest.len, text, strlen(text)) : NULL;
}

/* More bytes have come; false when there will be none, or not in time. */
static bool come(struct http_client *client, int64_t until_ms)
{
    char bytes[16384];
    if (client->ended || client->was_reset || !wait_for(client, POLLIN, until_ms))
        return false;
    ssize_t len = recv(client->fd, bytes, sizeof bytes, 0);
    client->ended = len == 0;
    client->was_reset = len < 0;
    if (len > 0)
        buffer_add(&client->come, (struct slice){bytes, (size_t)len});
    return len > 0;
}

struct slice http_answer_field(const struct http_answer *answer, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *line = answer->head.ptr; line; line = strstr(line, "\r\n")) {
        line += line == answer->head.ptr ? 0 : 2;
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        value += strspn(value, " ");
        return (struct slice){value, strcspn(value, "\r")};
    }
    return SLICE_ABSENT;
}

struct http_answer http_client_receive(struct http_client *client, struct arena *arena, int64_t deadline_ms)
{
    static const struct http_answer NONE; /* status 0, all else absent */
    int64_t until_ms = clock_ticks_ms() + deadline_ms;
    const char *end = NULL;
    while (!(end = find(client, "\r\n\r\n")))
        if (!come(client, until_ms))
            return NONE;
    struct slice rest = untaken(client);
    size_t head_len = (size_t)(end - rest.ptr);
    struct http_answer answer = {.head = arena_copy(arena, (struct slice){rest.ptr, head_len})};
    int64_t status = 0;
    if (!slice_starts_with(answer.head, "HTTP/1.1 ") || !text_read_int((struct slice){answer.head.ptr + 9, 3}, &status))
        return NONE;
    answer.status = (int)status;
    client->taken += head_len + 4;
    struct slice length = http_answer_field(&answer, "Content-Length");
    size_t body_len = slice_absent(length) ? 0 : strtoul(length.ptr, NULL, 10);
    while (untaken(client).len < body_len)
        if (!come(client, until_ms))
            return NONE;
    answer.body = arena_copy(arena, (struct slice){untaken(client).ptr, body_len});
    client->taken += body_len;
    return answer;
}

bool http_client_expect(struct http_client *client, const char *text, int64_t deadline_ms)
{
    int64_t until_ms = clock_ticks_ms() + deadline_ms;
    const char *found = NULL;
    while (!(found = find(client, text)))
        if (!come(client, until_ms))
            return false;
    client->taken = (size_t)(found - client->come.data) + strlen(text);
    return true;
}

bool http_client_untouched(const struct http_client *client)
{
    return (client->ended || client->was_reset) && untaken(client).len == 0;
}

bool http_client_ended(struct http_client *client, int64_t deadline_ms)
{
    int64_t until_ms = clock_ticks_ms() + deadline_ms;
    while (untaken(client).len == 0 && come(client, until_ms)) {
    }
    return client->ended && untaken(client).len == 0;
}
