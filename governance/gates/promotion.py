"""Judging a promotion: what a run measured where the model was, held against the limits of where it is to go.

Nothing is measured anew and nothing is taken on trust: each result must be of this very run, complete, uncached, under
the policy that is in force, of this model, and as it was when the gate logged its digest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zenml.enums import ExecutionStatus

from governance.core.errors import RefusedError
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.gates import champion, data_quality, drift, fairness, performance
from governance.gates.context import GateContext
from governance.gates.exemptions import Exemption
from governance.gates.result import Check, GateResult, metadata_key, now
from governance.registry.releases import digest_of, trained_model
from governance.registry.versions import STAGES, staged_version
from pipelines.config import read_config

if TYPE_CHECKING:
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse, PipelineRunResponse

ARTIFACTS = {
    data_quality.NAME: "data_quality_gate",
    data_quality.HELD_OUT: "held_out_data_gate",
    performance.NAME: "performance_gate",
    fairness.NAME: "fairness_gate",
    drift.NAME: "drift_gate",
    champion.NAME: "champion_gate",
}
"""The artifact that holds each gate's result."""

TRAINING_GATES = (data_quality.NAME, data_quality.HELD_OUT, performance.NAME, fairness.NAME)
RELEASE_GATES = (data_quality.HELD_OUT, performance.NAME, fairness.NAME, drift.NAME, champion.NAME)

_OF_A_MODEL = (performance.NAME, fairness.NAME, drift.NAME, champion.NAME)


class EvidenceRefusedError(RefusedError):
    """A gate's result is missing, cached, stale or of something else, so it counts for nothing."""


def judge_promotion(
    candidate: ModelVersionResponse,
    source: Target,
    target: Target,
    run: PipelineRunResponse,
    exemptions: tuple[Exemption, ...] = (),
) -> tuple[GateResult, ...]:
    """What ``target``'s gates say of ``candidate``, by what ``run`` measured in ``source``.

    Args:
        candidate: The version that is to be promoted.
        source: The environment it is in; a training run counts there or, where it has a stage of its own, a validation.
        target: The environment it is to enter, whose limits decide.
        run: The completed run that judged it.
        exemptions: Statements in force in ``target`` that set aside what cannot be concluded.

    Returns:
        One result for each gate, under ``target``'s policy. The caller requires each.

    Raises:
        EvidenceRefusedError: a result does not count; the message says which and why.
    """
    digest = digest_of(candidate)
    results = load_results(run, source, digest, required=gates_before(source))
    _same_rows(run, results)
    if data_quality.NAME in results:
        _trained_on(run, candidate, results[data_quality.NAME])
    if champion.NAME in results:
        _champion_stands(results[champion.NAME], target, run)
    terms = GateContext(
        model=target.model, environment=target.environment.environment, policy_version=policy_version(target)
    )
    judged = []
    for name, measured in results.items():
        checks = _JUDGES[name](measured, target)
        evidence = {**measured.evidence, "source": measured.digest}
        again = terms.result(name, evidence, checks, measured.measures)
        judged.append(again.set_aside(exemptions, model_digest=digest, at=now()))
    return tuple(judged)


def gates_before(source: Target) -> tuple[str, ...]:
    """The gates whose results a promotion out of ``source`` stands on."""
    return RELEASE_GATES if source.environment.environment in STAGES else TRAINING_GATES


def load_results(
    run: PipelineRunResponse, source: Target, model_digest: str, *, required: tuple[str, ...]
) -> dict[str, GateResult]:
    """The results that ``run`` left for each of ``required``.

    Raises:
        EvidenceRefusedError: one does not count.
    """
    policy, found = policy_version(source), {}
    if run.status != ExecutionStatus.COMPLETED:
        raise EvidenceRefusedError(f"Run {run.name} is {run.status.value}; only a completed one is evidence.")
    for gate in required:
        result = _load(run, gate)
        where = f"Gate {gate!r} of run {run.name}"
        if (result.gate, result.model, result.environment) != (gate, source.model, source.environment.environment):
            raise EvidenceRefusedError(f"{where} judged {result.model} in {result.environment}, not {source.where}.")
        if result.policy_version != policy:
            raise EvidenceRefusedError(
                f"{where} judged under {result.policy_version}, and {policy} is in force in "
                f"{source.environment.environment} now: run it again."
            )
        if gate in _OF_A_MODEL and result.evidence.get("model") != model_digest:
            raise EvidenceRefusedError(
                f"{where} judged a model with digest {result.evidence.get('model')}, and the candidate has "
                f"{model_digest}: the evidence is of another model."
            )
        if not result.settled:
            raise EvidenceRefusedError(f"{where} did not pass: {'; '.join(map(str, result.failures)) or 'no checks'}.")
        found[gate] = result
    return found


