/* call_json.h: a call as everyone sees it, and the one writer of its JSON.
 *
 * `struct call` has the columns of the table `calls` in table order, but for `stamps`, which is session's own. Updates,
 * snapshots and the API show the same object, written here and nowhere else. Pure: text borrows.
 */
#ifndef HOOKLINE_COMMON_CALL_JSON_H
#define HOOKLINE_COMMON_CALL_JSON_H

#include "common/buffer.h"

/* The null of whole numbers and times. */
#define CALL_NULL INT64_MIN

enum { CALL_COST_DECIMALS = 6, CALL_LATENCY_DECIMALS = 3 };

/* What an ended call may still lack; bits of `missing`, in the order in which they are written. */
enum call_missing {
    MISSING_COST = 1 << 0,
    MISSING_TRANSCRIPT = 1 << 1,
    MISSING_SUMMARY = 1 << 2,
    MISSING_LATENCY = 1 << 3,
    MISSING_RECORDING = 1 << 4,
    MISSING_KINDS = 5,
};

/* "cost", "transcript", "summary", "latency", "recording" for bit 0 … 4. */
const char *call_missing_name(unsigned bit);
/* The bit of a name, 0 if there is none. */
unsigned call_missing_bit(struct slice name);

struct call {
    int64_t company_id;
    struct slice call_id;
    struct slice source; /* name of the source, "default" */
    int64_t branch_id, customer_id;
    struct slice agent_id, call_type, direction, from_number, to_number;
    int64_t started_at, ended_at; /* ms since the epoch */
    int64_t duration_ms;
    struct slice status; /* registered, ongoing, ended, not_connected, error */
    struct slice disconnection_reason, transcript, recording_url, summary, sentiment;
    int8_t successful, in_voicemail; /* -1 null, 0, 1 */
    bool analyzed;
    int64_t cost_cents;                              /* 10^-6 cents */
    struct slice cost_breakdown;                     /* JSON */
    int64_t latency_e2e_p50_ms;                      /* 10^-3 ms */
    struct slice latency, custom_analysis, metadata; /* JSON */
    unsigned missing;
    int64_t version;
    int64_t first_seen_at, updated_at; /* ms since the epoch */
};

/* Every column null, 0 for analyzed, missing and version. */
void call_init(struct call *call);

enum call_json_columns {
    CALL_JSON_BRIEF, /* without transcript, cost_breakdown, latency, custom_analysis, metadata: updates and lists */
    CALL_JSON_WHOLE, /* all of them: one call's own page */
};

void call_json_write(struct buffer *out, const struct call *call, enum call_json_columns columns);

/* The event that an update names as the last that touched the call. */
struct call_update_event {
    struct slice id, type;
    int64_t received_at;
};

/* The value of a record of calls.updates: {"v":1,…,"call":{…}}, or "gone":true when `call` leaves `company_id`'s view
 * (then only its id, version and updated_at count). */
void call_update_write(struct buffer *out, const struct call *call, const struct call_update_event *event, bool gone);

/* Millionths and their like as a JSON number without trailing zeros: (15215000, 6) is 15.215. */
void call_json_write_decimal(struct buffer *out, int64_t scaled, int decimals);

#endif
