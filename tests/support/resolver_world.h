/* resolver_world.h: what hookline-resolver lives in: PostgreSQL and mock brokers; the test is ingest.
 *
 * Companies 1 (region DE, branch 3) and 2 (AT), a number of each, an agent of 2. Everything that must become true is waited
 * for, and ends the story when it does not within WORLD_SOON_MS.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_RESOLVER_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_RESOLVER_WORLD_H

#include "tests/unit/test.h"

#include "common/event.h"
#include "common/text.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

enum { WORLD_SOON_MS = 60000 };

struct resolver_world {
    struct postgres *postgres;
    struct broker *broker;
    struct process *resolver;
    struct arena *arena;
    char directory[64]; /* for the lock files */
};
extern struct resolver_world world;

/* For cmocka's groups. */
int world_start(void **state);
int world_stop(void **state);

/* hookline-resolver, ready. `last`: one more line of its environment, or NULL. */
void world_start_resolver(const char *last);
/* After this signal, 0 for none, it ends with this exit code, or minus the signal. */
void world_end_resolver(int signal, int expected);

/* What ingest would write; `call_id` NULL: an event about no call. */
void world_send(const char *call_id, struct slice body, int64_t source_company);
void world_send_call(const char *call_id, const char *to_number);

/* For wait_until: so many records with this key. */
struct world_wanted {
    const char *topic, *key;
    size_t times;
    struct broker_record *found; /* the last */
};
bool world_arrived(void *context);

const struct broker_record *world_record_in(const char *topic, const char *key);
/* `expected` NULL: there is none of that name. */
void world_assert_header(const struct broker_record *record, const char *name, const char *expected);

/* Calls "PREFIX0", "PREFIX<step>", …: all of them in calls.events, for this company. */
struct world_flock {
    const char *prefix;
    size_t first, step, count;
    const char *company;
};
void world_wait_flock(struct world_flock flock);

/* `sql` answers `answer`. */
void world_wait_answer(const char *sql, const char *answer);

/* For wait_until: sends one more call, "PREFIX<n>", and looks whose it is. */
struct world_next_call {
    const char *prefix, *number, *company;
    int calls;
};
bool world_next_call_is_the_companys(void *context);

#endif
