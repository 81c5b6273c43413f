/* management.h: the private port on which a process says how it is.
 *
 *      GET /livez              200 while the loop turns; never depends on Kafka or PostgreSQL, or an outage would become
 *                              a storm of restarts
 *      GET /readyz[?verbose]   200 when every check is green, else 503; verbose names each with its reason
 *      GET /metrics            Prometheus text
 *
 * Answers from a thread of its own, so that a batch that waits for PostgreSQL does not silence it; reads atomics only.
 */
#ifndef HOOKLINE_COMMON_MANAGEMENT_H
#define HOOKLINE_COMMON_MANAGEMENT_H

#include "common/slice.h"

struct management;
struct readiness; /* one named check; lives as long as the process */

/* Starts to listen and the thread. NULL when fine (address "" or NULL: nothing is started, fine), else a sentence. */
const char *management_open(struct management **result, const char *address);
void management_close(struct management *management);

/* Starts red with the reason "starting". */
struct readiness *readiness_new(const char *name);
/* `reason` is static text; it is shown by ?verbose and logged when the answer changes. */
void readiness_set(struct readiness *readiness, bool ready, const char *reason);

/* The loop turned. Without a tick for `liveness_limit_ms` (management.c, 60 s: longer than any statement timeout) /livez is red. */
void liveness_tick(void);

#endif
