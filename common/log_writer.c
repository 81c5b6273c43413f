/* log_writer.c: two buffers: one gathers, one is being written. */
#include "common/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "common/thread.h"

enum {
    GATHER_MS = 5,                        /* a write(2) for each line was a twentieth of what a webhook costs ingest */
    GATHERED_MAX_BYTES = 4 * 1024 * 1024, /* a second of 20,000 webhooks */
    STOP_MS = 1000,
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t came, gone;
    pthread_t thread;
    struct buffer gathered, writing, refused;
    int64_t lost;
    bool idle, ending, ended;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool running;

static struct timespec in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static int64_t lines_in(struct slice text)
{
    int64_t lines = 0;
    for (size_t i = 0; !slice_absent(text) && i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

/* To the end, or to an error (a full disk, a reader that is gone): how many lines nobody will read. Standard error may be
 * somebody else's, too, who made it non-blocking. */
static int64_t write_out(struct slice lines)
{
    while (lines.len > 0) {
        ssize_t written = write(STDERR_FILENO, lines.ptr, lines.len);
        if (written > 0)
            lines = slice_from(lines, (size_t)written);
        else if (written < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, -1);
        else if (written == 0 || errno != EINTR)
            return lines_in(lines);
    }
    return 0;
}

/* With the lock, until there is something to write and more has had its time to come. False: the end. */
static bool wait_for_lines(void)
{
    writer.idle = true;
    while (writer.gathered.len == 0 && !writer.ending)
        pthread_cond_wait(&writer.came, &writer.lock);
    writer.idle = false;
    struct timespec due = in_ms(GATHER_MS);
    while (!writer.ending && writer.gathered.len < GATHERED_MAX_BYTES / 2)
        if (pthread_cond_timedwait(&writer.came, &writer.lock, &due) == ETIMEDOUT)
            break;
    return writer.gathered.len > 0;
}

static void *run(void *context)
{
    (void)context;
    pthread_mutex_lock(&writer.lock);
    while (wait_for_lines()) {
        struct buffer full = writer.gathered;
        writer.gathered = writer.writing;
        writer.writing = full;
        pthread_mutex_unlock(&writer.lock);
        int64_t lost = write_out(buffer_slice(&full));
        pthread_mutex_lock(&writer.lock);
        writer.lost += lost;
        buffer_clear(&writer.writing);
    }
    writer.ended = true;
    pthread_cond_broadcast(&writer.gone);
    pthread_mutex_unlock(&writer.lock);
    return NULL;
}

bool log_writer_start(void)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer.came, &monotonic);
    pthread_cond_init(&writer.gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
    writer.ending = writer.ended = false;
    writer.lost = 0;
    atomic_store(&running, thread_start(&writer.thread, run, NULL) == 0);
    return atomic_load(&running);
}

/* Whoever reads may stand still for good: then the thread is left where it is, with its buffers. */
void log_writer_stop(void)
{
    if (!atomic_load(&running))
        return;
    struct timespec due = in_ms(STOP_MS);
    pthread_mutex_lock(&writer.lock);
    writer.ending = true;
    pthread_cond_signal(&writer.came);
    while (!writer.ended)
        if (pthread_cond_timedwait(&writer.gone, &writer.lock, &due) == ETIMEDOUT)
            break;
    bool ended = writer.ended;
    atomic_store(&running, false);
    pthread_cond_broadcast(&writer.gone);
    pthread_mutex_unlock(&writer.lock);
    if (!ended) {
        pthread_detach(writer.thread);
        return;
    }
    pthread_join(writer.thread, NULL);
    buffer_free(&writer.gathered);
    buffer_free(&writer.writing);
    buffer_free(&writer.refused);
}

int64_t log_writer_lost(void)
{
    pthread_mutex_lock(&writer.lock);
    int64_t lost = writer.lost;
    pthread_mutex_unlock(&writer.lock);
    return lost;
}

/* With the lock. Who speaks while it ends waits for that: his line, written beside it, could come into the middle of another,
 * and gathered behind its back nobody would write it. */
static bool gathers(void)
{
    while (atomic_load(&running) && writer.ending && !writer.ended)
        pthread_cond_wait(&writer.gone, &writer.lock);
    return atomic_load(&running) && !writer.ended;
}

struct buffer *log_writer_begin(void)
{
    if (!atomic_load_explicit(&running, memory_order_relaxed))
        return NULL;
    pthread_mutex_lock(&writer.lock);
    if (!gathers()) {
        pthread_mutex_unlock(&writer.lock);
        return NULL;
    }
    if (writer.gathered.len < GATHERED_MAX_BYTES)
        return &writer.gathered;
    writer.lost++;
    buffer_clear(&writer.refused);
    return &writer.refused;
}

void log_writer_end(void)
{
    if (writer.idle || writer.gathered.len >= GATHERED_MAX_BYTES / 2)
        pthread_cond_signal(&writer.came);
    pthread_mutex_unlock(&writer.lock);
}
