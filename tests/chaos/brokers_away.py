"""Kafka frozen, or stopped, under a steady load: brokers_away.py --run DIR --frozen|--stopped [--seconds N] [--rate R] [--kills N]

  --frozen   the broker gets SIGSTOP and, after so many seconds, SIGCONT. No request may take longer than ACK_TIMEOUT_MS + 250 ms.
  --stopped  the broker is stopped and started again; meanwhile ingest is killed -9 so many times.

Either way: what got 200 is in the topic afterwards, at least once, and no spool holds anything. Only ingest runs for it (the
other programs are stopped, and started again at the end): they would take the processor from what is measured. Senders are 150
connections; a request's time is from its first byte sent to its answer's last. Needs a stack (deploy/up --no-simulator). Exit 1
on any finding. Ends nothing that it did not stop itself.
"""
from __future__ import annotations

import argparse
import asyncio
import collections
import os
import random
import signal
import sys
import time
import urllib.parse
import urllib.request

from load import sign
from script import bodies_of_call
from stack import Stack, event_id_of, wait_until

CONNECTIONS = 150  # ingest takes 200 from one address
LEAD_SECONDS = 3  # of load before and after
OTHERS = ("resolver", "session", "sync", "broadcaster")


def bodies(seed):
    """Webhooks for ever, each another one."""
    random_source = random.Random(seed)
    for index in range(10**9):
        yield from bodies_of_call(f"away_{seed}_{index:07d}", "+493023125001", "+4915112345678", random_source, 1_700_000_000_000 + index)


class Senders:
    """An open loop: webhooks are due at `rate`; who finds no free connection waits."""

    def __init__(self, url, key, rate, seed):
        self.address, self.key, self.rate, self.bodies = urllib.parse.urlparse(url), key, rate, bodies(seed)
        self.sent, self.accepted, self.statuses, self.milliseconds = 0, set(), collections.Counter(), []
        self.ended, self.due = None, None

    async def run(self):
        self.ended, self.due = asyncio.Event(), asyncio.Queue()
        workers = [asyncio.create_task(self._work()) for _ in range(CONNECTIONS)]
        begun, count = time.monotonic(), 0
        while not await self._ends_within(0.005):
            while count < (time.monotonic() - begun) * self.rate:
                self.due.put_nowait(next(self.bodies))
                count += 1
        for _ in workers:
            self.due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _ends_within(self, seconds):
        try:
            return await asyncio.wait_for(self.ended.wait(), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            return False

    async def _work(self):
        connection = None
        while (body := await self.due.get()) is not None:
            begun = time.monotonic()
            try:
                connection = connection or await asyncio.open_connection(self.address.hostname, self.address.port)
                begun = time.monotonic()
                self.sent += 1
                status = await asyncio.wait_for(self._ask(connection, body), 15)
                self.statuses[status] += 1
                self.milliseconds.append((time.monotonic() - begun) * 1000)
                if status == 200:
                    self.accepted.add(event_id_of(body))
            except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.TimeoutError) as problem:
                self.statuses["late" if isinstance(problem, (TimeoutError, asyncio.TimeoutError)) else "cut"] += 1
                if connection:
                    connection[1].close()
                connection = None
                await self._ends_within(0.1)
        if connection:
            connection[1].close()

    async def _ask(self, connection, body):
        reader, writer = connection
        head = (f"POST /api/retell/webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                f"X-Retell-Signature: {sign(self.key, body, int(time.time() * 1000))}\r\n\r\n")
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line.split(":")[1]) for line in answer.split("\r\n") if line.lower().startswith("content-length:"))
        await reader.readexactly(length)
        return int(answer.split(" ", 2)[1])


def metrics(stack):
    address = (stack.run_dir / "management" / "ingest").read_text().strip()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def spool_is_empty(stack):
    try:
        now = metrics(stack)
    except OSError:
        return False
    return now["hookline_ingest_spool_records"] == 0 and now["hookline_ingest_spool_orphan_records"] == 0


