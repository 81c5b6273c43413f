#!/usr/bin/env python3
"""session's merge in C and the model in Python, on random sets of odd events: the same row, or the set is shown.

    merge_model.py MERGE_ROWS [--sets N] [--seed N]

Each set reaches C shuffled and with repeats. Events meet in rank, clock and value often; bodies have wrong types, null,
duplicate keys, absurd numbers, U+0000, lone surrogates, bytes that are no UTF-8.
"""
from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import random
import subprocess
import sys
import time
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))
from model import Event, call_of, mended  # noqa: E402  (the folder is known only now)

PLAIN = ["source", "branch_id", "agent_id", "call_type", "direction", "from_number", "to_number", "duration_ms", "status",
         "disconnection_reason", "transcript", "recording_url", "summary", "sentiment", "successful", "in_voicemail", "analyzed", "missing"]
NUMBERS, TIMES = ["cost_cents", "latency_e2e_p50_ms"], ["started_at", "ended_at"]
OBJECTS = ["cost_breakdown", "latency", "custom_analysis", "metadata"]
WEBHOOKS = ["call_started", "transcript_updated", "transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended", "call_ended",
            "call_analyzed"]
OURS = ["call_synced", "call_synced", "call_synced", "call_gone"]
REASONS = ["user_hangup", "agent_hangup", "dial_busy", "telephony_provider_unavailable", "error_asr", "manual_stopped", "scam_detected", "",
           "user_hangup_", "tomorrow"]
STATUSES = ["registered", "ongoing", "ended", "not_connected", "error", "Ended", ""]
WRONG = [b"null", b"true", b"false", b"7", b"-1.5", b'""', b'"text"', b"[]", b"{}", b"[null,1]", b"1e400", b"123456789012345678901234567890"]
TEXTS = [b"a", b"b", b"", b"M\xc3\xbcller", b"\\u0000", b"x\\ud800y", b"\\udc00\\ud83d\\ude00", b"\xff", b"\xe2\x82", b"\xc3(", b"\xed\xa0\x80",
         b"\x01\t", b"\\\"}{", b"\\/", b"\xf0\x9f\x98\x80", b"\x00"]
NUMERIC = [b"0", b"-0", b"1", b"15.215", b"0.0000005", b"1.0000005", b"-3.25", b"99999999.9999994", b"99999999.9999995", b"1e8", b"1e7",
           b"1e-7", b"1e400", b"12345678901234567890123", b"812.5", b"812.0005", b"1e308", b"true"]
MOMENTS = [b"1703302407333", b"1703302407334", b"1703302428855", b"1703302428855.0", b"1.7033024e12", b"946684799999", b"946684800000",
           b"4102444799999", b"4102444800000", b"0", b"-5", b"1703302428855.5", b"99999999999999999999"]
KEYS = [b"k", b"k", b"l", b"\\u006b", b"\xff", b"\xfe", b"\\u0000", b""]


class Bodies:
    """Bytes of JSON by chance. Written by hand: json.dumps knows no duplicate keys and no broken bytes."""

    def __init__(self, chance):
        self.chance = chance

    def one(self, values):
        return self.chance.choice(values)

    def text(self):
        if self.chance.random() < 0.0005:
            return b'"' + b"x" * self.chance.randrange(65530, 65540) + b'\xc3\xbc!"'
        return b'"' + b"".join(self.one(TEXTS) for _ in range(self.chance.randrange(3))) + b'"'

    def word(self, words):
        return json.dumps(self.one(words)).encode()

    def value(self, depth):
        kind = self.chance.randrange(4 if depth else 2)
        if kind == 0:
            return self.one(WRONG)
        if kind == 1:
            return self.text()
        if kind == 2:
            return b"[" + b",".join(self.value(depth - 1) for _ in range(self.chance.randrange(3))) + b"]"
        return self.members((self.one(KEYS), self.value(depth - 1)) for _ in range(self.chance.randrange(5)))

    def members(self, pairs):
        return b"{" + b",".join(b'"%s":%s' % pair for pair in pairs) + b"}"

    def some(self, offers, most):
        return self.members(self.chance.choices([(key, value) for key, value in offers], k=self.chance.randrange(most)))

    def odd(self, value):
        return self.one(WRONG) if self.chance.random() < 0.08 else value

    def transcript(self):
        words = lambda: b"[" + b",".join(b'{"end":%s}' % self.odd(self.one([b"1.5", b"2.25", b"604799.5", b"1e300", b"-1", b"604800"]))
                                         for _ in range(self.chance.randrange(3))) + b"]"
        return b"[" + b",".join(self.odd(b'{"words":%s}' % self.odd(words())) for _ in range(self.chance.randrange(3))) + b"]"

    def call(self):
        analysis = [(b"call_summary", self.text()), (b"user_sentiment", self.text()), (b"call_successful", self.odd(self.one([b"true", b"false"]))),
                    (b"in_voicemail", self.odd(b"true")), (b"custom_analysis_data", self.odd(self.value(2)))]
        latency = [(b"e2e", self.odd(b'{"p50":%s}' % self.one(NUMERIC))), (b"k", self.value(1)), (b"k", b"1")]
        cost = [(b"combined_cost", self.one(NUMERIC)), (b"product_costs", self.value(2))]
        offers = [(name, self.odd(self.text())) for name in (b"agent_id", b"call_type", b"from_number", b"to_number", b"transcript", b"recording_url")]
        offers += [(name, self.odd(self.one(MOMENTS))) for name in (b"start_timestamp", b"start_timestamp", b"end_timestamp", b"duration_ms")]
        offers += [(b"direction", self.word(["inbound", "outbound", ""])), (b"call_status", self.odd(self.word(STATUSES))),
                   (b"call_status", self.word(STATUSES)), (b"disconnection_reason", self.odd(self.word(REASONS))),
                   (b"data_storage_setting", self.odd(self.word(["everything", "everything_except_pii", "basic_attributes_only", "none"]))),
                   (b"call_analysis", self.odd(self.some(analysis, 5))), (b"call_cost", self.odd(self.some(cost, 4))),
                   (b"latency", self.odd(self.some(latency, 4))), (b"metadata", self.odd(self.value(3))), (b"duration_ms", b"21522"),
                   (b"transcript_object", self.odd(self.transcript())), (b"transcript_with_tool_calls", self.odd(self.transcript()))]
        return self.some(offers, 14)

    def body(self):
        pairs = [(b"event", b'"e"'), (b"call", self.odd(self.call()))]
        if self.chance.random() < 0.4:
            pairs.insert(0, (b"event_timestamp", self.odd(self.one(MOMENTS))))
        if self.chance.random() < 0.05:
            pairs.append((b"call", self.call()))
        return self.members(pairs)


