/* drain.h: SIGTERM and SIGINT mean: finish what you are at, then go.
 *
 * The first asks; a second, or 30 s, ends the process on the spot. What is lost then is time: whatever was not finished is
 * done again from Kafka. (librdkafka up to 2.6 can hang in its destruction: the deadline covers that, too.)
 */
#ifndef HOOKLINE_COMMON_DRAIN_H
#define HOOKLINE_COMMON_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

enum { DRAIN_DEADLINE_S = 30 };

/* Once. The signals are blocked from drain_block on, so that threads of libraries never get them, and let through in the
 * calling thread by drain_listen. Each asks by writing to `wake_fd` (wake.h). */
void drain_block(void);
void drain_listen(int wake_fd);

bool drain_requested(void);
/* ms since the request, 0 if there was none. */
int64_t drain_requested_for_ms(void);

/* What the process exits with when it is ended on the spot: 75 until all that matters is done. */
void drain_set_exit_code(int exit_code);

/* From here on the process ends within `seconds`, asked or not. */
void drain_within(unsigned seconds);

#endif
