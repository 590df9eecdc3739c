"""The server on this machine: started once, found by the checkout's commands, stopped alone, and told when it died."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from typer.testing import CliRunner

from environments import Platform, load_platform
from governance.cli.app import app
from governance.server.database import DATABASE, address_of
from governance.server.secret_values import Values, held_key, look_at_values
from governance.server.start import start, stop
from governance.server.state import Home, Process, ServerError, Service
from stack_bootstrap.registration import RegistrationError
from stack_bootstrap.registration.running_server import SWITCH, use_running_server
from tests.governance.served import Served


@pytest.fixture
def platform(settings_directory: Path) -> Platform:
    return load_platform(settings_directory)


@pytest.fixture
def asleep() -> Iterator[psutil.Process]:
    """A process of another program."""
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(started.pid)
    started.kill()
    started.wait()


def _keep(platform: Platform, *services: Service) -> Home:
    home = Home.of(platform)
    home.folder.mkdir(parents=True)
    home.keep(services)
    home.key.write_text("a key")
    return home


@pytest.fixture
def checkout(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables that make gives the commands of the checkout with these settings."""
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(Home.of(platform).folder.parent / "zenml"))
    for name in ("ZENML_STORE_URL", "ZENML_STORE_API_KEY", SWITCH):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_stopping_ends_what_was_started_and_nothing_else(platform: Platform, asleep: psutil.Process) -> None:
    mine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    _keep(
        platform,
        Service("zenml", "http://127.0.0.1:1", Process.of(mine.pid)),
        Service("mlflow of before", "http://127.0.0.1:2", Process(asleep.pid, asleep.create_time() - 60)),
    )
    assert [service.name for service in stop(platform)] == ["zenml"]
    mine.wait(10)
    assert asleep.is_running(), "it has the number of a page that ended long ago, and is another"
    assert stop(platform) == ()


def test_commands_use_the_server_that_runs(
    platform: Platform, asleep: psutil.Process, checkout: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert use_running_server() is None
    url = "http://127.0.0.1:1"
    home = _keep(platform, Service("zenml", url, Process.of(asleep.pid)))
    checkout.setenv(SWITCH, "off")
    assert use_running_server() is None
    checkout.delenv(SWITCH)
    assert use_running_server() == url
    assert (os.environ["ZENML_STORE_URL"], os.environ["ZENML_STORE_API_KEY"]) == (url, "a key")
    assert os.environ["ZENML_CONFIG_PATH"] == str(home.folder / "client")
    assert use_running_server() is None, "it is in use"
    assert capsys.readouterr().err.count(url) == 1


def test_a_killed_server_is_not_replaced_by_the_store_on_this_machine(
    platform: Platform, asleep: psutil.Process, checkout: pytest.MonkeyPatch
) -> None:
    _keep(platform, Service("zenml", "http://127.0.0.1:1", Process(asleep.pid, asleep.create_time() - 60)))
    with pytest.raises(RegistrationError, match=r"was killed.*make server starts it again"):
        use_running_server()
    said = CliRunner().invoke(app, ["server-status", "--settings", str(platform.directory)])
    assert said.exit_code == 2
    assert "was killed" in said.output


def test_a_taken_port_and_a_database_that_is_away_are_told_before_anything_starts(platform: Platform) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} is taken"):
            start(platform, port=port, pages={})
    for database, said in (
        (f"mysql://root:hidden@127.0.0.1:{port}/zenml", "No database answers"),
        ("hidden", "no address like"),
        ("mysql://root:hidden@host:much/zenml", "no address like"),
        ("mysql://root:hidden@host", "no address like"),
    ):
        with pytest.raises(ServerError, match=said) as refused:
            start(platform, port=port, database=address_of(Home.of(platform), {DATABASE: database}), pages={})
        assert "hidden" not in str(refused.value)
    assert Home.of(platform).services() == ()


def test_the_dry_run_starts_nothing(platform: Platform) -> None:
    said = CliRunner().invoke(app, ["server", "--dry-run", "--settings", str(platform.directory)])
    assert said.exit_code == 0, said.output
    assert "Would start" in said.output
    assert not Home.of(platform).folder.exists()


@pytest.mark.slow
@pytest.mark.xdist_group("server")
def test_a_server_that_runs_is_left_as_it_is_and_its_secrets_are_its_owners_alone(server: Served) -> None:
    home = Home.of(server.platform)
    before = home.services()
    assert start(server.platform, port=1, pages={}) == before
    for file in (home.password, home.key, home.state, home.log, home.secrets_key, home.folder / "tokens.key"):
        assert file.stat().st_mode & 0o077 == 0, file
    password = home.password.read_text().split("password: ")[1].strip()
    shown = home.log.read_text(errors="replace") + " ".join(psutil.Process(before[0].process.pid).cmdline())
    for secret in (password, *(file.read_text() for file in (home.key, home.secrets_key, home.folder / "tokens.key"))):
        assert not re.search(re.escape(secret), shown)


@pytest.mark.slow
@pytest.mark.xdist_group("server")
@pytest.mark.parametrize("path", ["/", "/login", "/api/v1/info", "/api/v1/models"])
def test_the_dashboard_loads_and_asks_nobody_but_the_server(server: Served, path: str) -> None:
    answer = requests.get(server.api.removesuffix("/api/v1") + path, timeout=10)
    policies = answer.raw.headers.getlist("content-security-policy")
    assert len(policies) == 1, "each further one would only be held against the same page, and ZenML's is wider"
    directives = dict(directive.strip().split(" ", 1) for directive in policies[0].split(";"))
    assert directives["default-src"] == "'none'"
    sources = {source for given in directives.values() for source in given.split()}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}


@pytest.mark.slow
@pytest.mark.xdist_group("server")
def test_values_of_secrets_are_read_through_the_server_and_not_off_its_database(server: Served) -> None:
    secret = server.things["oncology dev secret"]
    read = server.admin("GET", f"secrets/{secret}").json()
    assert read["body"]["values"]["token"].startswith("hidden-")
    home = Home.of(server.platform)
    assert look_at_values(f"sqlite:///{home.sqlite}", held_key(home)) == Values()
    assert len(look_at_values(f"sqlite:///{home.sqlite}", None).unreadable) >= 6
