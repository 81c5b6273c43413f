/* call_status.c: which end a call came to. */
#include "session/call_status.h"

#include "common/text.h"

static const char *const NAMES[] = {
    [CALL_STATUS_NONE] = "", [CALL_REGISTERED] = "registered",       [CALL_ONGOING] = "ongoing",
    [CALL_ENDED] = "ended",  [CALL_NOT_CONNECTED] = "not_connected", [CALL_ERROR] = "error",
};

/* Retell's reasons and their meaning: docs.retellai.com, "debug call disconnection". The list is open (three were added
 * between April and August 2026), hence the families; for a reason that is not here the payload's call_status decides. That
 * one is asked last, for it says "registered" even in the vendor's own sample of call_ended. */
static const struct {
    const char *reason; /* with a star: how the word starts */
    enum call_status status;
} ENDS[] = {
    {"user_hangup", CALL_ENDED},
    {"agent_hangup", CALL_ENDED},
    {"call_transfer", CALL_ENDED},
    {"voicemail_reached", CALL_ENDED},
    {"ivr_reached", CALL_ENDED},
    {"inactivity", CALL_ENDED},
    {"max_duration_reached", CALL_ENDED},
    {"dial_*", CALL_NOT_CONNECTED}, /* busy, failed, no_answer */
    {"invalid_destination", CALL_NOT_CONNECTED},
    {"telephony_*", CALL_NOT_CONNECTED}, /* provider_permission_denied, provider_unavailable */
    {"sip_routing_error", CALL_NOT_CONNECTED},
    {"marked_as_spam", CALL_NOT_CONNECTED},
    {"user_declined", CALL_NOT_CONNECTED},
    {"concurrency_limit_reached", CALL_ERROR},
    {"no_valid_payment", CALL_ERROR},
    {"scam_detected", CALL_ERROR},
    {"error_*", CALL_ERROR}, /* asr, llm_websocket_*, retell, unknown, … */
};

struct slice call_status_name(enum call_status status)
{
    return slice_of(NAMES[status]);
}

enum call_status call_status_read(struct slice name)
{
    for (size_t i = CALL_REGISTERED; i < COUNT(NAMES); i++)
        if (slice_equals(name, NAMES[i]))
            return (enum call_status)i;
    return CALL_STATUS_NONE;
}

bool call_status_is_terminal(enum call_status status)
{
    return status == CALL_ENDED || status == CALL_NOT_CONNECTED || status == CALL_ERROR;
}

static enum call_status status_of_end(struct slice reason, enum call_status end_said)
{
    for (size_t i = 0; i < COUNT(ENDS); i++)
        if (text_fits(reason, ENDS[i].reason))
            return ENDS[i].status;
    return call_status_is_terminal(end_said) ? end_said : CALL_ENDED;
}

const char *call_status_reason(size_t index)
{
    return index < COUNT(ENDS) ? ENDS[index].reason : NULL;
}

enum call_status call_status_of(const struct call_state *state)
{
    if (state->evidence & EVIDENCE_TERMINAL)
        return status_of_end(state->call.disconnection_reason, (enum call_status)state->end_said);
    if (state->evidence & EVIDENCE_GONE)
        return CALL_ERROR;
    return state->evidence & EVIDENCE_STARTED ? CALL_ONGOING : CALL_REGISTERED;
}
