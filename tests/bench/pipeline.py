"""Measures for tests/bench/pipeline (its --help): fills topics, starts the programs, reads their counters and /proc.

    rate        records whose every effect is durable (rows committed, updates acknowledged), repeats counted, between the first
                tenth and the last; `whole` has two programs, so there from the first record to the last
    CPU         seconds of user and system time in that window, PostgreSQL's and Kafka's processes all together
    RSS         the most that the kernel has seen (VmHWM)

After each run the rows are counted: every event once, every call once, or the figure is refused.

`stored` begins where a database that has run for long is: analysed, vacuumed, a checkpoint behind it. What its first run pays, a
full page in the WAL for each page of an index that it is the first to touch, is paid again only after the next checkpoint, at such
rates a million events later: the median leaves it out, the brackets show it. All cases have the same shared_buffers.
"""
from __future__ import annotations

import argparse
import atexit
import http.client
import json
import os
import pathlib
import select
import socket
import statistics
import subprocess
import sys
import time

CASES = ("session", "two", "whole", "stored", "single", "connect", "flat")
ALL = "session,stored,two,whole,single,session:300,session:7000,session:100000,whole:7000,flat,flat:7000,session:800,connect:800"
STORED_CALLS, COMPANIES, CALLS_APART, PARTITIONS, DEADLINE_S = 1_000_000, 10, 100_000_000, 12, 300
FIRST_START = "to_timestamp(1763718600)"  # of the calls that are measured (pipeline_body.c)
TICKS = os.sysconf("SC_CLK_TCK")
PARTS = ("session", "resolver", "connect", "postgres", "kafka")


def records_for(size, case):
    if case == "single":
        return 4000
    if case == "connect":
        return 120_000
    return 100_000 if size <= 500 else 80_000 if size <= 3000 else 30_000 if size <= 20_000 else 3000


def arguments_read():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", default="session,two,whole,stored,single")
    options.add_argument("--sizes", default="2000")
    options.add_argument("--records", type=int)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--minutes", type=float, default=2)
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options.add_argument("--check", action="store_true", help="look at the arguments only")
    arguments = options.parse_args()
    words = (ALL if arguments.cases == "all" else arguments.cases).split(",")
    arguments.cases = []  # (case, size)
    for word in words:
        case, _, own = word.partition(":")
        if case not in CASES:
            options.error(f"no such case: {case}; there are {', '.join(CASES)}, and all")
        arguments.cases += [(case, int(size)) for size in (own or arguments.sizes).split(",")]
    return arguments


def wait(seconds):
    select.select([], [], [], seconds)


def wait_until(what, condition, seconds=DEADLINE_S, every=0.05):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds} s")
        wait(every)
    return value


# what the kernel counts ------------------------------------------------------------------------------------------------------


def stat_of(pid):
    """(parent, own ticks, ticks of children that are gone)"""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])


