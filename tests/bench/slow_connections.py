#!/usr/bin/python3
"""What slow connections cost everybody else: slow_connections.py --build DIR [--connections 5000] [--rate 100] [--seconds 20] [--broker HOST:PORT]

Starts a hookline-ingest of its own in front of librdkafka's mock broker (or the Kafka given) and sends signed webhooks of 2 KB at a
steady rate over four connections, every second one forged (ingest refuses it by itself; the others wait for the broker): first alone, then while so many attackers hold connections open, each sending one byte of a
head every ten seconds, from many addresses of 127.0.0.0/8, so that the cap per address does not end it at once. Whom ingest
closes (408 after HEADER_DEADLINE_MS) comes again. Prints the others' latency from the first byte sent to the answer's last, and
what ingest said and held. Needs python3-confluent-kafka; exit 1 if the p99 beside the attackers is 50 ms or more.
"""
from __future__ import annotations

import argparse
import hashlib
import hmac
import multiprocessing
import os
import pathlib
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

from stack import GaveUp, wait_until  # noqa: E402  (the folder is known only now)

KEY = "key_slow_connections_0123456789"
LIMIT_MS, SENDERS, PER_ADDRESS, BYTE_EVERY_S = 50, 4, 150, 10
HEAD = b"POST /api/retell/webhook HTTP/1.1\r\nHost: slow\r\nX: " + b"y" * 1000


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Ingest:
    """One process, as its senders and its operator meet it."""

    def __init__(self, build, bootstrap, directory, connections):
        self.port, self.management, self.directory = free_port(), free_port(), pathlib.Path(directory)
        environment = {"PATH": os.environ["PATH"], "HOOKLINE_KAFKA_BOOTSTRAP": bootstrap, "HOOKLINE_LISTEN": f"127.0.0.1:{self.port}",
                       "HOOKLINE_MANAGEMENT_LISTEN": f"127.0.0.1:{self.management}", "HOOKLINE_RETELL_API_KEY": KEY,
                       "HOOKLINE_CONNECTIONS_MAX": str(connections + 1000)}
        with open(self.directory / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([f"{build}/ingest/hookline-ingest"], env=environment, stderr=log, cwd=directory)
        try:
            wait_until("ingest is ready", lambda: self.ask("/readyz"), 10)
        except GaveUp as gave_up:
            sys.exit(f"{gave_up}: " + (self.directory / "log").read_text()[-2000:])

    def ask(self, path):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.management}{path}", timeout=5).read().decode()
        except OSError:
            return None

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in (self.ask("/metrics") or "").splitlines() if line.startswith(name))

    def status(self, name):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) // 1024
        return 0

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def attack(port, count, over, closed):
    """Holds `count` connections open, each a byte further every ten seconds; whoever is closed comes again."""
    raise_file_limit()
    selector, now, sent = selectors.DefaultSelector(), time.monotonic(), {}
    due = []  # (when, connection): in the order of time, since every wait is the same

    def connect(index, when):
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind((f"127.{1 + index // PER_ADDRESS // 250}.0.{1 + index // PER_ADDRESS % 250}", 0))
        connection.connect_ex(("127.0.0.1", port))
        sent[connection] = (index, 0)
        selector.register(connection, selectors.EVENT_READ)
        due.append((when, connection))

    def again(connection):
        index = sent.pop(connection)[0]
        selector.unregister(connection)
        connection.close()
        with closed.get_lock():
            closed.value += 1
        connect(index, time.monotonic() + 0.1)

    for index in range(count):
        connect(index, now + BYTE_EVERY_S * index / count)
    while not over.is_set():
        for key, _ in selector.select(0.05):
            try:
                alive = key.fileobj.recv(4096)
            except OSError:
                alive = b""
            if not alive:
                again(key.fileobj)
        now, waiting = time.monotonic(), []
        for when, connection in due:
            if connection not in sent:
                continue
            if when > now:
                waiting.append((when, connection))
                continue
            index, at = sent[connection]
            try:
                connection.send(HEAD[at:at + 1])
            except OSError:
                pass  # closed meanwhile: the selector says so
            sent[connection] = (index, at + 1)
            waiting.append((now + BYTE_EVERY_S, connection))
        due = waiting


