"""ZenML is a place where things lie, not a witness: what counts is in the log, and whoever moves a stage has a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
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
from governance.promotion.drill import drill
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.promotion.release import release
from governance.promotion.rollback import rollback
from governance.records import history
from governance.records.context import KEY
from governance.records.history import read_history, versions_staged
from governance.records.journal import Journal, NotRecordedError
from governance.registry.loading import NoModelInUseError, release_in_use
from governance.registry.sign_trained import sign_trained
from governance.registry.versions import named_version, staged_version
from governance.runs import jobs
from governance.runs.govern import UngovernedPipelineError
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.validation import validation_pipeline
from tests.governance.attacks.zenml_faults import Snapshot, failing, points
from tests.governance.conftest import CANCER, Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"

pytestmark = pytest.mark.slow


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
    """Version 1 in production, version 2 in staging and not validated there, version 3 trained."""
    dev, staging, production = (ground.target(name) for name in ("dev", "staging", "production"))
    for _ in range(3):
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
    with pytest.raises(NoModelInUseError, match="the log says that version 1 is in use there: the stage was set past"):
        jobs.infer(production)
    with pytest.raises(PromotionRefusedError, match="first of"):
        rollback(production, reason="alarms", requested_by=released.signatory(ASKS))
    assert in_use(production) == "1"
    assert reconcile(production, dry_run=True).findings == ()


@dataclass(frozen=True)
class Crossroads:
    """Two states: version 3 only trained, and version 3 validated in staging and approved for production."""

    ground: Ground
    trained: Snapshot
    approved: Snapshot

    def target(self, environment: str) -> Target:
        return self.ground.target(environment)

    def ends_well(self, *environments: str) -> None:
        """Log, stage and releases say the same."""
        for environment in environments:
            target = self.target(environment)
            assert versions_staged(target, read_history(target)) == (in_use(target),)
            assert reconcile(target).findings == ()
            assert open_reader(self.ground.platform, environment).verify().ok


@pytest.fixture(scope="module")
def crossroads(released: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossroads]:
    staging, production = (released.target(name) for name in ("staging", "production"))
    folder = tmp_path_factory.mktemp("crossroads")
    if in_use(staging) != "2":
        promote(staging, version="2")
    trained = Snapshot(released, folder / "trained")
    promote(staging, version="3")
    jobs.validate(staging)
    approve(production, released.signatory(AGREES))
    yield Crossroads(released, trained, Snapshot(released, folder / "approved"))


def test_zenml_that_fails_while_a_version_enters_staging(crossroads: Crossroads) -> None:
    """Whatever call fails, the next promotion finds a state to go on from, and so does the next rollback."""
    staging = crossroads.target("staging")

    def enter() -> None:
        promote(staging, version="3")

    for point in points(crossroads.trained.restore, enter):
        crossroads.trained.restore()
        with failing(point):
            enter()
        reconcile(staging, dry_run=True)
        enter()
        crossroads.ends_well("staging")
        assert in_use(staging) == "3"


def test_zenml_that_fails_while_a_version_is_released_to_production(crossroads: Crossroads) -> None:
    production, asks = crossroads.target("production"), crossroads.ground.signatory(ASKS)

    def enter() -> None:
        release(production, requested_by=asks)

    for point in points(crossroads.approved.restore, enter):
        crossroads.approved.restore()
        with failing(point):
            enter()
        reconcile(production, dry_run=True)
        promote(production, requested_by=asks)
        crossroads.ends_well("staging", "production")
        assert in_use(production) == "3"


def test_zenml_that_fails_while_an_environment_is_rolled_back(crossroads: Crossroads) -> None:
    staging, asks = crossroads.target("staging"), crossroads.ground.signatory(ASKS)

    def go_back() -> None:
        rollback(staging, reason="alarms", requested_by=asks)

    def enter_again() -> None:
        promote(staging, version="3")

    for by_hand in (False, True):
        crossroads.approved.restore()
        if by_hand:  # then the stage is first set as the log says
            named_version(staging, "3").set_stage("archived", force=True)
        state = Snapshot(crossroads.ground, crossroads.ground.settings.parent / f"back-{by_hand}")
        for number, point in enumerate(points(state.restore, go_back)):
            go_on, where = ((go_back, "2"), (enter_again, "3"))[number % 2]
            state.restore()
            with failing(point):
                go_back()
            with suppress(PromotionRefusedError):  # it may be where it is to go already
                go_on()
            crossroads.ends_well("staging")
            assert in_use(staging) == where
    crossroads.approved.restore()


@pytest.mark.parametrize("what", ["approve", "sign", "load", "reconcile"])
def test_zenml_that_fails_while_nothing_is_moved(crossroads: Crossroads, what: str) -> None:
    dev, staging, production = (crossroads.target(name) for name in ("dev", "staging", "production"))
    act: Callable[[], object] = {
        "approve": lambda: approve(production, crossroads.ground.signatory(ASKS)),
        "sign": lambda: sign_trained(dev, named_version(dev, "3"), Journal(dev)),
        "load": lambda: release_in_use(staging, Journal(staging)),
        "reconcile": lambda: reconcile(staging),
    }[what]

    def begin() -> None:
        crossroads.approved.restore()
        if what == "sign":
            for signature in dev.folder.rglob("*.sigstore.json"):
                signature.unlink()

    for point in points(begin, act):
        begin()
        with failing(point):
            act()
        act()
        crossroads.ends_well("staging")
    crossroads.approved.restore()


def test_production_loses_its_version_to_staging(crossroads: Crossroads) -> None:
    """A version has one stage in ZenML: what takes production's into staging leaves production without any."""
    crossroads.trained.restore()
    staging = crossroads.target("staging")
    for act in (
        lambda: promote(staging, version="1"),
        lambda: rollback(staging, reason="alarms"),
        lambda: drill(staging),
    ):
        with pytest.raises(
            PromotionRefusedError, match=r"Version 1 of .* is in use in production, which it would leave"
        ):
            act()
    named_version(staging, "1").set_stage("archived", force=True)
    with pytest.raises(PromotionRefusedError, match="is in use in production"):
        promote(staging, version="1")
    crossroads.approved.restore()


@pytest.mark.parametrize("failing", range(1, 6))
def test_an_anchor_that_fails_leaves_a_state_from_which_nothing_goes_on(
    released: Ground, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    staging = released.target("staging")
    before = read_history(staging).versions[-1]
    other = "3" if before == "2" else "2"
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
