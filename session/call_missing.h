/* call_missing.h: what an ended call still lacks and may still come; sync asks for it. Pure. */
#ifndef HOOKLINE_SESSION_CALL_MISSING_H
#define HOOKLINE_SESSION_CALL_MISSING_H

#include "session/call.h"

/* Bits of enum call_missing (common/call_json.h). 0 unless the call ended, was connected (duration above 0) and its storage
 * setting lets the thing come. An empty transcript or summary is not missing: that is what was said. `state->call.status`
 * must be settled. */
unsigned call_missing_of(const struct call_state *state);

/* "everything", "everything_except_pii", "basic_attributes_only"; anything else is STORAGE_UNSAID. */
enum call_storage call_storage_read(struct slice name);

#endif