def webhook(number, key):
    body = (b'{"event":"call_started","call":{"call_id":"slow-%d","transcript":"' % number).ljust(2040, b"x") + b'"}}'
    now = str(int(time.time() * 1000))
    digest = hmac.new(key.encode(), body + now.encode(), hashlib.sha256).hexdigest()
    return (f"POST /api/retell/webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Retell-Signature: v={now},d={digest}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def send_steadily(port, number, rate, seconds, latencies, failures):
    """latencies: {200: […], 401: […]} in ms"""
    connection, begun, count = socket.create_connection(("127.0.0.1", port)), time.monotonic(), int(rate * seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for turn in range(count):
        time.sleep(max(0.0, begun + turn / rate - time.monotonic()))
        status = 200 if turn % 2 == 0 else 401
        request, answer, started = webhook(number * 1000000 + turn, KEY if status == 200 else "forged"), b"", time.monotonic()
        connection.sendall(request)
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            part = connection.recv(4096)
            if not part:
                failures.append(answer[:40])
                return
            answer += part
        latencies[status].append((time.monotonic() - started) * 1000)
        if not answer.startswith(b"HTTP/1.1 %d" % status):
            failures.append(answer[:40])


def measure(name, ingest, rate, seconds):
    latencies, failures, p99 = {200: [], 401: []}, [], {}
    threads = [threading.Thread(target=send_steadily, args=(ingest.port, number, rate / SENDERS, seconds, latencies, failures))
               for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for status, values in latencies.items():
        ordered = sorted(values)
        p99[status] = ordered[int(0.99 * len(ordered))]
        print(f"{name:<24} {len(ordered):6d} x {status}  p50 {ordered[len(ordered) // 2]:6.2f} ms  p99 {p99[status]:6.2f} ms  worst {ordered[-1]:6.2f} ms")
    print(f"{'':24} failed {len(failures)}, connections {ingest.metric('hookline_ingest_connections'):.0f}, RSS {ingest.status('VmRSS')} MB", flush=True)
    return p99[200], failures


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", required=True, help="where hookline-ingest was built")
    options.add_argument("--connections", type=int, default=5000)
    options.add_argument("--rate", type=float, default=100)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--broker", help="HOST:PORT of a Kafka that has hookline's topics")
    arguments = options.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    raise_file_limit()
    mock = Producer({"test.mock.num.brokers": 1}) if not arguments.broker else None
    bootstrap = arguments.broker or ",".join(f"{broker.host}:{broker.port}" for broker in mock.list_topics(timeout=10).brokers.values())
    over, closed = multiprocessing.Event(), multiprocessing.Value("q", 0)
    with tempfile.TemporaryDirectory() as directory:
        ingest = Ingest(build, bootstrap, directory, arguments.connections)
        attackers = multiprocessing.Process(target=attack, args=(ingest.port, arguments.connections, over, closed), daemon=True)
        try:
            measure("warming up", ingest, arguments.rate, 3)
            measure("alone", ingest, arguments.rate, arguments.seconds)
            attackers.start()
            wait_until("the attackers are connected", lambda: ingest.metric("hookline_ingest_connections") >= arguments.connections * 0.98)
            p99, failures = measure(f"beside {arguments.connections} attackers", ingest, arguments.rate, arguments.seconds)
            name = 'hookline_ingest_requests_total{outcome="request_timeout"'
            print(f"closed and come again: {closed.value}; refused with 408: {ingest.metric(name):.0f}")
        finally:
            over.set()
            ingest.stop()
            if attackers.is_alive():
                attackers.join(10)
    sys.exit(1 if failures or p99 >= LIMIT_MS else 0)


if __name__ == "__main__":
    main()
