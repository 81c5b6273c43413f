/* call_statements.c: the measured transaction (docs/architecture.md): two flights, arrays in, rows once.
 *
 * Look-ups name their key by unnest and join nothing else: a lock that joined call_owners scanned all calls. The role
 * hookline_session plans by index only (migration 001), for a plan made on an empty table would stay for ever.
 */
#include "session/call_statements.h"

#include "common/call_row.h"
#include "common/inbox_lock.h"

/* True if the call's hash is not kept for that company (0: of sources that belong to none). Nothing is looked up, nor
 * hashed, while nobody has been forgotten. A scalar query, not NOT EXISTS: that might be planned as a hash of the table. */
#define NOT_FORGOTTEN(call_id, company)                                                                                \
    "(NOT EXISTS (SELECT FROM forgotten_calls) OR (SELECT f.version FROM forgotten_calls f WHERE f.call_hash = "       \
    "sha256(convert_to(" call_id ", 'UTF8')) AND f.company_id = " company ") IS NULL)"

const struct database_statement STATEMENT_BEGIN = {"begin", "BEGIN"};
const struct database_statement STATEMENT_COMMIT = {"commit", "COMMIT"};
const struct database_statement STATEMENT_INBOX_SHARE = {"inbox_share", INBOX_LOCK_SHARED};
const struct database_statement STATEMENT_INBOX_ALONE = {"inbox_alone", INBOX_LOCK_ALONE};

const struct database_statement STATEMENT_INBOX_ADD = {
    "inbox_add",
    "INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, branch_id, resolved_by, "
    "status, "
    "correlation_id, received_at, partition, kafka_offset, payload, topic, processed_at) "
    "SELECT e.event_id, e.provider, e.source, e.event_type, e.call_id, e.company_id, e.branch_id, e.resolved_by, "
    "e.status, "
    "e.correlation_id::uuid, e.received_at, e.partition::int, e.kafka_offset, e.payload, $15::text, $16::timestamptz "
    "FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], "
    "$9::text[], "
    "$10::text[], $11::timestamptz[], $12::bigint[], $13::bigint[], $14::bytea[], $17::bigint[]) "
    "AS e(event_id, provider, source, event_type, call_id, company_id, branch_id, resolved_by, status, correlation_id, "
    "received_at, "
    "partition, kafka_offset, payload, bound_company) WHERE " NOT_FORGOTTEN(
        "e.call_id", "e.bound_company") " "
                                        "ON CONFLICT (event_id) DO NOTHING RETURNING event_id"};

const struct database_statement STATEMENT_INBOX_OVERRIDE = {
    "inbox_override",
    "UPDATE webhook_events w SET company_id = u.company_id, branch_id = NULL, resolved_by = 'owner' "
    "FROM unnest($1::bytea[], $2::bigint[]) AS u(event_id, company_id) WHERE w.event_id = u.event_id"};

const struct database_statement STATEMENT_OWNERS_ADD = {
    "owners_add", "INSERT INTO call_owners (call_id, company_id) SELECT * FROM "
                  "unnest($1::text[], $2::bigint[]) AS k(call_id, company_id) "
                  "WHERE " NOT_FORGOTTEN("k.call_id", "0") " ON CONFLICT DO NOTHING"};

const struct database_statement STATEMENT_OWNERS_DIFFER = {
    "owners_differ", "SELECT o.call_id, o.company_id FROM unnest($1::text[], $2::bigint[]) AS k(call_id, company_id) "
                     "JOIN call_owners o ON o.call_id = k.call_id WHERE o.company_id <> k.company_id"};

const struct database_statement STATEMENT_CALLS_LOCK = {
    "calls_lock", "SELECT " CALL_ROW_BRIEF ", c.stamps FROM unnest($1::bigint[], $2::text[]) AS k(company_id, call_id) "
                  "JOIN calls c ON c.company_id = k.company_id AND c.call_id = k.call_id "
                  "ORDER BY c.company_id, c.call_id FOR UPDATE OF c"};

/* Nothing is hashed while no call was ever moved. */
const struct database_statement STATEMENT_CALLS_LEFT = {
    "calls_left", "SELECT k.company_id, k.call_id, l.version FROM unnest($1::bigint[], $2::text[]) AS k(company_id, "
                  "call_id) JOIN left_calls l ON l.call_hash = sha256(convert_to(k.call_id, 'UTF8')) AND l.company_id "
                  "= k.company_id WHERE EXISTS (SELECT FROM left_calls)"};

/* The columns of call_values_rows, in its order. */
#define WRITTEN                                                                                                        \
    "company_id, call_id, source, branch_id, agent_id, call_type, direction, from_number, to_number, started_at, "     \
    "ended_at, duration_ms, "                                                                                          \
    "disconnection_reason, transcript, recording_url, summary, sentiment, successful, in_voicemail, cost_cents, "      \
    "cost_breakdown, "                                                                                                 \
    "latency_e2e_p50_ms, latency, custom_analysis, metadata, customer_id, status, analyzed, missing, version, "        \
    "stamps, first_seen_at, "                                                                                          \
    "updated_at"
