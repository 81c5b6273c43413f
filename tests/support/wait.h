/* wait.h: tests wait for what must become true, never for time to pass. */
#ifndef HOOKLINE_TESTS_SUPPORT_WAIT_H
#define HOOKLINE_TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Asks `condition` every 20 ms until it says yes; false if it did not within `deadline_ms`. */
bool wait_until(bool (*condition)(void *context), void *context, int64_t deadline_ms);

#endif
