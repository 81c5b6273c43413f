/* http_server.c: the listening socket: who is let in, who is turned away, and how it comes to rest. */
#include "common/http_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_listen.h"
#include "common/log.h"

enum {
    HEADER_DEADLINE_MS = 10000,
    BODY_DEADLINE_MS = 30000,
    IDLE_DEADLINE_MS = 60000,
    REQUEST_DEADLINE_MS = 35000,
    DRAIN_DEADLINE_MS = 2000,
    DRAIN_IDLE_MS = 500,
    BODY_SLOW_AFTER_MS = 5000,
    BODY_MIN_BYTES_PER_S = 1024,
    CONNECTIONS_MAX = 10000,
    CONNECTIONS_PER_ADDRESS_MAX = 200,
    FILES_SPARE = 64, /* for brokers, databases, logs: not for connections */
    ACCEPT_AGAIN_MS = 100,
    UNANSWERED_MS = 60000, /* TCP_USER_TIMEOUT: what is sent and not acknowledged for that long ends a connection */
};

/* ---- what the other files use ---- */

struct arena *http_server_arena(struct http_server *server)
{
    return server->arena_count > 0 ? server->arenas[--server->arena_count] : arena_new();
}

void http_server_arena_return(struct http_server *server, struct arena *arena)
{
    if (server->arena_count == HTTP_ARENAS_KEPT) {
        arena_free(arena);
        return;
    }
    arena_reset(arena);
    server->arenas[server->arena_count++] = arena;
}

void http_server_connection_gone(struct http_server *server)
{
    server->connection_count--;
    http_server_check_drained(server);
}

void http_server_check_drained(struct http_server *server)
{
    if (!server->draining || server->drained_told || server->exchanges)
        return;
    for (struct http_connection *connection = server->connections; connection; connection = connection->next)
        if (http_connection_owes(connection))
            return;
    server->drained_told = true;
    event_active(server->drained_event, EV_TIMEOUT, 0);
}

static void on_drained(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct http_server *server = context;
    if (server->drained)
        server->drained(server->drained_context);
}

/* ---- accepting ---- */

static struct address peer_of(const struct sockaddr *socket_address)
{
    struct address peer = {{0}};
    if (socket_address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)socket_address;
        peer.bytes[10] = peer.bytes[11] = 0xff;
        memcpy(peer.bytes + 12, &v4->sin_addr, 4);
    } else if (socket_address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)socket_address;
        memcpy(peer.bytes, &v6->sin6_addr, ADDRESS_BYTES);
    }
    return peer;
}

void http_server_print_address(const struct address *address, char text[INET6_ADDRSTRLEN])
{
    const struct in6_addr *v6 = (const void *)address->bytes;
    if (address_is_local_socket(address))
        snprintf(text, INET6_ADDRSTRLEN, "unix");
    else if (IN6_IS_ADDR_V4MAPPED(v6))
        inet_ntop(AF_INET, address->bytes + 12, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, v6, text, INET6_ADDRSTRLEN);
}

static const struct http_refusal CROWDED = {503, "too_many_connections", "Try again in a few seconds."};

/* Best effort: this must cost next to nothing. */
static void turn_away(struct http_server *server, evutil_socket_t fd, const char *peer)
{
    static const char BODY[] = "{\"error\":\"too_many_connections\",\"message\":\"Try again in a few seconds.\"}";
    struct http_header extra = {0};
    if (server->options.refused)
        extra = server->options.refused(&CROWDED, slice_of(peer), server->options.context);
    struct buffer *answer = &server->scratch;
    buffer_clear(answer);
    buffer_add_text(answer, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n");
    if (extra.name)
        buffer_add_format(answer, "%s: %.*s\r\n", extra.name, SLICE_PRINT(extra.value));
    buffer_add_format(answer, "Content-Length: %zu\r\nConnection: close\r\n\r\n%s", sizeof BODY - 1, BODY);
    (void)!send(fd, answer->data, answer->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    evutil_closesocket(fd);
}

static void admit(struct http_server *server, evutil_socket_t fd, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    struct address peer = peer_of(address);
    http_server_print_address(&peer, text);
    bool room = server->connection_count < (size_t)server->options.connections_max;
    if (room && !networks_hold(&server->options.trusted, &peer))
        room = http_peers_enter(server->peers, &peer, (unsigned)server->options.connections_per_address_max);
    if (!room) {
        turn_away(server, fd, text);
        return;
    }
    if (address->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){UNANSWERED_MS}, sizeof(int));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    }
    http_connection_open(server, fd, &peer, text);
}

/* libevent goes on accepting while somebody waits: a crowd would be one long turn of the loop. */
static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
                      void *context)
{
    (void)length;
    struct http_server *server = context;
    admit(server, fd, address);
    if (++server->accepted % HTTP_ACCEPTS_A_TURN != 0)
        return;
    evconnlistener_disable(listener);
    event_active(server->accept_more, EV_TIMEOUT, 0);
}

