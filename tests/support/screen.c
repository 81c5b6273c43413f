/* screen.c: a blocking socket, read with poll's patience. */
#include "tests/support/screen.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/clock.h"

enum { PATIENCE_MS = 60000 };

struct screen {
    int fd;
    bool ended;
    struct buffer text;
    char last_id[128];
};

static void broken(const char *what)
{
    perror(what);
    abort();
}

struct screen *screen_get(const char *socket_path, const char *target, const char *fields)
{
    struct screen *screen = memory_new(1, sizeof *screen);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    screen->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (screen->fd < 0 || connect(screen->fd, (struct sockaddr *)&address, sizeof address) != 0)
        broken(socket_path);
    struct buffer request = {0};
    buffer_add_format(&request, "GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", target, fields);
    if (send(screen->fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        broken("send");
    buffer_free(&request);
    return screen;
}

void screen_free(struct screen *screen)
{
    close(screen->fd);
    buffer_free(&screen->text);
    free(screen);
}

/* One read; false when nothing more comes before the deadline. */
static bool read_more(struct screen *screen, int64_t deadline)
{
    char bytes[16384];
    int64_t left = deadline - clock_ticks_ms();
    struct pollfd readable = {.fd = screen->fd, .events = POLLIN};
    if (screen->ended || left <= 0 || poll(&readable, 1, (int)left) <= 0)
        return false;
    ssize_t len = recv(screen->fd, bytes, sizeof bytes, 0);
    screen->ended = len <= 0;
    if (len > 0)
        buffer_add(&screen->text, (struct slice){bytes, (size_t)len});
    return len > 0;
}

bool screen_shows(struct screen *screen, const char *text)
{
    int64_t deadline = clock_ticks_ms() + PATIENCE_MS;
    while (!screen_count(screen, text))
        if (!read_more(screen, deadline))
            return false;
    return true;
}

bool screen_ends(struct screen *screen, int64_t deadline_ms)
{
    int64_t deadline = clock_ticks_ms() + deadline_ms;
    while (read_more(screen, deadline))
        continue;
    return screen->ended;
}

struct slice screen_text(const struct screen *screen)
{
    return buffer_slice(&screen->text);
}

size_t screen_count(const struct screen *screen, const char *text)
{
    size_t count = 0;
    for (const char *at = screen->text.data; at && (at = strstr(at, text)); at++)
        count++;
    return count;
}

const char *screen_last_id(struct screen *screen)
{
    const char *last = NULL;
    for (const char *at = screen->text.data; at && (at = strstr(at, "\nid: ")); at++)
        last = at + 5;
    if (!last)
        return NULL;
    snprintf(screen->last_id, sizeof screen->last_id, "%.*s", (int)strcspn(last, "\n"), last);
    return screen->last_id;
}

int screen_fetch(const char *socket_path, const char *target, const char *fields, struct buffer *body)
{
    struct buffer all = {0};
    buffer_add_format(&all, "%sConnection: close\r\n", fields);
    struct screen *screen = screen_get(socket_path, target, all.data);
    buffer_free(&all);
    static const char VERSION[] = "HTTP/1.1 ";
    if (!screen_ends(screen, PATIENCE_MS) || !slice_starts_with(screen_text(screen), VERSION))
        broken("no answer");
    int status = (int)strtol(screen->text.data + sizeof VERSION - 1, NULL, 10);
    const char *end_of_head = strstr(screen->text.data, "\r\n\r\n");
    if (body) {
        buffer_clear(body);
        buffer_add_text(body, end_of_head ? end_of_head + 4 : "");
    }
    screen_free(screen);
    return status;
}
