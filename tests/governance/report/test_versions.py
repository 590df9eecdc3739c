"""What is said of each version: as its log judged it, and nothing where the log is about another model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from governance.audit.events import GateVerdict, ModelSigned, RunFailed, RunFinished, RunStarted
from governance.registry.inventory import VersionRow
from governance.report import versions
from governance.report.versions import JudgedVersion, judged_versions
from tests.conftest import copy_settings
from tests.governance.conftest import CANCER
from tests.governance.cost.conftest import ACTOR, NOW, Logged, prepare

DIGEST = "a" * 64
TRAINING = "training_pipeline"


def trained(version: str, *, digest: str = DIGEST, verdict: Any = "passed", ended: bool = True) -> list[Any]:
    run = f"{TRAINING}-dev-00000000000{version}"
    common: dict[str, Any] = {"actor": ACTOR, "environment": "dev", "model": CANCER, "pipeline": TRAINING, "run": run}
    of = {**common, "model_version": version}
    judged = {**of, "gate": "model_performance", "model_digest": f"sha256:{digest}"}
    events = [
        RunStarted(**common),
        GateVerdict(**judged, subject="recall", value=0.91, verdict=verdict),
        GateVerdict(**judged, subject="brier_score", value=0.1, verdict="passed"),
    ]
    if verdict != "passed":
        return [*events, RunFailed(**of)]
    return [*events, RunFinished(**of)] if ended else events


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return prepare(copy_settings(tmp_path))


@pytest.fixture
def seen(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The versions as they are listed when ZenML has these numbers, all of one digest."""

    def look(*numbers: str) -> list[JudgedVersion]:
        row = VersionRow(team="oncology", model=CANCER, version="1", stage="none", trained=NOW, digest=DIGEST)
        rows = [row.model_copy(update={"version": number}) for number in numbers]
        monkeypatch.setattr(versions, "list_versions", lambda *_: rows)
        return judged_versions(logged.platform)[0]

    return look


def test_a_version_passed_failed_or_was_not_judged(logged: Logged, seen: Any) -> None:
    broken_off = trained("4", ended=False)
    logged.write("dev", [*trained("1"), *trained("2", verdict="failed"), *trained("3", verdict="cannot_conclude")])
    logged.write("dev", broken_off)
    found = [(one.verdict, one.note, one.metric, one.value) for one in seen("1", "2", "3", "4", "5")]
    assert found == [
        ("passed", "", "recall", 0.91),
        ("failed", "model performance", "recall", 0.91),
        ("failed", "model performance", "recall", 0.91),
        ("not judged", "", "recall", 0.91),
        ("not judged", "not in the log", None, None),
    ]


def test_a_verdict_is_of_the_model_that_was_judged_and_of_no_other_by_its_number(logged: Logged, seen: Any) -> None:
    logged.write("dev", trained("1", digest="b" * 64))
    (one,) = seen("1")
    assert (one.verdict, one.note, one.trainer) == ("not judged", versions.DIFFERS, None)


def test_a_signature_for_another_model_takes_the_verdict_away(logged: Logged, seen: Any) -> None:
    first = trained("1")
    signed = ModelSigned(
        actor=ACTOR,
        environment="dev",
        run=first[0].run,
        model=CANCER,
        model_version="1",
        model_digest="sha256:" + "b" * 64,
        signature_digest="sha256:" + "c" * 64,
        key="sha256:" + "d" * 64,
    )
    logged.write("dev", [*first, signed])
    assert seen("1")[0].verdict == "not judged"
