"""Chaos over a running stack, and the judge: chaos.py --run DIR --build DIR [--failpoints kill,stop,error] [--minutes N] [--seed S]

Every round is signed webhooks at a steady rate, 10 % of them twice and all within a window of 20 out of order; meanwhile either
every failpoint of every program does its deed once (gauntlet.py), or random deeds follow each other (faults.py). Then the load
ends, the stack comes to rest, and the oracle judges. Two screens and a watch look on all the time. A second instance of each
consumer stands by, so that a frozen one becomes a zombie and not merely late.

Needs a stack of its own, of a build with failpoints, with the settings of tests/lib/system.sh. One line a round; exit 1 on any
finding. `tests/chaos/run MINUTES` brings up such a stack.
"""
from __future__ import annotations

import argparse
import collections
import contextlib
import random
import sys
import threading
import time

import gauntlet
import leaks
import oracle
from faults import add_number, pause, quiet_deed, random_deed
from load import Load
from places import PROGRAMS
from retell_api import Platform
from screens import Screen
from script import Script, script
from stack import CONSUMERS, GaveUp, Stack, wait_until
from watch import CalmClock, Watch

RANDOM_ROUND_S = 30
ROUND_MAX_S = 600  # bodies are made for so long
TWO_AT_ONCE = 0.2  # the share of deeds that begin while another is still done


class Storm:
    """All that lasts longer than a round."""

    def __init__(self, arguments):
        self.arguments, self.stack = arguments, Stack(arguments.run)
        self.sent, self.accepted, self.plan = set(), set(), Script()
        self.clock, self.round, self.baseline = CalmClock(), 0, None
        self.numbers = {self.stack["DEMO_NUMBER"]: 1, self.stack["DEMO_NUMBER_2"]: 2}
        self.platform = Platform(self.stack.port("simulator"), arguments.seed)
        self.platform.calls = self.plan.truth
        self.twins = [self.stack.add_twin(part) for part in CONSUMERS]
        for twin in self.twins:
            wait_until(f"{twin} runs", lambda part=twin: self.stack.pid(part), 60)
        self.watch = Watch(self.stack, self.clock)
        self.screens = [Screen(self.stack["DASHBOARD_URL"], self.stack[token], company, self.plan.company_of)
                        for token, company in (("DASHBOARD_TOKEN", 1), ("DASHBOARD_TOKEN_2", 2))]

    def close(self):
        for part in (*self.screens, self.watch, self.platform):
            part.close()

    def next_script(self, seconds):
        self.round += 1
        calls = int(seconds * self.arguments.rate / 4)
        plan = script(self.numbers, calls, f"{self.arguments.seed}_{self.round}", int(time.time() * 1000), len(self.plan.strangers))
        for name in ("company_of", "truth", "strangers"):
            getattr(self.plan, name).update(getattr(plan, name))
        return plan


class Strangers:
    """Numbers that nobody has are taken by a company some time after their first calls, one after the other."""

    def __init__(self, stack, numbers, load, each):
        self.stack, self.load, self.each = stack, load, each
        self.left, self.problem, self.ended = list(numbers.items()), None, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            added = 0
            while self.left and not self.ended.wait(0.2):
                if len(self.load.sent) > (added + 1) * self.each:
                    add_number(self.stack, *self.left.pop(0))
                    added += 1
        except Exception as problem:  # told by finish()
            self.problem = problem

    def finish(self):
        """Adds the one that was called last; the others were not called yet."""
        self.ended.set()
        self.thread.join()
        if self.problem:
            raise self.problem
        for number, company in self.left[:2]:
            add_number(self.stack, number, company)


def random_deeds(storm, source, load):
    """Deeds until the round is over, some of them two at a time."""
    done, problems, others = [], [], []
    end = time.monotonic() + RANDOM_ROUND_S

    def do(deed):
        try:
            with storm.clock.deed():
                done.append(quiet_deed(deed))
        except Exception as problem:  # told in the main thread
            problems.append(f"a deed failed: {problem}")
    while time.monotonic() < end and load.running():
        deed = random_deed(storm.stack, source)
        if source.random() < TWO_AT_ONCE:
            others.append(threading.Thread(target=do, args=(deed,), daemon=True))
            others[-1].start()
        else:
            do(deed)
        pause(source.uniform(0, 1.5))
    for other in others:
        other.join()
    return done, problems


