/* wake.c: an eventfd and a timer of libevent's that end in the same function. */
#include "common/wake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/arena.h"

const uint64_t WAKE_PAYLOAD = 1;

struct wake {
    int fd;
    int64_t interval_ms;
    struct event *readable, *timer;
    void (*woken)(void *context);
    void *context;
};

static void no_descriptor(const char *what)
{
    fprintf(stderr, "%s is not to be had: raise the limit of open files\n", what);
    _Exit(70);
}

static void wake_woken(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    struct wake *wake = context;
    uint64_t count = 0;
    if (read(wake->fd, &count, sizeof count) != (ssize_t)sizeof count)
        count = 0; /* the timer brought us here */
    wake_after(wake, wake->interval_ms);
    wake->woken(wake->context);
}

struct wake *wake_open(struct event_base *base, int interval_ms, void (*woken)(void *context), void *context)
{
    struct wake *wake = memory_new(1, sizeof *wake);
    *wake = (struct wake){.interval_ms = interval_ms, .woken = woken, .context = context};
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0)
        no_descriptor("an eventfd");
    wake->readable = event_new(base, wake->fd, EV_READ | EV_PERSIST, wake_woken, wake);
    wake->timer = event_new(base, -1, 0, wake_woken, wake);
    if (!wake->readable || !wake->timer || event_add(wake->readable, NULL) != 0)
        no_descriptor("an event of the loop");
    wake_after(wake, interval_ms);
    return wake;
}

void wake_close(struct wake *wake)
{
    if (!wake)
        return;
    event_free(wake->readable);
    event_free(wake->timer);
    close(wake->fd);
    free(wake);
}

int wake_fd(const struct wake *wake)
{
    return wake->fd;
}

void wake_after(struct wake *wake, int64_t delay_ms)
{
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    event_add(wake->timer, &delay);
}
