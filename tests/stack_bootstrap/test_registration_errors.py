"""An error of ZenML stops registration, names the object, and leaves ZenML fit for the next run."""

from __future__ import annotations

import json
import socket
import sqlite3
import string
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import RegistrationError, diff, open_client, register, verify, zenml_client
from stack_bootstrap.registration.errors import naming
from tests.stack_bootstrap.stack_contracts import WatchedClient, changed, local_contract, settle

NAME = "local-oncology-dev"


@pytest.fixture
def contracts(tmp_path: Path) -> dict[str, StackContract]:
    return {team: local_contract(tmp_path, team=team) for team in ("oncology", "diabetes-care")}


def with_key(contract: StackContract, component: str, **configuration: Any) -> StackContract:
    return changed(contract, lambda raw: raw["components"][component]["configuration"].update(configuration))


def test_a_configuration_key_that_zenml_does_not_know_is_refused_by_name_before_anything_is_written(
    contracts: dict[str, StackContract], client: Any
) -> None:
    broken = {
        "oncology": with_key(contracts["oncology"], "artifact_store", pathh="/x"),
        "diabetes-care": with_key(contracts["diabetes-care"], "experiment_tracker", tracking_username="only"),
    }
    watched = WatchedClient(client)
    with pytest.raises(RegistrationError) as refused:
        register(broken, client=watched)
    assert watched.writes == []
    assert f"artifact_store component {NAME}: Invalid configuration keys ['pathh']" in str(refused.value)
    settle(contracts, client)


def test_both_broken_objects_are_named(contracts: dict[str, StackContract], client: Any) -> None:
    broken = {team: with_key(contract, "artifact_store", pathh="/x") for team, contract in contracts.items()}
    with pytest.raises(RegistrationError) as refused:
        diff(broken, client=client)
    assert [refused.value.name, *(other.name for other in refused.value.others)] == [
        NAME, "local-diabetes-care-dev",
    ]  # fmt: skip


def test_a_server_that_went_away_is_said_so_without_the_address_of_what_was_asked() -> None:
    error = requests.ConnectionError("HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded, url: /api")
    words = r"^stack dev: ZenML's server went away\. Nothing is lost"
    with pytest.raises(RegistrationError, match=words) as away, naming("stack", "dev"):
        raise error
    assert "url" not in str(away.value)


def test_an_unknown_flavor_is_refused_by_name(contracts: dict[str, StackContract], client: Any) -> None:
    broken = changed(contracts["oncology"], lambda raw: raw["components"]["orchestrator"].update(flavor="cron"))
    with pytest.raises(RegistrationError, match=f"orchestrator component {NAME}: No flavor with name 'cron'"):
        register({"oncology": broken}, client=client)


def test_a_tracker_that_runs_have_no_adapter_for_is_refused_before_anything_is_written(
    contracts: dict[str, StackContract], client: Any
) -> None:
    untracked = {
        team: changed(contract, lambda raw: raw["components"]["experiment_tracker"].update(flavor="vertex"))
        for team, contract in contracts.items()
    }
    watched = WatchedClient(client)
    for act in (diff, register, verify):
        with pytest.raises(
            RegistrationError, match=f"^experiment_tracker component {NAME}: .*'vertex'.* mlflow"
        ) as said:
            act(untracked, client=watched)
        assert [other.name for other in said.value.others] == ["local-diabetes-care-dev"]
    assert watched.writes == []


@pytest.mark.parametrize(
    ("write", "named"),
    [("create_stack_component", f"orchestrator component {NAME}"), ("create_stack", f"stack {NAME}")],
)
def test_a_write_that_zenml_refuses_stops_registration_and_names_the_object(
    contracts: dict[str, StackContract], client: Any, write: str, named: str
) -> None:
    with pytest.raises(RegistrationError, match=f"^{named}: the server says no$"):
        register(contracts, client=WatchedClient(client, refuse=write))
    settle(contracts, client)


def test_a_store_that_cannot_be_read_is_named(contracts: dict[str, StackContract], client: Any) -> None:
    with pytest.raises(RegistrationError, match=r"^store of ZenML: the server says no$"):
        register(contracts, client=WatchedClient(client, refuse="list_stacks"))


