"""The command line of teams: what it asks for, what it refuses, what it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from environments import load_people
from governance.cli import teams as commands
from governance.teams import create, remove, update
from governance.teams.errors import TeamRefusedError
from tests.governance.teams.conftest import Checkout

GIVEN = {"NAME": "fraud-detection", "OWNER": "lise@example.com", "COST_CENTER": "cc-risk", "NO_PLAN": "1"}


@pytest.fixture
def app(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Iterator[typer.Typer]:
    """The commands on a checkout of the test's own."""
    made = typer.Typer(pretty_exceptions_enable=False)
    for name, command in (
        ("team", commands.team),
        ("team-update", commands.team_update),
        ("team-remove", commands.team_remove),
    ):
        made.command(name)(command)
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(checkout.folder / "environments"))
    for module, function in ((create, create.create), (remove, remove.plan_removal), (update, update.update)):
        here = {**(function.__kwdefaults__ or {}), "checkout": checkout.folder}
        monkeypatch.setattr(function, "__kwdefaults__", here)
        assert module
    return made


def test_the_command_says_what_it_wrote_and_what_is_next(app: typer.Typer, checkout: Checkout) -> None:
    done = CliRunner().invoke(app, ["team"], env=GIVEN)
    assert done.exit_code == 0, done.output
    assert "Wrote 11 files:\n  environments/teams/fraud-detection.yaml\n" in done.output
    for command in ("apply ENV=all", "register ENV=all", "release MODEL=fraud_detection_classifier", "approve"):
        assert f"make {command}" in done.output
    assert "environments/people.yaml" in done.output
    assert "fraud-detection" in checkout.platform.teams


def test_a_dry_run_plans_and_writes_nothing(app: typer.Typer, checkout: Checkout) -> None:
    done = CliRunner().invoke(app, ["team", "--json", "--dry-run"], env={**GIVEN, "NO_PLAN": "0", "CLOUD": "local"})
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["models"] == ["fraud_detection_classifier"]
    assert [(it["environment"], len(it["addresses"])) for it in told["plans"]] == [
        ("dev", 5),
        ("staging", 5),
        ("production", 5),
    ]
    assert "fraud-detection" not in checkout.platform.teams


@pytest.mark.parametrize("missing", ["NAME", "OWNER", "COST_CENTER"])
def test_where_nobody_can_be_asked_the_missing_variable_is_named(app: typer.Typer, missing: str) -> None:
    done = CliRunner().invoke(app, ["team"], env={**GIVEN, missing: ""})
    assert isinstance(done.exception, TeamRefusedError)
    assert str(done.exception).startswith(f"{missing} is missing: give {missing}=")


def test_at_a_terminal_what_is_missing_is_asked_for(
    app: typer.Typer, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(question: str) -> str:
        asked.append(question)
        return "cc-risk"

    monkeypatch.setattr(commands, "somebody_is_there", lambda: True)
    monkeypatch.setattr(typer, "prompt", answer)
    done = CliRunner().invoke(app, ["team"], env={**GIVEN, "COST_CENTER": ""})
    assert done.exit_code == 0, done.output
    assert asked == ["Cost centre (ml-platform, cc-diabetes-care, cc-oncology, cc-risk)"]
    assert checkout.platform.teams["fraud-detection"].cost_center == "cc-risk"


def test_keys_to_try_it_out_are_made_in_the_local_root_only(app: typer.Typer, checkout: Checkout) -> None:
    done = CliRunner().invoke(app, ["team"], env={**GIVEN, "LOCAL_KEYS": "1", "APPROVER": "emmy@example.com"})
    assert done.exit_code == 0, done.output
    people = checkout.folder / "ground" / "people"
    assert load_people(people / "people.yaml").keys() == {"lise@example.com", "emmy@example.com"}
    assert (people / "emmy@example.com").stat().st_mode & 0o077 == 0
    assert not [
        name for name in checkout.files() if "BEGIN OPENSSH" in Path(checkout.folder, name).read_text("latin-1")
    ]


@pytest.mark.usefixtures("zenml_store", "zenml_as_loud_as_it_is")
def test_a_removal_needs_the_teams_name_and_then_says_where_the_archive_is(
    app: typer.Typer, checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = checkout.folder / "environments"
    assert CliRunner().invoke(app, ["team"], env=GIVEN).exit_code == 0
    commands.team_remove("fraud-detection", None, no_plan=True, settings=settings, dry_run=True)
    assert "pipelines/teams/fraud_detection" in capsys.readouterr().out
    for wrong in (None, "oncology"):
        with pytest.raises(TeamRefusedError, match="CONFIRM=fraud-detection"):
            commands.team_remove("fraud-detection", wrong, no_plan=True, settings=settings)
    assert "fraud-detection" in checkout.platform.teams
    capsys.readouterr()
    commands.team_remove("fraud-detection", "fraud-detection", no_plan=True, settings=settings, as_json=True)
    assert Path(json.loads(capsys.readouterr().out)["archive"]).is_file()
    assert "fraud-detection" not in checkout.platform.teams


def test_an_update_of_a_team_that_cannot_be_updated_is_refused(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["team-update"], env={"NAME": "oncology"})
    assert isinstance(done.exception, TeamRefusedError)
