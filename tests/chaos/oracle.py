"""Judges a stack after a storm: nothing lost, nothing invented, nothing counted twice, every row what the model computes,
the newest update of every call the version in PostgreSQL, every call, row and update with the company that it belongs to.
"""
from __future__ import annotations

import collections
import json
import time
from decimal import Decimal

import psycopg2
from confluent_kafka import KafkaException

from model import Event, call_of
from stack import GaveUp, event_id_of, wait_until

VISIBLE_S = 60  # after the last deed everything that was accepted is to be seen, on a busy machine too (5 s on a quiet one)
PATIENCE_S = 240  # beyond that it is late, and then it counts as lost

COLUMNS = ["source", "branch_id", "agent_id", "call_type", "direction", "from_number", "to_number", "duration_ms", "status",
           "disconnection_reason", "transcript", "recording_url", "summary", "sentiment", "successful", "in_voicemail", "analyzed",
           "cost_cents", "latency_e2e_p50_ms", "missing"]
JSON_COLUMNS = ["cost_breakdown", "latency", "custom_analysis", "metadata"]
TIME_COLUMNS = ["started_at", "ended_at"]


def header(record, name):
    for key, value in record.headers() or []:
        if key == name:
            return value
    return None


def dead_ids(stack):
    return {bytes.fromhex(header(record, "ce_id").decode())
            for topic in ("webhooks.retell.dlq", "calls.events.dlq") for record in stack.read_topic(topic) if header(record, "ce_id")}


def kept_ids(stack):
    inbox = {bytes(row[0]) for row in stack.query("SELECT event_id FROM webhook_events")}
    parked = {bytes(row[0]) for row in stack.query("SELECT event_id FROM parked_events")}
    return inbox, parked, dead_ids(stack)


def settle(stack, accepted):
    """Waits until nothing is under way any more. Returns findings: what was not there in time, and what never came."""
    missing = set(accepted)

    def arrived():
        for table in ("webhook_events", "parked_events"):
            rows = missing and stack.query(f"SELECT event_id FROM {table} WHERE event_id = ANY(%s)", (list(missing),))
            missing.difference_update(bytes(row[0]) for row in rows)
        if missing:
            missing.difference_update(dead_ids(stack))
        return not missing
    def drained():
        return [stack.metric("ingest", f"hookline_ingest_spool_{what}") for what in ("records", "orphan_records", "set_aside")] == [0, 0, 0]
    conditions = [
        ("ingest's spool is empty, and nothing was set aside", VISIBLE_S, drained),
        ("every accepted webhook is in the inbox, parked or a dead letter", VISIBLE_S, arrived),
        ("every group has read everything", VISIBLE_S, lambda: stack.lag() == 0),
        ("whatever was parked for want of a number that is known now is released", PATIENCE_S, lambda: stack.query(
            "SELECT FROM parked_events p JOIN phone_numbers n ON n.number = p.number WHERE p.released_at IS NULL LIMIT 1") == []),
        ("sync has asked for all that calls lack", PATIENCE_S, lambda: stack.query(
            "SELECT FROM sync_jobs WHERE done_at IS NULL LIMIT 1") == []),
        ("what sync and the resolver published since is read", PATIENCE_S, lambda: stack.lag() == 0)]
    begun, findings = time.monotonic(), []
    for what, limit, condition in conditions:
        try:
            wait_until(what, lambda asked=condition: true_of(asked), PATIENCE_S)
        except GaveUp as problem:
            findings.append(f"not at all: {problem}")
        if time.monotonic() - begun > limit and not findings:
            findings.append(f"late: {what}, but only {time.monotonic() - begun:.0f} s after the last deed")
    return findings


def true_of(condition):
    """A server that is still coming back answers no question."""
    try:
        return condition()
    except (psycopg2.Error, KafkaException, GaveUp):
        return False


def check_ids(stack, sent, accepted):
    inbox, parked, dead = kept_ids(stack)
    own = {bytes(row[0]) for row in stack.query("SELECT event_id FROM webhook_events WHERE event_type IN "
                                                "('call_synced', 'call_gone', 'call_assigned')")}
    lost = accepted - inbox - parked - dead
    invented = (inbox | parked | dead) - own - sent
    yield from (f"lost: {event.hex()} got 200 and is nowhere" for event in sorted(lost)[:5])
    yield from (f"invented: {event.hex()} was never sent" for event in sorted(invented)[:5])
    yield from (f"{event.hex()} is in the inbox and a dead letter" for event in sorted(inbox & dead)[:5])


def check_payloads(stack, truth):
    for event_id, payload, kind, dropped in stack.query("SELECT event_id, payload, event_type, payload_dropped_at IS NOT NULL "
                                                        "FROM webhook_events"):
        if dropped:  # by `hookline purge`, once the call's end said it all
            if kind != "transcript_updated" or payload:
                yield f"the payload of {bytes(event_id).hex()} is said to be dropped, but is a {kind} or still there"
            continue
        if event_id_of(bytes(payload)) != bytes(event_id):
            yield f"the payload of {bytes(event_id).hex()} is not the bytes that were signed"
        if kind == "call_synced":
            call = json.loads(bytes(payload))["call"]
            if call != truth.get(call["call_id"]):
                yield f"sync wrote of call {call['call_id']} what the platform never said"