def cpu_seconds(pid, with_children=False):
    _, own, gone = stat_of(pid)
    if not with_children:
        return own / TICKS
    total = own + gone
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent, ticks, _ = stat_of(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += ticks if parent == pid else 0
    return total / TICKS


def memory_mb(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0


def stolen_share(before=None):
    """What the hypervisor kept for others: (stolen, all) ticks, or the share since `before`."""
    fields = [int(value) for value in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    now = (fields[7], sum(fields))
    return now if before is None else (now[0] - before[0]) / max(1, now[1] - before[1])


# servers ---------------------------------------------------------------------------------------------------------------------


class Servers:
    def __init__(self):
        self.run = pathlib.Path(os.environ["BENCH_RUN"])
        self.build = pathlib.Path(os.environ["BENCH_BUILD"])
        self.brokers = os.environ["BENCH_KAFKA"]
        self.postgres = int((self.run / "pids/postgres.pid").read_text())
        self.kafka = int((self.run / "pids/kafka.pid").read_text())
        self.members, self.runs, self.settings = 0, int(time.time()), {}

    def sql(self, text):
        import psycopg2

        connection = psycopg2.connect(os.environ["BENCH_DATABASE_ADMIN"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
        return kept | {"HOOKLINE_KAFKA_BOOTSTRAP": self.brokers} | self.settings | more

    def topics_make(self):
        environment = self.environment(HOOKLINE_DATABASE_URL=os.environ["BENCH_DATABASE_CTL"])
        wait_until("topics", lambda: subprocess.run([self.build / "ctl/hookline", "topics", "create"], env=environment, check=False,
                                                    capture_output=True).returncode == 0, 60)

    def members_settle(self, count):
        """So many sessions, each with its share of the partitions: they come back to it at once (static membership). Whoever is
        gone is missed only after the session time-out."""
        if count == self.members:
            return
        sessions = [Program(self, "session", number) for number in range(count)]
        wait_until("shares", lambda: all(session.figure("assigned_partitions") == PARTITIONS / count for session in sessions), 60)
        seen = [-1]

        def rest():  # nothing new since a second ago
            seen.append(sum(session.figure("records_total") for session in sessions))
            return seen[-1] == seen[-2] and all(session.figure("time_lag_seconds") == 0 for session in sessions)

        wait_until("what an earlier run has left is done", rest, every=1)
        for session in sessions:
            session.stop()
        self.members = count

    def first(self):
        """The number of a run's first call; nobody else's."""
        return self.runs * CALLS_APART

    def load(self, topic, kind, records, size, first):
        answer = subprocess.run([self.build / "tests/bench-pipeline-load", self.brokers, topic, kind, str(records), str(size),
                                 str(first)], check=True, capture_output=True, text=True)
        return json.loads(answer.stdout)

    def rows_empty(self):
        self.sql("TRUNCATE webhook_events, parked_events, call_owners, calls, customers, sync_jobs")
        self.sql("CHECKPOINT")

    def companies_make(self):
        for company in range(1, COMPANIES + 1):
            self.sql(f"INSERT INTO companies (id, name) VALUES ({company}, 'Bench {company}') ON CONFLICT DO NOTHING;"
                     f"INSERT INTO phone_numbers (number, company_id) VALUES ('+4930{company:06d}', {company}) ON CONFLICT DO NOTHING;"
                     f"INSERT INTO agents (agent_id, company_id) VALUES ('agent_{company:02d}', {company}) ON CONFLICT DO NOTHING")

    def calls_store(self):
        """A million finished calls with random ids, three events each, all before what is measured; the events' bodies are short,
        their index rows are not."""
        self.rows_empty()
        self.sql(f"""SET synchronous_commit = off;
            INSERT INTO calls (company_id, call_id, source, agent_id, call_type, direction, from_number, to_number, started_at, ended_at,
                               duration_ms, status, disconnection_reason, transcript, recording_url, summary, sentiment, successful, analyzed,
                               cost_cents, latency_e2e_p50_ms, missing, version, stamps, first_seen_at, updated_at)
            SELECT 1 + i % {COMPANIES}, 'call_' || md5(i::text), 'default', 'agent_01', 'phone_call', 'inbound', '+4915' || lpad((i % 200000)::text, 9, '0'),
                   '+4930000001', {FIRST_START} - i * interval '1 second', {FIRST_START} - (i - 60) * interval '1 second', 60000, 'ended',
                   'user_hangup', repeat(md5(i::text), 20), 'https://recordings.example/' || i, 'The caller asked for an appointment.',
                   'Positive', true, true, 12.5, 800, '{{}}', 3, decode(repeat(md5(i::text), 7), 'hex'), now(), now()
            FROM generate_series(1, {STORED_CALLS}) i;
            INSERT INTO call_owners SELECT call_id, company_id FROM calls;
            INSERT INTO webhook_events (event_id, provider, source, event_type, call_id, company_id, resolved_by, status, payload,
                                        received_at, processed_at, topic, partition, kafka_offset)
            SELECT decode(md5(i || 'x' || n), 'hex'), 'retell', 'default', 'call_ended', 'call_' || md5(i::text), 1 + i % {COMPANIES}, 'to_number',
                   'processed', convert_to(repeat(md5(i::text), 6), 'UTF8'), now(), now(), 'calls.events', 0, i
            FROM generate_series(1, {STORED_CALLS}) i, generate_series(1, 3) n""")
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")


class Program:
    """One of ours, read over its management socket."""

    def __init__(self, servers, name, number=0, **settings):
        self.name, self.log = name, servers.run / f"log/{name}-{number}.log"
        self.socket = str(servers.run / f"{name}-{number}.sock")
        pathlib.Path(self.socket).unlink(missing_ok=True)
        environment = servers.environment(HOOKLINE_DATABASE_URL=os.environ[f"BENCH_DATABASE_{name.upper()}"], HOOKLINE_INSTANCE=f"bench-{number}",
                                          HOOKLINE_LOCK_DIRECTORY=str(servers.run / "lock"), HOOKLINE_SESSION_TIMEOUT_MS="6000",
                                          HOOKLINE_MANAGEMENT_LISTEN=f"unix:{self.socket}",
                                          **{f"HOOKLINE_{key}": str(value) for key, value in settings.items()})
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([servers.build / name / f"hookline-{name}"], env=environment, stdout=log, stderr=log)
        self.pid = self.process.pid
        atexit.register(self.process.kill)  # whatever ends us ends it

    def metrics(self):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(self.socket)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except OSError:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            return {}
        finally:
            connection.close()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))}

    def figure(self, what):
        return self.metrics().get(f"hookline_{self.name}_{what}", 0)

    def stop(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            sys.exit(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")


# one run ---------------------------------------------------------------------------------------------------------------------


def cpu_of_all(servers, programs):
    used = {"postgres": cpu_seconds(servers.postgres, True), "kafka": cpu_seconds(servers.kafka)}
    for program in programs:
        used[program.name] = used.get(program.name, 0) + cpu_seconds(program.pid)
    return used


def busy_seconds(programs):
    """What each session spent in its batches, acknowledgements included, on average; the rest is waiting for records."""
    sessions = [program for program in programs if program.name == "session"]
    return sum(session.figure("batch_seconds_sum") for session in sessions) / max(1, len(sessions))


def watch(servers, programs, done, first, last):
    """Waits until `done()` has gone from `first` to `last`: records, seconds and CPU in between."""
    wait_until("the first records", lambda: done() >= first, every=0.1)
    before, began, seen, stolen, busy = cpu_of_all(servers, programs), time.monotonic(), done(), stolen_share(), busy_seconds(programs)
    wait_until("the last records", lambda: done() >= last, every=0.1)
    records, seconds = done() - seen, time.monotonic() - began
    after = cpu_of_all(servers, programs)
    busy = (busy_seconds(programs) - busy) / seconds
    return {"records": records, "seconds": seconds, "busy": busy, "cpu": {part: after[part] - before[part] for part in after}, "stolen": stolen_share(stolen)}


def rows_check(servers, loaded, before):
    found = rows_count(servers)
    expected = (before[0] + loaded["events"], before[1] + loaded["calls"])
    if found != expected:
        sys.exit(f"(events, calls) in the tables are {found}, not {expected}")


def rows_count(servers):
    return servers.sql("SELECT (SELECT count(*) FROM webhook_events), (SELECT count(*) FROM calls)")[0]


def run_once(servers, case, size, records):
    whole, count = case == "whole", 2 if case == "two" else 1
    servers.runs += 1
    servers.members_settle(count)
    if case != "stored":
        servers.rows_empty()
    before = rows_count(servers)
    loaded = servers.load("hookline.webhooks.retell" if whole else "hookline.calls.events", "webhooks" if whole else "events", records, size,
                          servers.first())
    sessions = [Program(servers, "session", number, **({"BATCH_RECORDS": 1} if case == "single" else {}))
                for number in range(count)]
    programs = sessions + ([Program(servers, "resolver")] if whole else [])

    def done():
        return sum(session.figure("records_total") for session in sessions)

    measured = watch(servers, programs, done, 1 if whole else records // 10, records if whole else records * 9 // 10)
    wait_until("the last record", lambda: sum(session.figure("records_total") for session in sessions) >= records)
    measured["rss"] = {program.name: memory_mb(program.pid, "VmHWM") for program in programs}
    for program in programs:
        program.stop()
    rows_check(servers, loaded, before)
    return measured | {"bytes": loaded["bytes"] / loaded["records"]}


def summary_print(case, size, runs, against=None):
    """Returns the median rate; `against` is that of `session` with the same bodies, if it was measured."""
    rates = sorted(run["records"] / run["seconds"] for run in runs)
    median = statistics.median(rates)
    bytes_each = statistics.median(run["bytes"] for run in runs)
    parts = [part for part in PARTS if part in runs[0]["cpu"]]
    cpu = {part: statistics.median(run["cpu"][part] / run["records"] * 1e6 for run in runs) for part in parts}
    rss = {part: max(run["rss"][part] for run in runs) for part in runs[0]["rss"]}
    print(f"{case:8} {bytes_each:7.0f} B  {median:7.0f}/s ({rates[0]:.0f}-{rates[-1]:.0f})  {median * bytes_each / 1e6:6.1f} MB/s  CPU-s/million: "
          + ", ".join(f"{part} {seconds:.0f}" for part, seconds in cpu.items()) + f", all {sum(cpu.values()):.0f}  RSS MB: "
          + ", ".join(f"{part} {mb:.0f}" for part, mb in rss.items())
          + f"  busy {100 * statistics.median(run['busy'] for run in runs):.0f} %, stolen {100 * statistics.median(run['stolen'] for run in runs):.0f} %"
          + (f"  {100 * median / against:.0f} % of session's rate" if against else ""), flush=True)
    return median


def flat_run(servers, size, minutes):
    """Session under unending load; its memory at the end of each minute."""
    servers.runs += 1
    servers.members_settle(1)
    servers.rows_empty()
    session, chunk, sent, first = Program(servers, "session"), max(2000, 200_000_000 // size), 0, servers.first()
    began = time.monotonic()
    shown = 0
    while time.monotonic() - began < 60 * minutes:
        if sent - session.figure("records_total") < chunk:
            servers.load("hookline.calls.events", "events", chunk, size, first + sent)
            sent += chunk
        wait(0.2)
        minute = int((time.monotonic() - began) / 60)
        if minute > shown:
            shown = minute
            print(f"flat     {size:7} B  minute {minute}: {session.figure('records_total'):.0f} records, RSS {memory_mb(session.pid, 'VmRSS'):.1f} MB, "
                      f"most {memory_mb(session.pid, 'VmHWM'):.1f} MB", flush=True)
    session.stop()
    servers.members = 0  # it leaves records


def main():
    arguments = arguments_read()
    if arguments.check:
        return
    servers = Servers()
    servers.topics_make()
    servers.settings = {f"HOOKLINE_{row.partition('=')[0]}": row.partition("=")[2] for row in arguments.set}
    servers.companies_make()
    shared = servers.sql("SHOW shared_buffers")[0][0]
    print(f"load before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, shared_buffers {shared}, {arguments.runs} runs each, median (least-most)",
          flush=True)
    rates = {}
    for case, size in arguments.cases:
        if case == "flat":
            flat_run(servers, size, arguments.minutes)
            continue
        if case == "stored":
            servers.calls_store()
        records = arguments.records or records_for(size, case)
        if case == "connect":
            from pipeline_connect import run_connect

            runs = [run_connect(servers, size, records, watch, memory_mb) for _ in range(arguments.runs)]
        else:
            runs = [run_once(servers, case, size, records) for _ in range(arguments.runs)]
        rates[case, size] = summary_print(case, size, runs, rates.get(("session", size)) if case != "session" else None)


if __name__ == "__main__":
    main()
