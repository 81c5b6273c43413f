"""Signed webhooks of whole calls at a steady rate, with repeats and disorder, sent as Retell sends them: a webhook that gets
no 200 is tried again, three times in all. Keeps what was sent and what was accepted.
"""
from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import queue
import random
import threading
import time
import urllib.parse

from stack import event_id_of

REASONS = ["user_hangup", "agent_hangup", "dial_no_answer", "error_asr", "call_transfer", "manual_stopped", "voicemail_reached"]


def bodies_of_call(call_id, number, caller, random_source, start_ms):
    """The webhooks of one call's life, in their true order."""
    duration = random_source.randrange(5000, 30000)
    reason = random_source.choice(REASONS)
    base = {"call_id": call_id, "call_type": "phone_call", "agent_id": f"agent_{random_source.randrange(5)}", "agent_version": 1,
            "direction": "inbound", "from_number": caller, "to_number": number, "call_status": "ongoing", "start_timestamp": start_ms}
    ended = base | {"call_status": "ended", "end_timestamp": start_ms + duration, "duration_ms": duration, "disconnection_reason": reason,
                    "transcript": "Agent: Guten Tag\nUser: Grüß Gott", "recording_url": f"https://example.invalid/{call_id}.wav",
                    "latency": {"e2e": {"p50": 700 + random_source.random() * 400, "num": 3}},
                    "call_cost": {"combined_cost": random_source.randrange(1, 100000) / 1000, "total_duration_seconds": duration // 1000}}
    cost = dict(ended["call_cost"], combined_cost=ended["call_cost"]["combined_cost"] + 1.7)
    analyzed = ended | {"call_cost": cost, "call_analysis": {"call_summary": "Ein Termin wurde vereinbart.", "user_sentiment": "Positive",
                                                             "call_successful": True, "in_voicemail": False,
                                                             "custom_analysis_data": {"wunsch": "Termin"}}}
    words = [{"word": "Guten", "start": 0.1, "end": 0.4}, {"word": "Tag", "start": 0.5, "end": 1.25}]
    talking = base | {"transcript": "Agent: Guten Tag", "transcript_object": [{"role": "agent", "content": "Guten Tag", "words": words}]}
    lives = [("call_started", base), ("transcript_updated", talking), ("call_ended", ended), ("call_analyzed", analyzed)]
    if random_source.random() < 0.1:
        lives = lives[1:]  # a call_started that never came
    return [json.dumps({"event": kind, "call": call}, ensure_ascii=False).encode() for kind, call in lives]


def script(numbers, calls, seed, repeats=0.1, window=20):
    """All bodies in the order in which they are sent: lives interleaved, shuffled within a window, some twice."""
    random_source = random.Random(seed)
    now = int(time.time() * 1000)
    bodies = []
    for index in range(calls):
        caller = f"+4915{random_source.randrange(10**8, 10**9)}" if random_source.random() < 0.7 else f"+49301234{index % 50:03d}"
        call_id = f"chaos_{seed}_{index:05d}"
        bodies += bodies_of_call(call_id, random_source.choice(numbers), caller, random_source, now + index * 40)
    places = [(at + random_source.uniform(0, window), body) for at, body in enumerate(bodies)]
    places += [(place + random_source.uniform(0, 5 * window), body) for place, body in random_source.sample(places, int(len(places) * repeats))]
    return [body for _, body in sorted(places)]


def sign(key, body, now_ms):
    return f"v={now_ms},d={hmac.new(key.encode(), body + str(now_ms).encode(), hashlib.sha256).hexdigest()}"


class Load:
    """Sends a script at `rate` webhooks a second from a few connections. start() … finish()."""

    def __init__(self, ingest_url, key, bodies, rate, connections=8):
        self.address = urllib.parse.urlparse(ingest_url)
        self.key, self.bodies, self.rate, self.connections = key, bodies, rate, connections
        self.sent, self.accepted, self.given_up = set(), set(), 0
        self.wrong = []  # answers that no sender should ever see
        self.due, self.stopped = queue.Queue(), threading.Event()
        self.threads = []

    def start(self):
        threads = [threading.Thread(target=self._pace)] + [threading.Thread(target=self._send_all) for _ in range(self.connections)]
        for thread in threads:
            thread.daemon = True
            thread.start()
        self.threads = threads

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def finish(self):
        """Sends nothing new any more, and waits for what is under way."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _pace(self):
        begun = time.monotonic()
        for index, body in enumerate(self.bodies):
            if self.stopped.wait(max(0.0, begun + index / self.rate - time.monotonic())):
                break
            self.due.put(body)
        for _ in range(self.connections):
            self.due.put(None)

    def _send_all(self):
        connection = None
        while (body := self.due.get()) is not None:
            self.sent.add(event_id_of(body))
            connection = self._deliver(connection, body)

    def _deliver(self, connection, body):
        pause = threading.Event()
        for attempt in range(3):
            try:
                connection = connection or http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=10)
                headers = {"Content-Type": "application/json", "X-Retell-Signature": sign(self.key, body, int(time.time() * 1000))}
                connection.request("POST", "/api/retell/webhook", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    self._note_accepted(body, text)
                    return connection
                if answer.status != 503:
                    self.wrong.append(f"{answer.status} {text[:200]!r}")
            except (OSError, http.client.HTTPException):
                if connection:
                    connection.close()
                connection = None
            pause.wait(0.3 * (attempt + 1))
        self.given_up += 1
        return connection

    def _note_accepted(self, body, text):
        event_id = bytes.fromhex(json.loads(text)["event_id"])
        if event_id != event_id_of(body):
            self.wrong.append(f"event id {event_id.hex()} is not the body's")
        self.accepted.add(event_id)
