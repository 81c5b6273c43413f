"""From POST to the screen: latency.py --run DIR [--rate 100] [--seconds 20] [--runs 3]

Sends signed webhooks at a steady rate to a running stack and takes, for each, the time until its change arrives on an SSE
stream. The shares of the hops come from the records' own timestamps (milliseconds, so only their means say much):

    POST ─ingest─> webhooks.retell ─resolver─> calls.events ─session─> calls.updates ─broadcaster─> SSE
      └───ack────> 200

Baseline in the same run: a record of the same size through one topic and back, by librdkafka with the same settings; the way
above has three such hops, so three times the baseline is what Kafka alone would take. Prints medians over the runs.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import socket
import statistics
import sys
import threading
import time
import urllib.parse
import http.client

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402  (the folder is known only now)
from load import sign  # noqa: E402  (the folder is known only now)
from stack import Stack, event_id_of, wait_until  # noqa: E402  (the folder is known only now)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Screen(threading.Thread):
    """One SSE stream; notes when the first update that names an event arrives."""

    def __init__(self, url, token):
        super().__init__(daemon=True)
        self.seen, self.ready, self.address, self.token = {}, threading.Event(), urllib.parse.urlparse(url), token
        self.start()
        self.ready.wait(10)

    def run(self):
        stream = socket.create_connection((self.address.hostname, self.address.port))
        stream.sendall(f"GET /api/calls/stream HTTP/1.1\r\nHost: {self.address.netloc}\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        for line in stream.makefile("rb"):
            now = time.time()
            if line.startswith(b"event: snapshot"):
                self.ready.set()
            if line.startswith(b"data: ") and b'"event":{"id":"' in line:
                self.seen.setdefault(bytes.fromhex(line.split(b'"event":{"id":"', 1)[1][:32].decode()), now)


def body_of(run, index, number):
    filler = "Agent: Guten Tag, was kann ich für Sie tun?\nUser: Ich hätte gern einen Termin.\n" * 15
    call = {"call_id": f"bench_{run}_{index:06d}", "call_type": "phone_call", "direction": "inbound", "agent_id": "agent_bench",
            "from_number": f"+49151{index:08d}", "to_number": number, "call_status": "ongoing", "start_timestamp": int(time.time() * 1000),
            "transcript": filler}
    return json.dumps({"event": "call_started", "call": call}, ensure_ascii=False).encode()


def send_at_rate(stack, bodies, rate):
    """(posted, answered) for each event id, wall clock."""
    address = urllib.parse.urlparse(stack["INGEST_URL"])
    connection, times, ticker, begun = http.client.HTTPConnection(address.hostname, address.port), {}, threading.Event(), time.monotonic()
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for index, body in enumerate(bodies):
        ticker.wait(max(0.0, begun + index / rate - time.monotonic()))
        headers = {"Content-Type": "application/json", "X-Retell-Signature": sign(stack["RETELL_API_KEY"], body, int(time.time() * 1000))}
        posted = time.time()
        connection.request("POST", "/api/retell/webhook", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"ingest answered {answer.status}")
        times[event_id_of(body)] = (posted, time.time())
    return times


def ends(stack, name):
    consumer = stack.consumer()
    marks = [(partition.partition, consumer.get_watermark_offsets(partition, timeout=10)[1]) for partition in stack.partitions(consumer, name)]
    consumer.close()
    return marks


def record_times(stack, name, marks, id_of):
    """Kafka's timestamp (s) of the first record for each event id, from the marks on."""
    consumer, found = stack.consumer(), {}
    for partition, start in marks:
        high = consumer.get_watermark_offsets(TopicPartition(stack.topic(name), partition), timeout=10)[1]
        if start == high:
            continue
        consumer.assign([TopicPartition(stack.topic(name), partition, start)])
        while start < high:
            message = consumer.poll(10)
            start = message.offset() + 1
            found.setdefault(id_of(message), message.timestamp()[1] / 1000)
    consumer.close()
    return found


def id_in_header(message):
    return bytes.fromhex(dict(message.headers())["ce_id"].decode())


