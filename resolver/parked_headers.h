/* parked_headers.h: a record's headers as parked_events.headers keeps them: [["ce_id","…"],["ce_type","…"],…], in order.
 *
 * A header's value is bytes, jsonb is text: NUL and invalid UTF-8 become U+FFFD. Only a call id could be that odd, and it is
 * read from the body again. Pure.
 */
#ifndef HOOKLINE_RESOLVER_PARKED_HEADERS_H
#define HOOKLINE_RESOLVER_PARKED_HEADERS_H

#include "common/event.h"

struct slice parked_headers_write(struct arena *arena, const struct header *headers, size_t count);

/* The headers, in the arena; NULL and *count 0 if `json` is anything else. At most EVENT_HEADERS_MAX are read. */
const struct header *parked_headers_read(struct arena *arena, struct slice json, size_t *count);

#endif
