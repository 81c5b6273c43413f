-- 002: what may be forgotten, names of customers, an audit log that only grows, the operators' old queries, narrower rights.
--
-- Applied by `hookline migrate` in one transaction. tests/stage/tenancy.c holds every role to its rights, row by row.
SET LOCAL ROLE hookline_owner;

-- Retention -----------------------------------------------------------------------------------------------------------

-- A payload that was dropped is empty; the row and its id stay, for a repeat must still be known.
ALTER TABLE webhook_events ADD COLUMN payload_dropped_at timestamptz,
    ADD CHECK (payload_dropped_at IS NULL OR octet_length(payload) = 0);
COMMENT ON COLUMN webhook_events.payload_dropped_at IS 'when hookline purge emptied a superseded transcript_updated; null: the payload is what was signed';
-- What hookline purge may empty, before it has.
CREATE INDEX webhook_events_superseded ON webhook_events (call_id, company_id)
    WHERE event_type = 'transcript_updated' AND payload_dropped_at IS NULL;

-- Calls that must not come back, by hash: not by a repeat, a replay, a fetched answer or a reconcile. The hash is of the
-- call id, of an event without one of its id in hex: what Kafka's key is.
CREATE TABLE forgotten_calls (
    call_hash    bytea NOT NULL CHECK (length(call_hash) = 32),
    company_id   bigint NOT NULL CHECK (company_id >= 0),
    version      bigint NOT NULL CHECK (version > 0),
    forgotten_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (call_hash, company_id)
);
COMMENT ON COLUMN forgotten_calls.company_id IS 'whose sources are refused; 0: the sources that belong to no company';
COMMENT ON COLUMN forgotten_calls.version IS 'of the update that took the call off the screens';

-- Customers -----------------------------------------------------------------------------------------------------------

-- A register: the greatest (name_said_at, name_collected, name) wins, in whatever order it is said.
ALTER TABLE customers ADD COLUMN name_said_at timestamptz, ADD COLUMN name_collected boolean;
COMMENT ON COLUMN customers.name_said_at IS 'start of the call whose variables said the name; null beside a name: set by hand, and it stays';
COMMENT ON COLUMN customers.name_collected IS 'said by the caller (collected_dynamic_variables), not given by whoever set the call up';

-- Audit ---------------------------------------------------------------------------------------------------------------

ALTER TABLE audit_log ADD COLUMN operator text;
COMMENT ON COLUMN audit_log.who IS 'the role that PostgreSQL knew: cannot be claimed';
COMMENT ON COLUMN audit_log.operator IS 'the login name at the machine of the command: claimed, not proven';
CREATE INDEX audit_log_by_company ON audit_log (company_id, id);

CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'audit_log only grows: its rows are neither changed nor removed';
END $$;
CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows();

-- The operators' old queries ------------------------------------------------------------------------------------------

-- One row a call, under the names of the application that hookline replaces. Its flow and function columns have no like here.
CREATE VIEW retell_call_sessions WITH (security_invoker = true) AS
SELECT c.company_id || '/' || c.call_id AS id, c.call_id, c.company_id, c.branch_id, b.name AS branch_name, c.customer_id,
       CASE c.direction WHEN 'outbound' THEN c.from_number ELSE c.to_number END AS phone_number,
       c.agent_id, c.started_at, c.ended_at, c.duration_ms,
       CASE c.status WHEN 'registered' THEN 'in_progress' WHEN 'ongoing' THEN 'in_progress' WHEN 'ended' THEN 'completed'
                     ELSE 'failed' END AS call_status,
       c.status, c.disconnection_reason, c.direction, c.from_number, c.to_number, c.transcript, c.summary, c.recording_url,
       c.cost_cents, c.latency_e2e_p50_ms, c.first_seen_at AS created_at, c.updated_at
FROM calls c LEFT JOIN branches b ON b.company_id = c.company_id AND b.id = c.branch_id;

-- How many webhooks of each kind came to what. What waits is counted, too; what was released is among the processed.
CREATE VIEW webhook_event_counts WITH (security_invoker = true) AS
SELECT provider, event_type, status, count(*) AS events, min(received_at) AS first_at, max(received_at) AS last_at
FROM webhook_events GROUP BY provider, event_type, status
UNION ALL
SELECT split_part(p.source, '/', 2), regexp_replace(p.type, '^.*\.', ''), 'parked: ' || p.reason, count(*), min(p.parked_at), max(p.parked_at)
FROM (SELECT jsonb_path_query_first(headers, '$[*] ? (@[0] == "ce_source")[1]') #>> '{}' AS source,
             jsonb_path_query_first(headers, '$[*] ? (@[0] == "ce_type")[1]') #>> '{}' AS type, reason, parked_at
      FROM parked_events WHERE released_at IS NULL) p
