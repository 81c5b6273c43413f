/* purge_kinds.c: the conditions, once each, in the count and in the batch alike.
 *
 * A batch never looks again at what an earlier one has left: it begins behind it, by key. Events go by time instead, in
 * slices as wide as a batch takes: they lie on disk in that order, and its index is a handful of pages.
 *
 * Kept for ever: audit_log; tokens, revoked and expired ones too (who could look is part of the past, and a hash is no
 * secret); forgotten_calls and left_calls, which are hashes; jobs that were given up (without them the sweep would ask again).
 */
#include "ctl/purge_kinds.h"

/* The end of a call carries all of its transcript: what transcript_updated said before is superseded. */
#define SUPERSEDED                                                                                                     \
    "e.event_type = 'transcript_updated' AND e.payload_dropped_at IS NULL AND EXISTS (SELECT FROM calls c WHERE "      \
    "c.company_id = e.company_id AND c.call_id = e.call_id AND c.status NOT IN ('registered', 'ongoing')) AND EXISTS " \
    "(SELECT FROM webhook_events n WHERE n.call_id = e.call_id AND n.company_id = e.company_id AND n.event_type IN "   \
    "('call_ended', 'call_analyzed'))"
#define OLD_PARKED "coalesce(p.released_at, p.parked_at) < $1"
#define DONE_JOB   "j.done_at < $1 AND j.last_code = 'complete'"
#define NOBODYS_NAME                                                                                                   \
    "u.first_seen_at < $1 AND NOT EXISTS (SELECT FROM calls c WHERE c.company_id = u.company_id AND c.customer_id = "  \
    "u.id)"
/* Over, and nothing was heard of it since; an answer that sync is waiting for would make it anew. */
#define OLD_CALL                                                                                                       \
    "c.status NOT IN ('registered', 'ongoing') AND coalesce(c.ended_at, c.started_at, c.first_seen_at) < $1 AND NOT "  \
    "EXISTS (SELECT FROM webhook_events e WHERE e.call_id = c.call_id AND e.company_id = c.company_id AND "            \
    "e.processed_at >= $1) AND NOT EXISTS (SELECT FROM sync_jobs j WHERE j.company_id = c.company_id AND "             \
    "j.call_id = c.call_id AND j.lease_until > now())"

static const struct database_statement COUNT_PAYLOADS = {
    "count_payloads",
    "SELECT count(*), 0::bigint FROM webhook_events e WHERE $1::timestamptz IS NOT NULL AND " SUPERSEDED};
static const struct database_statement BATCH_PAYLOADS = {
    "batch_payloads",
    "WITH picked AS MATERIALIZED (SELECT DISTINCT call_id, company_id FROM webhook_events WHERE event_type = "
    "'transcript_updated' AND payload_dropped_at IS NULL AND (call_id, company_id) > ($4, $3) AND $1::timestamptz IS "
    "NOT "
    "NULL ORDER BY call_id, company_id LIMIT $2 / 10 + 1), "
    "done AS (UPDATE webhook_events e SET payload = '', payload_dropped_at = now() FROM picked p "
    "WHERE e.call_id = p.call_id AND e.company_id = p.company_id AND " SUPERSEDED " RETURNING 1), "
    "last AS (SELECT company_id, call_id FROM picked ORDER BY call_id DESC, company_id DESC LIMIT 1) "
    "SELECT (SELECT count(*) FROM done), NOT EXISTS (SELECT FROM picked), (SELECT company_id FROM last), "
    "(SELECT call_id FROM last)"};

static const struct database_statement COUNT_EVENTS = {
    "count_events",
    "SELECT count(*), floor(extract(epoch FROM min(processed_at)) * 1000)::bigint FROM webhook_events WHERE "
    "processed_at < $1"};
/* $4 is the slice's width in ms. That a bound source spoke of a call which has an owner must outlive the event: `hookline call
 * assign` asks for it. */
static const struct database_statement BATCH_EVENTS = {
    "batch_events",
    "WITH width AS (SELECT coalesce(nullif($4::text, '')::bigint, 600000) AS ms), "
    "slice AS (SELECT to_timestamp($3 / 1000.0) AS first, least(to_timestamp(($3 + ms) / 1000.0), $1) AS next FROM "
    "width), "
    "picked AS (SELECT event_id FROM webhook_events, slice WHERE processed_at >= slice.first AND processed_at < "
    "slice.next LIMIT $2), "
    "done AS (DELETE FROM webhook_events WHERE event_id IN (SELECT event_id FROM picked) RETURNING call_id, "
    "company_id, resolved_by), "
    "bound AS (UPDATE call_owners o SET bound = true FROM (SELECT DISTINCT call_id, company_id FROM done WHERE "
    "resolved_by = 'source') d WHERE o.call_id = d.call_id AND o.company_id = d.company_id AND NOT o.bound), "
    "count AS (SELECT count(*) AS rows FROM done) "
    "SELECT count.rows, slice.first >= $1, $3 + CASE WHEN count.rows < $2 THEN ms ELSE 0 END, (CASE WHEN count.rows < "
    "$2 / 2 "
    "THEN ms * 2 WHEN count.rows = $2 THEN greatest(ms / 2, 1000) ELSE ms END)::text FROM count, slice, width"};

