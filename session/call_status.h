/* call_status.h: what became of a call, computed from what was merged: no register, so that no order of events matters.
 *
 *      terminal evidence ──> by disconnection_reason, else the terminal call_status last said, else ended
 *      else gone         ──> error
 *      else started      ──> ongoing
 *      else              ──> registered
 *
 * An ended call never becomes live again: evidence is never taken back. Pure.
 */
#ifndef HOOKLINE_SESSION_CALL_STATUS_H
#define HOOKLINE_SESSION_CALL_STATUS_H

#include "session/call.h"

enum call_status call_status_of(const struct call_state *state);

/* "registered", "ongoing", "ended", "not_connected", "error"; static text. */
struct slice call_status_name(enum call_status status);

/* The status of that name, CALL_STATUS_NONE for any other word. */
enum call_status call_status_read(struct slice name);

bool call_status_is_terminal(enum call_status status);

/* The reasons that decide, one by one ("user_hangup", "dial_*"), NULL past the last: docs/architecture.md must name each. */
const char *call_status_reason(size_t index);

#endif
