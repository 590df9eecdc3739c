"""The request for a promotion: which version, on what evidence, judged how, trained by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from environments import ORDER
from governance.approvals.errors import PromotionRefusedError
from governance.audit import Filter, LogReader, open_reader, select
from governance.audit.canonical import canonical
from governance.audit.events import Actor, GateVerdict, RunStarted
from governance.core.digests import content_digest, digest
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.gates.exemptions import Exemption
from governance.gates.promotion import EvidenceRefusedError, judge_promotion
from governance.gates.record import as_reference
from governance.gates.result import GateResult
from governance.records.history import in_use_later
from governance.records.settings import with_settings
from governance.registry.releases import digest_of
from governance.registry.sign_trained import signed_run
from governance.registry.versions import STAGES, named_version, run_of, staged_version
from governance.signing.keys import trained_in
from pipelines.training import training_pipeline
from pipelines.validation import validation_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse, PipelineRunResponse


@dataclass(frozen=True)
class PromotionRequest:
    """What is known about a version that is to enter ``target``'s environment."""

    target: Target
    version: str
    model_digest: str
    """As the log spells it, with ``sha256:``."""
    run: str
    """Name of the run that made the evidence."""
    results: tuple[GateResult, ...]
    """What the gates say at the environment's limits."""
    evidence: dict[str, str]
    """Digests of what was judged, and of which run it was judged in."""
    policy: str

    @property
    def evidence_digest(self) -> str:
        """One digest of all the evidence; it changes when the version is validated again."""
        return content_digest(canonical(self.evidence))

    @property
    def unsettled(self) -> tuple[GateResult, ...]:
        """Gates that do not let it pass."""
        return tuple(result for result in self.results if not result.settled)


def environment_before(target: Target) -> Target:
    """Return the same model in the environment from which it enters ``target``'s.

    Raises:
        PromotionRefusedError: nothing is promoted into that environment.
    """
    name = target.environment.environment
    if name not in STAGES:
        raise PromotionRefusedError(f"Nothing is promoted into {name!r}; choose one of: {', '.join(STAGES)}.")
    return target.in_environment(ORDER[ORDER.index(name) - 1])


def candidate_of(target: Target, source: Target, version: str | None) -> ModelVersionResponse:
    """Return the version to promote: ``version``, or the one that is in ``source``.

    Raises:
        PromotionRefusedError: there is none, it is not in ``source``, or it is in ``target``'s environment already.
    """
    found = _named(target, source, version) if version is not None else staged_version(source)
    if found is None:
        raise PromotionRefusedError(f"No version of {source.where} is ready to be promoted.")
    current = staged_version(target)
    if current is not None and current.id == found.id:
        raise PromotionRefusedError(
            f"Version {found.number} of {target.model} is in {target.environment.environment} already."
        )
    refuse_in_use_later(found, target)
    return found


def refuse_in_use_later(version: ModelVersionResponse, target: Target) -> None:
    """Refuse to bring a version into ``target``'s environment out of a later one that works with it.

    A version has one stage in ZenML: the later environment would be left without any.

    Raises:
        PromotionRefusedError: one does, by its log or by the stage.
    """
    later = in_use_later(target, str(version.number))
    if later is None and version.stage in ORDER[ORDER.index(target.environment.environment) + 1 :]:
        later = version.stage
    if later is not None:
        raise PromotionRefusedError(
            f"Version {version.number} of {target.model} is in use in {later}, which it would leave by entering "
            f"{target.environment.environment}: a version has one stage. Train and promote another one."
        )