static const struct database_statement COUNT_PARKED = {
    "count_parked", "SELECT count(*), 0::bigint FROM parked_events p WHERE " OLD_PARKED};
static const struct database_statement BATCH_PARKED = {
    "batch_parked",
    "WITH picked AS (SELECT p.event_id FROM parked_events p WHERE " OLD_PARKED " AND p.event_id > decode($4, 'hex') "
    "ORDER BY p.event_id LIMIT $2), "
    "done AS (DELETE FROM parked_events p USING picked WHERE p.event_id = picked.event_id AND " OLD_PARKED
    " RETURNING 1) "
    "SELECT (SELECT count(*) FROM done), NOT EXISTS (SELECT FROM picked), $3::bigint, (SELECT max(encode(event_id, "
    "'hex')) "
    "FROM picked)"};

static const struct database_statement COUNT_JOBS = {"count_jobs",
                                                     "SELECT count(*), 0::bigint FROM sync_jobs j WHERE " DONE_JOB};
static const struct database_statement BATCH_JOBS = {
    "batch_jobs", "WITH picked AS (SELECT j.company_id, j.call_id FROM sync_jobs j WHERE " DONE_JOB
                  " AND (j.company_id, j.call_id) > "
                  "($3, $4) ORDER BY j.company_id, j.call_id LIMIT $2), "
                  "done AS (DELETE FROM sync_jobs j USING picked p WHERE j.company_id = p.company_id AND j.call_id = "
                  "p.call_id AND " DONE_JOB " RETURNING 1), "
                  "last AS (SELECT company_id, call_id FROM picked ORDER BY company_id DESC, call_id DESC LIMIT 1) "
                  "SELECT (SELECT count(*) FROM done), NOT EXISTS (SELECT FROM picked), (SELECT company_id FROM last), "
                  "(SELECT call_id FROM last)"};

static const struct database_statement COUNT_CALLS = {"count_calls",
                                                      "SELECT count(*), 0::bigint FROM calls c WHERE " OLD_CALL};
static const struct database_statement BATCH_CALLS = {
    "batch_calls",
    "WITH picked AS MATERIALIZED (SELECT c.company_id, c.call_id FROM calls c WHERE " OLD_CALL
    " AND (c.company_id, c.call_id) > ($3, $4) ORDER BY c.company_id, c.call_id LIMIT $2), "
    "done AS (DELETE FROM calls c USING picked p WHERE c.company_id = p.company_id AND c.call_id = p.call_id "
    "AND " OLD_CALL " RETURNING c.company_id, c.call_id), "
    "events AS (DELETE FROM webhook_events e USING done p WHERE e.call_id = p.call_id AND e.company_id = "
    "p.company_id), "
    "jobs AS (DELETE FROM sync_jobs j USING done p WHERE j.company_id = p.company_id AND j.call_id = p.call_id), "
    "owners AS (DELETE FROM call_owners o USING done p WHERE o.call_id = p.call_id AND o.company_id = p.company_id), "
    "last AS (SELECT company_id, call_id FROM picked ORDER BY company_id DESC, call_id DESC LIMIT 1) "
    "SELECT (SELECT count(*) FROM done), NOT EXISTS (SELECT FROM picked), (SELECT company_id FROM last), "
    "(SELECT call_id FROM last)"};

static const struct database_statement COUNT_CUSTOMERS = {
    "count_customers", "SELECT count(*), 0::bigint FROM customers u WHERE " NOBODYS_NAME};
/* So many customers, whether or not they go: sessions wait, and most customers have calls. */
static const struct database_statement BATCH_CUSTOMERS = {
    "batch_customers",
    "WITH picked AS MATERIALIZED (SELECT u.id FROM customers u WHERE u.id > $3 ORDER BY u.id LIMIT $2), "
    "done AS (DELETE FROM customers u USING picked p WHERE u.id = p.id AND " NOBODYS_NAME " RETURNING 1) "
    "SELECT (SELECT count(*) FROM done), NOT EXISTS (SELECT FROM picked), (SELECT max(id) FROM picked), $4::text"};

const struct purge_kind PURGE_KINDS_OF[PURGE_KINDS] = {
    {"payloads", "payloads of transcript_updated, superseded", false, false, &COUNT_PAYLOADS, &BATCH_PAYLOADS},
    {"events", "events", false, false, &COUNT_EVENTS, &BATCH_EVENTS},
    {"parked", "parked events, released or not", false, false, &COUNT_PARKED, &BATCH_PARKED},
    {"jobs", "jobs of complete calls", false, false, &COUNT_JOBS, &BATCH_JOBS},
    {"calls", "calls, with all their events", true, false, &COUNT_CALLS, &BATCH_CALLS},
    {"customers", "customers without calls", true, true, &COUNT_CUSTOMERS, &BATCH_CUSTOMERS},
};
