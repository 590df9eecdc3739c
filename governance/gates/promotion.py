"""Judging a promotion: what a run measured where the model was, held against the limits of where it is to go.

Nothing is measured anew and nothing is taken on trust: each result must be of this very run, complete, uncached, under
the policy that is in force, of this model, and as it was when the gate logged its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.enums import ExecutionStatus

from governance.core import clock
from governance.core.errors import RefusedError
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.gates.catalogue import gates_for
from governance.gates.context import GateContext
from governance.gates.exemptions import Exemption
from governance.gates.gate import PipelineGate, PromotionContext
from governance.gates.result import GateResult, metadata_key
from governance.registry.releases import digest_of
from governance.registry.versions import STAGES
from pipelines.artifacts import VALIDATION_DATA

if TYPE_CHECKING:
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse, PipelineRunResponse


class EvidenceRefusedError(RefusedError):
    """A gate's result is missing, cached, stale or of something else, so it counts for nothing."""


def judge_promotion(
    candidate: ModelVersionResponse,
    source: Target,
    target: Target,
    run: PipelineRunResponse,
    exemptions: tuple[Exemption, ...] = (),
) -> tuple[GateResult, ...]:
    """Judge ``candidate`` by the gates of ``target``'s environment and what ``run`` measured in ``source``.

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
    gates = gates_before(source)
    results = load_results(run, source, digest, required=gates)
    _same_rows(run, gates, results)
    promotion = PromotionContext(candidate, target, run)
    for gate in gates:
        if refusal := gate.refusal(results[gate.name], promotion):
            raise EvidenceRefusedError(refusal)
    context = GateContext(
        model=target.model, environment=target.environment.environment, policy_version=policy_version(target)
    )
    judged = []
    for gate in gates:
        assert gate.judge_again is not None, "a gate says so when it is made"
        measured = results[gate.name]
        evidence = {**measured.evidence, "source": measured.digest}
        again = context.result(gate.name, evidence, gate.judge_again(measured, target), measured.measures)
        number = str(candidate.number)
        judged.append(again.set_aside(exemptions, model_version=number, model_digest=digest, at=clock.now()))
    return tuple(judged)


def gates_before(source: Target) -> tuple[PipelineGate, ...]:
    """Return the gates whose results a promotion out of ``source`` stands on."""
    name = source.environment.environment
    return gates_for("judges a release" if name in STAGES else "trains", name)


def load_results(
    run: PipelineRunResponse, source: Target, model_digest: str, *, required: tuple[PipelineGate, ...]
) -> dict[str, GateResult]:
    """Load the results that ``run`` left for each of ``required``.

    Raises:
        EvidenceRefusedError: one does not count.
    """
    policy, found = policy_version(source), {}
    if run.status != ExecutionStatus.COMPLETED:
        raise EvidenceRefusedError(f"Run {run.name} is {run.status.value}; only a completed one is evidence.")
    for gate in required:
        result = _load(run, gate)
        where = f"Gate {gate.name!r} of run {run.name}"
        if (result.gate, result.model, result.environment) != (gate.name, source.model, source.environment.environment):
            raise EvidenceRefusedError(f"{where} judged {result.model} in {result.environment}, not {source.where}.")
        if result.policy_version != policy:
            raise EvidenceRefusedError(
                f"{where} judged under {result.policy_version}, and {policy} is in force in "
                f"{source.environment.environment} now: run it again."
            )
        if gate.judges_model and result.evidence.get("model") != model_digest:
            raise EvidenceRefusedError(
                f"{where} judged a model with digest {result.evidence.get('model')}, and the candidate has "
                f"{model_digest}: the evidence is of another model."
            )
        if not result.settled:
            raise EvidenceRefusedError(f"{where} did not pass: {'; '.join(map(str, result.failures)) or 'no checks'}.")
        found[gate.name] = result
    return found


def _load(run: PipelineRunResponse, gate: PipelineGate) -> GateResult:
    """Load the result of ``gate``, once it is shown to be the one that the gate's own step wrote in ``run``."""
    written: list[tuple[ExecutionStatus, ArtifactVersionResponse]] = [
        (step.status, artifact) for step in run.steps.values() for artifact in step.outputs.get(gate.result, [])
    ]
    if not written:
        raise EvidenceRefusedError(f"Run {run.name} holds no result of the gate {gate.name!r}: run it again.")
    (status, artifact), *others = written
    if others:
        raise EvidenceRefusedError(
            f"Run {run.name} holds {len(written)} results of the gate {gate.name!r}; one is expected."
        )
    if status != ExecutionStatus.COMPLETED:
        raise EvidenceRefusedError(
            f"The gate {gate.name!r} of run {run.name} is {status.value}: what was not decided in this run counts for "
            "nothing. Run it again."
        )
    result = artifact.load()
    logged = run.run_metadata.get(metadata_key(gate.name))
    if not isinstance(result, GateResult) or not isinstance(logged, dict):
        raise EvidenceRefusedError(f"The gate {gate.name!r} of run {run.name} left no readable result: run it again.")
    if logged.get("digest") != result.digest:
        raise EvidenceRefusedError(
            f"The result of the gate {gate.name!r} of run {run.name} at {artifact.uri} is not the one that the gate "
            f"logged (digest {result.digest}, logged {logged.get('digest')}). Find out who wrote there."
        )
    return result


def _same_rows(run: PipelineRunResponse, gates: tuple[PipelineGate, ...], results: dict[str, GateResult]) -> None:
    digests = {gate.name: results[gate.name].evidence_digest for gate in gates if VALIDATION_DATA in gate.needs}
    if len(set(digests.values())) > 1:
        told = ", ".join(f"{name} {digest[:12]}" for name, digest in digests.items())
        raise EvidenceRefusedError(f"The gates of run {run.name} judged different rows: {told}.")