def random_event(chance, bodies):
    kind = chance.choice(OURS) if chance.random() < 0.3 else "call_dreamt" if chance.random() < 0.03 else chance.choice(WEBHOOKS)
    unit = chance.choices([None, "cents", "dollars", "pounds"], [8, 1, 2, 1])[0]
    return Event(chance.randbytes(16), kind, chance.choice(["default", "default", "other"]), chance.choice([None, 1, 2]), bodies.body(), unit)


def line_of(events):
    return json.dumps([{"id": event.event_id.hex(), "type": ("ai.hookline." if event.type in OURS else "ai.retell.") + event.type,
                        "source": event.source, "branch": event.branch_id, "cost_unit": event.cost_unit, "payload": event.payload.hex()}
                       for event in events]) + "\n"


def time_of(text):
    return text and int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000 + 0.5)


def differences(written, computed):
    """Columns that are not the same, as (name, C's, the model's)."""
    row, exact = json.loads(written), json.loads(written, parse_float=Decimal, parse_int=Decimal)
    for name in PLAIN:
        if row[name] != computed.get(name) or type(row[name]) is not type(computed.get(name)):
            yield name, row[name], computed.get(name)
    for name in NUMBERS:
        if exact[name] != computed.get(name):
            yield name, exact[name], computed.get(name)
    for name in TIMES:
        if time_of(row[name]) != computed.get(name):
            yield name, row[name], computed.get(name)
    for name in OBJECTS:
        if json.dumps(row[name], sort_keys=True) != json.dumps(computed.get(name), sort_keys=True):
            yield name, row[name], computed.get(name)


def check(rows, chance):
    bodies = Bodies(chance)
    events = [random_event(chance, bodies) for _ in range(chance.randrange(1, 7))]
    told = events + chance.choices(events, k=chance.randrange(3))
    chance.shuffle(told)
    rows.stdin.write(line_of(told))
    rows.stdin.flush()
    computed = call_of(events)
    if "source" not in computed:
        computed = {"status": "", "analyzed": False, "missing": []}  # ignored events alone make no call
        written = json.loads(rows.stdout.readline())
        return [] if written["status"] == "" or written["status"] is None else [("status", written["status"], None)]
    return [(name, ours, theirs, events) for name, ours, theirs in differences(rows.stdout.readline(), computed)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("merge_rows")
    arguments.add_argument("--sets", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=time.time_ns() // 1000)
    given = arguments.parse_args()
    print(f"--sets {given.sets} --seed {given.seed}", flush=True)
    wrong = 0
    with subprocess.Popen([given.merge_rows], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as rows:
        for seed in range(given.seed, given.seed + given.sets):
            for found in check(rows, random.Random(seed)):
                wrong += 1
                print(f"--sets 1 --seed {seed}: {found[0]} is {found[1]!r} in C, {found[2]!r} in the model")
                for event in found[3] if len(found) > 3 else []:
                    print(f"    {event.event_id.hex()[:8]} {event.type} {event.source} {event.branch_id} {event.cost_unit} {event.payload!r}")
            if wrong >= 5:
                rows.kill()
                break
        rows.stdin.close()
    print(f"{'all the same' if not wrong and rows.returncode == 0 else 'NOT the same'}: {given.sets} sets, {wrong} columns differ")
    return 1 if wrong or rows.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
