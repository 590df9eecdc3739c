"""Accounts follow the applied team files: made once, never deleted, and their secrets seen by nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result
from typer.testing import CliRunner

from governance.audit import open_reader
from governance.audit.events import AccountChange
from governance.cli.app import app
from governance.server.state import Home
from tests.conftest import edit_yaml
from tests.governance.served import LEFT, PASSWORD, Served, member

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

NEW = "newcomer@example.com"


@pytest.fixture
def members(server: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``make members`` with these arguments, against the server."""
    for name in ("ZENML_STORE_URL", "ZENML_STORE_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["members", "--settings", str(server.settings), *arguments])

    return run


@pytest.fixture
def team(server: Served) -> Iterator[Callable[..., None]]:
    """Says who are members of oncology in production beside those who are, and applies that."""
    file = server.settings / "teams" / "oncology.yaml"
    before = file.read_text()

    def add(*names: str) -> None:
        def change(raw: dict[str, Any]) -> None:
            raw["environments"]["production"]["members"].update(dict.fromkeys(names, "data-scientist"))

        file.write_text(before)
        edit_yaml(file, change)
        server.apply()

    yield add
    file.write_text(before)
    server.apply()


def _password(file: Path) -> str:
    assert file.stat().st_mode & 0o077 == 0
    return file.read_text().split("password: ")[1].strip()


def test_accounts_follow_the_applied_files(
    server: Served, members: Callable[..., Result], team: Callable[..., None]
) -> None:
    team(NEW)
    before = server.admin("GET", "users").json()["total"]
    planned = members("--env", "production", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert f"Would create {NEW}: data-scientist of oncology in production" in planned.output
    assert f"Would deactivate {LEFT}" in planned.output
    assert "Would create service account ci-production" in planned.output
    assert server.admin("GET", "users").json()["total"] == before

    done = members("--env", "production", "--json")
    assert done.exit_code == 0, done.output
    files = {row["account"]: Path(row["file"]) for row in json.loads(done.output)["changes"] if "file" in row}
    password, key = _password(files[NEW]), files["service account ci-production"].read_text()
    assert files["service account ci-production"].stat().st_mode & 0o077 == 0
    new = server.log_in(NEW, password)
    assert new("GET", "models").ok
    for client in (new, server.admin):  # whom the dashboard shows what they came for
        account = client("GET", "current-user").json()
        assert account["body"]["email_opted_in"] is False
        assert account["metadata"]["user_metadata"]["finished_onboarding_survey"] is True
    assert server.clients[LEFT]("GET", "models").status_code == 401
    shown = done.output + planned.output + Home.of(server.platform).log.read_text(errors="replace")
    for secret in (password, key):
        assert not re.search(re.escape(secret), shown)
    again = members("--env", "production")
    assert again.output.strip() == "Every account is as the applied settings say."

    ci = server.log_in_by_key(key)
    assert ci("GET", "models").ok
    assert ci("POST", "users", {"name": "x@example.com"}).status_code == 403

    team(NEW, LEFT)
    back = members("--env", "production")
    assert f"Reactivated {LEFT}; hand over and remove" in back.output
    assert server.log_in(LEFT, _password(files[NEW].with_name(f"{LEFT}.txt")))("GET", "models").ok

    rotated = members("--env", "production", "--rotate")
    assert "Rotated service account ci-production" in rotated.output
    assert files["service account ci-production"].read_text() != key
    assert server.log_in_by_key(files["service account ci-production"].read_text())("GET", "models").ok

    events = [entry.event for entry in open_reader(server.platform, "production").entries()]
    actions = [event.action for event in events if isinstance(event, AccountChange)]
    assert sorted(actions[-2:]) == ["reactivated", "rotated"]
    assert {"created", "deactivated"} <= set(actions)


def test_what_was_not_applied_makes_no_account(server: Served, members: Callable[..., Result]) -> None:
    file = server.settings / "teams" / "oncology.yaml"
    before = file.read_text()
    try:
        edit_yaml(file, lambda raw: raw["environments"]["dev"]["members"].update({"soon@example.com": "auditor"}))
        assert "soon@example.com" not in members("--dry-run").output
    finally:
        file.write_text(before)


def test_an_error_of_the_server_names_whose_account_it_is_about(
    server: Served, members: Callable[..., Result], team: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    team(NEW, "another@example.com")
    given = server.admin("POST", "service_accounts", {"name": "weak", "active": True}).json()
    key = server.admin("POST", f"service_accounts/{given['id']}/api_keys", {"name": "k"}).json()["body"]["key"]
    api = server.api.removesuffix("/api/v1")
    monkeypatch.setenv("ZENML_STORE_URL", api)
    monkeypatch.setenv("ZENML_STORE_API_KEY", key)
    refused = members("--env", "production")
    assert refused.exit_code != 0
    assert "answers 403" in str(refused.exception)
    monkeypatch.delenv("ZENML_STORE_API_KEY")
    assert "ZENML_STORE_USERNAME and ZENML_STORE_PASSWORD" in str(members("--dry-run").exception)
    monkeypatch.setenv("ZENML_STORE_USERNAME", member("platform-admin"))
    monkeypatch.setenv("ZENML_STORE_PASSWORD", PASSWORD)
    assert "may not administer the server" in str(members("--dry-run").exception), "of a team is not of the server"
    monkeypatch.setenv("ZENML_STORE_URL", "http://127.0.0.1:1")
    away = members("--env", "production")
    assert away.exit_code != 0
    assert "logging in: the server does not answer at http://127.0.0.1:1" in str(away.exception)
    assert requests.get(f"{api}/health", timeout=30).ok
