/* broadcaster_world.h: what the broadcaster lives among in its tests: a real PostgreSQL, the mock broker, the program itself;
 * calls change by SQL and by the update that session would have published.
 *
 * Company 1 is "Demo One", company 2 "Demo Two"; their tokens are in BEARER_1 and BEARER_2.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_BROADCASTER_WORLD_H
#define HOOKLINE_TESTS_SUPPORT_BROADCASTER_WORLD_H

#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/screen.h"

#define BEARER_1 "Authorization: Bearer token-of-company-1\r\n"
#define BEARER_2 "Authorization: Bearer token-of-company-2\r\n"

enum { SOON_MS = 60000 };

extern struct broadcaster_world {
    struct postgres *postgres;
    struct broker *broker;
    struct process *process;
    char directory[64], socket[80];
} world;

/* cmocka's group fixtures. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Started when it is ready; stopped with SIGTERM, exit code 0 asserted. */
void world_start_program(void);
void world_stop_program(void);

/* What session does: the row, committed, then the update. `age_ms`: how long ago that was said to be. */
struct change {
    int company;
    const char *call_id;
    int version;
    const char *status;
    int64_t age_ms;
};
void world_commit(const struct change *change);
void world_publish(const struct change *change);
void world_change(int company, const char *call_id, int version, const char *status); /* both, of now */

/* `last_id` NULL: none. To be freed with screen_free. */
struct screen *world_open_stream(const char *bearer, const char *last_id);

/* The update of company 1 with this version, as it stands in an event of the stream; two of them live at a time. */
const char *world_event_of(const char *call_id, int version);

#endif