def collect_evidence(
    target: Target, source: Target, candidate: ModelVersionResponse, exemptions: tuple[Exemption, ...] = ()
) -> PromotionRequest:
    """Collect the request for ``candidate``, where ``exemptions`` set aside what cannot be concluded.

    Raises:
        PromotionRefusedError: there is no evidence.
        EvidenceRefusedError: it is of another model, stale, or incomplete.
        ReleaseError: training recorded no digest.
    """
    log = open_reader(source.platform, source.environment.environment, cloud=source.cloud)
    run = _evidence(candidate, source, log)
    results = judge_promotion(candidate, source, target, run, exemptions)
    _require_recorded(log, run.name, results)
    evidence = {"run": content_digest(str(run.id))}
    for result in results:
        for name, sha256 in result.evidence.items():
            evidence[f"{result.gate} {name}".replace(" ", "_")] = digest(sha256.removeprefix("sha256:"))
    return PromotionRequest(
        target=target,
        version=str(candidate.number),
        model_digest=digest(digest_of(candidate)),
        run=run.name,
        results=results,
        evidence=evidence,
        policy=policy_version(target),
    )


def trainer_of(target: Target, candidate: ModelVersionResponse) -> Actor:
    """Return whoever started the run that trained ``candidate``, as the log there says.

    Raises:
        PromotionRefusedError: that log knows no such run.
    """
    origin = trained_in(target)
    log = open_reader(target.platform, origin.environment.environment, cloud=target.cloud)
    run = _signed_run(log, target, candidate)
    for entry in select(log, Filter(kind="run_started", model=target.model, run=run)) if run else ():
        return entry.event.actor
    raise PromotionRefusedError(
        f"The log of {origin.environment.environment} does not say who trained version {candidate.number} of "
        f"{target.model}, so nobody can be told apart from its trainer. Train it again."
    )


def _named(target: Target, source: Target, version: str) -> ModelVersionResponse:
    chosen = named_version(target, version)
    if source.environment.environment in STAGES and chosen.stage != STAGES[source.environment.environment]:
        raise PromotionRefusedError(
            f"Version {version} of {target.model} is in stage {chosen.stage or 'none'!r}; only the version in "
            f"{source.environment.environment} can enter {target.environment.environment}."
        )
    return chosen


def _evidence(candidate: ModelVersionResponse, source: Target, log: LogReader) -> PipelineRunResponse:
    """Return the newest governed run in ``source`` for this version that its log saw end well.

    A plain pipeline can bear any name and any metadata; it cannot bring itself into the log.
    """
    trained = source.environment.environment not in STAGES
    name = training_pipeline.name if trained else validation_pipeline.name
    of_version = Filter(kind="run_finished", model=source.model, model_version=str(candidate.number))
    ended_well, foreign = set[str | None](), set[str | None]()
    for entry, settled in with_settings(log):
        if of_version.matches(entry) and entry.event.pipeline == name:
            ended_well.add(entry.event.run)
        elif isinstance(entry.event, RunStarted) and source.guarded and not settled:
            foreign.add(entry.event.run)  # what judged there were limits that somebody brought along
    ended_well -= foreign
    if trained:
        ended_well &= {_signed_run(log, source, candidate)}
    found = run_of(candidate, source, name, recorded={run for run in ended_well if run})
    if found is None:
        environment = source.environment.environment
        raise PromotionRefusedError(
            f"Version {candidate.number} of {source.model} has no completed governed {name} in {environment}: run "
            f"`make {'train' if trained else 'validate'} ENV={environment} MODEL={source.model}` first."
        )
    return found


def _signed_run(log: LogReader, target: Target, candidate: ModelVersionResponse) -> str | None:
    return signed_run(log, target, str(candidate.number), digest(digest_of(candidate)))


def _require_recorded(log: LogReader, run: str, results: tuple[GateResult, ...]) -> None:
    """Hold each result against the verdict that its gate left in the log: what ZenML holds is only compared.

    Raises:
        EvidenceRefusedError: the log has no such verdict of that run.
    """
    recorded = {
        (entry.event.gate, entry.event.evidence.get("result"))
        for entry in select(log, Filter(kind="gate_verdict", run=run))
        if isinstance(entry.event, GateVerdict)
    }
    for result in results:
        if (as_reference(result.gate), digest(result.evidence["source"])) not in recorded:
            raise EvidenceRefusedError(
                f"The result of the gate {result.gate!r} of run {run} is not the one in the log at {log.store.place}. "
                "Find out who wrote it, and run it again."
            )
