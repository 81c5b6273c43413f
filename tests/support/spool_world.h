/* spool_world.h: hookline-ingest with a spool, the mock broker that goes away, and a sender who remembers what was accepted. */
#ifndef HOOKLINE_TESTS_SUPPORT_SPOOL_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_SPOOL_WORLD_H

#include "common/arena.h"
#include "tests/support/broker.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"

/* What all webhooks here are signed with; of the source `default` unless a story says otherwise. */
#define SPOOL_KEY "key_0123456789abcdef0123456789ab"

/* SOON is shorter than librdkafka's own patience (ACK_TIMEOUT_MS + 8 s): an answer in it is ingest's own. */
enum { SPOOL_SOON_MS = 7000, SPOOL_ACK_TIMEOUT_MS = 700, SPOOL_END_MS = 60000, SPOOL_ACCEPTED_MAX = 4096 };

struct spool_world {
    struct broker *broker;
    struct process *ingest;
    struct arena *arena;
    bool broker_away; /* cut off by us */
    char directory[64];
    const char *spool, *address;               /* of its directory and its listener */
    struct slice accepted[SPOOL_ACCEPTED_MAX]; /* bodies that got 200 */
    size_t accepted_count;
};
extern struct spool_world spool_world;

/* For a group's set-up and tear-down: a broker; no ingest yet. */
int spool_world_begin(void **state);
int spool_world_end(void **state);
/* For a test's: an empty spool, an empty memory of what was accepted, a broker that is up; afterwards no ingest. */
int spool_world_clean(void **state);
int spool_world_stop(void **state);

/* Another ingest with this in its environment (NULL ends), listening at `address`. */
struct process *spool_ingest_start(const char *address, const char *const *more);
/* The world's own, and waits until it is ready; with a broker that is up, until it goes there. */
void spool_ingest_begin(const char *const *more);

/* Writes a file into the world's directory, anew if it is there; its path. The test removes it. */
const char *spool_file(const char *name, const char *text);

struct slice spool_body(const char *event, const char *call_id);
/* Sends one webhook on a connection of its own (NULL: nobody listens); the answer's status, 0: none came. A 200 is remembered. */
struct http_client *spool_send(const char *path, struct slice body);
int spool_receive(struct http_client *client, struct slice body);
int spool_deliver_to(const char *path, struct slice body);
int spool_deliver(struct slice body);

/* The broker is cut off, and ingest knows. */
void spool_broker_away(void);
/* The broker is cut off, and ingest may find out. */
void spool_broker_away_at_once(void);
void spool_broker_back(void);
/* Nothing waits in the spool of the world's ingest, nor in an orphan's. */
void spool_await_empty(void);
double spool_metric(const char *name);

/* The topic's records. */
struct broker_record *spool_records(size_t *count);
/* How often a body is in the topic. */
size_t spool_times(struct slice body);
/* Every body that got 200 is in the topic. */
void spool_judge(void);

#endif