def test_a_store_that_cannot_be_reached_is_one_line_without_its_password(
    zenml_store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZENML_STORE_URL", "mysql://groundwork:hunter2@127.0.0.1:1/zenml")
    with pytest.raises(RegistrationError, match=r"^store of ZenML: .*$") as refused:
        open_client()
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("way", ["no connection", "no answer within", "it hangs up"])
def test_a_database_that_is_away_is_asked_once_and_said_in_one_line(
    way: str, zenml_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenml_client, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as database:
        port = 1 if way == "no connection" else database.getsockname()[1]
        if way == "it hangs up":
            threading.Thread(target=lambda: database.accept()[0].close(), daemon=True).start()
        monkeypatch.setenv("ZENML_STORE_URL", f"mysql://groundwork:hunter2@127.0.0.1:{port}/zenml")
        with pytest.raises(
            RegistrationError, match=rf"^store of ZenML: the database 127.0.0.1:{port} is away \({way}"
        ) as said:
            open_client()
    assert "\n" not in str(said.value)
    assert "hunter2" not in str(said.value)


def test_what_a_store_is_given_to_answer_fits_into_fifteen_seconds() -> None:
    """Whichever of its two questions the server does not answer."""
    assert zenml_client.CONNECT_SECONDS + zenml_client.READ_SECONDS <= 10, "ZenML takes some seconds to be imported"


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.mark.parametrize("way", ["no connection", "no answer within", "it answers with status 503"])
def test_a_server_that_is_away_is_asked_once_and_said_in_one_line(
    way: str, zenml_store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zenml_client, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, HTTPServer(("127.0.0.1", 0), _Elsewhere) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        ports = {"no answer within": silent.getsockname()[1], "it answers with status 503": other.server_port}
        monkeypatch.setenv("ZENML_STORE_URL", f"http://127.0.0.1:{ports.get(way, 1)}")
        monkeypatch.setenv("ZENML_STORE_API_KEY", "ZENKEY_hunter2")
        with pytest.raises(RegistrationError, match=rf"^store of ZenML: the server .* is away \({way}") as said:
            open_client()
        other.shutdown()
    assert "\n" not in str(said.value)
    assert "Retrying" not in "".join(capfd.readouterr())


class _InfoOnly(BaseHTTPRequestHandler):
    """A server whose database went away: it answers what it can without."""

    def do_GET(self) -> None:
        if self.path != "/api/v1/info":
            self.server.released.wait(5)  # type: ignore[attr-defined]  # else a failure would take minutes to show
        from zenml import __version__

        body = json.dumps(
            {"version": __version__, "deployment_type": "other", "database_type": "mysql"}
            | {"secrets_store_type": "sql", "auth_scheme": "OAUTH2_PASSWORD_BEARER"}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_arguments: Any) -> None:
        pass


def test_a_server_that_answers_nothing_after_its_info_page_is_away_too(
    zenml_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenml_client, "READ_SECONDS", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), _InfoOnly) as hanging:
        released = threading.Event()
        hanging.released = released  # type: ignore[attr-defined]
        threading.Thread(target=hanging.serve_forever, daemon=True).start()
        monkeypatch.setenv("ZENML_STORE_URL", f"http://127.0.0.1:{hanging.server_port}")
        monkeypatch.setenv("ZENML_STORE_API_KEY", "ZENKEY_hunter2")
        with pytest.raises(RegistrationError, match=r"is away \(no answer within 0.5 s\)") as said:
            open_client()
        released.set()
        hanging.shutdown()
    assert "\n" not in str(said.value)


def test_a_store_that_a_newer_zenml_migrated_is_said_with_what_to_do(zenml_store: Path) -> None:
    with closing(sqlite3.connect(zenml_store / "local_stores" / "default_zen_store" / "zenml.db")) as store, store:
        store.execute("update alembic_version set version_num = '9.99.0'")
    with pytest.raises(RegistrationError, match=r"does not fit ZenML 0.*'9.99.0'.*make setup$") as said:
        open_client()
    assert "\n" not in str(said.value)


def test_every_kind_of_exception_is_passed_on_with_its_text() -> None:
    for error, text in (
        (KeyError("no such thing"), "no such thing"),
        (ValueError("wrong"), "wrong"),
        (RuntimeError(), "RuntimeError"),
    ):
        with pytest.raises(RegistrationError) as named, naming("stack", "s"):
            raise error
        assert str(named.value) == f"stack s: {text}"
        assert named.value.__cause__ is error


def test_a_hidden_value_shows_neither_in_the_message_nor_in_the_cause() -> None:
    with pytest.raises(RegistrationError) as named, naming("secret", "s", hide=["hunter2"]):
        raise ValueError("hunter2 is too short")
    assert str(named.value) == "secret s: (hidden) is too short"
    assert named.value.__cause__ is None
    assert named.value.__suppress_context__


@pytest.mark.parametrize(
    ("hide", "said", "shown"),
    [
        (["a", "hunter2"], "a value 'a' at db://a:xhunter2x@host", "a value '(hidden)' at db://(hidden):x(hidden)x@host"),
        (["e"], "the state of the secret", "the state of the secret"),
        (["abc"], "abc, xabcx", "(hidden), xabcx"),
        (["hidden", "secret12", "secret12345"], "secret12345 secret12", "(hidden) (hidden)"),
        (["p@ss/w rd"], "p%40ss%2Fw%20rd p%40ss/w%20rd p%40ss%2Fw+rd cEBzcy93IHJk", " ".join(["(hidden)"] * 4)),
        (["line of a key\nanother line"], "another line: 'line of a key\\nanother line'", "(hidden): '(hidden)'"),
        (['quo"ted\\'], '{"v": "quo\\"ted\\\\"}', '{"v": "(hidden)"}'),
        (["", "x.*y"], "xzy x.*y", "xzy (hidden)"),
    ],
)  # fmt: skip
def test_no_value_shows_in_any_spelling_and_a_short_one_blots_out_no_words(
    hide: list[str], said: str, shown: str
) -> None:
    with pytest.raises(RegistrationError) as named, naming("secret", "s", hide=hide):
        raise ValueError(said)
    assert str(named.value) == f"secret s: {shown}"


@given(st.text(string.ascii_letters + string.punctuation, min_size=4, max_size=12), st.text(max_size=30), st.data())
def test_a_secret_never_shows_wherever_it_stands(secret: str, around: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(around)))
    with pytest.raises(RegistrationError) as named, naming("secret", "s", hide=[secret]):
        raise ValueError(around[:at] + secret + around[at:])
    shown = str(named.value).removeprefix("secret s: ")
    assert secret not in shown.replace("(hidden)", "\0")
