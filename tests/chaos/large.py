"""A body of 11 MiB among 499 small ones, through real Kafka: large.py --run DIR

The mock brokers of the stage tests keep 5 MiB a partition. Written to webhooks.retell and to calls.events as ingest and
resolver would, for ingest takes no more than 10 MiB. Every call must be stored, the large one with its whole transcript, and
nothing become a dead letter.
"""
from __future__ import annotations

import argparse
import json
import sys
import time

from confluent_kafka import Producer

from stack import Stack, event_id_of, wait_until

LARGE = 11 * 1024 * 1024


def records(stack, company):
    """(topic, call id, body, headers): 500 of each topic, the large one in the middle."""
    for topic, extra in (("webhooks.retell", []), ("calls.events", [("ce_companyid", str(company)), ("ce_resolvedby", "to_number")])):
        for index in range(500):
            call_id = f"large_{topic[0]}_{time.time_ns()}_{index}"
            call = {"call_id": call_id, "to_number": stack["DEMO_NUMBER"], "transcript": "x" * (LARGE if index == 250 else 5)}
            body = json.dumps({"event": "call_started", "call": call}).encode()
            yield topic, call_id, body, [("ce_specversion", "1.0"), ("ce_id", event_id_of(body).hex()), ("ce_source", "/retell/default"),
                                         ("ce_type", "ai.retell.call_started"), ("ce_subject", call_id), *extra]


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
    return 0 if whole == 2 and more == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
