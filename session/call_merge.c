/* call_merge.c: the greater stamp wins. */
#include "session/call_merge.h"

#include "session/call_missing.h"
#include "session/call_status.h"

static bool said(const struct call_state *state, size_t which)
{
    return state->stamps.known >> which & 1;
}

static bool wins(const struct call_state *other, const struct call_state *state, size_t which)
{
    if (!said(other, which))
        return false;
    return !said(state, which) || call_stamp_compare(&other->stamps.of[which], &state->stamps.of[which]) > 0;
}

void call_settle(struct call_state *state)
{
    state->call.status = call_status_name(call_status_of(state));
    state->call.analyzed = state->evidence & EVIDENCE_ANALYZED;
    state->call.missing = call_missing_of(state);
}

struct call_change call_merge(struct call_state *state, const struct call_state *other)
{
    struct call_change change = {.evidence = (uint8_t)(other->evidence & ~state->evidence)};
    for (size_t which = 0; which < CALL_REGISTERS; which++) {
        if (!wins(other, state, which))
            continue;
        call_register_copy(state, other, (enum call_register)which);
        state->stamps.of[which] = other->stamps.of[which];
        state->stamps.known |= UINT32_C(1) << which;
        change.registers |= UINT32_C(1) << which;
    }
    state->evidence |= other->evidence;
    if (call_changed(change))
        call_settle(state);
    return change;
}

void call_register_forget(struct call_state *state, enum call_register which)
{
    struct call_state nothing;
    call_state_init(&nothing);
    call_register_copy(state, &nothing, which);
    state->stamps.of[which] = (struct call_stamp){.rank = 0};
    state->stamps.known &= ~(UINT32_C(1) << which);
}
