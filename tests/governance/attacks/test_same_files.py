"""Two trainings that make the same files are two versions: nothing that is known of one serves for the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from zenml.client import Client
from zenml.model.model import Model
from zenml.models import ModelVersionResponse

from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.overrides import override, valid_overrides
from governance.approvals.people import who_trained
from governance.audit import actor, open_reader
from governance.audit.actor import account_identity
from governance.core import clock
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.evidence_pack.extracts import Subject, extract
from governance.gates import champion
from governance.gates.promotion import EvidenceRefusedError
from governance.promotion.promote import ApprovalDueError, promote
from governance.promotion.reconcile import reconcile
from governance.promotion.rollback import rollback
from governance.records.history import read_history
from governance.records.journal import Journal
from governance.registry.loading import NoModelInUseError, trusted_release
from governance.registry.releases import digest_of
from governance.registry.sign_trained import sign_trained
from governance.registry.versions import named_version, staged_version
from governance.report.versions import judged_versions
from governance.runs import jobs
from governance.runs.evidence import verdicts_of
from governance.signing.people import people_of, principal_of
from pipelines.config import read_config
from pipelines.training import training_pipeline
from tests.governance.conftest import CANCER, TRAINER, Ground

pytestmark = pytest.mark.slow

GRACE, EDSGER, ADA = "grace@example.com", "edsger@example.com", "ada@example.com"
_ACCOUNT = "somebody-else"


def version(number: str) -> ModelVersionResponse:
    return Client().get_model_version(CANCER, number)


def in_use(target: Target) -> str | None:
    found = staged_version(target)
    return None if found is None else str(found.number)


@pytest.fixture(scope="module")
def twins(ground: Ground) -> Ground:
    """Version 1, and version 2 with the same files, which somebody else trained."""
    dev = ground.target("dev")
    jobs.train(dev)
    ground.signatory(ADA, principal_of(account_identity(_ACCOUNT)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actor, "_account", lambda: _ACCOUNT)
        jobs.train(dev)
    assert digest_of(version("1")) == digest_of(version("2"))
    return ground


@contextmanager
def agreement_needed(ground: Ground) -> Iterator[Target]:
    """Yield staging, where somebody has to agree for a while."""
    from tests.governance.promotion.test_staging import settings_changed

    with settings_changed(ground, approvals=1):
        yield ground.target("staging")


def test_each_version_is_its_own_trainers(twins: Ground) -> None:
    staging = twins.target("staging")
    people, journal = people_of(staging), Journal(staging)
    trainers = [who_trained(staging, people, journal, version(number)).email for number in ("1", "2")]
    assert trainers == [TRAINER, ADA]
    told = {row.version: row.trainer for row in judged_versions(twins.platform, CANCER)[0]}
    assert told == {"1": TRAINER, "2": ADA}


def test_an_approval_and_a_no_are_about_one_of_them(twins: Ground) -> None:
    grace, edsger = twins.signatory(GRACE), twins.signatory(EDSGER)
    with agreement_needed(twins) as staging:
        approve(staging, edsger, version="1")
        with pytest.raises(ApprovalDueError, match=r"has 0.*edsger@example\.com's is for version 1, another training"):
            promote(staging, version="2", requested_by=grace)
        approve(staging, edsger, version="2", decline=True, reason="nobody asked for a second one")
        with pytest.raises(PromotionRefusedError, match=r"Version 2 .* was declined"):
            promote(staging, version="2", requested_by=grace)
        assert promote(staging, version="1", requested_by=grace, dry_run=True).approvers == (EDSGER,)


def test_a_signature_of_one_lets_the_other_into_nothing(twins: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third is signed by nobody; the files that it shares are."""
    dev, staging = twins.target("dev"), twins.target("staging")
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "sign_trained", lambda *_: False)
        jobs.train(dev)
    third = version("3")
    assert digest_of(third) == digest_of(version("1"))
    with pytest.raises(NoModelInUseError, match=r"Version 3 .* is not in the log as signed.*VERSION=3"):
        trusted_release(third, dev, Journal(dev))
    with pytest.raises(PromotionRefusedError, match="no completed governed training_pipeline in dev"):
        promote(staging, version="3")
    assert sign_trained(dev, third, Journal(dev))
    assert not sign_trained(dev, third, Journal(dev))
    assert trusted_release(third, dev, Journal(dev)).version == "3"
    assert promote(staging, version="3", dry_run=True).version == "3"


