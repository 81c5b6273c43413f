/* sync_world.h: what hookline-sync lives in: PostgreSQL, mock brokers, a stand-in for the platform; the test is session.
 *
 * Everything that must become true is waited for, and ends the story when it does not within WORLD_SOON_MS.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_SYNC_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_SYNC_WORLD_H

#include "tests/unit/test.h"

#include "common/call_json.h"
#include "tests/support/broker.h"
#include "tests/support/platform.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

#define WORLD_MINUTE INT64_C(60000)
#define WORLD_HOUR   (60 * WORLD_MINUTE)
#define WORLD_KEY    "key_0123"

enum { WORLD_SOON_MS = 60000 };

struct sync_world {
    struct postgres *server;
    struct broker *broker;
    struct platform *platform;
    struct arena *arena; /* of the story */
    char locks[64];
    struct process *processes[2];
    int lease_ms; /* 0: leases do not run out */
};
extern struct sync_world world;

/* For cmocka's groups, and before each story: no job, no call. */
int world_start(void **state);
int world_stop(void **state);
int world_empty(void **state);

/* hookline-sync as instance 0 or 1, ready; `more` is NAME=value beside the usual settings, NULL ends. */
struct process *world_start_sync(int instance, const char *const *more);
/* Instance 0, started with the key if it does not run. */
struct process *world_sync(void);
/* Kills it if it is alive. */
void world_forget(int instance);

/* A call of company 1 that began an hour and ended a minute ago. */
struct call world_call(const char *call_id, const char *status, unsigned missing);
/* Writes the row, as session would, and publishes the update. */
void world_tell(const struct call *call);
void world_tell_of(const char *call_id, const char *status, unsigned missing);
void world_store_call(const struct call *call);
void world_send_update(struct slice key, struct slice value);

/* The platform's answer to every question from now on. */
void world_answers(int status, const char *body);

/* `sql` answers true; the condition holds for the call's job. */
void world_wait_sql(const char *sql);
void world_wait_job(const char *call_id, const char *condition);
/* The newest record of calls.events about the call; how many there are now, NULL if none. */
const struct broker_record *world_event_about(const char *call_id, size_t *count);
const struct broker_record *world_wait_event(const char *call_id);
/* The platform was asked for this call (NULL: for any) at least so often. */
void world_wait_asked(const char *call_id, size_t least);

#endif
