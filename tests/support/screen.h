/* screen.h: a client of the broadcaster inside a test: one request, and whatever comes back, for as long as it comes.
 *
 * Speaks HTTP/1.1 over a UNIX socket and keeps every byte. Ends the test (abort) when it cannot connect.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_SCREEN_H
#define HOOKLINE_TESTS_SUPPORT_SCREEN_H

#include "common/buffer.h"

struct screen;

/* GET `target` with `fields` (each ended by CRLF; "" for none). */
struct screen *screen_get(const char *socket_path, const char *target, const char *fields);
void screen_free(struct screen *screen);

/* Reads until what came holds `text`, or the other side closes, or 30 s are over; true if it holds it. */
bool screen_shows(struct screen *screen, const char *text);
/* Reads until the other side closes; false if it did not within `deadline_ms`. */
bool screen_ends(struct screen *screen, int64_t deadline_ms);

/* All that came so far, head and body. */
struct slice screen_text(const struct screen *screen);
/* How often `text` stands in it. */
size_t screen_count(const struct screen *screen, const char *text);
/* The last "id: " of the stream, in the screen's memory; NULL if there was none. */
const char *screen_last_id(struct screen *screen);

/* The whole answer to a GET: its status, its body in `body` (cleared first; NULL: not wanted). */
int screen_fetch(const char *socket_path, const char *target, const char *fields, struct buffer *body);

#endif
