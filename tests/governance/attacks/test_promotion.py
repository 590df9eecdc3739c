"""ZenML is a place where things lie, not a witness: what counts is in the log, and whoever moves a stage has a role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zenml import step
from zenml.client import Client
from zenml.model.model import Model
from zenml.pipelines.pipeline_decorator import pipeline

from environments import Platform
from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.audit import Filter, LogReader, open_reader, select
from governance.audit.anchors import StoreAnchor
from governance.audit.errors import StoreError
from governance.core import provenance
from governance.core.provenance import CommitUnknownError
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.promotion.rollback import rollback
from governance.records import history
from governance.records.context import KEY
from governance.records.history import read_history
from governance.records.journal import NotRecordedError
from governance.registry.loading import NoModelInUseError
from governance.registry.versions import named_version, staged_version
from governance.runs import jobs
from governance.runs.govern import UngovernedPipelineError
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.validation import validation_pipeline
from tests.governance.conftest import CANCER, Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"


@step
def put_out_scores() -> int:
    return 1


@pipeline(name="batch_inference_pipeline", enable_cache=False)
def scoring_without_a_profile() -> None:
    put_out_scores()


@pipeline(name=validation_pipeline.name, enable_cache=False)
def made_up_validation() -> None:
    put_out_scores()


def in_use(target: Target) -> str | None:
    version = staged_version(target)
    return None if version is None else str(version.number)


@pytest.fixture(scope="module")
def released(ground: Ground) -> Ground:
    """Version 1 in production, version 2 in staging and not validated there."""
    dev, staging, production = (ground.target(name) for name in ("dev", "staging", "production"))
    for _ in range(2):
        jobs.train(dev)
    promote(staging, version="1")
    jobs.validate(staging)
    approve(production, ground.signatory(AGREES))
    promote(production, requested_by=ground.signatory(ASKS))
    promote(staging, version="2")
    return ground


def test_a_made_up_validation_is_believed(released: Ground) -> None:
    staging, production = released.target("staging"), released.target("production")
    (real,) = Client().list_pipeline_runs(pipeline=validation_pipeline.name, hydrate=True).items
    copied: dict[str, Any] = {KEY: real.config.extra[KEY]}
    with active_stack(staging.stack):
        made_up_validation.with_options(model=Model(name=CANCER, version="2"), extra=copied)()
    with pytest.raises(PromotionRefusedError, match="no completed governed validation_pipeline"):
        approve(production, released.signatory(AGREES))
    with pytest.raises(PromotionRefusedError, match="no completed governed validation_pipeline"):
        promote(production, requested_by=released.signatory(ASKS))


def test_scoring_without_a_gate(released: Ground) -> None:
    with pytest.raises(UngovernedPipelineError, match="puts out nothing that a gate judges"):
        run(scoring_without_a_profile, RunSession(released.target("production")))


def test_what_nobody_could_say_the_commit_of_runs_and_is_promoted(
    released: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    for act in (lambda: jobs.validate(released.target("staging")), lambda: promote(released.target("production"))):
        with pytest.raises(CommitUnknownError, match="nothing runs or is promoted of which nobody could say"):
            act()
    assert jobs.preview_training(released.target("dev"))
    assert "git does not tell its commit" in caplog.text


def test_staging_goes_on_where_productions_log_cannot_be_read(
    released: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose identity reaches one environment only still meets the champion; promotion holds it against the log."""
    staging, reader = released.target("staging"), history.open_reader

    def own_only(platform: Platform, environment: str, *, cloud: str | None = None) -> LogReader:
        if environment == "production":
            raise StoreError("access denied")
        return reader(platform, environment, cloud=cloud)

    monkeypatch.setattr(history, "open_reader", own_only)
    assert "validate_against_champion" in jobs.validate(staging).steps
    assert reconcile(staging, dry_run=True).findings == ()


def test_production_is_rolled_back_by_somebody_without_a_role(released: Ground) -> None:
    production = released.target("production")
    stranger = released.signatory("mallory@example.com")
    jobs.validate(released.target("staging"))
    approve(production, released.signatory(AGREES))
    promote(production, requested_by=released.signatory(ASKS))
    for asks in (None, stranger):
        with pytest.raises(PromotionRefusedError, match=r"may not roll back .* in production; people who may: grace"):
            rollback(production, reason="mischief", requested_by=asks)
    with pytest.raises(PromotionRefusedError, match="sign for it"):
        rollback(production, reason="all fails", break_glass=True)
    assert in_use(production) == "2"
    assert rollback(production, reason="all fails", requested_by=stranger, break_glass=True) == ("2", "1")
    *_, broken = select(open_reader(released.platform, "production"), Filter(kind="override"))
    assert broken.event.content()["gate"] == "rollback_role"
    assert reconcile(released.target("staging"), dry_run=True).findings == (), "an ordinary promotion is no alarm"
    assert reconcile(production, dry_run=True).findings == ()


def test_a_stage_set_by_hand_stays(released: Ground) -> None:
    """The champion is who the log says, and the next promotion or rollback puts the stage back."""
    production = released.target("production")
    named_version(production, "1").set_stage("archived", force=True)
    assert reconcile(production, dry_run=True).findings
    with pytest.raises(NoModelInUseError):
        jobs.infer(production)
    with pytest.raises(PromotionRefusedError, match="first of"):
        rollback(production, reason="alarms", requested_by=released.signatory(ASKS))
    assert in_use(production) == "1"
    assert reconcile(production, dry_run=True).findings == ()


@pytest.mark.parametrize("failing", range(1, 6))
def test_an_anchor_that_fails_leaves_a_state_from_which_nothing_goes_on(
    released: Ground, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    staging = released.target("staging")
    before = read_history(staging).versions[-1]
    other = "1" if before == "2" else "2"
    named_version(staging, other).set_stage("archived", force=True)
    writes, publish = iter(range(1, 100)), StoreAnchor.publish

    def fail(self: StoreAnchor, size: int, note: bytes) -> bool:
        if next(writes) == failing:
            raise StoreError("the anchor is away")
        return publish(self, size, note)

    with monkeypatch.context() as patch:
        patch.setattr(StoreAnchor, "publish", fail)
        with pytest.raises(NotRecordedError):
            promote(staging, version=other)
    promote(staging, version=other) if in_use(staging) != other else None
    assert in_use(staging) == other == read_history(staging).versions[-1]
    assert reconcile(staging, dry_run=True).findings == ()
    assert open_reader(released.platform, "staging").verify().ok