/* Without this the listening socket stays readable and the loop would spin. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
    struct http_server *server = context;
    int64_t second = clock_ticks_ms() / 1000;
    if (second != server->accept_failed_second) /* one line a second, however often */
        log_event(LOG_ERROR, "accept_failed", LOG_TEXT("problem", strerror(errno)),
                  LOG_TEXT("address", server->address));
    server->accept_failed_second = second;
    server->accept_pauses++;
    evconnlistener_disable(listener);
    struct timeval delay = http_timeval(ACCEPT_AGAIN_MS);
    event_add(server->accept_again, &delay);
}

static void on_accept_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct http_server *server = context;
    if (server->listener)
        evconnlistener_enable(server->listener);
}

/* ---- open, drain, close ---- */

struct event_base *http_server_base_new(void)
{
    struct event_config *config = event_config_new();
    event_config_set_max_dispatch_interval(config, NULL, HTTP_FRESH_A_TURN, HTTP_PRIORITY_FRESH);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    event_base_priority_init(base, HTTP_PRIORITIES);
    return base;
}

static int or_default(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

static void fill_defaults(struct http_server_options *options)
{
    options->header_deadline_ms = or_default(options->header_deadline_ms, HEADER_DEADLINE_MS);
    options->body_deadline_ms = or_default(options->body_deadline_ms, BODY_DEADLINE_MS);
    options->idle_deadline_ms = or_default(options->idle_deadline_ms, IDLE_DEADLINE_MS);
    options->request_deadline_ms = or_default(options->request_deadline_ms, REQUEST_DEADLINE_MS);
    options->drain_deadline_ms = or_default(options->drain_deadline_ms, DRAIN_DEADLINE_MS);
    options->drain_idle_ms = or_default(options->drain_idle_ms, DRAIN_IDLE_MS);
    options->body_slow_after_ms = or_default(options->body_slow_after_ms, BODY_SLOW_AFTER_MS);
    options->body_min_bytes_per_s = or_default(options->body_min_bytes_per_s, BODY_MIN_BYTES_PER_S);
    options->connections_max = or_default(options->connections_max, CONNECTIONS_MAX);
    options->connections_per_address_max =
        or_default(options->connections_per_address_max, CONNECTIONS_PER_ADDRESS_MAX);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max != RLIM_INFINITY && files.rlim_max < (rlim_t)options->connections_max + FILES_SPARE)
        options->connections_max =
            files.rlim_max > (rlim_t)FILES_SPARE + FILES_SPARE ? (int)files.rlim_max - FILES_SPARE : FILES_SPARE;
}

const char *http_server_open(struct http_server **result, struct event_base *base,
                             const struct http_server_options *options)
{
    struct http_server *server = memory_new(1, sizeof *server);
    server->options = *options;
    fill_defaults(&server->options);
    server->base = base;
    int fd = options->listen_fd;
    const char *problem = NULL;
    if (fd > 0)
        evutil_make_socket_nonblocking(fd);
    else
        problem = http_listen(options->address, options->reuse_port, &fd, &server->unix_path);
    if (problem) {
        free(server);
        return problem;
    }
    server->address = http_listen_address(fd);
    server->options.address = server->address;
    server->peers = http_peers_new();
    server->accept_again = evtimer_new(base, on_accept_again, server);
    server->accept_more = evtimer_new(base, on_accept_again, server);
    event_priority_set(server->accept_more, HTTP_PRIORITY_FRESH);
    server->drained_event = evtimer_new(base, on_drained, server);
    server->listener =
        evconnlistener_new(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    evconnlistener_set_error_cb(server->listener, on_accept_failed);
    *result = server;
    return NULL;
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

size_t http_server_connections(const struct http_server *server)
{
    return server->connection_count;
}

uint64_t http_server_accept_pauses(const struct http_server *server)
{
    return server->accept_pauses;
}

static void stop_listening(struct http_server *server)
{
    if (!server->listener)
        return;
    evconnlistener_free(server->listener);
    server->listener = NULL;
    if (server->unix_path)
        unlink(server->unix_path);
}

/* Connections that the kernel has completed but nobody has fetched would be reset with the listening socket. */
static void accept_the_rest(struct http_server *server)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int fd;
    while (server->listener && (fd = accept4(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address,
                                             &length, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        admit(server, fd, (const struct sockaddr *)&address);
        length = sizeof address;
    }
}

void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context)
{
    if (server->options.listen_fd <= 0)
        accept_the_rest(server);
    stop_listening(server);
    server->draining = true;
    server->drained = drained;
    server->drained_context = context;
    struct http_connection *next = NULL;
    for (struct http_connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        http_connection_drain(connection);
    }
    http_server_check_drained(server);
}

void http_server_close(struct http_server *server)
{
    stop_listening(server);
    server->drained_told = true;
    while (server->connections)
        http_connection_free(server->connections);
    while (server->exchanges) {
        struct http_exchange *exchange = server->exchanges;
        server->exchanges = exchange->next;
        exchange->previous = exchange->next = NULL;
        exchange->server = NULL; /* whoever owes the answer frees it */
    }
    while (server->arena_count > 0)
        arena_free(server->arenas[--server->arena_count]);
    event_free(server->accept_again);
    event_free(server->accept_more);
    event_free(server->drained_event);
    http_peers_free(server->peers);
    buffer_free(&server->scratch);
    free(server->unix_path);
    free(server->address);
    free(server);
}
