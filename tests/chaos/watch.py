"""Looks on while the storm lasts: is every version published or superseded soon after its commit, does every partition move?

"Soon" is counted in calm seconds: those in which neither PostgreSQL, Kafka nor the program that is waited for was down. Later
events of a call hide an update that was never sent, so looking at the end alone is not enough.
"""
from __future__ import annotations

import contextlib
import json
import threading
import time

import psycopg2
from confluent_kafka import KafkaException

from stack import GROUPS

SOON_S = 60.0
RECOVERY_S = 5.0  # after a deed, still its own time
LOOK_S = 1.0


class CalmClock:
    """Seconds that count only while nothing is done to the stack."""

    def __init__(self):
        self.lock, self.calm, self.at, self.deeds, self.calm_from = threading.Lock(), 0.0, time.monotonic(), 0, 0.0

    def _advance(self):
        now = time.monotonic()
        if not self.deeds and now > self.calm_from:
            self.calm += now - max(self.at, self.calm_from)
        self.at = now

    def now(self):
        with self.lock:
            self._advance()
            return self.calm

    @contextlib.contextmanager
    def deed(self):
        with self.lock:
            self._advance()
            self.deeds += 1
        try:
            yield
        finally:
            with self.lock:
                self._advance()
                self.deeds -= 1
                self.calm_from = time.monotonic() + RECOVERY_S


class Watch:
    """Two threads: one asks PostgreSQL and the groups, one reads calls.updates."""

    def __init__(self, stack, clock):
        self.stack, self.clock = stack, clock
        self.published = {}  # (company, call id) -> newest version in calls.updates
        self.unpublished = {}  # (company, call id, version) -> calm seconds when it was first seen in PostgreSQL
        self.moved = {}  # (group, partition) -> (committed, calm seconds since when)
        self.slowest = 0.0
        self.wrong, self.told = [], set()
        self.closed = threading.Event()
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self._ask, self._read)]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.closed.set()
        for thread in self.threads:
            thread.join(60)

    def _say(self, key, sentence):
        if key not in self.told:
            self.told.add(key)
            self.wrong.append(sentence)

    def _ask(self):
        while not self.closed.wait(LOOK_S):
            try:
                self._look_at_versions()
                self._look_at_groups()
            except (psycopg2.Error, KafkaException):
                continue  # away: not calm either

    def _look_at_versions(self):
        rows = self.stack.query("SELECT company_id, call_id, version FROM calls WHERE updated_at > now() - interval '3 minutes'")
        now = self.clock.now()
        for company, call_id, version in rows:
            if self.published.get((company, call_id), 0) < version:
                self.unpublished.setdefault((company, call_id, version), now)
        for (company, call_id, version), since in list(self.unpublished.items()):
            if self.published.get((company, call_id), 0) >= version:
                self.slowest = max(self.slowest, now - since)
                del self.unpublished[company, call_id, version]
            elif now - since > SOON_S:
                self._say((company, call_id), f"call {company}/{call_id}: version {version} is neither published nor superseded after {SOON_S:.0f} s")

    def _look_at_groups(self):
        for group, name in GROUPS.items():
            for partition, committed, end in self.stack.positions(group, name):
                now, key = self.clock.now(), (group, partition)
                before, since = self.moved.get(key, (None, now))
                if committed >= end or committed != before:
                    self.moved[key] = (committed, now)
                elif now - since > SOON_S:
                    self._say(key, f"{group} stands still at {committed} of {end} in {name}[{partition}] for {SOON_S:.0f} s")

    def _read(self):
        while not self.closed.is_set():
            try:
                for record in self.stack.follow_topic("calls.updates", self.closed):
                    if not record.headers():
                        continue  # a vandal's
                    update = json.loads(record.value())
                    key = update["company_id"], update["call_id"]
                    self.published[key] = max(self.published.get(key, 0), update["version"])
            except KafkaException:
                self.closed.wait(1)
