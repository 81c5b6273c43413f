"""A running local stack, as .run/env describes it (docs/operations.md): connections, processes, conditions with deadlines."""
from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import re
import select
import shutil
import shlex
import signal
import subprocess
import time
import urllib.request

import psycopg2
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from places import PROGRAMS

CONSUMERS = ("resolver", "session", "sync")
GROUPS = {"hookline-resolver": "webhooks.retell", "hookline-session": "calls.events", "hookline-sync": "calls.updates"}


class GaveUp(Exception):
    """A condition did not come true in time."""


def wait_until(what, condition, seconds=120.0):
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

    def port(self, part):
        return int(re.search(rf"^{part}=(\d+)$", (self.run_dir / "ports").read_text(), re.MULTILINE)[1])

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

    def back_after(self, part, old_pid, seconds=120):
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

    def add_twin(self, part):
        """A second instance of a consuming program, supervised as the first: who takes over what a frozen one leaves."""
        twin = f"{part}-2"
        old, new = self.run_dir / "service" / part, self.run_dir / "service" / f".{twin}"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(old, new, ignore=shutil.ignore_patterns("supervise", "down", "changed"))
        for script in (new / "run", new / "log" / "run"):
            text = re.sub(rf"\b(service|log)/{part}\b", rf"\1/{twin}", script.read_text())
            script.write_text(re.sub(rf"(pids|starts)/(\.?){part}\b", rf"\1/\2{twin}", text))
        (self.run_dir / "log" / twin).mkdir(exist_ok=True)
        shutil.copy(self.run_dir / "log" / part / "config", self.run_dir / "log" / twin / "config")
        (new / "env" / "HOOKLINE_INSTANCE").write_text("second")
        (new / "env" / "HOOKLINE_MANAGEMENT_LISTEN").write_text("127.0.0.1:0")
        new.rename(self.run_dir / "service" / twin)
        return twin

    def metric(self, part, name):
        """The sum of a metric over its labels, as the part's management port says; None if it does not answer."""
        address = (self.run_dir / "management" / part).read_text().strip()
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line))

    # logs

    def log_files(self, part):
        """Oldest first; svlogd gives a full one a name that is a time, and begins a new `current`."""
        folder = self.run_dir / "log" / part
        return sorted(folder.glob("@*")) + [folder / "current"]

    def log_lines(self, part, words):
        """How many lines of its log have these words in them."""
        count = 0
        for file in self.log_files(part):
            try:
                count += file.read_bytes().count(words.encode())
            except FileNotFoundError:  # renamed meanwhile
                continue
        return count

    # PostgreSQL

    def query(self, sql, parameters=()):
        """Rows, as the operators' role sees them. A connection of its own, closed at once."""
        return self._rows(self["DATABASE_URL"], sql, parameters)

    def query_as_administrator(self, sql, parameters=()):
        return self._rows(self._administrator_url, sql, parameters)

    @functools.cached_property
    def _administrator_url(self):
        password = (self.run_dir / "secrets" / "hookline_admin").read_text().strip()
        return re.sub(r"//[^@/]*@", f"//hookline_admin:{password}@", self["DATABASE_URL"])

    @staticmethod
    def _rows(url, sql, parameters):
        connection = psycopg2.connect(url, connect_timeout=10)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)  # None: a % in it is a %
                return cursor.fetchall()
        finally:
            connection.close()

    # Kafka

    def topic(self, name):
        return self["TOPIC_PREFIX"] + name

    def consumer(self, group="hookline-test-reader"):
        return Consumer({"bootstrap.servers": self["KAFKA_BOOTSTRAP"], "group.id": group, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "log_level": 0})  # that Kafka is away now and then is no news here

    def partitions(self, consumer, name):
        topics = consumer.list_topics(self.topic(name), timeout=10).topics
        return [TopicPartition(self.topic(name), partition) for partition in topics[self.topic(name)].partitions]

    def read_topic(self, name):
        """Every record that is in the topic now, in the order of (partition, offset)."""
        consumer = self.consumer()
        try:
            left, records = {}, []  # partition -> its end
            partitions = self.partitions(consumer, name)
            for partition in partitions:
                partition.offset, end = consumer.get_watermark_offsets(partition, timeout=10)
                if partition.offset < end:
                    left[partition.partition] = end
            consumer.assign([partition for partition in partitions if partition.partition in left])
            while left:
                message = consumer.poll(10)
                if message is None or message.error():
                    raise GaveUp(f"{name} stays silent at {len(records)} records: {message and message.error()}")
                records.append(message)
                if message.offset() + 1 >= left.get(message.partition(), 0):
                    left.pop(message.partition(), None)
            return sorted(records, key=lambda record: (record.partition(), record.offset()))
        finally:
            consumer.close()

    def follow_topic(self, name, closed):
        """Every record from the beginning on, as it comes, until `closed` is set."""
        consumer = self.consumer()
        try:
            partitions = self.partitions(consumer, name)
            for partition in partitions:
                partition.offset = OFFSET_BEGINNING
            consumer.assign(partitions)
            while not closed.is_set():
                message = consumer.poll(0.2)
                if message is not None and not message.error():
                    yield message
        finally:
            consumer.close()

    def put(self, name, key, value):
        """A record without headers."""
        producer = Producer({"bootstrap.servers": self["KAFKA_BOOTSTRAP"], "log_level": 0})
        producer.produce(self.topic(name), value, key)
        if producer.flush(10):
            raise GaveUp(f"{name} takes no record")

    def positions(self, group, name):
        """(partition, what the group has finished, the end) of each partition."""
        consumer = self.consumer(group)
        try:
            found = []
            for partition in consumer.committed(self.partitions(consumer, name), timeout=10):
                low, high = consumer.get_watermark_offsets(partition, timeout=10)
                found.append((partition.partition, partition.offset if partition.offset >= 0 else low, high))
            return found
        finally:
            consumer.close()

    def lag(self):
        """Records that a group has not finished, over all groups."""
        return sum(end - finished for group, name in GROUPS.items() for _, finished, end in self.positions(group, name))
