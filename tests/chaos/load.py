"""Signed webhooks at a steady rate, sent as Retell sends them: a webhook that gets no 200 is tried again, three times in all.
Keeps what was sent and what was accepted.
"""
from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import queue
import threading
import time
import urllib.parse

from stack import event_id_of


def sign(key, body, now_ms):
    return f"v={now_ms},d={hmac.new(key.encode(), body + str(now_ms).encode(), hashlib.sha256).hexdigest()}"


class Load:
    """Sends bodies at `rate` webhooks a second from a few connections. start() … finish()."""

    def __init__(self, ingest_url, key, bodies, rate, connections=16):
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
            if self.stopped.is_set():
                continue
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
