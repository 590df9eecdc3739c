"""A team goes only when production does not need it, only by name, archived first, and the audit log keeps it."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments import ORDER, local_root
from governance.teams.create import create
from governance.teams.errors import TeamRefusedError
from governance.teams.remove import plan_removal, remove
from stack_bootstrap.infrastructure import apply, plan
from stack_bootstrap.registration import register_all
from stack_bootstrap.workspace import workspace
from tests.conftest import copy_settings, edit_yaml
from tests.governance.teams.conftest import FRAUD, Checkout


@pytest.fixture(scope="module")
def laid(module_zenml_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the new team applied and registered in every environment, and an event in production's log."""
    from governance.audit.location import open_log
    from tests.governance.audit.conftest import event

    assert module_zenml_store
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    copy_settings(checkout.folder)
    create(FRAUD, checkout.platform, checkout=checkout.folder, plan=False)
    contracts = {name: apply(workspace(checkout.platform, name, "local")).stacks for name in ORDER}
    register_all({name: {"fraud-detection": stacks["fraud-detection"]} for name, stacks in contracts.items()})
    open_log(checkout.platform, "production").append(event(0))
    return checkout


@pytest.fixture
def production(laid: Checkout) -> Path:
    return local_root(laid.platform.environments["production"]) / "environments" / "production" / "fraud-detection"


def test_a_team_that_is_not_there_is_refused(laid: Checkout) -> None:
    with pytest.raises(TeamRefusedError, match="no team 'fraud'; there are: diabetes-care, fraud-detection, oncology"):
        plan_removal("fraud", laid.platform, checkout=laid.folder)


def test_what_would_go_is_all_of_the_team_and_nothing_else(laid: Checkout) -> None:
    removal = plan_removal("fraud-detection", laid.platform, checkout=laid.folder)
    assert removal.obstacles == ()
    assert {str(file.relative_to(laid.folder)) for file in removal.files} == {
        "environments/teams/fraud-detection.yaml",
        "pipelines/teams/fraud_detection",
        "pipelines/configs/transaction_classifier.yaml",
        "tests/teams/fraud_detection",
    }
    assert "stack local-fraud-detection-production" in removal.objects["production"]
    assert all("fraud-detection" in name for names in removal.objects.values() for name in names)
    assert all(len(it.addresses) == 5 and not it.unrelated_changes for it in removal.previews)
    assert '    module.team_folders["fraud-detection"].terraform_data.folder["audit"]' in removal.describe()


def test_files_in_its_production_store_keep_it(laid: Checkout, production: Path) -> None:
    held = production / "artifacts" / "model" / "weights"
    held.parent.mkdir()
    held.write_bytes(b"weights")
    try:
        removal = plan_removal("fraud-detection", laid.platform, plan=False, checkout=laid.folder)
        assert removal.obstacles[0].startswith(f"{production} holds 1 files (artifacts/model/weights)")
        with pytest.raises(TeamRefusedError, match="cannot be removed; nothing was changed"):
            remove(removal, laid.platform)
    finally:
        held.unlink()
        held.parent.rmdir()
    assert (laid.folder / "environments" / "teams" / "fraud-detection.yaml").exists()


@pytest.fixture
def version_in_production(laid: Checkout) -> Iterator[None]:
    from zenml.client import Client

    assert laid
    Client().create_model(name="transaction_classifier")
    version = Client().create_model_version("transaction_classifier")
    version.set_stage("production", force=True)
    yield
    Client().delete_model("transaction_classifier")


@pytest.mark.usefixtures("version_in_production")
def test_a_model_in_production_keeps_it(laid: Checkout) -> None:
    removal = plan_removal("fraud-detection", laid.platform, plan=False, checkout=laid.folder)
    assert [it[:52] for it in removal.obstacles] == ["Version 1 of transaction_classifier is in production"]


def test_artifacts_that_zenml_knows_in_its_production_store_keep_it(
    laid: Checkout, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml import save_artifact
    from zenml.client import Client

    from governance.core.stacks import active_stack

    with active_stack("local-fraud-detection-production"):
        kept = save_artifact(42, "answer")
    monkeypatch.setattr("governance.teams.holdings._files", lambda *_: [])
    try:
        (obstacle,) = plan_removal("fraud-detection", laid.platform, plan=False, checkout=laid.folder).obstacles
        assert obstacle.startswith("The store of production holds 1 artifacts (answer 1)")
    finally:
        Client().delete_artifact_version(kept.id, delete_metadata=True, delete_from_artifact_store=True)
        monkeypatch.undo()
        for path in sorted((production / "artifacts").rglob("*"), reverse=True):
            if path.name != ".groundwork":
                path.rmdir() if path.is_dir() else path.unlink()


def test_settings_that_still_name_its_model_keep_it(laid: Checkout) -> None:
    file = laid.folder / "environments" / "production.yaml"
    before = file.read_text(encoding="utf-8")
    edit_yaml(file, lambda raw: raw["model_thresholds"].update(transaction_classifier={"roc_auc": 0.9}))
    try:
        (obstacle,) = plan_removal("fraud-detection", laid.platform, plan=False, checkout=laid.folder).obstacles
    finally:
        file.write_text(before, encoding="utf-8")
    assert f"{file}: model_thresholds: no team owns transaction_classifier" in obstacle


def test_a_removal_archives_unregisters_and_deletes_and_leaves_the_log(laid: Checkout, production: Path) -> None:
    """The last of this module: the team is gone afterwards."""
    from zenml.client import Client

    from governance.audit.location import open_reader

    log = production.parent / "platform" / "audit"
    digest = _digest(log)
    before = {str(path) for path in laid.folder.rglob("*") if "ground" not in path.parts}
    stored = remove(plan_removal("fraud-detection", laid.platform, checkout=laid.folder), laid.platform)
    with zipfile.ZipFile(stored) as packed:
        names = set(packed.namelist())
        inventory = json.loads(packed.read("inventory.json"))
        assert packed.read("environments/teams/fraud-detection.yaml").startswith(b"# yaml-language-server")
    assert {
        "pipelines/teams/fraud_detection/training.py",
        "pipelines/teams/fraud_detection/.copier-answers.yml",
        "pipelines/configs/transaction_classifier.yaml",
        "tests/teams/fraud_detection/test_pipelines.py",
    } < names
    assert inventory["team"] == "fraud-detection"
    assert "stack local-fraud-detection-dev" in inventory["registered"]["dev"]
    assert stored.stat().st_mode & 0o077 == 0
    left = {str(path) for path in laid.folder.rglob("*") if "ground" not in path.parts}
    assert all("fraud" in gone or "transaction" in gone for gone in before - left)
    assert not [path for path in left if "fraud" in path and ".groundwork" not in path]
    assert not [stack for stack in Client().list_stacks().items if "fraud" in stack.name]
    assert _digest(log) == digest
    assert open_reader(laid.platform, "production").size == 1
    planned = plan(workspace(laid.platform, "production", "local"))
    assert len(planned.changes.delete) == 5, "infrastructure is left to a reviewed apply, which production refuses"
    assert production.is_dir()


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(it for it in folder.rglob("*") if it.is_file()):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()
