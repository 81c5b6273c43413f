/* traceparent.h: the sender's trace goes on, or a new one begins (W3C Trace Context, level 1, 3.2). Pure. */
#ifndef HOOKLINE_INGEST_TRACEPARENT_H
#define HOOKLINE_INGEST_TRACEPARENT_H

#include <stdint.h>

#include "common/slice.h"

enum { TRACEPARENT_LEN = 55, TRACEPARENT_RANDOM_BYTES = 24 };

/* "00-<trace>-<span>-<flags>" and a NUL. The span is always new; trace and flags are `sent`'s if that is a valid
 * traceparent, else new. True: the sender's goes on. */
bool traceparent_continue(struct slice sent, const uint8_t random[TRACEPARENT_RANDOM_BYTES],
                          char text[TRACEPARENT_LEN + 1]);

#endif
