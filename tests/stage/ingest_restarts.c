/* hookline-ingest is restarted under load while somebody else holds its socket (systemd, or a test): no connection is
 * refused, and no answer is lost.
 *
 * What "lost" means, per request that a client has sent in full:
 *      on a new connection              exactly one whole answer comes, and it is 200
 *      on a connection used before      either that, or not one byte of an answer and the connection's end: whoever sends
 *                                       on a connection that the other side may be closing must send again on a new one
 *                                       (RFC 9112, 9.3.1), and then the first rule holds
 * and what got 200 is in the topic.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/ingest_world.h"
#include "tests/support/wait.h"
#include "tests/unit/test.h"

#define KEY_SETTING ("HOOKLINE_RETELL_API_KEY=" INGEST_KEY)

enum { RESTARTS = 20, CLIENTS = 4, BACKLOG = 4096, ID_BYTES = 32, ACCEPTED_MAX = 200000 };

static struct {
    struct ingest_world world; /* its own ingest is not used */
    int listening;
    char address[32];
    atomic_bool over;
    atomic_int answered, repeated, broken;
} with;

static struct process *start(void)
{
    static const char *const MORE[] = {"HOOKLINE_LISTEN=127.0.0.1:1", "HOOKLINE_LOG_LEVEL=warn", KEY_SETTING};
    const char *environment[] = {
        MORE[0],
        MORE[1],
        MORE[2],
        INGEST_PATIENT,
        arena_format(with.world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.world.broker)).ptr,
        NULL};
    return process_start_with_socket(HOOKLINE_INGEST, environment, with.listening);
}

static int begin(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    with.world.broker = broker_start();
    with.world.arena = arena_new();
    with.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(with.listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(with.listening, BACKLOG), 0);
    assert_int_equal(getsockname(with.listening, (struct sockaddr *)&address, &size), 0);
    snprintf(with.address, sizeof with.address, "127.0.0.1:%d", ntohs(address.sin_port));
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(with.listening);
    broker_stop(with.world.broker);
    arena_free(with.world.arena);
    return 0;
}

/* ---- the load ---- */

struct sender {
    pthread_t thread;
    int number;
    bool keeps; /* its connection from one request to the next */
    struct http_client *client;
    struct ingest_world world; /* an arena of its own */
    char (*accepted)[ID_BYTES + 1];
    size_t count;
};

/* One request until it is answered; false: an answer was lost. */
static bool deliver(struct sender *sender, struct slice request, struct http_answer *answer)
{
    bool used = sender->client != NULL;
    for (int turn = 0; turn < 2; turn++) {
        if (!sender->client)
            sender->client = http_client_open(with.address); /* ends the test if it is refused */
        bool sent = http_client_send(sender->client, request);
        *answer = http_client_receive(sender->client, sender->world.arena, INGEST_SOON_MS);
        bool whole = answer->status != 0;
        bool closes = whole && slice_equals(http_answer_field(answer, "Connection"), "close");
        bool untouched = http_client_untouched(sender->client);
        if (!whole || closes || !sender->keeps) {
            http_client_close(sender->client);
            sender->client = NULL;
        }
        if (whole)
            return sent && answer->status == 200;
        if (!used || !untouched)
            return false;
        used = false;
        atomic_fetch_add(&with.repeated, 1);
    }
    return false;
}

static void *send_all(void *context)
{
    struct sender *sender = context;
    const struct ingest_sender how = {INGEST_ROUTE, INGEST_KEY, NULL};
    for (int i = 0; !atomic_load(&with.over) && sender->count < ACCEPTED_MAX; i++) {
        struct http_answer answer;
        struct slice body =
            arena_format(sender->world.arena, "{\"event\":\"e\",\"call\":{\"call_id\":\"%d-%d\"}}", sender->number, i);
        if (!deliver(sender, ingest_world_request(&sender->world, &how, body), &answer)) {
            fprintf(stderr, "sender %d: request %d: status %d\n", sender->number, i, answer.status);
            atomic_fetch_add(&with.broken, 1);
        } else {
            struct slice id = http_answer_field(&answer, "X-Event-Id");
            memcpy(sender->accepted[sender->count++], id.ptr, ID_BYTES);
            atomic_fetch_add(&with.answered, 1);
        }
        arena_reset(sender->world.arena);
    }
    if (sender->client)
        http_client_close(sender->client);
    return NULL;
}

