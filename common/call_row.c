/* call_row.c: the columns that call_row.h lists, in its order. */
#include "common/call_row.h"

static unsigned missing_read(const PGresult *rows, int row, int column)
{
    struct database_array names;
    struct slice name;
    unsigned missing = 0;
    struct slice field = {PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
    database_array_open(&names, field);
    while (database_array_next(&names, &name))
        missing |= call_missing_bit(name);
    return missing;
}

void call_row_read_brief(const PGresult *rows, int row, int first_column, struct call *call)
{
    int column = first_column;
    call->company_id = database_int(rows, row, column++);
    call->call_id = database_text(rows, row, column++);
    call->source = database_text(rows, row, column++);
    call->branch_id = database_int(rows, row, column++);
    call->customer_id = database_int(rows, row, column++);
    call->agent_id = database_text(rows, row, column++);
    call->call_type = database_text(rows, row, column++);
    call->direction = database_text(rows, row, column++);
    call->from_number = database_text(rows, row, column++);
    call->to_number = database_text(rows, row, column++);
    call->started_at = database_time(rows, row, column++);
    call->ended_at = database_time(rows, row, column++);
    call->duration_ms = database_int(rows, row, column++);
    call->status = database_text(rows, row, column++);
    call->disconnection_reason = database_text(rows, row, column++);
    call->recording_url = database_text(rows, row, column++);
    call->summary = database_text(rows, row, column++);
    call->sentiment = database_text(rows, row, column++);
    call->successful = (int8_t)database_flag(rows, row, column++);
    call->in_voicemail = (int8_t)database_flag(rows, row, column++);
    call->analyzed = database_flag(rows, row, column++) == 1;
    call->cost_cents = database_decimal(rows, row, column++, CALL_COST_DECIMALS);
    call->latency_e2e_p50_ms = database_decimal(rows, row, column++, CALL_LATENCY_DECIMALS);
    call->missing = missing_read(rows, row, column++);
    call->version = database_int(rows, row, column++);
    call->first_seen_at = database_time(rows, row, column++);
    call->updated_at = database_time(rows, row, column);
}

void call_row_read_large(const PGresult *rows, int row, int first_column, struct call *call)
{
    call->transcript = database_text(rows, row, first_column);
    call->cost_breakdown = database_text(rows, row, first_column + 1);
    call->latency = database_text(rows, row, first_column + 2);
    call->custom_analysis = database_text(rows, row, first_column + 3);
    call->metadata = database_text(rows, row, first_column + 4);
}