def test_who_trains_past_governance_gets_the_gates_of_the_files_that_it_makes(twins: Ground) -> None:
    with active_stack(twins.target("dev").stack):
        training_pipeline.with_options(model=Model(name=CANCER))(config=read_config(CANCER))
    newest = Client().list_model_versions(model=CANCER, sort_by="desc:number", size=1).items[0]
    assert digest_of(version(str(newest.number))) == digest_of(version("1"))
    with pytest.raises(PromotionRefusedError, match="no completed governed training_pipeline in dev"):
        promote(twins.target("staging"), version=str(newest.number))


def test_a_champion_of_the_same_files_is_another_champion(twins: Ground) -> None:
    """Both come into production and out of it; verdicts, stages and lists tell them apart."""
    staging, production = twins.target("staging"), twins.target("production")
    grace, edsger = twins.signatory(GRACE), twins.signatory(EDSGER)

    def bring(number: str) -> None:
        promote(staging, version=number)
        jobs.validate(staging)
        approve(production, edsger)
        promote(production, requested_by=grace)

    bring("1")
    promote(staging, version="2")
    validated = jobs.validate(staging)
    approve(production, edsger)
    (compared,) = [result for result in verdicts_of(validated) if result.gate == champion.GATE.name]
    assert compared.evidence["champion"] == digest_of(version("1")) == compared.evidence["model"]
    promote(production, requested_by=grace)
    assert (in_use(production), read_history(production).versions) == ("2", ["1", "2"])
    listed = {row.version: row.in_use for row in judged_versions(twins.platform, CANCER)[0]}
    assert [number for number, where in listed.items() if "production" in where] == ["2"]

    third = jobs.train(twins.target("dev")).model_version
    assert third is not None
    promote(staging, version=str(third.number))
    jobs.validate(staging)  # beside version 2
    approve(production, edsger)
    assert rollback(production, requested_by=grace, reason="try the way back") == ("2", "1")
    with pytest.raises(EvidenceRefusedError, match=r"now uses version 1 with digest .*another version: validate again"):
        promote(production, requested_by=grace)
    assert (in_use(production), read_history(production).versions) == ("1", ["1"])
    for target in (staging, production):
        assert reconcile(target, dry_run=True).findings == ()
    named_version(production, "2").set_stage("production", force=True)
    assert any(
        "the log says that version 1 is in use, and ZenML that version 2" in one
        for one in reconcile(production, dry_run=True).findings
    )


def test_an_override_for_one_leaves_the_other_as_it_is(twins: Ground) -> None:
    staging = twins.target("staging")
    given = override(staging, twins.signatory(GRACE), gate="fairness", reason="few rows", version="1")
    (found,) = valid_overrides(staging, Journal(staging))
    assert (found.model_version, found.statement_digest) == ("1", given.exemption.statement_digest)
    about: dict[str, Any] = {"model_digest": digest_of(version("1")), "at": clock.now()}
    assert found.covers("fairness", "sex", model_version="1", **about)
    assert not found.covers("fairness", "sex", model_version="2", **about)
    assert not found.covers("fairness", "sex", model_version=None, **about)
    subjects = [Subject(CANCER, number, f"sha256:{digest_of(version(number))}") for number in ("1", "2")]
    log = open_reader(twins.platform, "staging")
    packed = [list(extract(log, subject).statements()) for subject in subjects]
    assert [given.exemption.statement_digest in statements for statements in packed] == [True, False]
