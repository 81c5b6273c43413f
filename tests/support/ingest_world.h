/* ingest_world.h: hookline-ingest in front of a mock broker, reached through a UNIX socket, and a sender that signs.
 *
 *      sources file        near     from 192.0.2.0/24 only
 *                          slow     one webhook a second, two at once
 *                          small    bodies of 1024 bytes at most
 *      trusted proxies     UNIX sockets: X-Forwarded-For says who the sender is
 */
#ifndef HOOKLINE_TESTS_SUPPORT_INGEST_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_INGEST_WORLD_H

#include "common/arena.h"
#include "tests/support/broker.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"

#define INGEST_KEY       "key_0123456789abcdef0123456789ab" /* of the source `default` */
#define INGEST_KEY_NEAR  "key_near_456789abcdef0123456789ab"
#define INGEST_KEY_SLOW  "key_slow_456789abcdef0123456789ab"
#define INGEST_KEY_SMALL "key_small_56789abcdef0123456789ab"
#define INGEST_ROUTE     "/api/retell/webhook"
/* A busy machine's mock broker may take seconds; no story here is about brokers that do not answer. */
#define INGEST_PATIENT "HOOKLINE_ACK_TIMEOUT_MS=20000"

enum { INGEST_SOON_MS = 30000, INGEST_END_MS = 60000, INGEST_SETTINGS_MAX = 8 };

struct ingest_world {
    struct broker *broker;
    struct process *ingest;
    struct arena *arena; /* answers, bodies, records; of the whole world */
    char directory[64], address[96];
};

/* `settings` is "HOOKLINE_NAME=value" …, NULL ends; beside what every world has. Waits until it is ready. */
void ingest_world_begin(struct ingest_world *world, const char *const *settings);
void ingest_world_end(struct ingest_world *world);

/* Everything of webhooks.retell. */
struct broker_record *ingest_world_records(struct ingest_world *world, size_t *count);
/* hookline_ingest_requests_total of Retell's. `source` NULL: of no provider. */
double ingest_world_outcomes(struct ingest_world *world, const char *outcome, const char *source);

struct ingest_sender {
    const char *path, *key;
    const char *fields; /* more lines, each with its CR LF; may be NULL */
};

/* A whole signed request. */
struct slice ingest_world_request(struct ingest_world *world, const struct ingest_sender *sender, struct slice body);
/* Sends it on a connection of its own. */
struct http_answer ingest_world_deliver(struct ingest_world *world, const struct ingest_sender *sender,
                                        struct slice body);
struct slice ingest_world_body(struct ingest_world *world, const char *call_id);

#endif
