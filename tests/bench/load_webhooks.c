/* load_webhooks: signed webhooks over keep-alive connections, as fast as they are answered; prints one JSON line.
 *
 *      load_webhooks --port P [--connections 64] [--seconds 10] [--body-bytes 2048] [--key KEY] [--path /api/retell/webhook]
 *                    [--calls 20000]
 *
 * Each connection has one request under way. Requests are built and signed before the clock starts, so that the load takes as
 * little as it can of the processor that it shares with what it measures. A second of warm-up is not counted. Any answer but
 * 200 is counted apart; a connection that ends is an error, and the program's exit code 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/clock.h"
#include "ctl/retell_sign.h"

enum { ANSWER_MAX = 8192, EVENTS_MAX = 256, WARM_UP_MS = 1000, LATENCIES_MAX = 20 * 1000 * 1000 };

static struct options {
    int port, connections, seconds;
    size_t body_bytes, calls;
    const char *key, *path;
} options = {.connections = 64,
             .seconds = 10,
             .body_bytes = 2048,
             .calls = 20000,
             .key = "key_bench",
             .path = "/api/retell/webhook"};

struct connection {
    int fd;
    int64_t sent_ns;
    size_t have;
    char answer[ANSWER_MAX];
};

static struct {
    struct slice *requests;
    size_t next;
    int64_t counted_from_ns, end_ns;
    float *latencies_us;
    size_t answered, not_200, in_all; /* in_all: the warm-up too */
    int not_200_status;
} load;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "load_webhooks: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- requests ---- */

static struct slice body_of(struct arena *arena, size_t number, int64_t now_ms)
{
    struct slice head = arena_format(
        arena,
        "{\"event\":\"call_ended\",\"event_timestamp\":%lld,\"call\":{\"call_id\":\"call_%032zx\",\"call_type\":"
        "\"phone_call\","
        "\"agent_id\":\"agent_bench\",\"call_status\":\"ended\",\"direction\":\"inbound\",\"from_number\":\"+49151%"
        "08zu\","
        "\"to_number\":\"+493083793369\",\"start_timestamp\":%lld,\"end_timestamp\":%lld,\"duration_ms\":21522,"
        "\"disconnection_reason\":\"user_hangup\",\"transcript\":\"",
        (long long)now_ms, number, number, (long long)(now_ms - 21522), (long long)now_ms);
    size_t padding = options.body_bytes > head.len + 3 ? options.body_bytes - head.len - 3 : 0;
    char *filler = arena_alloc(arena, padding + 1);
    static const char WORDS[] = "User: Ich hätte gern einen Termin am Dienstag. ";
    for (size_t i = 0; i < padding; i++)
        filler[i] = padding - i < 2 ? '.' : WORDS[i % (sizeof WORDS - 1)];
    filler[padding] = '\0';
    while (padding > 0 && ((unsigned char)filler[padding - 1] & 0x80))
        filler[--padding] = '\0'; /* not through the middle of a character */
    return arena_format(arena, "%.*s%s\"}}", SLICE_PRINT(head), filler);
}

static void build_requests(struct arena *arena)
{
    load.requests = memory_new(options.calls, sizeof *load.requests);
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < options.calls; i++) {
        char signature[RETELL_SIGNATURE_BYTES];
        struct slice body = body_of(arena, i, now_ms);
        retell_sign(signature, body, slice_of(options.key), now_ms);
        load.requests[i] = arena_format(arena,
                                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                                        "X-Retell-Signature: %s\r\nContent-Length: %zu\r\n\r\n%.*s",
                                        options.path, options.port, signature, body.len, SLICE_PRINT(body));
    }
}

/* ---- connections ---- */

static void send_next(struct connection *connection)
{
    struct slice request = load.requests[load.next++ % options.calls];
    connection->sent_ns = clock_ticks_ns();
    connection->have = 0;
    for (size_t sent = 0; sent < request.len;) {
        ssize_t n = send(connection->fd, request.ptr + sent, request.len - sent, MSG_NOSIGNAL);
        if (n < 0)
            give_up("send");
        sent += (size_t)n;
    }
}

