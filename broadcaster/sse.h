/* sse.h: the framing of server-sent events (WHATWG HTML, 9.2): fields, one a line, a blank line ends the event.
 *
 * Data is split at every line end, so that no value can forge a field. Pure.
 */
#ifndef HOOKLINE_BROADCASTER_SSE_H
#define HOOKLINE_BROADCASTER_SSE_H

#include <stdint.h>

#include "common/buffer.h"

struct sse_event {
    const char *name;  /* "call" */
    struct slice id;   /* absent: none; must hold no line end and no NUL */
    struct slice data; /* any text */
};

void sse_write_event(struct buffer *out, const struct sse_event *event);

/* How long a browser waits before it connects again. */
void sse_write_retry(struct buffer *out, int delay_ms);

/* A comment and an event of its own name, which nobody has to listen for: proxies see that the connection lives, and so does
 * a page, to which comments do not show. With an id, a client that reconnects will say that one. */
void sse_write_heartbeat(struct buffer *out, struct slice id);

#endif