def _load(run: PipelineRunResponse, gate: str) -> GateResult:
    """The result of ``gate``, once it is shown to be the one that the gate's own step wrote in ``run``."""
    name = ARTIFACTS[gate]
    made: list[tuple[ExecutionStatus, ArtifactVersionResponse]] = [
        (step.status, artifact) for step in run.steps.values() for artifact in step.outputs.get(name, [])
    ]
    if not made:
        raise EvidenceRefusedError(f"Run {run.name} holds no result of the gate {gate!r}: run it again.")
    (status, artifact), *others = made
    if others:
        raise EvidenceRefusedError(f"Run {run.name} holds {len(made)} results of the gate {gate!r}; one is expected.")
    if status != ExecutionStatus.COMPLETED:
        raise EvidenceRefusedError(
            f"The gate {gate!r} of run {run.name} is {status.value}: what was not decided in this run counts for "
            "nothing. Run it again."
        )
    result = artifact.load()
    logged = run.run_metadata.get(metadata_key(gate))
    if not isinstance(result, GateResult) or not isinstance(logged, dict):
        raise EvidenceRefusedError(f"The gate {gate!r} of run {run.name} left no readable result: run it again.")
    if logged.get("digest") != result.digest:
        raise EvidenceRefusedError(
            f"The result of the gate {gate!r} of run {run.name} at {artifact.uri} is not the one that the gate logged "
            f"(digest {result.digest}, logged {logged.get('digest')}). Find out who wrote there."
        )
    return result


def _same_rows(run: PipelineRunResponse, results: dict[str, GateResult]) -> None:
    digests = {name: result.evidence_digest for name, result in results.items() if name != data_quality.NAME}
    if len(set(digests.values())) > 1:
        told = ", ".join(f"{name} {digest[:12]}" for name, digest in digests.items())
        raise EvidenceRefusedError(f"The gates of run {run.name} judged different rows: {told}.")


def _trained_on(run: PipelineRunResponse, candidate: ModelVersionResponse, result: GateResult) -> None:
    trained = trained_model(candidate).run_metadata.get("training_data_digest")
    if result.evidence_digest != trained:
        raise EvidenceRefusedError(
            f"Run {run.name} checked data with digest {result.evidence_digest}, and version {candidate.number} was "
            f"trained on {trained}."
        )


def _champion_stands(result: GateResult, target: Target, run: PipelineRunResponse) -> None:
    current = staged_version(target)
    now_there = None if current is None else digest_of(current)
    compared = result.evidence.get("champion")
    if compared != now_there:
        raise EvidenceRefusedError(
            f"Run {run.name} compared with {_named(compared)}, and {target.environment.environment} now uses "
            f"{_named(now_there)}: validate again."
        )


def _named(digest: str | None) -> str:
    return "no champion" if digest is None else f"a champion with digest {digest}"


def _data(result: GateResult, target: Target) -> list[Check]:
    return data_quality.judge_again(result.checks, target.environment.data_quality)


def _performance(result: GateResult, target: Target) -> list[Check]:
    environment = target.environment
    checks = performance.judge_measures(
        result.measures, target.thresholds, environment.gates, overlap=environment.data_quality.duplicate_share
    )
    return [*checks, *(check for check in result.checks if check.name == performance.AGREEMENT)]


def _fairness(result: GateResult, target: Target) -> list[Check]:
    names = read_config(target.model).sensitive_columns
    return fairness.judge_measures(result.measures, names, target.environment.gates, target.model)


def _drift(result: GateResult, target: Target) -> list[Check]:
    return drift.judge_measures(result.measures, target.environment.gates.drift)


def _champion(result: GateResult, target: Target) -> list[Check]:
    if "champion" not in result.evidence:
        return list(result.checks)
    kept = [check for check in result.checks if check.name in (champion.SAME_VERSION, champion.COMPARABLE)]
    return [*kept, *champion.judge_measures(result.measures, target.environment.gates)]


_JUDGES: dict[str, Callable[[GateResult, Target], list[Check]]] = {
    data_quality.NAME: _data,
    data_quality.HELD_OUT: _data,
    performance.NAME: _performance,
    fairness.NAME: _fairness,
    drift.NAME: _drift,
    champion.NAME: _champion,
}
