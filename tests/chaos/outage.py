"""PostgreSQL away for minutes, under load: outage.py --run DIR [--minutes N] [--rate R]

Webhooks go on at `rate` a second for as long as it lasts. They must all get 200 (ingest needs no database),
nothing may become a dead letter, and once PostgreSQL is back the oracle judges as after a storm. Nobody is restarted for it:
session's and resolver's processes are those of before. By hand; tests/stage/session_ends.c has a short one in every run.
"""
from __future__ import annotations

import argparse
import collections
import json
import random
import sys
import threading
import time

import oracle
from load import Load
from script import analysis_of, call_facts
from stack import Stack, wait_until

STAGES = ("resolver", "session")
PATIENCE_S = 240


def bodies_of(numbers, calls, name, now_ms):
    """Whole lives, interleaved by tens: nothing that sync would have to ask for."""
    source, told = random.Random(name), []
    for index in range(calls):
        begun, ended = call_facts(f"outage_{name}_{index:05d}", source.choice(numbers), f"+4915{source.randrange(10**8, 10**9)}", source,
                                  now_ms + index * 40)
        for step, (kind, call) in enumerate((("call_started", begun), ("call_ended", ended), ("call_analyzed", analysis_of(ended)))):
            told.append((3 * index + 10 * step, json.dumps({"event": kind, "call": call}).encode()))
    return [body for _, body in sorted(told)]


def outage(stack, minutes):
    before = {part: stack.pid(part) for part in STAGES}
    stack.service("postgres", "down")
    try:
        threading.Event().wait(60 * minutes)
    finally:
        stack.service("postgres", "up")
    return [f"{part} was pid {before[part]} and is {stack.pid(part)}" for part in STAGES if stack.pid(part) != before[part]]


def settled(stack, accepted):
    """PostgreSQL may still be coming back: no answer is no."""
    return oracle.true_of(lambda: accepted <= set().union(*oracle.kept_ids(stack)) and stack.lag() == 0)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--rate", type=float, default=50, help="webhooks a second")
    arguments = options.parse_args()
    stack = Stack(arguments.run)
    dead, earlier = oracle.dead_ids(stack), set().union(*oracle.kept_ids(stack))
    now_ms = int(time.time() * 1000)
    calls = int((60 * arguments.minutes + 30) * arguments.rate / 3)
    load = Load(stack["INGEST_URL"], stack["RETELL_API_KEY"], bodies_of([stack["DEMO_NUMBER"], stack["DEMO_NUMBER_2"]], calls, now_ms, now_ms),
                arguments.rate)
    load.start()
    findings = outage(stack, arguments.minutes)
    begun = time.monotonic()
    load.finish()
    wait_until("all that got 200 is kept, and read by every group", lambda: settled(stack, load.accepted), PATIENCE_S)
    seconds = time.monotonic() - begun
    for check in (oracle.check_ids(stack, load.sent | earlier, load.accepted), oracle.check_payloads(stack, {}), oracle.check_rows(stack),
                  oracle.check_updates(stack, collections.Counter())):
        findings += check
    findings += load.wrong + [f"dead letter {event.hex()}" for event in oracle.dead_ids(stack) - dead]
    print(f"PostgreSQL away for {arguments.minutes:g} min: {len(load.sent)} webhooks sent, {len(load.accepted)} accepted, {load.given_up} given up; "
          f"settled {seconds:.1f} s after it was back; {len(findings)} findings")
    if findings:
        print("\n".join(findings[:40]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
