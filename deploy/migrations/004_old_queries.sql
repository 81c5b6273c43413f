-- 004: webhook_event_counts names provider and type of what is parked. (Lax jsonpath unwraps the pairs before they are compared.)
--
-- Applied by `hookline migrate` in one transaction.
SET LOCAL ROLE hookline_owner;

CREATE OR REPLACE VIEW webhook_event_counts WITH (security_invoker = true) AS
SELECT provider, event_type, status, count(*) AS events, min(received_at) AS first_at, max(received_at) AS last_at
FROM webhook_events GROUP BY provider, event_type, status
UNION ALL
SELECT split_part(p.source, '/', 2), regexp_replace(p.type, '^.*\.', ''), 'parked: ' || p.reason, count(*), min(p.parked_at), max(p.parked_at)
FROM (SELECT jsonb_path_query_first(headers, 'strict $[*] ? (@[0] == "ce_source")[1]', silent => true) #>> '{}' AS source,
             jsonb_path_query_first(headers, 'strict $[*] ? (@[0] == "ce_type")[1]', silent => true) #>> '{}' AS type, reason, parked_at
      FROM parked_events WHERE released_at IS NULL) p
GROUP BY 1, 2, 3;

RESET ROLE;
