"""ingest beside other receivers: ingest.py --run DIR --build DIR --built-receivers DIR [--seconds 10] [--runs 3]

Each receiver in turn gets signed bodies of 2 KB over 64 connections and over one, and answers 200 when Kafka has the keyed
record (acks=all; nginx answers at once and keeps nothing: what HTTP alone costs here). All share the machine's processors
with Kafka and the load. Prints, as medians over the runs: webhooks a second, latency, the receiver's own CPU seconds per
million webhooks, and the peak of its resident memory.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

from stack import GaveUp, Stack, wait_until  # noqa: E402  (the folder is known only now)

KEY = "key_bench"
TICKS = os.sysconf("SC_CLK_TCK")

NGINX = """daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  client_max_body_size 10m; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }} }}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Receiver:
    """One process that receives, started on a free port."""

    def __init__(self, name, command, environment, directory):
        self.name, self.port = name, free_port()
        text = {"port": self.port, "dir": directory}
        (pathlib.Path(directory) / "nginx.conf").write_text(NGINX.format(**text))
        self.log = open(pathlib.Path(directory) / f"{name}.log", "w")
        self.process = subprocess.Popen([part.format(**text) for part in command], stdout=self.log, stderr=self.log,
                                        env={**os.environ, **{key: value.format(**text) for key, value in environment.items()}})
        try:
            wait_until(f"{name} listens", lambda: answers(self.port), 30)
        except GaveUp as gave_up:
            self.stop()
            sys.exit(f"{gave_up}; its log ends with:\n{pathlib.Path(self.log.name).read_text()[-2000:]}")

    def pids(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self):
        fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split() for pid in self.pids()]
        return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS

    def peak_mib(self):
        lines = [line for pid in self.pids() for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def measure(receiver, load, connections, seconds, body_bytes):
    before = receiver.cpu_seconds()
    result = subprocess.run([load, "--port", str(receiver.port), "--connections", str(connections), "--seconds", str(seconds), "--key", KEY,
                             "--body-bytes", str(body_bytes)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{receiver.name}: {result.stderr}")
    figures = json.loads(result.stdout)
    if figures["not_200"]:
        sys.exit(f"{receiver.name}: {figures['not_200']} answers were not 200, the last {figures['not_200_status']}")
    figures["cpu_s_per_million"] = (receiver.cpu_seconds() - before) / figures["in_all"] * 1e6
    return figures


def commands(stack, arguments):
    topic, broker, built = stack["TOPIC_PREFIX"] + "webhooks.retell", stack["KAFKA_BOOTSTRAP"], pathlib.Path(arguments.built_receivers)
    other = {"RECEIVER_KEY": KEY, "RECEIVER_KAFKA": broker, "RECEIVER_TOPIC": topic, "RECEIVER_LISTEN": "127.0.0.1:{port}"}
    ours = {"HOOKLINE_LISTEN": "127.0.0.1:{port}", "HOOKLINE_MANAGEMENT_LISTEN": "127.0.0.1:0", "HOOKLINE_KAFKA_BOOTSTRAP": broker,
            "HOOKLINE_TOPIC_PREFIX": stack["TOPIC_PREFIX"], "HOOKLINE_RETELL_API_KEY": KEY}
    known = {"hookline": ([f"{arguments.build}/ingest/hookline-ingest"], ours), "go": ([f"{built}/go-receiver"], other),
             "node": (["node", f"{built}/node/receiver.mjs"], other), "nginx": (["nginx", "-c", "{dir}/nginx.conf"], {})}
    return {name: known[name] for name in arguments.receivers.split(",") if shutil.which(known[name][0][0])}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", required=True, help="the run directory of a stack; its programs are stopped, its Kafka is used")
    options.add_argument("--build", required=True, help="where hookline-ingest and load_webhooks are")
    options.add_argument("--built-receivers", required=True)
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--body-bytes", type=int, default=2048)
    options.add_argument("--receivers", default="hookline,go,node,nginx")
    arguments = options.parse_args()
    stack = Stack(arguments.run)
    for part in ("ingest", "resolver", "session", "sync", "broadcaster", "postgres"):
        stack.service(part, "down")
    load, found = f"{arguments.build}/tests/load_webhooks", {}
    for run in range(arguments.runs):
        for name, (command, environment) in commands(stack, arguments).items():
            with tempfile.TemporaryDirectory() as directory:
                receiver = Receiver(name, command, environment, directory)
                for connections in (64, 1):
                    figures = measure(receiver, load, connections, arguments.seconds, arguments.body_bytes)
                    figures["peak_mib"] = receiver.peak_mib()
                    found.setdefault((name, connections), []).append(figures)
                receiver.stop()
    print(f"bodies of {arguments.body_bytes} bytes, {arguments.seconds} s, medians of {arguments.runs} runs; load average {os.getloadavg()[0]:.1f}")
    print(f"{'receiver':<10}{'connections':>12}{'webhooks/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'CPU s/million':>15}{'peak MiB':>10}")
    for (name, connections), runs in found.items():
        middle = {key: statistics.median(figures[key] for figures in runs) for key in runs[0]}
        print(f"{name:<10}{connections:>12}{middle['rate']:>12.0f}{middle['p50_ms']:>9.2f}{middle['p99_ms']:>9.2f}{middle['max_ms']:>9.1f}"
              f"{middle['cpu_s_per_million']:>15.1f}{middle['peak_mib']:>10.1f}")


if __name__ == "__main__":
    main()
