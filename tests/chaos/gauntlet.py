"""Every failpoint of every program, crossed with a deed: armed, reached under load, and proven to have acted.

One thread a program; a program's places come one after the other. Where a place kills, the process that runsv starts next is
the one that the next place is armed in.
"""
from __future__ import annotations

import pathlib
import random
import signal
import threading
import time

from faults import FREEZE_S, pause, silence_kafka, thaw
from places import PROGRAMS, places_of
from stack import GaveUp, wait_until

REACHED_S = 180  # a place must be passed within; parked events are looked at every 30 s
PASSES = {"session.answered": range(1, 10), "session.sent": (1, 2, 3, 4), "session.reported": (1, 2, 5)}  # each statement, some acks
ONLY_IN_OUTAGES = ("ingest.spool", "ingest.drain")
LATER = {".decided", ".published", ".stored", ".committed"}  # here any of the first passes does; the seed says which


def crossings(build, program, deed, source):
    """(place, pass) of a program."""
    for place in places_of(build, program):
        if deed == "kill" and place in PASSES:
            yield from ((place, at) for at in PASSES[place])
        else:
            yield place, source.randrange(1, 4) if any(place.endswith(end) for end in LATER) else 1


def is_stopped(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False


class Gauntlet:
    """One program's way through its places."""

    def __init__(self, stack, build, program, deed, seed):
        self.stack, self.program, self.deed = stack, program, deed
        self.left = list(crossings(build, program, deed, random.Random(f"{seed} {program} {deed}")))
        self.done, self.problem = [], None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _arm(self, crossing):
        """For the next start of the program. Returns how often the log says that it acted, so far."""
        place, at = crossing
        said = self._said(crossing)
        self.stack.set_environment(self.program, "HOOKLINE_FAILPOINT", f"{place}:{self.deed}:{at}")
        return said

    def _disarm(self):
        self.stack.set_environment(self.program, "HOOKLINE_FAILPOINT", None)

    def _said(self, crossing):
        return self.stack.log_lines(self.program, "failpoint {}, pass {}\n".format(*crossing))

    def _restart(self):
        return self.stack.back_after(self.program, self.stack.kill(self.program))

    def _reached(self, pid, crossing, said):
        """True: it acted. False: the process that was to do it is gone for another reason, and must be armed again."""
        def over():
            if self._said(crossing) > said:
                return self.deed == "error" or (is_stopped(pid) if self.deed == "stop" else self.stack.pid(self.program) != pid)
            return self.stack.pid(self.program) not in (None, pid)
        wait_until(f"{self.deed} at {crossing[0]}", over, REACHED_S)
        return self._said(crossing) > said

    def _thaw(self, pid):
        pause(FREEZE_S)
        thaw(pid)
        pause(1)  # the zombie's late work goes on before it is replaced

    def _reached_somehow(self, pid, crossing, said):
        """Some places are passed only when the brokers have been silent for a while."""
        if not crossing[0].startswith(ONLY_IN_OUTAGES):
            return self._reached(pid, crossing, said)
        over = threading.Event()

        def be_silent_now_and_then():
            while not over.is_set():
                silence_kafka(self.stack, 3)
                over.wait(3)
        silence = threading.Thread(target=be_silent_now_and_then, daemon=True)
        silence.start()
        try:
            return self._reached(pid, crossing, said)
        finally:
            over.set()
            silence.join()

    def _cross(self, pid, crossing, said, following):
        """`pid` has it armed. Returns the process that comes next, and what its log says of what it was armed with."""
        while True:
            # The environment of `pid` is read: what is written now is the next one's.
            then_said = self._arm(following) if following else self._disarm()
            if self._reached_somehow(pid, crossing, said):
                break
            said = self._arm(crossing)
            pid = self._restart()
        if self.deed == "stop":
            self._thaw(pid)
        self.done.append(crossing[0])
        return (self.stack.back_after(self.program, pid) if self.deed == "kill" else self._restart()), then_said

    def _run(self):
        try:
            said = self._arm(self.left[0]) if self.left else 0
            pid = self._restart()
            for crossing, following in zip(self.left, [*self.left[1:], None]):
                pid, said = self._cross(pid, crossing, said, following)
        except Exception as problem:  # told in the main thread
            self.problem = problem
        finally:
            self._disarm()


def run(stack, build, deed, seed, running):
    """All programs at once. Returns the places where it happened; `running` says whether there still is load."""
    gauntlets = [Gauntlet(stack, build, program, deed, seed) for program in PROGRAMS]
    expected = sum(len(gauntlet.left) for gauntlet in gauntlets)
    for gauntlet in gauntlets:
        gauntlet.thread.start()
    while any(gauntlet.thread.is_alive() for gauntlet in gauntlets):
        if not running():
            raise GaveUp("the load ended before every place was reached")
        pause(0.2)
    problems = [f"{gauntlet.program}: {gauntlet.problem}" for gauntlet in gauntlets if gauntlet.problem]
    done = [place for gauntlet in gauntlets for place in gauntlet.done]
    if not problems and len(done) != expected:
        problems = [f"{len(done)} of {expected} places were reached"]
    return done, problems
