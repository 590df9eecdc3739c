"""What was tried in staging is what production starts, and nothing that differs from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import typer

from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.audit import open_reader
from governance.audit.errors import AuditError
from governance.audit.events import RunStarted, SnapshotFrozen, SnapshotRollback
from governance.audit.log import AuditLog
from governance.core.provenance import Provenance
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.promotion.promote import promote
from governance.records import journal
from governance.records.journal import NotRecordedError
from governance.registry.versions import staged_version
from governance.runs import jobs
from governance.signing.signatories import Signatory
from governance.snapshots.errors import SnapshotError
from governance.snapshots.freeze import Frozen, freeze
from governance.snapshots.frozen import read_snapshots
from governance.snapshots.rollback import return_to
from governance.snapshots.start import infer, train, with_image_and_code
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, Ground

CLEAN = Provenance(git_commit="c" * 40, git_dirty=False, lock_digest="d" * 64, started_by="ada")


class Checkout:
    """What the process says that it is made from."""

    def __init__(self) -> None:
        self.provenance = CLEAN

    def change(self, **fields: object) -> None:
        self.provenance = CLEAN.model_copy(update=fields)


@pytest.fixture(scope="module")
def _made_from() -> Iterator[Checkout]:
    checkout = Checkout()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "collect", lambda _: checkout.provenance)
        yield checkout


@pytest.fixture
def checkout(_made_from: Checkout) -> Iterator[Checkout]:
    yield _made_from
    _made_from.change()


@dataclass(frozen=True)
class Tried:
    """A ground where a version is in staging, and its frozen pipelines ran there."""

    ground: Ground
    training: Frozen
    inference: Frozen
    grace: Signatory
    """May roll back."""
    auditor: Signatory
    """May not."""

    def target(self, environment: str) -> Target:
        return self.ground.target(environment)


@pytest.fixture(scope="module")
def tried(ground: Ground, _made_from: Checkout) -> Tried:
    # Before anything is frozen: who may sign is part of the settings.
    grace, edsger, auditor = (ground.signatory(f"{name}@example.com") for name in ("grace", "edsger", "audit"))
    jobs.train(ground.target("dev"))
    staging = ground.target("staging")
    promote(staging)
    with pytest.raises(SnapshotError, match=r"not frozen in staging.*make freeze ENV=staging"):
        freeze(ground.target("production"))
    training, inference = freeze(staging)
    with pytest.raises(SnapshotError, match=f"No run of training_pipeline.*untested.*{training.digest[7:19]}"):
        freeze(ground.target("production"))
    assert train(staging, training.digest).status.is_successful
    assert infer(staging, inference.digest[7:19]).status.is_successful
    jobs.validate(staging)
    production = ground.target("production")
    approve(production, edsger)
    promote(production, requested_by=grace)
    return Tried(ground, training, inference, grace, auditor)


def events(target: Target, kind: type) -> list:
    log = open_reader(target.platform, target.environment.environment)
    return [entry.event for entry in log.entries() if isinstance(entry.event, kind)]


def test_what_runs_from_a_snapshot_is_governed_and_on_record_as_that(tried: Tried) -> None:
    from zenml.client import Client

    staging = tried.target("staging")
    started = [event for event in events(staging, RunStarted) if event.snapshot]
    assert [event.snapshot for event in started] == [tried.training.digest, tried.inference.digest]
    assert "gate_verdict/model_performance" in started[0].expects
    run = Client().get_pipeline_run(started[0].run)
    assert run.snapshot is not None
    assert str(run.snapshot.source_snapshot_id) == tried.training.snapshot
    assert {"owner", "groundwork_usage"} & set(run.run_metadata), "the hooks ran"
    assert run.model_version is not None
    assert run.model_version.number == 2, "training from a snapshot makes a version of its own"


def test_production_takes_what_staging_tried_and_differs_in_the_stack_alone(tried: Tried) -> None:
    production = tried.target("production")
    assert [row.changed for row in freeze(production, dry_run=True)] == [True, True]
    assert events(production, SnapshotFrozen) == [], "a dry run keeps nothing"
    rows = freeze(production)
    assert [row.tested_as for row in rows] == [tried.training.digest, tried.inference.digest]
    there, here = events(tried.target("staging"), SnapshotFrozen), events(production, SnapshotFrozen)
    assert [event.definition for event in here] == [event.definition for event in there]
    assert {event.stack for event in here} == {production.stack} != {event.stack for event in there}
    assert not {event.snapshot_digest for event in here} & {event.snapshot_digest for event in there}
    assert [row.changed for row in freeze(production)] == [False, False]
    assert infer(production, rows[1].snapshot).status.is_successful


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"git_commit": "e" * 40}, f"frozen with commit {'c' * 40}, and here it is {'e' * 40}"),
        ({"lock_digest": "e" * 64}, "frozen with lock sha256:dddd"),
    ],
)
def test_other_code_starts_nothing_and_is_not_promoted(
    tried: Tried, checkout: Checkout, fields: dict[str, object], said: str
) -> None:
    checkout.change(**fields)
    with pytest.raises(SnapshotError, match=said):
        train(tried.target("staging"), tried.training.digest)
    with pytest.raises(SnapshotError, match=r"commit|lock"):
        freeze(tried.target("production"))


def test_another_parameter_in_production_is_named_and_refused(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.runs import session

    read = session.read_config
    estimator = read(CANCER).estimator
    other = estimator.model_copy(update={"parameters": {"C": 2.0}})
    monkeypatch.setattr(session, "read_config", lambda model: read(model).model_copy(update={"estimator": other}))
    with pytest.raises(SnapshotError, match=r"in more than the stack: .*estimator/parameters/C: 1 in staging, 2 in "):
        freeze(tried.target("production"))


def test_what_was_altered_in_zenml_starts_nothing(tried: Tried) -> None:
    import sqlite3

    from zenml.client import Client

    staging = tried.target("staging")
    database = Client().zen_store.config.url.removeprefix("sqlite:///")  # type: ignore[attr-defined]
    identifier = tried.training.snapshot.replace("-", "")
    query = "SELECT config FROM step_configuration WHERE snapshot_id = ? AND name = 'model_trainer'"
    change = "UPDATE step_configuration SET config = ? WHERE snapshot_id = ? AND name = 'model_trainer'"
    with sqlite3.connect(database) as connection:
        (before,) = connection.execute(query, (identifier,)).fetchone()
        assert '"C":1.0' in before
        connection.execute(change, (before.replace('"C":1.0', '"C":9.0'), identifier))
    try:
        with pytest.raises(SnapshotError, match="was altered in ZenML since it was frozen: steps/model_trainer"):
            train(staging, tried.training.digest)
    finally:
        with sqlite3.connect(database) as connection:
            connection.execute(change, (before, identifier))


def test_in_containers_the_image_is_the_frozen_one_and_the_code_is_the_checkouts(tried: Tried) -> None:
    from zenml.client import Client
    from zenml.config import DockerSettings
    from zenml.enums import StackComponentType
    from zenml.io import fileio
    from zenml.models import PipelineSnapshotRequest

    client, staging, image = Client(), tried.target("staging"), f"registry.example/training@sha256:{'a' * 64}"
    ours = {kind: parts[0].id for kind, parts in client.get_stack(staging.stack).components.items()}
    docker = client.create_stack_component("docker", "local_docker", StackComponentType.ORCHESTRATOR, {})
    client.create_stack("docker", {**ours, StackComponentType.ORCHESTRATOR: docker.id})
    frozen = client.get_snapshot(tried.training.snapshot)
    step = frozen.step_configurations["model_trainer"]
    in_image = {"docker": DockerSettings(parent_image=image, skip_build=True)}
    with active_stack("docker"):
        asked = PipelineSnapshotRequest(
            project=frozen.project_id,
            stack=client.active_stack_model.id,
            pipeline=frozen.pipeline.id,
            run_name_template="elsewhere",
            pipeline_configuration=frozen.pipeline_configuration.model_copy(update={"settings": in_image}),
            step_configurations={
                "model_trainer": step.model_copy(
                    update={"config": step.config.model_copy(update={"settings": in_image})},
                )
            },
            client_version=frozen.client_version,
            server_version=frozen.server_version,
        )
        ready = with_image_and_code(asked)
        again = with_image_and_code(asked)
    assert ready.build is not None
    assert {item.image for item in client.get_build(ready.build).images.values()} == {image}
    assert again.build != ready.build, "what ZenML holds of an earlier one is not taken"
    assert ready.code_path is not None
    assert fileio.exists(ready.code_path), "the checkout was uploaded"


def test_a_moved_name_is_refused_and_the_digest_still_starts(tried: Tried) -> None:
    from zenml.client import Client

    staging = tried.target("staging")
    (other,) = (event for event in events(staging, SnapshotFrozen) if event.snapshot_digest == tried.training.digest)
    Client().update_snapshot(other.snapshot, name="elsewhere")
    try:
        with pytest.raises(SnapshotError, match=r"means nothing in ZenML now.*it was moved"):
            train(staging, other.name)
    finally:
        Client().update_snapshot(other.snapshot, name=other.name)
    with pytest.raises(SnapshotError, match=r"No snapshot of .* 'elsewhere'.*make snapshots"):
        train(staging, "elsewhere")
    with pytest.raises(SnapshotError, match="is of training_pipeline, not of batch_inference_pipeline"):
        infer(staging, tried.training.digest)


def test_inference_is_refused_once_another_version_is_in_use(tried: Tried) -> None:
    assert staged_version(tried.target("staging")) is None, "it moved on to production"
    with pytest.raises(SnapshotError, match=r"scores with version 1. No version of .* is in use"):
        infer(tried.target("staging"), tried.inference.digest)


def test_rollback_returns_to_an_earlier_snapshot_on_record(
    tried: Tried, checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    from governance.cli.promotion import rollback as rollback_command

    staging, grace = tried.target("staging"), tried.grace
    with pytest.raises(SnapshotError, match="is in use already"):
        return_to(staging, tried.training.digest, reason="a test")
    checkout.change(git_commit="f" * 40)
    (newer,) = freeze(staging)
    assert newer.changed
    with pytest.raises(SnapshotError, match=f"is not in use any more; {newer.digest[7:19]} is.*TO_SNAPSHOT="):
        train(staging, tried.training.digest)
    return_to(staging, tried.training.digest, reason="a test", requested_by=grace, dry_run=True)
    options = {"model": CANCER, "env": "staging", "settings": tried.ground.settings, "reason": "a test"}
    rollback_command(**options, to_snapshot=tried.training.digest, dry_run=True)
    assert (
        f"would go from snapshot {newer.digest[7:19]} back to {tried.training.digest[7:19]}" in capsys.readouterr().out
    )
    assert events(staging, SnapshotRollback) == []
    with pytest.raises(PromotionRefusedError, match="may not roll back"):
        return_to(staging, tried.training.digest, reason="x", requested_by=tried.auditor)
    left, now = return_to(staging, tried.training.digest, reason="the newer one loses rows", requested_by=grace)
    assert (left.snapshot_digest, now.snapshot_digest) == (newer.digest, tried.training.digest)
    (event,) = events(staging, SnapshotRollback)
    assert (event.to_snapshot, event.reason) == (tried.training.digest, "the newer one loses rows")
    used = read_snapshots(staging, open_reader(staging.platform, "staging")).in_use("training_pipeline")
    assert used is not None
    assert used.snapshot_digest == tried.training.digest
    checkout.change()
    assert [row.changed for row in freeze(staging)] == [False], "the one that is in use is frozen as it is"


def test_nothing_is_kept_that_is_not_recorded(
    tried: Tried, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    def refuse(*_: object) -> None:
        raise AuditError("the store is full")

    checkout.change(git_commit="a" * 40)
    before = Client().list_snapshots(size=1).total
    monkeypatch.setattr(AuditLog, "append_many", refuse)
    with pytest.raises(NotRecordedError, match="the store is full"):
        freeze(tried.target("staging"))
    assert Client().list_snapshots(size=1).total == before


def test_dev_freezes_nothing_and_neither_does_code_without_a_commit(tried: Tried, checkout: Checkout) -> None:
    with pytest.raises(SnapshotError, match="Nothing is frozen in dev"):
        freeze(tried.target("dev"))
    checkout.change(git_dirty=None)
    with pytest.raises(SnapshotError, match="no commit describes the code"):
        freeze(tried.target("staging"))


def test_the_commands_freeze_list_and_refuse(tried: Tried, capsys: pytest.CaptureFixture[str]) -> None:
    from governance.cli import app
    from governance.cli.snapshots import freeze as freeze_command
    from governance.cli.snapshots import snapshots

    settings = tried.ground.settings
    freeze_command("staging", CANCER, None, settings, as_json=True, dry_run=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["pipeline"], told["changed"]) == ("training_pipeline", False)
    freeze_command("staging", CANCER, None, settings, as_json=False, dry_run=True)
    assert f"training_pipeline unchanged {tried.training.digest[7:19]}" in capsys.readouterr().out
    snapshots("staging", CANCER, None, settings, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {row["digest"]: (row["tried"], row["in_use"]) for row in rows}[tried.training.digest] == (True, True)
    snapshots("staging", CANCER, None, settings, as_json=False)
    assert tried.training.digest[7:19] in capsys.readouterr().out
    common = {"model": CANCER, "env": "staging", "settings": settings}
    app.train(**common, snapshot=tried.training.digest, dry_run=True)
    told = capsys.readouterr().out
    assert f"Would start training_pipeline from snapshot {tried.training.digest[7:19]} of {CANCER} in staging" in told
    with pytest.raises(typer.BadParameter, match="leave DATA and SHARDS out"):
        app.infer(**common, snapshot=tried.inference.digest, data="other.csv")


def test_no_overrides_are_frozen(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would outlive their time."""
    from governance.runs import session

    def in_force(*_: object) -> tuple[object, ...]:
        raise AssertionError("overrides were read while a pipeline was frozen")

    monkeypatch.setattr(session, "valid_overrides", in_force)
    assert [row.changed for row in freeze(tried.target("staging"))] == [False]


def test_changed_settings_start_nothing(tried: Tried) -> None:
    """The last of the module: it changes the settings for good."""
    ground = tried.ground
    edit_yaml(ground.settings / "staging.yaml", lambda raw: raw["data_quality"].update(minimum_rows=51))
    ground.apply_settings("staging")
    with pytest.raises(SnapshotError, match="frozen with settings sha256"):
        train(ground.target("staging"), tried.training.digest)
    with pytest.raises(SnapshotError, match=r"under settings .*Apply those again"):
        newer = freeze(ground.target("staging"))
        assert newer[0].changed
        return_to(ground.target("staging"), tried.training.digest, reason="a test")
