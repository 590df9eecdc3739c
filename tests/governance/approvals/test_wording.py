"""What people read before they sign: how the version differs from the one in use, and what a gate last concluded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from environments import PLATFORM, load_platform, names_for
from governance.approvals.comparison import compare_with_champion
from governance.approvals.request import PromotionRequest
from governance.approvals.wording import approval_text, override_text
from governance.audit.events import GateVerdict, Promotion
from governance.core.clock import now
from governance.core.policy import policy_version
from governance.core.target import Target, target_for
from governance.records.journal import Journal
from governance.signing.people import Person
from governance.signing.statements import ApprovalStatement, OverrideStatement
from tests.governance.conftest import CANCER, DIABETES

CHALLENGER, CHAMPION, ROWS, OTHER_ROWS = ("sha256:" + letter * 64 for letter in "abcd")
ADA = Person(("ada@example.com",))


@dataclass
class Records:
    """The logs of staging and production, with what tests write into them."""

    production: Target

    @property
    def staging(self) -> Target:
        return self.production.in_environment("staging")

    @property
    def request(self) -> PromotionRequest:
        policy = policy_version(self.production)
        return PromotionRequest(self.production, "3", CHALLENGER, "validation-3", (), {"run": ROWS}, policy)

    def promoted(self, version: str, digest: str) -> None:
        journal = Journal(self.production)
        journal.write(
            journal.event(
                Promotion,
                promotion=f"promotion-{version}",
                step="completed",
                model_version=version,
                model_digest=digest,
                from_stage="staging",
                to_stage="production",
            )
        )

    def judged(self, run: str, digest: str, figures: dict[str, float | None], **changed: Any) -> None:
        """Let the log of staging hold what a run measured of a model."""
        journal = Journal(changed.pop("target", self.staging))
        common = {"gate": "model_performance", "verdict": "passed", "evidence": {"data": ROWS}, "run": run}
        common |= {"model_version": "2" if digest == CHAMPION else "3", **changed}
        journal.write(
            *(
                journal.event(GateVerdict, model_digest=digest, subject=name, value=value, **common)
                for name, value in figures.items()
            )
        )

    def text(self) -> str:
        request = self.request
        statement = ApprovalStatement(
            environment="production",
            cloud="local",
            model=CANCER,
            model_version="3",
            model_digest=CHALLENGER,
            evidence_digest=ROWS,
            policy_version=request.policy,
            decision="approved",
            expires=now() + timedelta(hours=1),
        )
        return approval_text(request, statement, ADA, compare_with_champion(request))


@pytest.fixture
def records(settings_directory: Path) -> Iterator[Records]:
    target = target_for(load_platform(settings_directory), CANCER, "production")
    for name in ("staging", "production"):
        here = target.in_environment(name)
        names = names_for(PLATFORM, name, "local", here.environment.prefix)
        (here.folder.parent / Path(names.folder).name / "audit").mkdir(parents=True)
    yield Records(target)


def test_an_approval_shows_the_champions_metrics_beside_the_challengers(records: Records) -> None:
    records.promoted("2", CHAMPION)
    records.judged("validation-1", CHAMPION, {"roc_auc": 0.5})  # measured again since
    records.judged("validation-2", CHAMPION, {"roc_auc": 0.97, "brier_score": 0.02, "recall": 0.9, "rows_known": 0})
    records.judged("validation-3", CHALLENGER, {"roc_auc": 0.95, "brier_score": 0.05, "recall": None})
    records.judged("validation-4", CHALLENGER, {"roc_auc": 0.1})  # not the run that the request stands on
    records.judged("validation-5", CHAMPION, {"roc_auc": 0.2}, gate="drift")
    records.judged("validation-6", CHAMPION, {"roc_auc": 0.3}, model=DIABETES)
    records.judged("validation-7", CHAMPION, {"roc_auc": 0.4}, model_version="1")  # trained before, with the same files
    said = records.text().splitlines()
    start = said.index("  beside version 2, which is in use, as run validation-2 measured it on the same rows:")
    assert said[start + 1 :] == [
        "    roc_auc 0.95 against 0.97: -0.02, margin 0.03",
        "    brier_score 0.05 against 0.02: +0.03, margin 0.02, smaller is better",
        "  exempt    fairness: The data describe cell nuclei only; nothing about the person was recorded.",
    ]


def test_a_difference_that_may_be_the_rows_is_said_to_be(records: Records) -> None:
    records.promoted("2", CHAMPION)
    records.judged("validation-2", CHAMPION, {"roc_auc": 0.97}, evidence={"data": OTHER_ROWS})
    records.judged("validation-3", CHALLENGER, {"roc_auc": 0.95})
    assert "measured it on other rows, which may be all that differs:" in records.text()


@pytest.mark.parametrize("missing", ["nobody in use", "champion", "challenger"])
def test_nothing_is_compared_where_the_log_does_not_hold_both(records: Records, missing: str) -> None:
    if missing != "nobody in use":
        records.promoted("2", CHAMPION)
    if missing != "champion":
        records.judged("validation-2", CHAMPION, {"roc_auc": 0.97})
    if missing != "challenger":
        records.judged("validation-3", CHALLENGER, {"roc_auc": 0.95})
    assert compare_with_champion(records.request) is None
    assert "beside" not in records.text()


def test_an_override_shows_what_the_gate_concluded_where_the_promotion_stands_on_it(records: Records) -> None:
    """A promotion into production stands on a run in staging, whose verdicts are in staging's log."""
    statement = OverrideStatement(
        environment="production",
        cloud="local",
        model=CANCER,
        policy_version=policy_version(records.production),
        gate="model performance",
        reason="too few rows",
        expires=now() + timedelta(hours=1),
    )

    def said() -> str:
        return override_text(statement, records.production, Journal(records.production), None)

    assert "The log of staging holds no verdict of it on this model." in said()
    records.judged("validation-2", CHALLENGER, {"roc_auc": 0.9}, verdict="cannot_conclude", threshold=0.96)
    assert "in run validation-2 in staging" in said()
    assert "roc_auc: cannot conclude, 0.9, limit 0.96 in staging" in said()
    assert "The log of production holds no verdict of it on this model." in said()
    records.judged("inference-1", CHALLENGER, {"roc_auc": 0.8}, target=records.production)
    assert "in run inference-1 in production" in said()
    shutil.rmtree(records.staging.folder.parent / "platform")
    assert "What the log of staging holds cannot be told:" in said()
