"""A body of 11 MiB among 499 small ones, through real Kafka: large.py --run DIR

The mock brokers of the stage tests keep 5 MiB a partition. Written to webhooks.retell and to calls.events as ingest and
resolver would, for ingest takes no more than 10 MiB. Every call must be stored, the large one with its whole transcript, and
nothing become a dead letter.

Then records as large as their topic takes, which are dead, or have no room for the company's headers: each must become a dead
letter, cut where it does not fit, and what comes behind it be stored.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time

from confluent_kafka import Producer

from stack import Stack, event_id_of, wait_until

LARGE = 11 * 1024 * 1024
MOST = 12582912  # max.message.bytes


def records(stack, company):
    """(topic, call id, body, headers): 500 of each topic, the large one in the middle."""
    for topic, extra in (("webhooks.retell", []), ("calls.events", [("ce_companyid", str(company)), ("ce_resolvedby", "to_number")])):
        for index in range(500):
            call_id = f"large_{topic[0]}_{time.time_ns()}_{index}"
            call = {"call_id": call_id, "to_number": stack["DEMO_NUMBER"], "transcript": "x" * (LARGE if index == 250 else 5)}
            body = json.dumps({"event": "call_started", "call": call}).encode()
            yield topic, call_id, body, [("ce_specversion", "1.0"), ("ce_id", event_id_of(body).hex()), ("ce_source", "/retell/default"),
                                         ("ce_type", "ai.retell.call_started"), ("ce_subject", call_id), *extra]


def body_of(call_id, number, size):
    """A call_started of just that many bytes."""
    body = json.dumps({"event": "call_started", "call": {"call_id": call_id, "to_number": number, "transcript": ""}}).encode()
    return body.replace(b'"transcript": ""', b'"transcript": "' + b"x" * (size - len(body)) + b'"')


def at_the_limit(stack, company):
    """(topic, call id, body, headers, code of the dead letter; None: it is stored). Each is followed by a small one."""
    known = [("ce_companyid", str(company)), ("ce_resolvedby", "to_number")]
    for topic, name, size, envelope, extra, code in (
            ("webhooks.retell", "outgrows", MOST - 700, True, [], "too_large"),
            ("webhooks.retell", "zipped", MOST + 1024 * 1024, True, [], "too_large"),  # fits only as long as it is compressed
            ("webhooks.retell", "nameless", MOST - 300, False, [], "envelope"),
            ("calls.events", "nameless", MOST - 300, False, known, "envelope"),
            ("webhooks.retell", "behind", 300, True, [], None),
            ("calls.events", "behind", 300, True, known, None)):
        call_id = f"limit_{topic[0]}_{name}_{time.time_ns()}"
        body = body_of(call_id, stack["DEMO_NUMBER"], size)
        headers = [("ce_id", event_id_of(body).hex()), ("ce_source", "/retell/default"), ("ce_type", "ai.retell.call_started"),
                   ("ce_subject", call_id), *extra]
        yield topic, call_id, body, headers if envelope else headers[1:], code


def problem_of(letter, body, code):
    """None, or what is wrong with the dead letter of this body."""
    said = {name: value.decode() for name, value in letter.headers() if name.startswith("dlq.")}
    if said["dlq.code"] != code:
        return f"it is {said['dlq.code']}, not {code}"
    if not body.startswith(letter.value()) or len(letter.value()) < MOST - 4096:
        return f"it holds {len(letter.value())} bytes"
    wanted = {"dlq.cut": "value", "dlq.value-bytes": str(len(body)), "dlq.value-sha256": hashlib.sha256(body).hexdigest()}
    if len(letter.value()) < len(body) and not wanted.items() <= said.items():
        return f"it does not say what was cut: {said}"
    return None


def judge_limits(stack, company):
    producer = Producer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP"], "message.max.bytes": 100_000_000, "partitioner": "murmur2_random",
                         "compression.type": "gzip", "queue.buffering.max.kbytes": 1_000_000})
    plain = Producer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP"], "message.max.bytes": MOST, "partitioner": "murmur2_random"})
    sent, problems = list(at_the_limit(stack, company)), []
    for topic, call_id, body, headers, _ in sent:
        by = producer if len(body) > MOST else plain
        by.produce(stack.topic(topic), body, call_id, headers=headers, partition=7, on_delivery=lambda error, _: error and problems.append(str(error)))
        assert by.flush(60) == 0, "Kafka does not answer"
    stored = [call_id for _, call_id, _, _, code in sent if code is None]
    wait_until("what comes behind is stored", lambda: stack.query("SELECT count(*) FROM calls WHERE call_id = ANY(%s)", (stored,))[0][0] == len(stored))
    letters = {letter.key().decode(): letter for topic in ("webhooks.retell.dlq", "calls.events.dlq") for letter in stack.read_topic(topic)}
    for _, call_id, body, _, code in sent:
        letter = letters.get(call_id)
        problem = problem_of(letter, body, code) if letter else "there is no dead letter" if code else None
        problems += [f"{call_id}: {problem}"] if problem else []
    print(f"{len(sent) - len(stored)} records at the limit are dead letters" if not problems else "\n".join(problems))
    return not problems


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    stack = Stack(options.parse_args().run)
    company = stack.query("SELECT company_id FROM phone_numbers WHERE number = %s", (stack["DEMO_NUMBER"],))[0][0]
    letters = lambda: sum(len(stack.read_topic(topic)) for topic in ("webhooks.retell.dlq", "calls.events.dlq"))
    before, calls = letters(), []
    producer = Producer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP"], "message.max.bytes": 12582912, "partitioner": "murmur2_random"})
    for topic, call_id, body, headers in records(stack, company):
        producer.produce(stack.topic(topic), body, call_id, headers=headers)
        calls.append(call_id)
    assert producer.flush(60) == 0, "Kafka does not answer"
    wait_until("every call is stored", lambda: stack.query("SELECT count(*) FROM calls WHERE call_id = ANY(%s)", (calls,))[0][0] == len(calls))
    whole = stack.query("SELECT count(*) FROM calls c JOIN webhook_events USING (call_id) WHERE call_id = ANY(%s) AND length(transcript) = %s "
                        "AND octet_length(payload) > %s", (calls, LARGE, LARGE))[0][0]
    more = letters() - before
    print(f"{len(calls)} calls stored, {whole} of 2 large ones whole, {more} dead letters")
    return 0 if judge_limits(stack, company) and whole == 2 and more == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