#define GIVEN WRITTEN ", customer_number"
#define WRITTEN_PARAMETERS                                                                                             \
    "$1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], " \
    "$10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::text[], "      \
    "$17::text[], "                                                                                                    \
    "$18::boolean[], $19::boolean[], $20::numeric[], $21::jsonb[], $22::numeric[], $23::jsonb[], $24::jsonb[], "       \
    "$25::jsonb[], "                                                                                                   \
    "$26::bigint[], $27::text[], $28::boolean[], $29::text[], $30::bigint[], $31::bytea[], $32::timestamptz[], "       \
    "$33::timestamptz[], $34::text[]"
/* By the number of whoever has no id yet; a row of STATEMENT_CUSTOMERS_ADD in the same flight, if not older. */
#define CUSTOMER_OF_NUMBER                                                                                             \
    "coalesce(u.customer_id, (SELECT k.id FROM customers k WHERE k.company_id = u.company_id AND k.number = "          \
    "u.customer_number))"

/* No ON CONFLICT: a row that appeared meanwhile is another process's (23505 on calls_pkey), and the batch starts over. */
const struct database_statement STATEMENT_CALLS_INSERT = {
    "calls_insert",
    "INSERT INTO calls (" WRITTEN ") "
    "SELECT company_id, call_id, source, branch_id, agent_id, call_type, direction, from_number, "
    "to_number, started_at, "
    "ended_at, duration_ms, disconnection_reason, transcript, recording_url, summary, sentiment, "
    "successful, in_voicemail, "
    "cost_cents, cost_breakdown, latency_e2e_p50_ms, latency, custom_analysis, metadata, " CUSTOMER_OF_NUMBER ", "
    "status, analyzed, "
    "string_to_array(missing, ','), version, stamps, first_seen_at, updated_at "
    "FROM unnest(" WRITTEN_PARAMETERS ") AS u(" GIVEN ") RETURNING company_id, call_id, customer_id"};

/* Large columns were not read back: null keeps them. */
const struct database_statement STATEMENT_CALLS_UPDATE = {
    "calls_update",
    "UPDATE calls c SET source = u.source, branch_id = u.branch_id, agent_id = u.agent_id, call_type = u.call_type, "
    "direction = u.direction, from_number = u.from_number, to_number = u.to_number, started_at = u.started_at, "
    "ended_at = u.ended_at, "
    "duration_ms = u.duration_ms, disconnection_reason = u.disconnection_reason, transcript = coalesce(u.transcript, "
    "c.transcript), "
    "recording_url = u.recording_url, summary = u.summary, sentiment = u.sentiment, successful = u.successful, "
    "in_voicemail = u.in_voicemail, cost_cents = u.cost_cents, cost_breakdown = coalesce(u.cost_breakdown, "
    "c.cost_breakdown), "
    "latency_e2e_p50_ms = u.latency_e2e_p50_ms, latency = coalesce(u.latency, c.latency), "
    "custom_analysis = coalesce(u.custom_analysis, c.custom_analysis), metadata = coalesce(u.metadata, c.metadata), "
    "customer_id = " CUSTOMER_OF_NUMBER
    ", status = u.status, analyzed = u.analyzed, missing = string_to_array(u.missing, ','), "
    "version = u.version, stamps = u.stamps, first_seen_at = u.first_seen_at, updated_at = u.updated_at "
    "FROM unnest(" WRITTEN_PARAMETERS ") AS u(" GIVEN
    ") WHERE c.company_id = u.company_id AND c.call_id = u.call_id RETURNING c.company_id, c.call_id, c.customer_id"};

/* Asked first, so that a known number costs no value of the sequence. */
const struct database_statement STATEMENT_CUSTOMERS_ADD = {
    "customers_add",
    "INSERT INTO customers (company_id, number, first_seen_at) "
    "SELECT k.company_id, k.number, $3::timestamptz FROM unnest($1::bigint[], $2::text[]) AS k(company_id, number) "
    "WHERE NOT EXISTS (SELECT FROM customers u WHERE u.company_id = k.company_id AND u.number = k.number) "
    "ON CONFLICT (company_id, number) DO NOTHING"};

const struct database_statement STATEMENT_CUSTOMERS_FIND = {
    "customers_find", "SELECT u.id FROM unnest($1::bigint[], $2::text[]) AS k(company_id, number) JOIN customers u ON "
                      "u.company_id = k.company_id AND u.number = k.number"};

/* customer_name.h says which wins; each further event of a call says the same and writes nothing. A name without a time was
 * set by hand: the comparison is null then, and it stays. */
