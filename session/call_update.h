/* call_update.h: a call after a change -> the record of calls.updates that tells it. Pure. */
#ifndef HOOKLINE_SESSION_CALL_UPDATE_H
#define HOOKLINE_SESSION_CALL_UPDATE_H

#include "common/call_json.h"
#include "common/producer.h"

/* The state of `call`, or, if `gone`, that it left its company's view. `last` is the event that the update names; its
 * correlation id, time and trace go on with it. The record lies in `arena` and borrows nothing from `call`. */
struct record call_update_record(struct arena *arena, const struct call *call, const struct event *last, bool gone);

#endif
