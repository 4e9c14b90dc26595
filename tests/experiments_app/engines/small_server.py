"""A user's own engine in a few lines of the standard library, with ways to misbehave on demand.

python small_server.py --port N --name NAME [--answer ready|loading|refuse|empty|hang|stall|die]
    [--slow-start S] [--ignore-sigterm] [--child] [--runaway] [--flood BYTES] [--exit CODE]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--name", default="model")
parser.add_argument("--answer", default="ready")
parser.add_argument("--slow-start", type=float, default=0.0)
parser.add_argument("--ignore-sigterm", action="store_true")
parser.add_argument("--child", action="store_true", help="keep a child that ignores SIGTERM")
parser.add_argument("--runaway", action="store_true", help="keep a child in a session of its own")
parser.add_argument("--flood", type=int, default=0, help="bytes to print before serving")
parser.add_argument("--exit", type=int)
options = parser.parse_args()

IGNORING_CHILD = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if options.answer == "hang":
            time.sleep(600)
        self.reply(503 if options.answer == "loading" else 200, b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if options.answer == "refuse" or body["model"] != options.name:
            self.reply(404, b'{"error": "The model does not exist."}')
            return
        if options.answer == "stall":
            time.sleep(600)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if options.answer == "die":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            os.kill(os.getpid(), signal.SIGKILL)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(0 if options.answer == "empty" else body["max_tokens"]):
            self.event({"choices": [{"delta": {"content": "word "}}]})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, content: dict[str, object]) -> None:
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")

    def reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


print("first line", flush=True)
print("environment", *sorted(os.environ), flush=True)
if options.ignore_sigterm:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if options.child:
    subprocess.Popen([sys.executable, "-c", IGNORING_CHILD])
if options.runaway:
    subprocess.Popen([sys.executable, "-c", IGNORING_CHILD], start_new_session=True)
line = b"x" * 99 + b"\n"
for _ in range(options.flood // len(line)):
    sys.stdout.buffer.write(line)
sys.stdout.buffer.flush()
print("last line", flush=True)
time.sleep(options.slow_start)
if options.exit is not None:
    print("RuntimeError: told to end", flush=True)
    sys.exit(options.exit)
ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
