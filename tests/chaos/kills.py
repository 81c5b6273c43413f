"""Storms over a running stack: kills.py --run DIR [--rounds N] [--seed S] [--rate R]

A round is 100 webhooks/s with 10 % repeats and disorder, and meanwhile, one after the other: kill -9 of each program, a
kill exactly between session's commit and its publishing (a failpoint; random kills miss that window), a SIGSTOP of session
longer than its group session, PostgreSQL and Kafka stopped and started. Then, with lag back at 0, the oracle judges.
Needs a stack of a build with failpoints (deploy/up --build build/sanitize --no-simulator). Prints one line a round; exit 1
on any finding. Ends nothing that it did not stop itself.
"""
from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time

import oracle
from load import Load, script
from stack import PROGRAMS, GaveUp, Stack, wait_until

FAILPOINT = "session.decided:kill:3"


def kill_each(stack, report):
    for part in PROGRAMS:
        old = stack.kill(part)
        stack.back_after(part, old)
        report.append(f"kill {part}")


def kill_between_commit_and_publishing(stack, report):
    """The failpoint is compiled into test builds: session dies the third time that it comes to the place after its commit."""
    stack.set_environment("session", "HOOKLINE_FAILPOINT", FAILPOINT)
    armed = stack.back_after("session", stack.kill("session"))
    # The pid is known before the environment is read: taken away too early, the failpoint would never have been there.
    wait_until("session has its failpoint", lambda: stack.pid("session") != armed or stack.has_environment(armed, "HOOKLINE_FAILPOINT"))
    stack.set_environment("session", "HOOKLINE_FAILPOINT", None)
    stack.back_after("session", armed, 30)
    report.append("failpoint session.decided")


def freeze_session(stack, report, seconds):
    """A zombie: frozen beyond its group session, so that Kafka gives its partitions away (or would), then let go."""
    pid = stack.kill("session", signal.SIGSTOP)
    try:
        threading.Event().wait(seconds)
    finally:
        stack.kill("session", signal.SIGCONT) if stack.pid("session") == pid else None
    report.append(f"freeze session {seconds:.0f} s")


def restart(stack, report, part):
    stack.service(part, "down")
    threading.Event().wait(1.0)
    stack.service(part, "up")
    report.append(f"restart {part}")


def storm(stack, random_source, load, freeze_seconds, report):
    deeds = [lambda: kill_each(stack, report), lambda: kill_between_commit_and_publishing(stack, report),
             lambda: restart(stack, report, "postgres"), lambda: restart(stack, report, "kafka")]
    if freeze_seconds:
        deeds.append(lambda: freeze_session(stack, report, freeze_seconds))
    random_source.shuffle(deeds)
    for deed in deeds:
        if not load.running():
            raise GaveUp("the load ended before the storm did: raise --calls")
        deed()


def round_of(stack, number, seed, rate, calls, freeze_seconds):
    numbers = [stack["DEMO_NUMBER"], stack["DEMO_NUMBER_2"]]
    bodies = script(numbers, calls, f"{seed}_{number}")
    load, report, begun = Load(stack["INGEST_URL"], stack["RETELL_API_KEY"], bodies, rate), [], time.monotonic()
    load.start()
    try:
        storm(stack, random.Random(f"{seed} {number}"), load, freeze_seconds, report)
    finally:
        load.finish()
    ended = time.monotonic()
    return load, report, ended - begun


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seed", default=str(int(time.time())))
    options.add_argument("--rate", type=float, default=100, help="webhooks a second")
    options.add_argument("--calls", type=int, default=2500, help="calls a round at the most, about four webhooks each; a round ends with its storm")
    options.add_argument("--freeze-every", type=int, default=2, help="freeze session in every n-th round; 0: never")
    options.add_argument("--freeze-seconds", type=float, default=9)
    arguments = options.parse_args()
    stack, sent, accepted = Stack(arguments.run), set(), set()
    print(f"storms with seed {arguments.seed}", flush=True)
    for number in range(1, arguments.rounds + 1):
        frozen = arguments.freeze_seconds if arguments.freeze_every and number % arguments.freeze_every == 0 else 0
        load, report, seconds = round_of(stack, number, arguments.seed, arguments.rate, arguments.calls, frozen)
        sent |= load.sent
        accepted |= load.accepted
        begun = time.monotonic()
        oracle.settle(stack, accepted)
        findings = load.wrong + oracle.judge(stack, sent, accepted)
        print(f"round {number}: {len(load.sent)} webhooks in {seconds:.0f} s, {len(load.accepted)} accepted, {load.given_up} given up; "
              f"{', '.join(report)}; settled in {time.monotonic() - begun:.1f} s; {len(findings)} findings", flush=True)
        if findings:
            print("\n".join(findings[:40]), flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