/* The length of a whole answer at the start of what has come; 0: more is needed. */
static size_t answer_length(struct connection *connection)
{
    connection->answer[connection->have] = '\0';
    char *end = strstr(connection->answer, "\r\n\r\n");
    char *length = end ? strcasestr(connection->answer, "\r\ncontent-length:") : NULL;
    if (!end)
        return 0;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t whole = (size_t)(end + 4 - connection->answer) + body;
    return connection->have >= whole ? whole : 0;
}

static void note_answer(const struct connection *connection, int64_t now_ns)
{
    load.in_all++;
    if (now_ns < load.counted_from_ns || now_ns > load.end_ns)
        return;
    int status = (int)strtol(connection->answer + sizeof "HTTP/1.1", NULL, 10);
    if (status != 200) {
        load.not_200++;
        load.not_200_status = status;
    } else if (load.answered < LATENCIES_MAX) {
        load.latencies_us[load.answered++] = (float)(now_ns - connection->sent_ns) / 1000;
    }
}

static void receive(struct connection *connection)
{
    ssize_t n = recv(connection->fd, connection->answer + connection->have, ANSWER_MAX - 1 - connection->have, 0);
    if (n <= 0)
        give_up("the connection ended");
    connection->have += (size_t)n;
    if (answer_length(connection) == 0)
        return;
    int64_t now_ns = clock_ticks_ns();
    note_answer(connection, now_ns);
    if (now_ns < load.end_ns)
        send_next(connection);
}

static void connect_one(int epoll, struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

static void run(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = memory_new((size_t)options.connections, sizeof *connections);
    for (int i = 0; i < options.connections; i++)
        connect_one(epoll, &connections[i]);
    load.counted_from_ns = clock_ticks_ns() + WARM_UP_MS * 1000000LL;
    load.end_ns = load.counted_from_ns + options.seconds * 1000000000LL;
    for (int i = 0; i < options.connections; i++)
        send_next(&connections[i]);
    struct epoll_event events[EVENTS_MAX];
    while (clock_ticks_ns() < load.end_ns) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < count; i++)
            receive(events[i].data.ptr);
    }
}

/* ---- telling ---- */

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double share)
{
    if (load.answered == 0)
        return 0;
    size_t at = (size_t)((double)load.answered * share);
    return (double)load.latencies_us[at < load.answered ? at : load.answered - 1] / 1000;
}

static void print_result(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    qsort(load.latencies_us, load.answered, sizeof *load.latencies_us, by_size);
    printf("{\"in_all\":%zu,\"answered\":%zu,\"rate\":%.1f,\"not_200\":%zu,\"not_200_status\":%d,\"p50_ms\":%.3f,\"p99_"
           "ms\":%.3f,\"max_ms\":%.3f,"
           "\"load_cpu_s\":%.2f}\n",
           load.in_all, load.answered, (double)load.answered / options.seconds, load.not_200, load.not_200_status,
           percentile_ms(0.50), percentile_ms(0.99), percentile_ms(1),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void read_arguments(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"port", 1, NULL, 'p'}, {"connections", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'}, {"body-bytes", 1, NULL, 'b'},
        {"key", 1, NULL, 'k'},  {"path", 1, NULL, 'u'},        {"calls", 1, NULL, 'n'},   {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
        switch (option) {
        case 'p':
            options.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'c':
            options.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            options.seconds = (int)strtol(optarg, NULL, 10);
            break;
        case 'b':
            options.body_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'k':
            options.key = optarg;
            break;
        case 'u':
            options.path = optarg;
            break;
        case 'n':
            options.calls = strtoul(optarg, NULL, 10);
            break;
        default:
            exit(64);
        }
    }
    if (options.port <= 0 || options.connections <= 0 || options.seconds <= 0 || options.calls == 0) {
        fprintf(stderr, "load_webhooks: --port is needed; connections, seconds and calls are above 0\n");
        exit(64);
    }
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    struct arena *arena = arena_new();
    build_requests(arena);
    load.latencies_us = memory_new(LATENCIES_MAX, sizeof *load.latencies_us);
    run();
    print_result();
    return load.answered > 0 ? 0 : 1;
}
