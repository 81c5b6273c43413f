/* drain.c: the handlers, and what they may touch. */
#include "common/drain.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/wake.h"

enum { EXIT_RESTART_ME = 75 };

/* Written in signal handlers; the clock is read there too (clock_gettime is safe there: signal-safety(7)). */
static volatile sig_atomic_t requests;
static volatile sig_atomic_t exit_code_now = EXIT_RESTART_ME;
static volatile int64_t requested_at_ms;
static int fd = -1;

static void asked(int number)
{
    (void)number;
    if (requests++ > 0)
        _exit(exit_code_now);
    requested_at_ms = clock_ticks_ms();
    alarm(DRAIN_DEADLINE_S);
    ssize_t written = write(fd, &WAKE_PAYLOAD, sizeof WAKE_PAYLOAD);
    (void)written; /* the loop also wakes by itself */
}

static void too_late(int number)
{
    (void)number;
    _exit(exit_code_now);
}

static sigset_t signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGALRM);
    return set;
}

void drain_block(void)
{
    sigset_t all = signals();
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGPIPE, SIG_IGN); /* a peer that has gone is told by write's own error */
}

void drain_listen(int wake_fd)
{
    fd = wake_fd;
    struct sigaction ask = {.sa_handler = asked, .sa_flags = SA_RESTART};
    struct sigaction late = {.sa_handler = too_late};
    sigaction(SIGTERM, &ask, NULL);
    sigaction(SIGINT, &ask, NULL);
    sigaction(SIGALRM, &late, NULL);
    sigset_t all = signals();
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

bool drain_requested(void)
{
    return requests > 0;
}

int64_t drain_requested_for_ms(void)
{
    return requests > 0 ? clock_ticks_ms() - requested_at_ms : 0;
}

void drain_set_exit_code(int exit_code)
{
    exit_code_now = exit_code;
}

void drain_within(unsigned seconds)
{
    alarm(seconds);
}
