"""What is done to a running stack: deaths, freezes, and the loss of both servers. Each returns a word for the report when the
damage is done and, where that belongs to it, undone; recovering is the stack's own work.
"""
from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import psycopg2

from stack import CONSUMERS, GaveUp, wait_until
from places import PROGRAMS

FREEZE_S = 9.0  # longer than the group session of the tests' stacks, 6 s


def pause(seconds):
    threading.Event().wait(seconds)


def kill(stack, part):
    stack.back_after(part, stack.kill(part))
    return f"kill {part}"


def freeze(stack, part):
    """A zombie: frozen until Kafka has given its partitions away, then let go."""
    pid = stack.kill(part, signal.SIGSTOP)
    try:
        pause(FREEZE_S)
    finally:
        thaw(pid)
    return f"freeze {part}"


def silence_kafka(stack, seconds):
    """Its sockets stay open and nobody answers: ingest must spool, everybody else waits."""
    pid = stack.kill("kafka", signal.SIGSTOP)
    try:
        pause(seconds)
    finally:
        thaw(pid)
    return f"silence kafka {seconds:.0f} s"


def thaw(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def server_stop(stack, part, seconds):
    """The orderly way."""
    stack.service(part, "down")
    pause(seconds)
    stack.service(part, "up")
    return f"stop {part} {seconds:.0f} s"


def postgres_immediate(stack):
    """What `pg_ctl stop -m immediate` sends: no checkpoint, recovery at the next start."""
    pid = stack.kill("postgres", signal.SIGQUIT)
    stack.back_after("postgres", pid)
    return "postgres immediate"


def postgres_kill(stack):
    """The postmaster dies; its children notice, and the next one waits for them."""
    pid = stack.kill("postgres")
    stack.back_after("postgres", pid)
    return "kill postgres"


def terminate_backends(stack, part):
    stack.query_as_administrator("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (f"hookline-{part}",))
    return f"terminate {part}'s backends"


def add_number(stack, number, company):
    """Somebody takes a number that was called before it was anybody's: what waited for it is released."""
    def added():
        done = subprocess.run([stack["HOOKLINE"], "number", "add", number, "--company", str(company)], capture_output=True, text=True)
        if done.returncode not in (0, 69):
            raise GaveUp(f"hookline number add {number}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done.returncode == 0
    wait_until(f"{number} is added", added, 120)


def databases_answer(stack):
    try:
        return stack.query("SELECT 1") == [(1,)]
    except psycopg2.Error:
        return False


def random_deed(stack, source):
    """One deed of all that may happen, as a function of nothing."""
    twins = [f"{part}-2" for part in CONSUMERS]
    deeds = [(6, lambda: kill(stack, source.choice([*PROGRAMS, *twins]))),
             (2, lambda: freeze(stack, source.choice([*PROGRAMS, *twins]))),
             (1, lambda: postgres_immediate(stack)),
             (0.5, lambda: postgres_kill(stack)),
             (1.5, lambda: terminate_backends(stack, source.choice(("resolver", "session", "sync", "broadcaster")))),
             (0.5, lambda: server_stop(stack, "postgres", source.uniform(0.5, 3))),
             (0.7, lambda: server_stop(stack, "kafka", source.uniform(0.5, 4))),
             (0.7, lambda: kill(stack, "kafka")),
             (0.7, lambda: silence_kafka(stack, source.uniform(2.5, 8)))]
    return source.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]


def quiet_deed(deed):
    """Runs it; a server that is just away must not end the storm: that is what it is about."""
    begun = time.monotonic()
    while True:
        try:
            return deed()
        except (OSError, subprocess.CalledProcessError, psycopg2.Error) as problem:
            reason = problem
        if time.monotonic() - begun > 60:
            raise GaveUp(f"a deed could not be done: {reason}")
        pause(0.5)
