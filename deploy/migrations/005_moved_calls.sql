-- 005: what a moved call leaves behind, parked events that Kafka refuses, an index for the list of what is parked.
--
-- Applied by `hookline migrate` in one transaction. The new columns rewrite nothing; the index reads parked_events once.
SET LOCAL ROLE hookline_owner;

-- Moved calls ---------------------------------------------------------------------------------------------------------

-- A company that was told "gone" may get a call of that id again, from a source of its own: its versions go on from here, or
-- screens would drop them. By hash, so that nothing of a call stays that is forgotten later.
CREATE TABLE left_calls (
    call_hash  bytea NOT NULL CHECK (length(call_hash) = 32),
    company_id bigint NOT NULL CHECK (company_id > 0),
    version    bigint NOT NULL CHECK (version > 0),
    left_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (call_hash, company_id)
);
COMMENT ON COLUMN left_calls.company_id IS 'who had the call before it was moved';
COMMENT ON COLUMN left_calls.version IS 'of the update that took the call off that company''s screens';
ALTER TABLE left_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE left_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY all_companies_session ON left_calls TO hookline_session USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (version, left_at) ON left_calls TO hookline_session;

-- The customer whom only that call made goes with it.
GRANT DELETE ON customers TO hookline_session;

-- Whether a source that is bound to the company has spoken, too, once the events that say so are purged.
ALTER TABLE call_owners ADD COLUMN bound boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN call_owners.bound IS 'a source bound to this company spoke of the call; kept when hookline purge removes the events that say so';
GRANT UPDATE (bound) ON call_owners TO hookline_ctl;

-- Parked events -------------------------------------------------------------------------------------------------------

-- Kafka will not take it, however often it is sent: set aside until an operator says "again" (hookline parked release).
ALTER TABLE parked_events ADD COLUMN refused_at timestamptz, ADD COLUMN refused_because text;
GRANT UPDATE (refused_at, refused_because) ON parked_events TO hookline_resolver, hookline_ctl;

-- hookline parked list: the newest of each reason.
CREATE INDEX parked_events_listed ON parked_events (reason, parked_at DESC, event_id) WHERE released_at IS NULL;

RESET ROLE;
