/* underway.h: waits until all that ingest has accepted by now is in PostgreSQL.
 *
 *      spool empty ──> resolver has read webhooks.* ──> session has read calls.events
 *
 * Each end is noted when the stage before it is done, so that what it wrote is among what the next one is waited for.
 */
#ifndef HOOKLINE_CTL_UNDERWAY_H
#define HOOKLINE_CTL_UNDERWAY_H

#include "ctl/console.h"

/* Until `end_ms` (clock_ticks_ms). 0; EXIT_CODE_FINDING if something is still on its way then, or another exit code, after
 * saying what; the stages are waited for whatever the spools hold. Of spools only those in SPOOL_DIR are known; what Kafka
 * refused is not waited for. */
int underway_wait(const struct console *console, struct arena *arena, int64_t end_ms);

#endif