def events_by_call(stack):
    calls = collections.defaultdict(list)
    for company, call_id, *event in stack.query("SELECT company_id, call_id, event_id, event_type, source, branch_id, "
                                                "CASE WHEN payload_dropped_at IS NULL THEN payload END "
                                                "FROM webhook_events WHERE call_id IS NOT NULL AND status = 'processed'"):
        event_id, kind, source, branch, payload = event
        calls[company, call_id].append(Event(bytes(event_id), kind, source, branch, None if payload is None else bytes(payload)))
    return calls


def stored_rows(stack):
    times = [f"(extract(epoch FROM {name}) * 1000)::bigint" for name in TIME_COLUMNS]
    names = COLUMNS + JSON_COLUMNS
    rows = stack.query(f"SELECT company_id, call_id, version, {', '.join(names + times)} FROM calls")
    return {(row[0], row[1]): (row[2], dict(zip(names + TIME_COLUMNS, row[3:]))) for row in rows}


def same(name, stored, computed):
    if name in JSON_COLUMNS and computed is not None:
        return json.dumps(stored, sort_keys=True) == json.dumps(computed, sort_keys=True)
    if isinstance(stored, Decimal) or isinstance(computed, Decimal):
        return stored is not None and computed is not None and Decimal(stored) == Decimal(computed)
    return stored == computed


def check_rows(stack):
    rows, calls = stored_rows(stack), events_by_call(stack)
    for key in sorted(calls.keys() ^ rows.keys())[:5]:
        yield f"call {key}: " + ("has events and no row" if key in calls else "has a row and no events")
    for key in calls.keys() & rows.keys():
        if any(event.payload is None for event in calls[key]):
            continue  # purged: what its transcripts said cannot be computed any more
        computed = call_of(calls[key])
        for name, stored in rows[key][1].items():
            if not same(name, stored, computed.get(name)):
                yield f"call {key}: {name} is {stored!r}, the model says {computed.get(name)!r}"


def check_updates(stack, figures):
    rows = stored_rows(stack)
    published, shown = collections.defaultdict(set), {}
    for record in stack.read_topic("calls.updates"):
        if not record.headers():
            continue  # a vandal's
        update = json.loads(record.value())
        key = update["company_id"], update["call_id"]
        if header(record, "ce_companyid") != str(update["company_id"]).encode():
            yield f"update of {key}: the header names another company"
        if update.get("gone"):
            continue
        content = json.dumps(update["call"], sort_keys=True)
        if shown.setdefault((key, update["version"]), content) != content:
            yield f"update of {key}: version {update['version']} was published with two contents"
        published[key].add(update["version"])
    for key in published.keys() - rows.keys():
        yield f"call {key} has updates and no row"
    for key, (version, _) in rows.items():
        if max(published[key], default=None) != version:
            yield f"call {key}: PostgreSQL has version {version}, the newest update {max(published[key], default=None)}"
        if min(published[key], default=1) < 1 or len(published[key]) > version:
            yield f"call {key}: versions {sorted(published[key])} were published of 1 to {version}"
        figures["superseded unpublished"] += version - len(published[key])


def check_companies(stack, company_of):
    for company, call_id in stack.query("SELECT company_id, call_id FROM calls UNION SELECT company_id, call_id FROM webhook_events "
                                        "WHERE call_id IS NOT NULL UNION SELECT company_id, call_id FROM sync_jobs"):
        if company_of.get(call_id) != company:
            yield f"call {call_id} of company {company_of.get(call_id)} is kept for company {company}"


def check_owners(stack):
    for call_id, company, owner in stack.query(
            "SELECT c.call_id, c.company_id, n.company_id FROM calls c JOIN phone_numbers n ON n.number = "
            "CASE WHEN c.direction = 'outbound' THEN c.from_number ELSE c.to_number END WHERE c.company_id <> n.company_id"):
        yield f"call {call_id} of the number of company {owner} is shown to company {company}"


def check_customers(stack):
    for company, number, counted, real in stack.query(
            "SELECT u.company_id, u.number, u.calls, (SELECT count(*) FROM calls c WHERE c.company_id = u.company_id AND u.number = "
            "CASE WHEN c.direction = 'outbound' THEN c.to_number ELSE c.from_number END) FROM customer_calls u"):
        if counted != real:
            yield f"customer {number} of company {company} has {counted} calls counted and {real} in fact"


def judge(stack, sent, accepted, plan, figures):
    """Every violation as a sentence; none: the guarantees held. `plan` is what the scripts know (script.py), of all rounds."""
    findings = []
    for check in (check_ids(stack, sent, accepted), check_payloads(stack, plan.truth), check_rows(stack), check_updates(stack, figures),
                  check_companies(stack, plan.company_of), check_owners(stack), check_customers(stack)):
        findings += list(check)
    return findings
