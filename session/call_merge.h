/* call_merge.h: two descriptions of one call become one, whatever their order.
 *
 *      facts of an event ──┐
 *                          ├──> call_merge ──> the state, and what of it changed
 *      the state so far ───┘
 *
 * Every register takes the value with the greater stamp; an absent one never wins; evidence is or'ed. Hence merging is
 * commutative, associative and idempotent: tests/property/call_merge.c holds it to that. Two values with one and the same
 * stamp come from one event and are the same.
 *
 * Refuses nothing: what could not be read from a body is absent here (call_read.h counts it). No I/O, no clock, no
 * allocation: text in the result borrows from the arguments.
 */
#ifndef HOOKLINE_SESSION_CALL_MERGE_H
#define HOOKLINE_SESSION_CALL_MERGE_H

#include "session/call.h"

struct call_change {
    uint32_t registers; /* whose stamp rose, and perhaps their value */
    uint8_t evidence;   /* newly seen */
};

/* Merges `other` (an event's facts, or another row of the same call) into `state`; company, call id, version, customer and
 * times of the row are left alone. Status, analyzed and missing are computed anew if anything changed: a version stands for
 * one state, even after the rules of call_status.c have changed. */
struct call_change call_merge(struct call_state *state, const struct call_state *other);

/* Takes back a register: the value, and that it was ever said. For a call that changes its company. */
void call_register_forget(struct call_state *state, enum call_register which);

/* Computes status, analyzed and missing from registers and evidence. */
void call_settle(struct call_state *state);

static inline bool call_changed(struct call_change change)
{
    return change.registers || change.evidence;
}

#endif
