"""A stand-in for the platform's REST API: knows the calls of the scripts, answers sync's GET /v2/get-call/{id}, and now and
then refuses for no reason.
"""
from __future__ import annotations

import http.server
import json
import random
import threading
import urllib.parse


class Platform:
    """Listens on 127.0.0.1 until closed."""

    def __init__(self, port, seed):
        self.calls, self.asked, self.random = {}, 0, random.Random(f"platform {seed}")
        platform = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = platform.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_):
                """The test says what matters."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that was killed is no news here."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        call_id = urllib.parse.unquote(path.removeprefix("/v2/get-call/")) if path.startswith("/v2/get-call/") else None
        self.asked += call_id is not None
        if call_id is not None and self.random.random() < 0.05:
            return 503, b'{"status":"error","message":"come again"}'
        if call_id not in self.calls:
            return 404, b'{"status":"error","message":"no such call"}'
        return 200, json.dumps(self.calls[call_id]).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
