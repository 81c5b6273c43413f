"""PostgreSQL away for minutes, under load: outage.py --run DIR [--minutes N] [--rate R]

Webhooks go on at `rate` a second for as long as it lasts. They must all get 200 (ingest needs no database),
nothing may become a dead letter, and once PostgreSQL is back the oracle judges as after a storm. Nobody is restarted for it:
session's and resolver's processes are those of before. By hand; tests/stage/session_ends.c has a short one in every run.
"""
from __future__ import annotations

import argparse
import sys
import threading
import time

import oracle
from load import Load, script
from stack import Stack

STAGES = ("resolver", "session")


def letters(stack):
    return len(stack.read_topic("webhooks.retell.dlq")) + len(stack.read_topic("calls.events.dlq"))


def outage(stack, minutes):
    before = {part: stack.pid(part) for part in STAGES}
    stack.service("postgres", "down")
    try:
        threading.Event().wait(60 * minutes)
    finally:
        stack.service("postgres", "up")
    return [f"{part} was pid {before[part]} and is {stack.pid(part)}" for part in STAGES if stack.pid(part) != before[part]]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--rate", type=float, default=50, help="webhooks a second")
    arguments = options.parse_args()
    stack = Stack(arguments.run)
    dead, earlier = letters(stack), set().union(*oracle.kept_ids(stack))
    calls = int((60 * arguments.minutes + 30) * arguments.rate / 4)
    load = Load(stack["INGEST_URL"], stack["RETELL_API_KEY"], script([stack["DEMO_NUMBER"], stack["DEMO_NUMBER_2"]], calls, str(int(time.time()))),
                arguments.rate)
    load.start()
    findings = outage(stack, arguments.minutes)
    begun = time.monotonic()
    load.finish()
    oracle.settle(stack, load.accepted)
    settled = time.monotonic() - begun
    findings += load.wrong + oracle.judge(stack, load.sent | earlier, load.accepted)
    findings += [f"{letters(stack) - dead} dead letters"] if letters(stack) != dead else []
    print(f"PostgreSQL away for {arguments.minutes:g} min: {len(load.sent)} webhooks sent, {len(load.accepted)} accepted, {load.given_up} given up; "
          f"settled {settled:.1f} s after it was back; {len(findings)} findings")
    if findings:
        print("\n".join(findings[:40]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