def failpoint_deeds(storm, deed, load):
    def vandalise():
        """A record that is no update: sync's batches publish nothing but the dead letters of such."""
        while not over.wait(0.3):
            with contextlib.suppress(GaveUp):  # Kafka is silenced now and then, and this must not be the end of it
                storm.stack.put("calls.updates", f"1/nobody-{random.random()}", "no update")  # some to this sync, some to its twin
    over = threading.Event()
    vandal = threading.Thread(target=vandalise, daemon=True)
    vandal.start()
    with storm.clock.deed():
        done, problems = gauntlet.run(storm.stack, storm.arguments.build, deed, storm.arguments.seed, load.running)
    over.set()
    vandal.join()
    return [f"{deed} at {len(set(done))} failpoints, {len(done)} times in all"], problems


def screens_agree(storm):
    rows = storm.stack.query("SELECT company_id, call_id, version, status, extract(epoch FROM updated_at) FROM calls")
    for screen in storm.screens:
        yield from screen.behind([(call_id, version, status, float(changed)) for company, call_id, version, status, changed in rows
                                  if company == screen.company])


def judge(storm, load, figures):
    findings = list(load.wrong) + oracle.settle(storm.stack, storm.accepted)
    if not any(finding.startswith("not at all") for finding in findings):
        try:
            wait_until("the screens agree", lambda: not list(screens_agree(storm)), oracle.VISIBLE_S)
        except GaveUp:
            findings += list(screens_agree(storm))[:5]
    findings += oracle.judge(storm.stack, storm.sent, storm.accepted, storm.plan, figures)
    for onlooker in (*storm.screens, storm.watch):
        findings += onlooker.wrong
        onlooker.wrong = []
    findings += leaks.told_in_logs(storm.stack, (*PROGRAMS, *storm.twins))
    figures_now = leaks.sample(storm.stack)
    storm.baseline = storm.baseline or figures_now
    return findings + list(leaks.grown(storm.baseline, figures_now))


def round_of(storm, name, deeds, seconds):
    """One round; true if nothing was found."""
    plan, begun = storm.next_script(seconds), time.monotonic()
    load = Load(storm.stack["INGEST_URL"], storm.stack["RETELL_API_KEY"], plan.bodies, storm.arguments.rate)
    load.start()
    strangers = Strangers(storm.stack, plan.strangers, load, len(plan.bodies) / max(1, len(plan.strangers)))
    try:
        done, findings = deeds(load)
    finally:
        load.finish()
        storm.sent |= load.sent
        storm.accepted |= load.accepted
    strangers.finish()
    lasted, begun, figures = time.monotonic() - begun, time.monotonic(), collections.Counter()
    findings = findings + judge(storm, load, figures)
    print(f"round {storm.round} ({name}): {len(load.sent)} webhooks in {lasted:.0f} s, {len(load.accepted)} accepted, "
          f"{load.given_up} given up; {', '.join(f'{count}x {deed}' if count > 1 else deed for deed, count in collections.Counter(done).items())}; "
          f"settled and judged in {time.monotonic() - begun:.0f} s; slowest version {storm.watch.slowest:.1f} calm s, "
          f"{figures['superseded unpublished']} versions superseded unpublished, sync asked {storm.platform.asked} times; "
          f"{len(findings)} findings", flush=True)
    if findings:
        print("\n".join(findings[:40]), flush=True)
    return not findings


def rounds(storm):
    """Each as (name, deeds, longest it may last)."""
    for deed in filter(None, storm.arguments.failpoints.split(",")):
        yield f"failpoints, {deed}", lambda load, deed=deed: failpoint_deeds(storm, deed, load), ROUND_MAX_S
    end = time.monotonic() + storm.arguments.minutes * 60
    while time.monotonic() < end:
        source = random.Random(f"{storm.arguments.seed} {storm.round}")
        yield "random", lambda load, source=source: random_deeds(storm, source, load), 4 * RANDOM_ROUND_S


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--build", required=True, help="where its programs were built, with failpoints")
    options.add_argument("--failpoints", default="", help="kill, stop, error, or several with commas: each place does it once")
    options.add_argument("--minutes", type=float, default=0, help="of random deeds")
    options.add_argument("--seed", default=str(int(time.time())))
    options.add_argument("--rate", type=float, default=100, help="webhooks a second")
    storm = Storm(options.parse_args())
    print(f"chaos with seed {storm.arguments.seed}", flush=True)
    try:
        for round_now in rounds(storm):
            if not round_of(storm, *round_now):
                return 1
    finally:
        storm.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
