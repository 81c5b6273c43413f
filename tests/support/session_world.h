/* session_world.h: what hookline-session lives in: PostgreSQL and mock brokers; the test is resolver.
 *
 * Everything that must become true is waited for, and ends the story when it does not within WORLD_SOON_MS.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_SESSION_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_SESSION_WORLD_H

#include "tests/unit/test.h"

#include "common/event.h"
#include "common/text.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

enum { WORLD_SOON_MS = 60000 };

struct session_world {
    struct postgres *postgres;
    struct broker *broker;
    struct process *session;
    struct arena *arena;
    int batch_records; /* at most so many a batch; 0: 500 */
};
extern struct session_world world;

/* For cmocka's groups. */
int world_start(void **state);
int world_stop(void **state);

/* hookline-session, ready; with a failpoint it may be gone before anybody sees it ready, so that is not waited for. */
void world_start_session(const char *failpoint);

/* An event as resolver would write it. */
struct world_event {
    const char *type, *call_id;
    int64_t company;
    int64_t source_company, branch;
    struct slice body;
};

void world_send_event(struct world_event sent);
/* An event of company 1 with these members of `call`. */
void world_tell(const char *type, const char *call_id, const char *members);

/* `sql` answers `answer`. */
void world_wait_answer(const char *sql, const char *answer);

/* The updates of one call, in order; they are one partition's. */
struct world_updates {
    const char *key;
    size_t wanted, count;
    struct broker_record *records[64];
};

/* At least `wanted` of them; `key` is "company/call id". */
struct world_updates world_updates_of(const char *key, size_t wanted);
int64_t world_version_of(const struct broker_record *update);
bool world_holds(struct slice text, const char *part);

#endif