static void begin_senders(struct sender *senders)
{
    for (int i = 0; i < CLIENTS; i++) {
        senders[i] = (struct sender){.number = i, .keeps = i % 2 == 0, .world = {.arena = arena_new()}};
        senders[i].accepted = memory_new(ACCEPTED_MAX, sizeof *senders[i].accepted);
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
}

/* ---- what was accepted is there ---- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

static char (*ids_in_topic(size_t *count))[ID_BYTES + 1]
{
    const struct broker_record *records = ingest_world_records(&with.world, count);
    char(*ids)[ID_BYTES + 1] = memory_new(*count + 1, sizeof *ids);
    for (size_t i = 0; i < *count; i++)
        memcpy(ids[i], broker_record_header(&records[i], "ce_id").ptr, ID_BYTES);
    qsort(ids, *count, sizeof *ids, compare_ids);
    return ids;
}

static void check_and_free(struct sender *senders)
{
    size_t count = 0;
    size_t missing = 0;
    char(*ids)[ID_BYTES + 1] = ids_in_topic(&count);
    for (int i = 0; i < CLIENTS; i++) {
        for (size_t j = 0; j < senders[i].count; j++)
            missing += bsearch(senders[i].accepted[j], ids, count, sizeof *ids, compare_ids) == NULL;
        free(senders[i].accepted);
        arena_free(senders[i].world.arena);
    }
    free(ids);
    assert_int_equal(missing, 0);
}

/* ---- the stories ---- */

static bool twenty_more(void *context)
{
    return atomic_load(&with.answered) >= *(int *)context + 20 || atomic_load(&with.broken) > 0;
}

static void restarts_refuse_nothing_and_lose_nothing(void **state)
{
    (void)state;
    struct sender senders[CLIENTS];
    struct process *ingest = start();
    begin_senders(senders);
    for (int i = 0; i < RESTARTS; i++) {
        int before = atomic_load(&with.answered);
        assert_true(wait_until(twenty_more, &before, INGEST_END_MS)); /* each process answers some */
        process_signal(ingest, SIGTERM);
        int code = process_wait_end(ingest, INGEST_END_MS);
        if (code != 0)
            process_show(ingest);
        assert_int_equal(code, 0);
        process_free(ingest);
        ingest = start();
    }
    int before = atomic_load(&with.answered);
    assert_true(wait_until(twenty_more, &before, INGEST_END_MS));
    atomic_store(&with.over, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(senders[i].thread, NULL);
    print_message("%d restarts, %d answered, %d sent again after a connection's end\n", RESTARTS,
                  atomic_load(&with.answered), atomic_load(&with.repeated));
    assert_int_equal(atomic_load(&with.broken), 0);
    process_free(ingest);
    check_and_free(senders);
}

/* Somebody who hands over something else than one listening socket is told so. */
static void what_is_no_listening_socket_is_refused_at_the_start(void **state)
{
    (void)state;
    int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int held = with.listening;
    with.listening = plain;
    struct process *ingest = start();
    with.listening = held;
    assert_int_equal(process_wait_end(ingest, INGEST_END_MS), 78);
    assert_true(process_says(ingest, "descriptor 3 is no listening socket"));
    process_free(ingest);
    close(plain);
}

/* Two processes on one port, each with a management port of its own: the kernel spreads the connections. */
static void two_processes_share_a_port(void **state)
{
    (void)state;
    char listen[64];
    struct process *both[2];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int placeholder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, not listening: the port is ours */
    setsockopt(placeholder, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    assert_int_equal(bind(placeholder, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(placeholder, (struct sockaddr *)&address, &size), 0);
    snprintf(listen, sizeof listen, "HOOKLINE_LISTEN=127.0.0.1:%d", ntohs(address.sin_port));
    const char *environment[] = {
        listen,
        "HOOKLINE_REUSE_PORT=yes",
        KEY_SETTING,
        INGEST_PATIENT,
        arena_format(with.world.arena, "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.world.broker)).ptr,
        NULL};
    for (int i = 0; i < 2; i++) {
        both[i] = process_start(HOOKLINE_INGEST, environment);
        assert_true(process_wait_ready(both[i], INGEST_END_MS));
    }
    double answered[2] = {0};
    static const char ACCEPTED[] =
        "hookline_ingest_requests_total{outcome=\"accepted\",provider=\"retell\",source=\"default\"}";
    snprintf(with.world.address, sizeof with.world.address, "%s", listen + strlen("HOOKLINE_LISTEN="));
    int sent = 0;
    for (; sent < 200 && (answered[0] < 1 || answered[1] < 1); sent++) {
        const struct ingest_sender sender = {INGEST_ROUTE, INGEST_KEY, NULL};
        assert_int_equal(ingest_world_deliver(&with.world, &sender, ingest_world_body(&with.world, "shared")).status,
                         200);
        for (int i = 0; i < 2; i++)
            answered[i] = process_metric(both[i], ACCEPTED);
    }
    assert_true(answered[0] >= 1 && answered[1] >= 1);
    assert_true(answered[0] + answered[1] == (double)sent);
    for (int i = 0; i < 2; i++)
        process_free(both[i]);
    close(placeholder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_refuse_nothing_and_lose_nothing),
        cmocka_unit_test(what_is_no_listening_socket_is_refused_at_the_start),
        cmocka_unit_test(two_processes_share_a_port),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
