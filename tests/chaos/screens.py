"""A screen: a stream of one company's calls, read as the dashboard reads it, and held against what it may show."""
from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse


class Screen:
    """Watches until closed, connecting anew whenever it is cut off; resumes with Last-Event-ID."""

    def __init__(self, base_url, token, company, company_of):
        self.address, self.token, self.company = urllib.parse.urlparse(base_url), token, company
        self.company_of = company_of  # call id -> company, as far as the scripts know
        self.seen = {}  # call id -> the newest version that it was shown
        self.live = set()
        self.since = None  # seconds since 1970: what changed later must have been shown
        self.wrong, self.frames, self.resets, self.connections = [], 0, 0, 0
        self.last_id, self.closed = None, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def close(self):
        self.closed.set()
        self.thread.join(30)

    def _watch(self):
        while not self.closed.is_set():
            try:
                self._read_stream()
            except (OSError, http.client.HTTPException, ValueError):
                pass  # cut off
            self.closed.wait(0.3)

    def _read_stream(self):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        try:
            connection.request("GET", "/api/calls/stream", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            self.connections += 1
            self._read_events(answer)
        finally:
            connection.close()

    def _read_events(self, answer):
        event, event_id, data = None, None, []
        while not self.closed.is_set():
            line = answer.readline()
            if not line:
                return
            line = line.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                event_id = value
            elif name == "data":
                data.append(value)
            elif line == "" and event:
                self._take(event, json.loads("\n".join(data)))
                self.last_id = event_id or self.last_id
                event, event_id, data = None, None, []

    def _take(self, event, data):
        self.frames += 1
        if event == "reset":
            self.resets += 1
            self.seen.clear()  # what came before it counts no more
        elif event == "snapshot":
            self.since = time.time()
            self.live = {call["call_id"] for call in data["calls"]}
            for call in data["calls"]:
                self._show(call["company_id"], call["call_id"], call["version"])
        elif event == "call":
            self._show(data["company_id"], data["call_id"], data["version"])
            ended = data.get("gone") or data["call"]["status"] not in ("registered", "ongoing")
            (self.live.discard if ended else self.live.add)(data["call_id"])

    def _show(self, company, call_id, version):
        if company != self.company or self.company_of.get(call_id, company) != self.company:
            self.wrong.append(f"company {self.company}'s screen was shown call {call_id} of company {self.company_of.get(call_id, company)}")
        self.seen[call_id] = max(version, self.seen.get(call_id, 0))

    def behind(self, rows):
        """Calls that it should show otherwise. `rows`: (call id, version, status, seconds since 1970 of its last change)."""
        for call_id, version, status, changed in rows:
            if self.since is not None and changed > self.since and self.seen.get(call_id) != version:
                yield f"company {self.company}'s screen has version {self.seen.get(call_id)} of call {call_id}, PostgreSQL has {version}"
            elif call_id in self.live and status not in ("registered", "ongoing"):
                yield f"company {self.company}'s screen shows call {call_id} as live, it is {status}"
        if self.since is None:
            yield f"company {self.company}'s screen never got a snapshot"
