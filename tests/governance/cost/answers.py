"""A small HTTP server that answers as it was told and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One recorded answer."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One question."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Recorded:
    """The server: where it is and what it was asked."""

    url: str
    asked: list[Asked]
    left: list[Answer]


@contextmanager
def answering(answers: Sequence[Answer]) -> Iterator[Recorded]:
    """Serve ``answers`` one after the other, then nothing but status 500. ``{url}`` in them stands for the server."""
    told = Recorded("", [], list(answers))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(sent) if sent else None
            told.asked.append(Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = told.left.pop(0) if told.left else Answer({"error": {"message": "nothing is recorded"}}, 500)
            content = json.dumps(answer.body).replace("{url}", told.url).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the standard library's names

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
