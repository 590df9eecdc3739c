"""A team is added whole or not at all, and its scaffold is clean from the start."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from governance.cli import teams as commands
from governance.teams import preview, sample_data, scaffold
from governance.teams.create import create
from governance.teams.errors import TeamRefusedError
from governance.teams.preview import belongs
from pipelines.config import read_config
from tests.conftest import REPOSITORY, edit_yaml
from tests.governance.teams.conftest import FRAUD, Checkout

TWO = replace(FRAUD, models=("transaction_classifier", "chargeback_classifier"), data_format="parquet")


def add(checkout: Checkout, **asked: Any) -> None:
    create(replace(FRAUD, **asked), checkout.platform, checkout=checkout.folder, plan=False)


def test_a_dry_run_writes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    added = create(FRAUD, checkout.platform, checkout=checkout.folder, plan=False, dry_run=True)
    assert Path("environments/teams/fraud-detection.yaml") in added.files
    assert checkout.files() == before


def test_the_scaffold_is_what_was_announced_and_fits_the_house(checkout: Checkout) -> None:
    before = checkout.files()
    added = create(TWO, checkout.platform, checkout=checkout.folder, plan=False)
    assert checkout.files() - before == {str(file) for file in added.files}
    team = checkout.folder / "pipelines" / "teams" / "fraud_detection"
    nbformat.validate(nbformat.read(team / "explore.ipynb", as_version=4))  # type: ignore[no-untyped-call]
    assert '"outputs": []' in (team / "explore.ipynb").read_text(encoding="utf-8")
    for model in TWO.models:
        config = read_config(model, checkout.folder / "pipelines" / "configs")
        assert (checkout.folder / str(config.source)).is_file()
        assert "synthetic" in str(config.source)
        assert config.pipelines.training == "pipelines.teams.fraud_detection.training:training_pipeline"
        assert config.ranges
    for check in (["check"], ["format", "--check"]):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *check,
            "--config",
            str(REPOSITORY / "pyproject.toml"),
            "pipelines",
            "tests",
        ]
        done = subprocess.run(ruff, cwd=checkout.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_sample_data_is_the_same_for_the_same_name_and_within_the_ranges(checkout: Checkout) -> None:
    add(checkout)
    first, again, other = (sample_data.draw(name) for name in ("a_b", "a_b", "b_a"))
    assert first.equals(again)
    assert not first.equals(other)
    config = read_config("transaction_classifier", checkout.folder / "pipelines" / "configs")
    for column, (least, greatest) in config.ranges.items():
        assert first[column].between(least, greatest).all()
    assert set(config.features.columns) | {"record_id", "age_group", "outcome"} == set(first.columns)


def test_a_second_time_is_refused_and_changes_nothing(checkout: Checkout) -> None:
    add(checkout)
    before = {name: (checkout.folder / name).read_bytes() for name in checkout.files()}
    with pytest.raises(TeamRefusedError, match="is taken"):
        add(checkout)
    assert {name: (checkout.folder / name).read_bytes() for name in checkout.files()} == before


def test_a_file_that_is_there_already_is_not_overwritten(checkout: Checkout) -> None:
    mine = checkout.folder / "pipelines" / "teams" / "fraud_detection" / "mine.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    before = checkout.files()
    with pytest.raises(TeamRefusedError, match="exists already, and is not overwritten"):
        add(checkout)
    assert checkout.files() == before


@pytest.mark.parametrize("survived", [0, 1, 2, 3])
def test_an_interrupt_at_any_move_leaves_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    before, moves = checkout.files(), 0
    rename, replaced = Path.rename, Path.replace

    def interrupted(original: Any, source: Path, target: Path) -> Any:
        nonlocal moves
        if str(target).startswith(str(checkout.folder / ".groundwork")):
            return original(source, target)
        moves += 1
        if moves > survived:
            raise KeyboardInterrupt
        return original(source, target)

    monkeypatch.setattr(Path, "rename", lambda source, target: interrupted(rename, source, target))
    monkeypatch.setattr(Path, "replace", lambda source, target: interrupted(replaced, source, target))
    with pytest.raises(KeyboardInterrupt):
        add(checkout)
    assert moves == survived + 1
    assert checkout.files() == before


def test_what_a_kill_left_is_taken_back_by_the_next_command(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkout.files()
    monkeypatch.setattr(scaffold, "take_back", lambda _: [])  # a killed process takes nothing back
    replaced = Path.replace

    def killed(source: Path, target: Path) -> Any:
        if target.name == "fraud-detection.yaml":
            raise KeyboardInterrupt
        return replaced(source, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        add(checkout)
    assert checkout.files() > before
    monkeypatch.undo()
    assert scaffold.take_back(checkout.folder) == ["fraud-detection"]
    assert checkout.files() == before
    add(checkout)


def test_a_team_that_was_finished_before_the_kill_is_kept(checkout: Checkout) -> None:
    add(checkout)
    complete = checkout.files()
    parts = [str(part) for part in scaffold.parts("fraud-detection", FRAUD.models)]
    file = checkout.folder / "environments" / "teams" / "fraud-detection.yaml"
    note = checkout.folder / ".groundwork" / "teams" / "fraud-detection.placing.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"team_file": str(file), "parts": parts}), encoding="utf-8")
    assert scaffold.take_back(checkout.folder) == []
    assert checkout.files() == complete


def test_every_plan_adds_the_team_and_nothing_else(checkout: Checkout) -> None:
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.workspace import workspace

    apply(workspace(checkout.platform, "dev", "local"))
    added = create(FRAUD, checkout.platform, checkout=checkout.folder)
    dev, staging, production = added.previews
    assert len(dev.addresses) == len(production.addresses) == 5
    assert all('["fraud-detection"]' in address for address in (*dev.addresses, *staging.addresses))
    assert not dev.pending, "dev was applied, so only the team is to come"
    assert staging.pending > 10, "staging was not, and what was due before is told apart"
    applied = apply(workspace(checkout.platform, "dev", "local"))
    assert applied.changes.add == dev.addresses
    assert "fraud-detection" in applied.stacks


def shares_a_policy(monkeypatch: pytest.MonkeyPatch, *actions: str) -> None:
    """Plan as if a module listed all teams in a policy that they share."""

    def planned(where: Any) -> Any:
        teams = sorted(file.stem for file in (where.settings / "teams").glob("*.yaml"))
        shared = {"module.shared.aws_iam_policy.all": (actions, {"after": teams})}
        own = {f'module.team["{team}"].aws_s3_bucket.this': (("create",), {}) for team in teams}
        return {**shared, **own}, {}

    monkeypatch.setattr(preview, "_plan", planned)


def test_a_plan_that_does_more_than_add_the_team_is_shown_loudly(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares_a_policy(monkeypatch, "update")
    added = create(FRAUD, checkout.platform, checkout=checkout.folder, dry_run=True)
    assert added.previews[0].unrelated_changes == ("module.shared.aws_iam_policy.all (update)",)
    told = "\n".join(commands._describe(added, True, local_keys=False))
    assert "ATTENTION: the team's file also changes what is not the team's:\n    ! module.shared.aws_iam" in told
    assert "touches nothing of anybody else" not in told


def test_a_plan_that_takes_something_away_is_refused(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    shares_a_policy(monkeypatch, "delete", "create")
    before = checkout.files()
    with pytest.raises(TeamRefusedError, match=r"dev on local: module.shared.aws_iam_policy.all \(delete/create\)"):
        create(FRAUD, checkout.platform, checkout=checkout.folder)
    assert checkout.files() == before


def test_a_contract_of_another_team_that_changes_is_an_unrelated_change() -> None:
    def contracts(oncology: str, **more: str) -> dict[str, Any]:
        return {"oncology": {"stack": oncology}, **{name: {"stack": value} for name, value in more.items()}}

    same = {"stacks": {"before": contracts("a"), "after": contracts("a", fraud="b")}}
    assert list(preview._other_contracts(same, "fraud")) == []
    changed = {"stacks": {"before": contracts("a"), "after": contracts("z", fraud="b")}}
    assert list(preview._other_contracts(changed, "fraud")) == ['output.stacks["oncology"]']


def test_an_address_belongs_to_the_team_that_it_is_called_after() -> None:
    for address in (
        'module.folders["fraud"].terraform_data.folder["audit"]',
        'module.kms.google_kms_crypto_key_iam_member.user["fraud/storage"]',
        'module.audit_store.aws_iam_role_policy.writer["fraud-client"]',
        'module.alerts["fraud"].google_monitoring_notification_channel.email["lise@example.com"]',
    ):
        assert belongs(address, "fraud")
    for address in (
        'module.folders["fraudulent"].terraform_data.folder["audit"]',
        'module.folders["anti-fraud"].terraform_data.folder["audit"]',
        'module.alerts["platform"].google_monitoring_notification_channel.email["lise@example.com"]',
        "module.network.aws_vpc.this[0]",
    ):
        assert not belongs(address, "fraud")


def test_settings_that_are_wrong_are_named_where_they_are(checkout: Checkout) -> None:
    edit_yaml(
        checkout.folder / "environments" / "dev.yaml",
        lambda raw: raw["model_thresholds"].update(diabetes_progression_classifier={"roc_auc": 0.71}),
    )
    with (
        pytest.raises(Exception, match=str(checkout.folder / "environments" / "dev.yaml")),
        preview.settings_with(checkout.platform, without="diabetes-care"),
    ):
        raise AssertionError("a model without a team cannot have thresholds")
