/* call_forget.h: a call is erased, because the person who called asked for it, and does not come back. */
#ifndef HOOKLINE_SESSION_CALL_FORGET_H
#define HOOKLINE_SESSION_CALL_FORGET_H

#include "common/stage.h"
#include "session/call_batch.h"

/* One transaction: the call's hash is kept, then its row, events, job and owner are gone. What says it again, from a source
 * of that company or of none, is not stored any more (STATEMENT_INBOX_ADD). Publishes `gone`; a repeat too, with the same
 * version. The event itself is not kept: it would name the call. */
enum stage_outcome call_forget(struct database *database, struct batch *batch, const struct call_entry *entry);

#endif
