/* event.h: the envelope of an event: CloudEvents 1.0, Kafka binding, binary mode.
 *
 *      ce_id ce_type ce_source ce_subject …  <── headers of the record      (docs/architecture.md lists them all)
 *      key   call id, else event id
 *      value the body, byte for byte
 *
 * Refuses, with a sentence: a record without ce_id or ce_type, an id that is not 32 hex digits, a company that is no
 * positive number, an attribute that is there twice with two values. Pure: text borrows from the headers it was read from.
 */
#ifndef HOOKLINE_COMMON_EVENT_H
#define HOOKLINE_COMMON_EVENT_H

#include <stdint.h>

#include "common/arena.h"

enum { EVENT_ID_BYTES = 16, EVENT_CALL_ID_MAX = 128, EVENT_HEADERS_MAX = 24 };

struct header {
    const char *name; /* terminated by NUL */
    struct slice value;
};

struct event_id {
    uint8_t bytes[EVENT_ID_BYTES];
};

struct event {
    struct event_id id;
    struct slice type;           /* ai.retell.call_started */
    struct slice source;         /* /retell/default */
    struct slice subject;        /* the call id; absent if the event is about no call */
    int64_t time_ms;             /* when ingest received it; 0 if absent */
    struct slice correlation_id; /* uuid v7 as text */
    struct slice traceparent;
    struct slice cost_unit; /* absent: cents */
    int64_t source_company; /* 0: the source is bound to none */
    int64_t company_id;     /* from resolver on; 0 before */
    int64_t branch_id;      /* 0: none */
    struct slice resolved_by;
    struct slice body;
};

/* First 16 bytes of SHA-256 over provider, 0x1f, company in decimal (nothing if 0), 0x1f, body. */
struct event_id event_id_of(struct slice provider, int64_t source_company, struct slice body);

/* 32 lower-case hex digits and a NUL. */
void event_id_print(struct event_id id, char text[2 * EVENT_ID_BYTES + 1]);
bool event_id_read(struct slice text, struct event_id *id);

/* uuid v7 (RFC 9562, 5.7) as 36 characters and a NUL, from a time and ten random bytes. */
void event_correlation_id(int64_t now_ms, const uint8_t random[10], char text[37]);

/* Headers -> event. NULL when fine, else what is wrong, as a static sentence. `body` is not looked into. */
const char *event_read(struct event *event, const struct header *headers, size_t count, struct slice body);

/* Event -> headers, in a fixed order; returns how many. Values lie in `arena` or borrow from the event. */
size_t event_write(const struct event *event, struct arena *arena, struct header headers[EVENT_HEADERS_MAX]);

/* "/retell/default" -> "retell"; "ai.retell.call_ended" -> "call_ended". Absent stays absent. */
struct slice event_provider(const struct event *event);
struct slice event_source_name(const struct event *event);
struct slice event_bare_type(const struct event *event);

#endif