async def freeze(stack, seconds, _kills, report):
    pid = stack.kill("kafka", signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    report.append(f"broker frozen for {seconds:.0f} s")


async def stop(stack, seconds, kills, report):
    await asyncio.to_thread(stack.service, "kafka", "down")
    begun = time.monotonic()
    for _ in range(kills):
        await asyncio.sleep(seconds / (kills + 1))
        old = await asyncio.to_thread(stack.kill, "ingest")
        await asyncio.to_thread(stack.back_after, "ingest", old)
        report.append("kill -9 ingest")
    await asyncio.sleep(seconds / (kills + 1))
    deepest = metrics(stack)["hookline_ingest_spool_records"]
    await asyncio.to_thread(stack.service, "kafka", "up")
    report.append(f"broker stopped for {time.monotonic() - begun:.0f} s, {deepest:.0f} records in the spool at its end")


async def storm(stack, senders, deed, arguments, report):
    load = asyncio.create_task(senders.run())
    await asyncio.sleep(LEAD_SECONDS)
    await deed(stack, arguments.seconds, arguments.kills, report)
    await asyncio.sleep(LEAD_SECONDS)
    senders.ended.set()
    await load


def ids_in_topic(stack):
    """Event id of each record in the topic, with how often it is there."""
    found, consumer = collections.Counter(), stack.consumer()
    try:
        for partition in stack.partitions(consumer, "webhooks.retell"):
            low, high = consumer.get_watermark_offsets(partition, timeout=30)
            partition.offset = low
            if low < high:
                consumer.assign([partition])
            while low < high:
                for message in consumer.consume(min(1000, high - low), timeout=10):
                    found[event_id_of(message.value())] += 1
                    low = message.offset() + 1
    finally:
        consumer.close()
    return found


def judge(stack, senders, ack_timeout_ms, frozen):
    found = ids_in_topic(stack)
    missing = [event_id.hex() for event_id in senders.accepted if event_id not in found]
    findings = [f"{len(missing)} accepted webhooks are not in the topic, such as {missing[:3]}"] if missing else []
    slow = [ms for ms in senders.milliseconds if ms > ack_timeout_ms + 250]
    if frozen and (slow or senders.statuses["late"]):
        findings.append(f"{len(slow) + senders.statuses['late']} answers took longer than {ack_timeout_ms + 250} ms")
    if set(senders.statuses) - {200, 503, "cut", "late"}:
        findings.append(f"answers that nobody should see: {dict(senders.statuses)}")
    repeated = sum(found[event_id] - 1 for event_id in senders.accepted if event_id in found)
    return findings, repeated


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the stack's run directory")
    options.add_argument("--frozen", action="store_true")
    options.add_argument("--stopped", action="store_true")
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--rate", type=float, default=500, help="webhooks a second")
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--ack-timeout-ms", type=int, default=2000, help="what ingest has for ACK_TIMEOUT_MS")
    arguments = options.parse_args()
    if arguments.frozen == arguments.stopped:
        options.error("either --frozen or --stopped")
    stack, report, begun = Stack(arguments.run), [], time.monotonic()
    senders = Senders(stack["INGEST_URL"], stack["RETELL_API_KEY"], arguments.rate, int(time.time()))
    for part in OTHERS:
        stack.service(part, "down")
    try:
        asyncio.run(storm(stack, senders, freeze if arguments.frozen else stop, arguments, report))
        drain_begun = time.monotonic()
        wait_until("every spool is empty", lambda: spool_is_empty(stack), 300)
        drained_seconds = time.monotonic() - drain_begun
        findings, repeated = judge(stack, senders, arguments.ack_timeout_ms, arguments.frozen)
    finally:
        for part in OTHERS:
            stack.service(part, "up")
    now, times = metrics(stack), senders.milliseconds
    fsyncs = now["hookline_ingest_spool_fsync_seconds_count"] or 1
    print(f"{'frozen' if arguments.frozen else 'stopped'}: {', '.join(report)}; {senders.sent} webhooks in {time.monotonic() - begun:.0f} s, "
          f"answers {dict(senders.statuses)}; p50 {percentile(times, 0.5):.1f}, p99 {percentile(times, 0.99):.0f}, "
          f"max {max(times, default=0):.0f} ms; drained {drained_seconds:.1f} s after the load; {repeated} repeats in the topic; "
          f"commits of this process {fsyncs:.0f}, {1000 * now['hookline_ingest_spool_fsync_seconds_sum'] / fsyncs:.1f} ms each; "
          f"{len(findings)} findings", flush=True)
    if findings:
        print("\n".join(findings), flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
