"""Promotion is judged by what gates measured in real runs, and only by what is complete, fresh and of this model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import ExecutionStatus
from zenml.models import ModelVersionResponse, PipelineRunResponse

from governance.audit import open_reader, select
from governance.audit.events import GateVerdict
from governance.audit.events import Promotion as PromotionEvent
from governance.audit.query import Filter
from governance.core.clock import now
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.gates import champion, data_quality, drift, fairness, held_out_data, performance
from governance.gates.catalogue import gates_for
from governance.gates.exemptions import Exemption
from governance.gates.gate import PipelineGate
from governance.gates.promotion import (
    EvidenceRefusedError,
    judge_promotion,
    load_results,
)
from governance.gates.result import GateFailedError, GateResult, metadata_key
from governance.promotion.promote import promote
from governance.records.journal import Journal
from governance.registry.loading import NoModelInUseError
from governance.registry.model_files import ReleaseError
from governance.registry.releases import digest_of, ensure_release
from governance.runs import jobs
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.config import read_config
from pipelines.validation import validation_pipeline
from tests.governance.conftest import DIABETES, Ground

RELEASE_GATES = gates_for("judges a release", "staging")


@dataclass(frozen=True)
class Story:
    """A champion that is in production, and a challenger that was validated against it in staging."""

    ground: Ground
    champion: ModelVersionResponse
    challenger: ModelVersionResponse
    training: PipelineRunResponse
    first_validation: PipelineRunResponse
    validation: PipelineRunResponse

    def target(self, environment: str) -> Target:
        return self.ground.target(environment, DIABETES)

    def judge(self, run: Any, source: str = "staging", to: str = "production", **more: Any) -> tuple[GateResult, ...]:
        return judge_promotion(self.challenger, self.target(source), self.target(to), run, **more)


def validate(target: Target, version: ModelVersionResponse) -> PipelineRunResponse:
    release = ensure_release(version, target)
    return run(
        validation_pipeline,
        RunSession(target),
        version=release.version,
        config=read_config(DIABETES),
        release_id=str(release.artifact_id),
        digest=release.digest,
    )


def put_in_use(production: Target, version: ModelVersionResponse) -> None:
    """Let production's log say that ``version`` came into use there."""
    journal = Journal(production)
    journal.write(
        journal.event(
            PromotionEvent,
            promotion=f"of-{version.number}",
            step="completed",
            model_version=str(version.number),
            model_digest=f"sha256:{digest_of(version)}",
            from_stage="staging",
            to_stage="production",
        )
    )


@pytest.fixture(scope="module")
def story(ground: Ground) -> Story:
    dev, staging = ground.target("dev", DIABETES), ground.target("staging", DIABETES)
    first = jobs.train(dev).model_version
    assert first is not None
    promote(staging, version=str(first.number))  # what never entered staging is no champion there
    before = validate(staging, first)
    training = jobs.train(dev)
    assert training.model_version is not None
    put_in_use(ground.target("production", DIABETES), first)
    validation = validate(staging, training.model_version)
    return Story(ground, first, training.model_version, training, before, validation)


def test_a_validation_passes_every_gate_under_the_policy_of_its_environment(story: Story) -> None:
    staging = story.target("staging")
    found = load_results(story.validation, staging, digest_of(story.challenger), required=RELEASE_GATES)
    assert list(found) == [
        "held-out data quality",
        "model performance",
        "fairness",
        "drift",
        "champion and challenger",
    ]
    assert {result.verdict for result in found.values()} == {"passed"}
    assert {result.policy_version for result in found.values()} == {policy_version(staging)}
    assert found[champion.GATE.name].evidence["champion"] == digest_of(story.champion)
    log = open_reader(staging.platform, "staging")
    events = [entry.event for entry in select(log, Filter(run=story.validation.name))]
    verdicts = [event for event in events if isinstance(event, GateVerdict) and event.gate != "budget"]
    assert {event.policy_version for event in verdicts} == {policy_version(staging)}
    auc = next(event for event in verdicts if (event.gate, event.subject) == ("model_performance", "roc_auc"))
    assert auc.lower is not None
    assert auc.value is not None
    assert auc.upper is not None
    assert auc.lower < auc.value < auc.upper
    assert auc.evidence["result"] == f"sha256:{found[performance.GATE.name].digest}"


def test_the_first_version_has_no_baseline_and_the_next_one_has(story: Story) -> None:
    staging = story.target("staging")
    first = load_results(story.first_validation, staging, digest_of(story.champion), required=(champion.GATE,))
    assert [check.name for check in first[champion.GATE.name].checks] == [champion.NO_BASELINE]
    second = load_results(story.validation, staging, digest_of(story.challenger), required=(champion.GATE,))
    assert champion.SAME_VERSION in {check.name for check in second[champion.GATE.name].checks}


