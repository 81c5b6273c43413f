/* call_row.h: rows of `calls` -> struct call. */
#ifndef HOOKLINE_COMMON_CALL_ROW_H
#define HOOKLINE_COMMON_CALL_ROW_H

#include "common/call_json.h"
#include "common/database.h"

/* What to SELECT, from a table or alias `c`. BRIEF leaves out what CALL_JSON_BRIEF leaves out. */
#define CALL_ROW_BRIEF                                                                                                 \
    "c.company_id, c.call_id, c.source, c.branch_id, c.customer_id, c.agent_id, c.call_type, c.direction, "            \
    "c.from_number, c.to_number, c.started_at, c.ended_at, c.duration_ms, c.status, c.disconnection_reason, "          \
    "c.recording_url, c.summary, c.sentiment, c.successful, c.in_voicemail, c.analyzed, c.cost_cents, "                \
    "c.latency_e2e_p50_ms, c.missing, c.version, c.first_seen_at, c.updated_at"
#define CALL_ROW_LARGE "c.transcript, c.cost_breakdown, c.latency, c.custom_analysis, c.metadata"

enum { CALL_ROW_BRIEF_COLUMNS = 27, CALL_ROW_LARGE_COLUMNS = 5 };

/* Reads CALL_ROW_BRIEF from `first_column` on. Text borrows from `rows`. */
void call_row_read_brief(const PGresult *rows, int row, int first_column, struct call *call);
/* Adds CALL_ROW_LARGE. */
void call_row_read_large(const PGresult *rows, int row, int first_column, struct call *call);

#endif
