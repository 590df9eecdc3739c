"""Members of teams are compared with the server's users: who is missing is named, and nobody is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import load_platform
from stack_bootstrap.registration import commands, members
from stack_bootstrap.registration.members import missing_members


@pytest.fixture
def server(zenml_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that has people: the same interface as a server's, on SQLite."""
    from zenml.client import Client

    assert zenml_store
    monkeypatch.setattr(members, "is_server", lambda _: True)
    Client().create_user("Ada@example.com", password="a-long-password")


@pytest.mark.usefixtures("server")
def test_who_is_no_user_is_named_with_role_and_team_and_not_created() -> None:
    from zenml.client import Client

    platform = load_platform()
    before = Client().list_users().total
    missing = missing_members(platform, ["dev"])
    assert missing is not None
    assert {it.email for it in missing} == {"barbara@example.com", "grace@example.com", "katherine@example.com"}
    assert "grace@example.com (ml-engineer of oncology in dev)" in map(str, missing)
    oncology = missing_members(platform, ["production"], team="oncology")
    assert oncology is not None
    assert [it.email for it in oncology] == ["grace@example.com", "edsger@example.com", "audit@example.com"]
    assert Client().list_users().total == before


@pytest.mark.usefixtures("server")
def test_they_are_reported_beside_what_a_machine_reads(
    settings_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands._show_missing_members(load_platform(settings_directory), ["dev"], "oncology")
    said = capsys.readouterr()
    assert not said.out
    assert "make members makes accounts:\n  grace@example.com (ml-engineer of oncology in dev)\n" in said.err


@pytest.mark.usefixtures("zenml_store")
def test_a_local_store_has_no_people_to_compare_with() -> None:
    assert missing_members(load_platform(), ["dev"]) is None
