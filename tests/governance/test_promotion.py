"""Promotion: only evidence, people and thresholds move a version, and rollback follows what was in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zenml.client import Client
from zenml.model.model import Model
from zenml.models import ModelVersionResponse

from governance import events, jobs
from governance.audit import AuditLog, StoreError, open_reader
from governance.exclusive import AnotherIsAtWork, alone
from governance.gates.result import GateFailed
from governance.in_use import NoModelInUse
from governance.journal import NotRecorded
from governance.promotion.promote import promote
from governance.promotion.rollback import rollback
from governance.promotion.settling import PromotionRefused
from governance.model_files import ReleaseError
from governance.releases import digest_of, find_release, trained_model
from governance.target import Target
from governance.versions import staged_version
from pipelines.training import training_pipeline
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"


def to_staging(ground: Ground) -> str:
    """Train a version and bring it to staging, validated there."""
    jobs.train(ground.target("dev"))
    promoted = promote(ground.target("staging"), requested_by=ASKS)
    jobs.validate(ground.target("staging"))
    return promoted.version


def to_production(ground: Ground) -> str:
    to_staging(ground)
    return promote(ground.target("production"), requested_by=ASKS, approved_by=[AGREES]).version


def in_use(target: Target) -> str | None:
    version = staged_version(target)
    return None if version is None else str(version.number)


def kinds(target: Target) -> list[tuple[str, str]]:
    return [(event.kind, event.version) for event in events.history(target)]


def test_the_way_from_training_to_production_and_every_refusal_on_it(fresh_ground: Ground) -> None:
    """One story, because each station needs the ones before it."""
    ground = fresh_ground
    staging, production = ground.target("staging"), ground.target("production")

    with pytest.raises(PromotionRefused, match=r"No version of .* in dev is ready"):
        promote(staging, requested_by=ASKS)
    with pytest.raises(NoModelInUse, match="make train ENV=dev"):
        jobs.infer(production)
    with pytest.raises(PromotionRefused, match="Nothing is promoted into 'dev'"):
        promote(ground.target("dev"))

    jobs.train(ground.target("dev"))
    rehearsed = promote(staging, requested_by=ASKS, dry_run=True)
    assert (rehearsed.version, rehearsed.previous, rehearsed.release) == ("1", None, None)
    assert in_use(staging) is None, "a dry run changes nothing"
    assert kinds(staging) == []

    assert promote(staging, requested_by=ASKS).version == "1"
    assert in_use(staging) == "1"
    with pytest.raises(PromotionRefused, match="in staging already"):
        promote(staging, requested_by=ASKS, version="1")
    with pytest.raises(PromotionRefused, match="no version '9'"):
        promote(staging, requested_by=ASKS, version="9")

    with pytest.raises(PromotionRefused, match=r"no completed governed validation_pipeline.*make validate ENV=staging"):
        promote(production, requested_by=ASKS, approved_by=[AGREES])
    jobs.validate(staging)
    with pytest.raises(PromotionRefused, match=r"needs 1 approval\(s\) by somebody other than grace.*edsger"):
        promote(production, requested_by=ASKS)
    with pytest.raises(PromotionRefused, match=r"needs 1 approval\(s\).*has 0"):
        promote(production, requested_by=ASKS, approved_by=[ASKS])
    for stranger in ("mallory@example.com", "audit@example.com"):
        with pytest.raises(PromotionRefused, match="may not approve"):
            promote(production, requested_by=ASKS, approved_by=[stranger])
    assert in_use(production) is None

    promoted = promote(production, requested_by=ASKS, approved_by=[AGREES])
    assert (promoted.version, promoted.previous) == ("1", None)
    assert in_use(production) == "1"
    attempts = [kind for kind, _ in kinds(production)]
    assert attempts == ["promotion requested", "promotion refused"] * 5 + ["promotion requested", "promotion completed"]
    completed = events.history(production)[-1]
    assert (completed.actor, completed.approvers) == (ASKS, (AGREES,))
    log = open_reader(ground.platform, "production")
    assert log.verify().ok
    leaves = b"".join(log.raw(number) for number in range(log.size))
    assert b"@" not in leaves, "people stand in the log by pseudonym"

    # Production holds the files itself: taking dev's and staging's stores away does not touch it.
    assert promoted.release is not None
    assert Path(promoted.release.uri).is_relative_to(production.folder)
    assert completed.digest == f"sha256:{digest_of(Client().get_model_version(CANCER, '1'))}"

    scored = jobs.infer(production)
    assert scored.status == "completed"
    assert set(scored.steps) == {"input_validator", "predictor"}


def test_a_model_below_productions_threshold_is_stopped_and_the_earlier_version_stays(fresh_ground: Ground) -> None:
    ground = fresh_ground
    assert to_production(ground) == "1"
    to_staging(ground)
    edit_yaml(
        ground.settings / "production.yaml",
        lambda raw: raw["model_thresholds"][CANCER].update(recall=0.999),
    )
    production = ground.target("production")
    with pytest.raises(GateFailed, match=rf"stopped {CANCER} in production: recall 0\.\d+ must be at least 0\.999"):
        promote(production, requested_by=ASKS, approved_by=[AGREES])
    assert in_use(production) == "1"
    refused = events.history(production)[-1]
    assert (refused.kind, refused.version) == ("promotion refused", "2")
    assert "recall" in refused.reason


def test_rollback_goes_to_what_was_in_use_and_not_to_the_number_below(fresh_ground: Ground) -> None:
    """Version 1 was in production, 2 never, 3 is: back from 3 is 1, and back from 1 is nowhere."""
    ground = fresh_ground
    production = ground.target("production")
    assert to_production(ground) == "1"
    with pytest.raises(PromotionRefused, match="no earlier version was in use"):
        rollback(production, reason="nothing before it")
    assert to_staging(ground) == "2"
    assert to_production(ground) == "3"
    assert in_use(production) == "3"

    assert rollback(production, requested_by=ASKS, reason="alarms", dry_run=True) == ("3", "1")
    assert in_use(production) == "3"
    assert rollback(production, requested_by=ASKS, reason="alarms") == ("3", "1")
    assert in_use(production) == "1"
    assert events.history(production)[-1].reason == "alarms"
    assert events.released_versions(production) == ["1"]
    with pytest.raises(PromotionRefused, match="no earlier version was in use"):
        rollback(production, reason="again")
    assert in_use(production) == "1"


def test_a_release_that_was_altered_is_neither_rolled_back_to_nor_used(fresh_ground: Ground) -> None:
    from pipelines.model import ModelTampered

    ground = fresh_ground
    production = ground.target("production")
    to_production(ground)
    to_production(ground)
    for number in ("1", "2"):
        release = find_release(Client().get_model_version(CANCER, number), production)
        assert release is not None
        file = Path(release.uri) / "model.skops"
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))
    with pytest.raises(ReleaseError, match="was altered after training"):
        rollback(production, reason="alarms")
    assert in_use(production) == "2"
    with pytest.raises(ModelTampered):
        jobs.infer(production)


def test_a_model_that_was_altered_before_its_release_is_not_released(fresh_ground: Ground) -> None:
    ground = fresh_ground
    run = jobs.train(ground.target("dev"))
    assert run.model_version is not None
    signature = Path(trained_model(run.model_version).uri) / "signature.json"
    signature.write_text(signature.read_text().replace('"decision_threshold": 0.4', '"decision_threshold": 0.9'))
    with pytest.raises(ReleaseError, match="was altered after training"):
        promote(ground.target("staging"), requested_by=ASKS)
    assert in_use(ground.target("staging")) is None


def test_a_stage_set_behind_promotions_back_gives_no_model_to_use(fresh_ground: Ground) -> None:
    ground = fresh_ground
    jobs.train(ground.target("dev"))
    Client().get_model_version(CANCER, "1").set_stage("production")
    with pytest.raises(NoModelInUse, match="the stage was set past `make promote`"):
        jobs.infer(ground.target("production"))


def test_a_version_trained_without_governance_cannot_be_promoted(fresh_ground: Ground) -> None:
    from governance.stacks import active_stack
    from pipelines.config import read_config

    ground = fresh_ground
    with active_stack(ground.target("dev").stack):
        plain = training_pipeline.with_options(model=Model(name=CANCER))
        plain(config=read_config(CANCER))
    with pytest.raises(PromotionRefused, match=r"ready to be promoted"):
        promote(ground.target("staging"), requested_by=ASKS)
    with pytest.raises(PromotionRefused, match="no completed governed training_pipeline in dev"):
        promote(ground.target("staging"), requested_by=ASKS, version="1")


class Died(BaseException):
    """The process is gone."""


def test_an_interrupted_promotion_is_undone_or_finished_by_the_next_call(
    fresh_ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = fresh_ground
    jobs.train(ground.target("dev"))
    staging = ground.target("staging")
    set_stage = ModelVersionResponse.set_stage

    def die_before(*_: object, **__: object) -> None:
        raise Died

    def die_after(self: ModelVersionResponse, *arguments: Any, **named: Any) -> None:
        set_stage(self, *arguments, **named)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(ModelVersionResponse, "set_stage", die_before)
        with pytest.raises(Died):
            promote(staging, requested_by=ASKS)
    assert in_use(staging) is None
    made = promote(staging, requested_by=ASKS)
    assert made.note == "An interrupted promotion of version 1 was undone."
    assert in_use(staging) == "1"

    jobs.train(ground.target("dev"))
    with monkeypatch.context() as patch:
        patch.setattr(ModelVersionResponse, "set_stage", die_after)
        with pytest.raises(Died):
            promote(staging, requested_by=ASKS)
    assert in_use(staging) == "2"
    assert events.released_versions(staging) == ["1"], "the log does not know yet"
    made = promote(staging, requested_by=ASKS)
    assert (made.version, made.previous, made.note) == ("2", "1", "An interrupted promotion of version 2 was finished.")
    assert events.released_versions(staging) == ["1", "2"]


WRITES = 5
"""Of a promotion to staging: requested, gates, approved, stage_set, completed."""


@pytest.mark.parametrize("failing", range(1, WRITES + 1))
def test_no_stage_changes_when_the_log_cannot_be_written(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Whichever write of a promotion fails, the version in staging stays the one that was there."""
    jobs.train(ground.target("dev"))
    staging = ground.target("staging")
    before, writes = in_use(staging), iter(range(1, 100))
    append = AuditLog.append_many

    def fail(self: AuditLog, batch: Any) -> Any:
        if next(writes) == failing:
            raise StoreError("the disk is full")
        return append(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_many", fail)
        with pytest.raises(NotRecorded, match="was not written: the disk is full"):
            promote(staging, requested_by=ASKS)
    assert in_use(staging) == before
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_many", lambda log, batch: (calls.append(batch), append(log, batch))[1])
        assert promote(staging, requested_by=ASKS).previous == before
    settled = 0 if failing == 1 else 1  # the next call settles what the failed one had begun to record
    assert len(calls) == WRITES + settled, "a write that this test does not fail"


def test_of_two_promotions_at_once_one_says_why_it_does_not_go_on(ground: Ground) -> None:
    staging = ground.target("staging")
    with alone(staging), pytest.raises(AnotherIsAtWork, match=r"Another promotion or rollback of .* in staging"):
        promote(staging, requested_by=ASKS)
    with alone(staging), alone(ground.target("production")):
        pass  # another environment is another matter


def test_a_reason_that_names_a_person_is_not_recorded(ground: Ground) -> None:
    production = ground.target("production")
    to_production(ground)
    to_production(ground)
    before = in_use(production)
    with pytest.raises(NotRecorded, match="seems to hold"):
        rollback(production, requested_by=ASKS, reason="ask mallory@example.com")
    assert in_use(production) == before