const struct database_statement STATEMENT_CUSTOMERS_NAME = {
    "customers_name",
    "UPDATE customers u SET name = n.name, name_said_at = n.said_at, name_collected = n.collected "
    "FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::boolean[]) "
    "AS n(company_id, number, name, said_at, collected) WHERE u.company_id = n.company_id AND u.number = n.number "
    "AND (u.name IS NULL OR (u.name_said_at, u.name_collected, u.name COLLATE \"C\") "
    "< (n.said_at, n.collected, n.name COLLATE \"C\"))"};

const struct database_statement STATEMENT_OWNER_LOCK = {
    "owner_lock", "SELECT company_id FROM call_owners WHERE call_id = $1 FOR UPDATE"};

const struct database_statement STATEMENT_OWNER_MOVE = {
    "owner_move", "UPDATE call_owners SET company_id = $3 WHERE call_id = $1 AND company_id = $2"};

const struct database_statement STATEMENT_CALL_READ = {
    "call_read", "SELECT " CALL_ROW_BRIEF ", " CALL_ROW_LARGE ", c.stamps FROM calls c "
                 "WHERE c.call_id = $1 AND c.company_id IN ($2, $3) ORDER BY c.company_id FOR UPDATE OF c"};

const struct database_statement STATEMENT_CALL_DELETE = {"call_delete",
                                                         "DELETE FROM calls WHERE call_id = $1 AND company_id = $2"};

const struct database_statement STATEMENT_INBOX_MOVE = {"inbox_move",
                                                        "UPDATE webhook_events SET company_id = $3, branch_id = NULL, "
                                                        "resolved_by = 'owner' WHERE call_id = $1 AND company_id = $2"};

/* sync may make the new owner's job at the same moment: then that one stays. */
const struct database_statement STATEMENT_JOBS_MOVE = {
    "jobs_move", "WITH moved AS (DELETE FROM sync_jobs WHERE call_id = $1 AND company_id = $2 RETURNING *) "
                 "INSERT INTO sync_jobs (company_id, call_id, source, reason, attempts, due_at, last_code, done_at) "
                 "SELECT $3, call_id, source, reason, attempts, due_at, last_code, done_at FROM moved "
                 "ON CONFLICT (company_id, call_id) DO NOTHING"};

const struct database_statement STATEMENT_CALL_LEFT = {
    "call_left", "INSERT INTO left_calls (call_hash, company_id, version) VALUES (sha256(convert_to($1, 'UTF8')), $2, "
                 "$3) ON CONFLICT (call_hash, company_id) DO UPDATE SET version = greatest(left_calls.version, "
                 "excluded.version), left_at = now()"};

/* Said by the call that starts then. What other calls say comes again with their next event. */
const struct database_statement STATEMENT_CUSTOMER_UNNAME = {
    "customer_unname", "UPDATE customers SET name = NULL, name_said_at = NULL, name_collected = NULL WHERE id = $1 "
                       "AND company_id = $2 AND name_said_at = $3"};

/* A name that was set by hand (no name_said_at) keeps its customer. */
const struct database_statement STATEMENT_CUSTOMER_DELETE = {
    "customer_delete", "DELETE FROM customers u WHERE u.id = $1 AND u.company_id = $2 AND (u.name IS NULL OR "
                       "u.name_said_at IS NOT NULL) AND NOT EXISTS (SELECT FROM calls c WHERE c.company_id = "
                       "u.company_id AND c.customer_id = u.id)"};

const struct database_statement STATEMENT_FORGET_HERE = {
    "forget_here",
    "INSERT INTO forgotten_calls (call_hash, company_id, version) SELECT sha256(convert_to($1, 'UTF8')), $2, "
    "1 + coalesce((SELECT version FROM calls WHERE call_id = $1 AND company_id = $2), 0) ON CONFLICT DO NOTHING"};

/* Unless the id is another company's call, too. */
const struct database_statement STATEMENT_FORGET_UNBOUND = {
    "forget_unbound",
    "INSERT INTO forgotten_calls (call_hash, company_id, version) SELECT sha256(convert_to($1, 'UTF8')), 0, 1 "
    "WHERE NOT EXISTS (SELECT FROM call_owners WHERE call_id = $1 AND company_id <> $2) ON CONFLICT DO NOTHING"};

const struct database_statement STATEMENT_OWNER_DELETE = {
    "owner_delete", "DELETE FROM call_owners WHERE call_id = $1 AND company_id = $2"};

const struct database_statement STATEMENT_INBOX_DELETE = {
    "inbox_delete", "DELETE FROM webhook_events WHERE call_id = $1 AND company_id = $2"};

const struct database_statement STATEMENT_JOB_DELETE = {"job_delete",
                                                        "DELETE FROM sync_jobs WHERE call_id = $1 AND company_id = $2"};

const struct database_statement STATEMENT_FORGOTTEN_VERSION = {
    "forgotten_version", "SELECT version, forgotten_at FROM forgotten_calls "
                         "WHERE call_hash = sha256(convert_to($1, 'UTF8')) AND company_id = $2"};
