"""An OpenAI-compatible server in a thread, for tests of real processes."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "parrot"
WAIT_S = 30
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


class Parrot(ThreadingHTTPServer):
    """Answers every chat with `You said: ` and the last message."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.chats: list[dict[str, Any]] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def handle_error(self, *_: object) -> None:
        """Let a client leave in the middle; anything else is a bug of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            raise


class _Answer(BaseHTTPRequestHandler):
    server: Parrot
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            self._send(404, {"error": {"message": "no such page"}})
            return
        model = {"id": MODEL, "object": "model", "owned_by": "test"}
        self._send(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        chat = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.chats.append(chat)
        self.server.asked.set()
        words = "You said: " + chat["messages"][-1]["content"]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self._event([_choice({"role": "assistant", "content": None})])
        self.server.may_answer.wait(WAIT_S)
        for word in words.split(" "):
            self._event([_choice({"content": f"{word} "})])
        self._event([_choice({}, "stop")])
        self._event([], usage=USAGE)
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _send(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _event(self, choices: list[dict[str, Any]], **more: object) -> None:
        chunk = {
            "id": "chat-1",
            "object": "chat.completion.chunk",
            "model": MODEL,
            "choices": choices,
            **more,
        }
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


@contextmanager
def parrot() -> Iterator[Parrot]:
    """Serve until the block ends."""
    with Parrot() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield serving
        finally:
            serving.shutdown()
            thread.join()
