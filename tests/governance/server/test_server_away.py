"""A server that goes away, hangs or is not available while a command is at work: said in one line, within bounds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import typer
from requests.adapters import Retry
from requests.exceptions import RetryError

from stack_bootstrap.command_line import EXPECTED_ERRORS, run_command_line
from stack_bootstrap.registration import open_client, patience
from tests.governance.served import Served

AWAY, SILENT = 2, 1


class _Front(ThreadingHTTPServer):
    """What stands before a server: it hangs up, says nothing, says that it is busy, or answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mood, self.asked, self.released = "well", 0, threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Front

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.mood == "hangs up":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.server.mood == "hangs":
            self.server.released.wait(10)
        self.send_response(503 if self.server.mood == "is busy" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def front() -> Iterator[_Front]:
    with _Front() as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield front
        front.released.set()
        front.shutdown()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    """A session as ZenML makes one, but for its pauses."""
    monkeypatch.setattr(patience, "AWAY", AWAY)
    monkeypatch.setattr(patience, "SILENT", SILENT)
    monkeypatch.setattr(patience, "LAST_SECONDS", (0.2, 0.2))
    made = requests.Session()
    retries = Retry(connect=5, read=8, status=10, other=3, status_forcelist=[503], allowed_methods=None)
    made.mount("http://", patience.PatientAdapter(retries, pool_maxsize=2))
    return made


@pytest.mark.parametrize(
    ("mood", "error", "asked"),
    [
        ("hangs up", requests.ConnectionError, SILENT + 1),
        ("hangs", requests.ConnectionError, SILENT + 1),  # as requests calls a timeout that was tried again
        ("is busy", RetryError, AWAY + 1),
    ],
)
def test_a_server_is_asked_again_for_a_while_then_once_until_it_is_back(
    front: _Front, session: requests.Session, mood: str, error: type[Exception], asked: int
) -> None:
    url = f"http://127.0.0.1:{front.server_port}"
    for _ in range(2):
        front.mood, front.asked = mood, 0
        with pytest.raises(error):
            session.get(url, timeout=0.2)
        assert front.asked == asked
        with pytest.raises((requests.RequestException, RetryError)):
            session.get(url, timeout=60)
        assert front.asked == asked + 1, "it was called away, and is asked once and briefly"
        front.mood = "well"
        assert session.get(url, timeout=5).ok
    assert session.post(url, timeout=5).status_code == 501, "what is no sign of being away is passed on"


class _Wire:
    """A connection to a server that can be cut."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._to = (address.hostname or "", address.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Refuse connections, and end those that there are, as the death of the server does."""
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._to)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
@pytest.mark.xdist_group("server")
def test_a_server_that_dies_at_work_is_said_in_one_line_and_the_next_command_goes_on(
    server: Served, zenml_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "AWAY", AWAY)  # the pauses are ZenML's
    wire, app, seen = _Wire(server.api), typer.Typer(), []
    monkeypatch.setenv("ZENML_STORE_URL", f"http://127.0.0.1:{wire.port}")
    monkeypatch.setenv("ZENML_STORE_API_TOKEN", server.admin.headers["Authorization"].removeprefix("Bearer "))

    @app.command()
    def look_twice() -> None:
        client = open_client()
        seen.append(client.list_models(project="default").total)
        wire.cut()
        seen.append(client.list_models(project="default").total)

    monkeypatch.setattr("sys.argv", ["look-twice"])
    with pytest.raises(SystemExit) as ended:
        run_command_line(app, EXPECTED_ERRORS)
    assert (ended.value.code, len(seen)) == (1, 1)
    waiting, said = capsys.readouterr().err.strip().splitlines()
    assert waiting.startswith("ZenML's server does not answer; asking again for up to half a minute")
    assert said.startswith("store of ZenML: it went away while this was at work (")
    assert said.endswith("run the same command again, and it goes on from what the log says.")
    with closing(requests.get(f"{server.api}/info", timeout=30)) as answer:
        assert answer.ok