GROUP BY 1, 2, 3;

-- Rights --------------------------------------------------------------------------------------------------------------

GRANT SELECT ON retell_call_sessions, webhook_event_counts TO hookline_reader, hookline_ctl;

-- Session forgets a call in one transaction; it locks the inbox against other sessions' batches meanwhile, for which
-- PostgreSQL asks for the right to delete.
GRANT SELECT, INSERT ON forgotten_calls TO hookline_session;
GRANT DELETE ON webhook_events, call_owners TO hookline_session;
GRANT UPDATE (name, name_said_at, name_collected) ON customers TO hookline_session;
REVOKE UPDATE ON sync_jobs FROM hookline_session;

GRANT SELECT ON forgotten_calls TO hookline_resolver, hookline_sync;
REVOKE UPDATE ON parked_events FROM hookline_resolver;
GRANT UPDATE (released_at) ON parked_events TO hookline_resolver;

-- The broadcaster's own role takes the snapshot and knows tokens; a company's queries are hookline_api's.
REVOKE SELECT ON companies, branches, calls, api_tokens FROM hookline_feed;
GRANT SELECT (company_id, call_id, source, branch_id, customer_id, agent_id, call_type, direction, from_number, to_number,
              started_at, ended_at, duration_ms, status, disconnection_reason, recording_url, summary, sentiment, successful,
              in_voicemail, analyzed, cost_cents, latency_e2e_p50_ms, missing, version, first_seen_at, updated_at)
    ON calls TO hookline_feed;
GRANT SELECT (token_hash, company_id, expires_at, revoked_at) ON api_tokens TO hookline_feed;
REVOKE SELECT (event_id, provider, source, event_type, call_id, company_id, branch_id, resolved_by, status, correlation_id,
               received_at, processed_at) ON webhook_events FROM hookline_feed;
GRANT SELECT (company_id, call_id, processed_at) ON webhook_events TO hookline_feed;

REVOKE SELECT ON calls FROM hookline_api;
GRANT SELECT (company_id, call_id, source, branch_id, customer_id, agent_id, call_type, direction, from_number, to_number,
              started_at, ended_at, duration_ms, status, disconnection_reason, transcript, recording_url, summary, sentiment,
              successful, in_voicemail, analyzed, cost_cents, cost_breakdown, latency_e2e_p50_ms, latency, custom_analysis,
              metadata, missing, version, first_seen_at, updated_at) ON calls TO hookline_api;

-- Operators who only read need no hashes of tokens.
REVOKE SELECT ON api_tokens FROM hookline_reader, hookline_ctl;
GRANT SELECT (id, company_id, role, name, created_at, expires_at, revoked_at) ON api_tokens TO hookline_reader, hookline_ctl;

-- hookline purge and hookline forget. Who and when are PostgreSQL's to say.
GRANT SELECT, INSERT ON forgotten_calls TO hookline_ctl;
GRANT DELETE ON webhook_events, parked_events, calls, call_owners, customers, sync_jobs TO hookline_ctl;
GRANT UPDATE (payload, payload_dropped_at) ON webhook_events TO hookline_ctl;
REVOKE INSERT ON audit_log FROM hookline_ctl;
GRANT INSERT (what, company_id, detail, operator) ON audit_log TO hookline_ctl;
REVOKE UPDATE ON companies, branches FROM hookline_ctl;

DO $$
DECLARE program text;
BEGIN
    ALTER TABLE forgotten_calls ENABLE ROW LEVEL SECURITY;
    ALTER TABLE forgotten_calls FORCE ROW LEVEL SECURITY;
    FOREACH program IN ARRAY ARRAY['resolver', 'session', 'sync', 'ctl'] LOOP
        EXECUTE format('CREATE POLICY %I ON forgotten_calls TO %I USING (true) WITH CHECK (true)', 'all_companies_' || program,
                       'hookline_' || program);
    END LOOP;
END $$;
RESET ROLE;
