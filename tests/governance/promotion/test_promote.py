"""Promotion: only evidence, people and thresholds move a version, and rollback follows what was in use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.model.model import Model

from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.audit import Filter, open_reader, select
from governance.core.target import Target
from governance.promotion.drill import drill
from governance.promotion.promote import ApprovalDueError, promote
from governance.records.history import read_history
from governance.registry.loading import NoModelInUseError
from governance.registry.releases import digest_of
from governance.registry.versions import NoVersionError, staged_version
from governance.runs import jobs
from governance.signing.errors import SigningError
from governance.signing.signatories import Signatory
from pipelines.training import training_pipeline
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"


def in_use(target: Target) -> str | None:
    version = staged_version(target)
    return None if version is None else str(version.number)


def kinds(target: Target) -> list[tuple[str, str]]:
    return [(event.kind, event.version) for event in read_history(target).events]


def test_the_way_from_training_to_production_and_every_refusal_on_it(fresh_ground: Ground) -> None:
    """One story, because each station needs the ones before it."""
    ground = fresh_ground
    staging, production = ground.target("staging"), ground.target("production")

    with pytest.raises(PromotionRefusedError, match=r"No version of .* in dev is ready"):
        promote(staging)
    with pytest.raises(NoModelInUseError, match="make train ENV=dev"):
        jobs.infer(production)
    with pytest.raises(PromotionRefusedError, match="Nothing is promoted into 'dev'"):
        promote(ground.target("dev"))

    jobs.train(ground.target("dev"))
    rehearsed = promote(staging, dry_run=True)
    assert (rehearsed.version, rehearsed.previous, rehearsed.release) == ("1", None, None)
    assert in_use(staging) is None, "a dry run changes nothing"
    assert kinds(staging) == []

    assert promote(staging).version == "1"
    assert in_use(staging) == "1"
    with pytest.raises(PromotionRefusedError, match="in staging already"):
        promote(staging, version="1")
    with pytest.raises(NoVersionError, match="no version '9'"):
        promote(staging, version="9")

    grace, edsger = ground.signatory(ASKS), ground.signatory(AGREES)
    with pytest.raises(
        PromotionRefusedError, match=r"no completed governed validation_pipeline.*make validate ENV=staging"
    ):
        promote(production, requested_by=grace)
    jobs.validate(staging)
    with pytest.raises(
        ApprovalDueError, match=r"needs 1 approval.*other than grace.*trainer@.*has 0.*edsger.*make approve"
    ):
        promote(production, requested_by=grace)
    for stranger in ("mallory@example.com", "audit@example.com"):
        with pytest.raises(PromotionRefusedError, match="may not approve"):
            approve(production, ground.signatory(stranger))
    with pytest.raises(SigningError, match=r"is the key of grace@example.com, not of edsger@example.com"):
        approve(production, Signatory(AGREES, grace.key))
    with pytest.raises(SigningError, match=r"is the key of grace@example.com, not of edsger@example.com"):
        promote(production, requested_by=Signatory(AGREES, grace.key))
    with pytest.raises(PromotionRefusedError, match=r"To decline, give REASON"):
        approve(production, edsger, decline=True)
    with pytest.raises(PromotionRefusedError, match=r"HOURS=73: it may hold from 1 to 72 hours"):
        approve(production, edsger, hours=73)

    rehearsed = approve(production, edsger, dry_run=True)
    assert (rehearsed.person.email, rehearsed.digest) == (AGREES, "")
    approve(production, grace)
    with pytest.raises(ApprovalDueError, match=r"has 0.*grace@example.com's does not count: they ask"):
        promote(production, requested_by=grace)
    approve(production, edsger, decline=True, reason="recall fell in one hospital")
    with pytest.raises(PromotionRefusedError, match=r"was declined .*edsger@example.com: recall fell in one hospital"):
        promote(production, requested_by=grace)
    shown: list[str] = []
    given = approve(production, replace(edsger, confirm=shown.append))
    (text,) = shown
    for told in (
        given.request.model_digest,
        given.request.evidence_digest,
        given.request.policy,
        "by trainer@",
        "in use    no version",
    ):
        assert told in text, "who signs sees it before"
    assert all(str(check) in text for result in given.request.results for check in result.checks)
    assert in_use(production) is None
    with pytest.raises(PromotionRefusedError, match="only the version in staging can enter production"):
        jobs.train(ground.target("dev"))
        promote(production, requested_by=grace, version="2")

    assert promote(production, requested_by=grace, dry_run=True).approvers == (AGREES,)
    promoted = promote(production, requested_by=grace)
    assert (promoted.version, promoted.previous, promoted.approvers) == ("1", None, (AGREES,))
    assert in_use(production) == "1"
    attempts = [kind for kind, _ in kinds(production)]
    assert attempts == ["promotion requested", "promotion refused"] * 4 + ["promotion requested", "promotion completed"]
    completed = read_history(production).events[-1]
    assert (completed.actor, completed.approvers) == (ASKS, (AGREES,))
    log = open_reader(ground.platform, "production")
    assert log.verify().ok
    *_, recorded = select(log, Filter(kind="promotion"))
    assert given.digest in recorded.event.content()["approvals"]
    leaves = b"".join(log.raw(number) for number in range(log.size))
    assert b"@" not in leaves, "people stand in the log by pseudonym"

    # Production holds the files itself: taking dev's and staging's stores away does not touch it.
    assert promoted.release is not None
    assert Path(promoted.release.uri).is_relative_to(production.folder)
    assert completed.digest == f"sha256:{digest_of(Client().get_model_version(CANCER, '1'))}"

    scored = jobs.infer(production)
    assert scored.status == "completed"
    assert {"input_validator", "predictor"} <= set(scored.steps)

    # A version that falls short of production stays outside, and the one that is in use stays there.
    edit_yaml(ground.settings / "production.yaml", lambda raw: raw["model_thresholds"][CANCER].update(recall=0.999))
    ground.apply_settings()
    stricter = ground.target("production")
    with pytest.raises(PromotionRefusedError, match="in staging is ready to be promoted"):
        promote(stricter, requested_by=grace)
    Client().get_model_version(CANCER, "2").set_stage("staging", force=True)
    with pytest.raises(PromotionRefusedError, match="no completed governed validation_pipeline"):
        promote(stricter, requested_by=grace)
    with pytest.raises(PromotionRefusedError, match="no earlier version was in use"):
        drill(stricter)
    assert in_use(production) == "1"


def test_a_version_trained_without_governance_cannot_be_promoted(fresh_ground: Ground) -> None:
    from governance.core.stacks import active_stack
    from pipelines.config import read_config

    ground = fresh_ground
    with active_stack(ground.target("dev").stack):
        plain = training_pipeline.with_options(model=Model(name=CANCER))
        plain(config=read_config(CANCER))
    with pytest.raises(PromotionRefusedError, match=r"ready to be promoted"):
        promote(ground.target("staging"))
    with pytest.raises(PromotionRefusedError, match="no completed governed training_pipeline in dev"):
        promote(ground.target("staging"), version="1")
