/* call_assign.h: a call moves from one company to another, because an operator said so. */
#ifndef HOOKLINE_SESSION_CALL_ASSIGN_H
#define HOOKLINE_SESSION_CALL_ASSIGN_H

#include "common/stage.h"
#include "session/call_batch.h"

/* If the owner is `from`: owner, row (merged into one that `to` may have), inbox and jobs move in one transaction; branch and
 * customer are found anew. Publishes the state to the owner and, unless that is `from`, `gone` to `from`; a repeat too, which
 * moves nothing. A call that has no owner is its bound source's: the event is kept and does nothing. */
enum stage_outcome call_assign(struct database *database, struct batch *batch, struct call_entry *entry,
                               const char *topic);

#endif