def test_drift_is_drawn_beside_the_verdict(story: Story) -> None:
    (page,) = story.validation.steps["draw_drift"].outputs["drift_report"]
    assert "could not draw" not in page.load()
    assert "validate_drift" in story.validation.steps["draw_drift"].spec.upstream_steps


def test_training_is_judged_by_stagings_limits(story: Story) -> None:
    results = story.judge(story.training, "dev", "staging")
    assert [result.gate for result in results] == [gate.name for gate in gates_for("trains", "dev")]
    assert {result.verdict for result in results} == {"passed"}
    assert {result.environment for result in results} == {"staging"}
    assert {result.policy_version for result in results} == {policy_version(story.target("staging"))}
    at = {check.name: check for result in results for check in result.checks}
    assert at["roc_auc"].confidence == story.target("staging").environment.gates.confidence
    assert at["rows"].threshold == story.target("staging").environment.data_quality.minimum_rows


def test_production_cannot_conclude_on_fairness_with_133_rows_and_a_signed_override_covers_it(story: Story) -> None:
    by_gate = {result.gate: result for result in story.judge(story.validation)}
    assert {name for name, result in by_gate.items() if not result.passed} == {fairness.GATE.name}
    assert by_gate[fairness.GATE.name].verdict == "cannot_conclude"
    with pytest.raises(GateFailedError, match=r"in production: equalized odds difference by age .* cannot be shown"):
        by_gate[fairness.GATE.name].require()
    statement = Exemption(
        gate=fairness.GATE.name,
        model_digest=digest_of(story.challenger),
        expires=now() + timedelta(hours=1),
        statement_digest="a" * 64,
    )
    covered = story.judge(story.validation, exemptions=(statement,))
    assert all(result.settled for result in covered)
    of_another = statement.model_copy(update={"model_digest": "b" * 64})
    assert not all(result.settled for result in story.judge(story.validation, exemptions=(of_another,)))


def stricter(target: Target, **changes: Any) -> Target:
    environment = target.environment.model_copy(update=changes)
    return Target(target.platform, environment, target.cloud, target.team, target.model)


def test_the_targets_own_limits_decide(story: Story) -> None:
    production, staging = story.target("production"), story.target("staging")
    environment = production.environment
    gates, quality = environment.gates, environment.data_quality
    for gate, changes in {
        performance.GATE.name: {"thresholds": environment.thresholds.model_copy(update={"recall": 0.9})},
        held_out_data.GATE.name: {"data_quality": quality.model_copy(update={"minimum_rows": 134})},
        drift.GATE.name: {"gates": gates.model_copy(update={"drift": gates.drift.model_copy(update={"psi": 0.001})})},
        champion.GATE.name: {"gates": gates.model_copy(update={"minimum_rows": 134})},
    }.items():
        judged = judge_promotion(story.challenger, staging, stricter(production, **changes), story.validation)
        assert not next(result for result in judged if result.gate == gate).passed, gate


def altered(run: PipelineRunResponse, gate: PipelineGate = performance.GATE, **changes: Any) -> Any:
    """``run`` with one thing changed: its status, or the status or outputs of the step of ``gate``."""
    name = gate.result
    steps = {}
    for step_name, step in run.steps.items():
        status, outputs = step.status, dict(step.outputs)
        if name in outputs:
            status = changes.get("step_status", status)
            outputs[name] = changes.get("outputs", outputs[name])
        steps[step_name] = SimpleNamespace(status=status, outputs=outputs)
    metadata = {**run.run_metadata, **changes.get("metadata", {})}
    status = changes.get("status", run.status)
    return SimpleNamespace(name=run.name, id=run.id, status=status, steps=steps, run_metadata=metadata)


@pytest.mark.parametrize("gate", RELEASE_GATES, ids=lambda gate: gate.name)
def test_a_cached_or_missing_result_never_counts(story: Story, gate: PipelineGate) -> None:
    assert story.judge(altered(story.validation, gate))
    with pytest.raises(EvidenceRefusedError, match=f"'{gate.name}'.* is cached"):
        story.judge(altered(story.validation, gate, step_status=ExecutionStatus.CACHED))
    with pytest.raises(EvidenceRefusedError, match=f"no result of the gate '{gate.name}'"):
        story.judge(altered(story.validation, gate, outputs=[]))


def test_a_run_that_did_not_complete_is_no_evidence(story: Story) -> None:
    with pytest.raises(EvidenceRefusedError, match="is failed; only a completed one"):
        story.judge(altered(story.validation, status=ExecutionStatus.FAILED))


