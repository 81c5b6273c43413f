"""A running local stack, as .run/env describes it (docs/operations.md): connections, processes, conditions with deadlines."""
from __future__ import annotations

import hashlib
import os
import pathlib
import select
import shlex
import signal
import subprocess
import time

import psycopg2
from confluent_kafka import Consumer, TopicPartition

PROGRAMS = ("ingest", "resolver", "session", "sync", "broadcaster")
GROUPS = {"hookline-resolver": "webhooks.retell", "hookline-session": "calls.events", "hookline-sync": "calls.updates"}


class GaveUp(Exception):
    """A condition did not come true in time."""


def wait_until(what, condition, seconds=60.0):
    """Asks every 50 ms until `condition()` is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise GaveUp(f"{what}: not within {seconds:.0f} s")
        select.select([], [], [], 0.05)


def read_env(path):
    values = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            values[name.removeprefix("export ")] = (shlex.split(value) or [""])[0]
    return values


def event_id_of(body, provider="retell", company=""):
    return hashlib.sha256(f"{provider}\x1f{company}\x1f".encode() + body).digest()[:16]


class Stack:
    def __init__(self, run_dir):
        self.run_dir = pathlib.Path(run_dir).resolve()  # sv takes a relative folder for one of its own
        self.env = read_env(self.run_dir / "env")

    def __getitem__(self, name):
        return self.env[name]

    # processes

    def pid(self, part):
        try:
            pid = int((pathlib.Path(self["PIDS_DIR"]) / f"{part}.pid").read_text())
            os.kill(pid, 0)
            return pid
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None

    def kill(self, part, sig=signal.SIGKILL):
        pid = wait_until(f"{part} runs", lambda: self.pid(part))
        os.kill(pid, sig)
        return pid

    def back_after(self, part, old_pid, seconds=60):
        return wait_until(f"{part} is back after pid {old_pid}", lambda: self.pid(part) not in (None, old_pid) and self.pid(part), seconds)

    def service(self, part, command):
        """runit's word to the supervisor of a part: up, down."""
        subprocess.run(["sv", "-w", "60", command, str(self.run_dir / "service" / part)], check=True, capture_output=True)

    def set_environment(self, part, name, value):
        """Gives (None: takes) one variable to a part's next start, through its envdir."""
        path = self.run_dir / "service" / part / "env" / name
        if value is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(value)

    def has_environment(self, pid, name):
        try:
            return f"{name}=".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    # PostgreSQL

    def query(self, sql, parameters=()):
        with psycopg2.connect(self["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    # Kafka

    def topic(self, name):
        return self["TOPIC_PREFIX"] + name

    def consumer(self, group="hookline-test-reader"):
        return Consumer({"bootstrap.servers": self["KAFKA_BOOTSTRAP"], "group.id": group, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest"})

    def partitions(self, consumer, name):
        topics = consumer.list_topics(self.topic(name), timeout=10).topics
        return [TopicPartition(self.topic(name), partition) for partition in topics[self.topic(name)].partitions]

    def read_topic(self, name):
        """Every record that is in the topic now, in the order of (partition, offset)."""
        consumer = self.consumer()
        records = []
        try:
            for partition in self.partitions(consumer, name):
                low, high = consumer.get_watermark_offsets(partition, timeout=10)
                if low == high:
                    continue
                partition.offset = low
                consumer.assign([partition])
                at = low
                while at < high:
                    message = consumer.poll(10)
                    if message is None:
                        raise GaveUp(f"{name}[{partition.partition}] stays silent at {at} of {high}")
                    if message.error():
                        raise GaveUp(str(message.error()))
                    at = message.offset() + 1
                    records.append(message)
        finally:
            consumer.close()
        return records

    def lag(self):
        """Records that a group has not finished, over all groups."""
        behind = 0
        for group, name in GROUPS.items():
            consumer = self.consumer(group)
            try:
                for partition in consumer.committed(self.partitions(consumer, name), timeout=10):
                    low, high = consumer.get_watermark_offsets(partition, timeout=10)
                    behind += high - (partition.offset if partition.offset >= 0 else low)
            finally:
                consumer.close()
        return behind