def id_in_update(message):
    return bytes.fromhex(json.loads(message.value())["event"]["id"])


def baseline(stack, size, count, rate):
    """One record through one topic and back, in ms: what one hop costs without us."""
    topic = stack.topic("webhooks.retell.dlq")  # a topic that nobody reads; retention removes what this leaves
    producer = Producer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP"], "enable.idempotence": True, "acks": "all", "linger.ms": 0})
    consumer = Consumer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP"], "group.id": "hookline-bench", "fetch.wait.max.ms": 100})
    high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
    consumer.assign([TopicPartition(topic, 0, high)])
    consumer.poll(1.0)
    times, ticker = [], threading.Event()
    for index in range(count):
        sent = time.time()
        producer.produce(topic, b"x" * size, partition=0, key=str(index))
        producer.flush()
        while (message := consumer.poll(5)) is None or message.error():
            pass
        times.append((time.time() - sent) * 1000)
        ticker.wait(max(0.0, sent + 1 / rate - time.time()))
    consumer.close()
    return times


def run_once(stack, run, rate, seconds):
    screen = Screen(stack["DASHBOARD_URL"], stack["DASHBOARD_TOKEN"])
    marks = {name: ends(stack, name) for name in ("webhooks.retell", "calls.events", "calls.updates")}
    bodies = [body_of(run, index, stack["DEMO_NUMBER"]) for index in range(int(rate * seconds))]
    times = send_at_rate(stack, bodies, rate)
    wait_until("every change on the screen", lambda: times.keys() <= screen.seen.keys(), 30)
    raw = record_times(stack, "webhooks.retell", marks["webhooks.retell"], id_in_header)
    events = record_times(stack, "calls.events", marks["calls.events"], id_in_header)
    updates = record_times(stack, "calls.updates", marks["calls.updates"], id_in_update)
    warm = list(times)[int(rate):]  # the first second warms caches and connections
    mean = statistics.fmean
    return {
        "total": [(screen.seen[event] - times[event][0]) * 1000 for event in warm],
        "ack": [(times[event][1] - times[event][0]) * 1000 for event in warm],
        "hops": {
            "ingest": mean((raw[event] - times[event][0]) * 1000 for event in warm) + 0.5,
            "resolver": mean((events[event] - raw[event]) * 1000 for event in warm),
            "session": mean((updates[event] - events[event]) * 1000 for event in warm if event in updates),
            "broadcaster": mean((screen.seen[event] - updates[event]) * 1000 for event in warm if event in updates) - 0.5,
        },
        "baseline": baseline(stack, len(bodies[0]), min(len(bodies), 500), rate),
        "bytes": len(bodies[0]),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--rate", type=float, default=100)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--runs", type=int, default=3)
    arguments = options.parse_args()
    stack = Stack(arguments.run)
    runs = [run_once(stack, f"{int(time.time())}_{run}", arguments.rate, arguments.seconds) for run in range(arguments.runs)]

    def median_of(figure):
        return statistics.median(figure(run) for run in runs)

    print(f"{arguments.rate:.0f} webhooks/s of {runs[0]['bytes']} bytes, {arguments.runs} runs of {arguments.seconds:.0f} s, medians over the runs")
    for name, label in (("total", "POST to the change on the screen"), ("ack", "POST to 200"), ("baseline", "baseline: one Kafka hop")):
        print(f"  {label:34} p50 {median_of(lambda r: percentile(r[name], 0.5)):6.2f} ms   p99 {median_of(lambda r: percentile(r[name], 0.99)):6.2f} ms")
    ratio = median_of(lambda r: percentile(r["total"], 0.5) / percentile(r["baseline"], 0.5))
    print(f"  the whole way is {ratio:.2f} times one Kafka hop at the median; it has three")
    hops = {name: median_of(lambda r: r["hops"][name]) for name in ("ingest", "resolver", "session", "broadcaster")}
    print("  mean by hop: " + ", ".join(f"{name} {ms:.2f} ms ({100 * ms / sum(hops.values()):.0f} %)" for name, ms in hops.items()))


if __name__ == "__main__":
    main()