def written(result: GateResult) -> dict[str, Any]:
    """A result in an artifact, and the metadata that goes with it."""
    artifact = SimpleNamespace(load=lambda: result, uri="store/there")
    return {"outputs": [artifact], "metadata": {metadata_key(result.gate): {"digest": result.digest}}}


def own(story: Story, gate: PipelineGate = performance.GATE) -> GateResult:
    found = load_results(story.validation, story.target("staging"), digest_of(story.challenger), required=RELEASE_GATES)
    return found[gate.name]


def test_a_result_that_was_changed_in_the_store_is_refused(story: Story) -> None:
    result = own(story)
    better = result.model_copy(update={"measures": ()})
    forged = {**written(better), "metadata": {}}
    with pytest.raises(EvidenceRefusedError, match=r"at store/there is not the one that the gate logged"):
        story.judge(altered(story.validation, **forged))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy_version": "policy-0000000000000000"}, r"judged under policy-0{16}, and policy-\w+ is in force"),
        ({"model": "another_model"}, "judged another_model in staging"),
        ({"environment": "dev"}, "in dev, not diabetes"),
        ({"gate": "drift"}, "Gate 'model performance'"),
        ({"evidence": {"data": "0" * 64, "model": "1" * 64}}, "the evidence is of another model"),
        ({"checks": ()}, "did not pass"),
    ],
)
def test_a_result_of_something_else_is_refused(story: Story, changes: dict[str, Any], words: str) -> None:
    other = own(story).model_copy(update=changes)
    fields = written(other)
    fields["metadata"] = {metadata_key(performance.GATE.name): {"digest": other.digest}}
    with pytest.raises(EvidenceRefusedError, match=words):
        story.judge(altered(story.validation, **fields))


def test_gates_that_judged_different_rows_are_refused(story: Story) -> None:
    result = own(story)
    other = result.model_copy(update={"evidence": {**result.evidence, "data": "0" * 64}})
    with pytest.raises(EvidenceRefusedError, match="judged different rows"):
        story.judge(altered(story.validation, **written(other)))


def test_data_that_the_model_was_not_trained_on_is_refused(story: Story) -> None:
    found = load_results(
        story.training, story.target("dev"), digest_of(story.challenger), required=(data_quality.GATE,)
    )[data_quality.GATE.name]
    other = found.model_copy(update={"evidence": {"data": "0" * 64}})
    with pytest.raises(EvidenceRefusedError, match="was trained on"):
        story.judge(altered(story.training, data_quality.GATE, **written(other)), "dev", "staging")


def test_a_comparison_with_an_earlier_champion_is_stale(story: Story) -> None:
    result = own(story, champion.GATE)
    for evidence, words in (
        ({**result.evidence, "champion": "0" * 64}, "validate again"),
        ({k: v for k, v in result.evidence.items() if k != "champion"}, "compared with no champion"),
    ):
        other = result.model_copy(update={"evidence": evidence})
        with pytest.raises(EvidenceRefusedError, match=words):
            story.judge(altered(story.validation, champion.GATE, **written(other)))


def test_another_models_run_is_no_evidence(story: Story) -> None:
    stranger = SimpleNamespace(
        get_model_artifact=lambda _: SimpleNamespace(content_hash="f" * 64, run_metadata={}), number=9
    )
    with pytest.raises(EvidenceRefusedError, match="the evidence is of another model"):
        judge_promotion(stranger, story.target("staging"), story.target("production"), story.validation)  # type: ignore[arg-type]


def test_the_policy_changes_with_anything_that_decides(story: Story) -> None:
    production = story.target("production")
    environment = production.environment
    versions = {
        policy_version(production),
        policy_version(story.target("staging")),
        policy_version(story.ground.target("production")),
        policy_version(stricter(production, approvals=2)),
        policy_version(stricter(production, thresholds=environment.thresholds.model_copy(update={"recall": 0.9}))),
        policy_version(stricter(production, gates=environment.gates.model_copy(update={"confidence": 99}))),
        policy_version(
            stricter(production, data_quality=environment.data_quality.model_copy(update={"minimum_rows": 81}))
        ),
    }
    assert len(versions) == 7
    assert policy_version(production) == policy_version(stricter(production, protected=False))


def test_a_champion_that_never_was_promoted_is_not_loaded(story: Story) -> None:
    put_in_use(story.target("production"), story.challenger)
    try:
        with pytest.raises((NoModelInUseError, ReleaseError), match=r"never promoted|no release in staging"):
            validate(story.target("staging"), story.champion)
    finally:
        put_in_use(story.target("production"), story.champion)
