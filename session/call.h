/* call.h: what session knows of a call: its row, and of each value when and by which event it was said.
 *
 *      one event ──call_read──> facts ──call_merge──> state <──call_stamps── the row as stored
 *
 * A *register* is a value with a stamp (rank, body clock, event id); the greatest stamp wins. *Evidence* is a set of things
 * that were seen, or'ed. Status, analyzed and missing are computed from both and are never said by anybody. Pure: text
 * borrows.
 */
#ifndef HOOKLINE_SESSION_CALL_H
#define HOOKLINE_SESSION_CALL_H

#include "common/call_json.h"
#include "common/event.h"

/* The registers. Their numbers are stored in `calls.stamps`: new ones are added at the end, none is ever renumbered. */
enum call_register {
    REGISTER_SOURCE,
    REGISTER_BRANCH_ID,
    REGISTER_AGENT_ID,
    REGISTER_CALL_TYPE,
    REGISTER_DIRECTION,
    REGISTER_FROM_NUMBER,
    REGISTER_TO_NUMBER,
    REGISTER_STARTED_AT,
    REGISTER_ENDED_AT,
    REGISTER_DURATION_MS,
    REGISTER_DISCONNECTION_REASON,
    REGISTER_TRANSCRIPT,
    REGISTER_RECORDING_URL,
    REGISTER_SUMMARY,
    REGISTER_SENTIMENT,
    REGISTER_SUCCESSFUL,
    REGISTER_IN_VOICEMAIL,
    REGISTER_COST_CENTS,
    REGISTER_COST_BREAKDOWN,
    REGISTER_LATENCY_E2E_P50_MS,
    REGISTER_LATENCY,
    REGISTER_CUSTOM_ANALYSIS,
    REGISTER_METADATA,
    REGISTER_END_SAID, /* no column: the terminal call_status that was said, see call_status.h */
    REGISTER_STORAGE,  /* no column: data_storage_setting, see call_missing.h */
    CALL_REGISTERS,
};

enum call_register_kind { KIND_TEXT, KIND_INT, KIND_FLAG, KIND_CODE };

/* Where a register's value lies in struct call_state, and whether its column is read back before a merge. */
struct call_register_place {
    enum call_register_kind kind;
    size_t offset;
    bool large; /* never read back: null in an UPDATE keeps what is stored */
};
extern const struct call_register_place CALL_REGISTER_PLACES[CALL_REGISTERS];

/* Things that were seen; bits, stored in `calls.stamps`. */
enum call_evidence {
    EVIDENCE_STARTED = 1 << 0,  /* call_started, a webhook from within the call, or call_status "ongoing" */
    EVIDENCE_TERMINAL = 1 << 1, /* call_ended, call_analyzed, or a synced answer with a terminal call_status */
    EVIDENCE_ANALYZED = 1 << 2, /* call_analyzed, or a synced answer with an analysis */
    EVIDENCE_GONE = 1 << 3,     /* the platform no longer knows the call */
};

enum call_status {
    CALL_STATUS_NONE,
    CALL_REGISTERED,
    CALL_ONGOING,
    CALL_ENDED,
    CALL_NOT_CONNECTED,
    CALL_ERROR,
};

/* Retell's data_storage_setting: what may still be fetched. */
enum call_storage {
    STORAGE_UNSAID, /* or null, or a word that we do not know: as everything */
    STORAGE_EVERYTHING,
    STORAGE_EXCEPT_PII,
    STORAGE_BASIC,
};

/* Greater is later. Rank 0: only that the call exists (call_gone); 1 … 4 as in call_read.h. */
struct call_stamp {
    uint8_t rank;
    int64_t clock; /* ms since the epoch, 0: the body says none */
    struct event_id id;
};

struct call_stamps {
    uint32_t known; /* bit by register: a value was said */
    struct call_stamp of[CALL_REGISTERS];
};

_Static_assert(CALL_REGISTERS <= 32, "struct call_stamps.known has 32 bits");

/* A call, from the database or from events. `call` holds columns; those marked large are absent after a read although a
 * value is stored: stamps.known says whether there is one. */
struct call_state {
    struct call call;
    uint8_t end_said; /* enum call_status, terminal or NONE */
    uint8_t storage;  /* enum call_storage */
    uint8_t evidence;
    struct call_stamps stamps;
};

/* Nothing known: every column null, no stamp, no evidence. */
void call_state_init(struct call_state *state);

/* Compares by rank, body clock, event id. 0 only for one and the same event. */
int call_stamp_compare(const struct call_stamp *a, const struct call_stamp *b);

/* Copies one register's value. */
void call_register_copy(struct call_state *to, const struct call_state *from, enum call_register which);

/* True if the register has no value in `state`. */
bool call_register_absent(const struct call_state *state, enum call_register which);

#endif
