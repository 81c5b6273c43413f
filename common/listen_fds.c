/* listen_fds.c: three variables and a look at what they promise. */
#include "common/listen_fds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"

enum { FIRST = 3 }; /* SD_LISTEN_FDS_START */

static bool number_of(const char *name, int64_t *number)
{
    const char *text = getenv(name);
    return text && text_read_int(slice_of(text), number);
}

static bool listens(int fd)
{
    int answer = 0;
    socklen_t size = sizeof answer;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer == 1;
}

const char *listen_fds_take(int *fd)
{
    int64_t pid = 0;
    int64_t count = 0;
    *fd = 0;
    bool ours = number_of("LISTEN_PID", &pid) && pid == getpid(); /* else they are a parent's, left over */
    bool given = ours && number_of("LISTEN_FDS", &count) && count != 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!given)
        return NULL;
    if (count != 1)
        return "LISTEN_FDS must be 1: one socket, that webhooks come to; the management port listens by itself.";
    if (!listens(FIRST))
        return "LISTEN_FDS is 1, but descriptor 3 is no listening socket: the unit needs ListenStream= and Accept=no.";
    fcntl(FIRST, F_SETFD, FD_CLOEXEC);
    *fd = FIRST;
    return NULL;
}
