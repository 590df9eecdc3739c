"""The local store is made whole: what was interrupted is made again, and nothing that holds anything is removed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stack_bootstrap.registration import open_client
from stack_bootstrap.registration.local_store import local_store_made_alone


def database_in(home: Path) -> Path:
    return home / "local_stores" / "default_zen_store" / "zenml.db"


@pytest.mark.parametrize(
    "statements",
    [
        [],
        ["create table alembic_version (version_num text)"],
        ["create table alembic_version (version_num text)", "insert into alembic_version values ('head')"],
        [
            "create table alembic_version (version_num text)",
            "insert into alembic_version values ('head')",
            "create table user (name text)",
        ],
    ],
    ids=["some tables", "no revision", "no table of users", "no user"],
)
def test_a_store_whose_making_was_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))
    monkeypatch.delenv("ZENML_LOCAL_STORES_PATH", raising=False)
    database = database_in(tmp_path)
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table stack (id text)")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    with local_store_made_alone() as removed:
        assert removed == database
        assert not database.exists()


def test_a_store_that_works_is_left_alone(zenml_store: Path) -> None:
    client = open_client()
    client.create_model("kept_classifier")
    with local_store_made_alone() as removed:
        assert removed is None
    assert client.get_model("kept_classifier")


def test_a_server_elsewhere_is_none_of_our_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / "home"))
    monkeypatch.setenv("ZENML_STORE_URL", "https://zenml.example.com")
    with local_store_made_alone() as removed:
        assert removed is None
    assert not (tmp_path / "home").exists()


def test_a_second_process_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))
    code = (
        "from stack_bootstrap.registration.local_store import local_store_made_alone as alone\n"
        "print('ready', flush=True)\n"
        "with alone(): print('in', flush=True)"
    )
    with local_store_made_alone():
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1)
    assert other.communicate(timeout=30)[0] == "in\n"
