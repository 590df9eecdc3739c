"""Is the challenger no worse than the version in production, on rows that neither was trained on?

Non-inferiority by the paired bootstrap: both models score the same rows, each resample takes the same rows for both,
and the interval of the difference must stay within the margin.
"""

import contextvars
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step
from zenml.client import Client

from environments import ORDER, Gates
from environments.files import sha256_hex
from environments.strict import StrictModel
from governance.core.requirements import Requirements
from governance.core.target import Target
from governance.gates.bootstrap import count_resamples, difference_intervals, resample, seed_from
from governance.gates.context import GateContext
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate, PromotionContext
from governance.gates.groups import group_rows
from governance.gates.own_draws import own_draws
from governance.gates.performance import too_few
from governance.gates.record import record
from governance.gates.result import Bound, Check, GateResult, Measure, at_least, at_most, find_measure
from governance.gates.scored import Scored, score_rows
from governance.gates.tasks import group_judge
from governance.gates.tasks.base import GroupJudge
from governance.records.history import read_elsewhere, read_history
from governance.registry.loading import trusted_release
from governance.registry.versions import named_version, staged_version
from pipelines.artifacts import VALIDATION_DATA
from pipelines.config import SensitiveAttribute
from pipelines.digests import data_digest
from pipelines.libraries import ModelLibrariesError
from pipelines.model import TrainedModel, read_model

DIFFERENCE = " difference"
NO_BASELINE = "champion"
SAME_VERSION = "champion is another version"
UNSEEN = "rows new to both models"
COMPARABLE = "columns of the champion that are missing"
READABLE = "champion that can be read"
CHAMPION_VERSION = "champion_version"
"""What the evidence calls the digest of the champion's number: two versions may hold the same files."""


class ChampionRelease(StrictModel):
    """The release of the version that production uses, in the environment that compares."""

    version: str
    release_id: str
    digest: str


def measure_difference(
    challenger: TrainedModel,
    champion: TrainedModel,
    frame: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    *,
    resamples: int,
) -> tuple[Measure, ...]:
    """Measure challenger less champion in each metric, and in one figure for each group, with paired intervals.

    Rows that either model was trained on are left out, by the digests recorded with the models; how many are left is
    the first measure.
    """
    known = challenger.training_rows.holds(frame) | champion.training_rows.holds(frame)
    rows = frame[~known].reset_index(drop=True)
    unseen = Measure(
        name=UNSEEN,
        value=len(rows),
        facts={"dropped": float(known.sum())},
        detail=f"{int(known.sum())} of {len(frame)} held-out rows were trained on and are left out",
    )
    if rows.empty:
        return (unseen,)
    new, old = score_rows(challenger, rows), score_rows(champion, rows)
    if new.scorer.obstacle:
        return (unseen,)
    judge = group_judge(new.task)
    random, by_group = np.random.default_rng(seed_from(new.data_digest)), []
    for attribute in attributes:
        groups = group_rows(rows, attribute, challenger.reference)
        for name in groups.names:
            inside, label = groups.of_row == name, f"{attribute.column}={name}"
            by_group.append(judge.compare(new, old, inside, label, resamples, random))
    return (unseen, *_overall(new, old, resamples), *by_group)


def _overall(new: Scored, old: Scored, resamples: int) -> list[Measure]:
    drawn = count_resamples(len(new.truth), resamples)
    once, scorers = np.ones((1, len(new.truth))), (new.scorer, old.scorer)
    values = [scorer.figures(once) for scorer in scorers]
    # Metrics of both: a class that one of them does not know has no recall to compare.
    pieces: dict[str, list[np.ndarray]] = {name: [] for name in values[0] if name in values[1]}
    own = own_draws(new.own, *scorers)
    for weights in resample(new.scorer.strata, drawn, seed_from(new.data_digest)):
        ours, theirs = (scorer.figures(weights) for scorer in scorers)
        for name in pieces:
            pieces[name].append(ours[name] - theirs[name])
        for one in own.values():
            one.draw(weights)
    facts = {**new.scorer.facts, "resamples": drawn}
    measures = [
        Measure(
            name=name + DIFFERENCE,
            value=float(values[0][name][0] - values[1][name][0]),
            intervals=difference_intervals(np.concatenate(draws)),
            facts=facts,
            detail=f"{values[0][name][0]:.4g} against {values[1][name][0]:.4g}",
        )
        for name, draws in pieces.items()
    ]
    return measures + [one.measure(name + DIFFERENCE, facts) for name, one in own.items()]


def judge_measures(measures: tuple[Measure, ...], gates: Gates, required: Requirements) -> list[Check]:
    """Hold every difference against its margin."""
    unseen, confidence = find_measure(measures, UNSEEN), gates.confidence
    left = unseen.value or 0
    few = "too few are left" if left < gates.minimum_rows else ""
    checks = [at_least(UNSEEN, left, gates.minimum_rows, unproven=few, detail=unseen.detail)]
    for metric, asked in required.margins.items():
        found, smaller, margin = find_measure(measures, metric + DIFFERENCE), asked.better == "lower", asked.limit
        unproven = too_few(found, gates, required.task)
        checks.append(found.check(asked.bound, margin if smaller else -margin, confidence, unproven))
    judge = group_judge(required.task)
    margin = judge.margin(gates.champion)
    bound: Bound = "at most" if judge.smaller_is_better else "at least"
    groups = [measure for measure in measures if measure.name.startswith(judge.change)]
    limit = margin if judge.smaller_is_better else -margin
    return checks + [group.check(bound, limit, confidence, _small(group, gates, judge)) for group in groups]


def _small(measure: Measure, gates: Gates, judge: GroupJudge) -> str:
    limits = gates.fairness
    if measure.facts["rows"] < limits.minimum_group_rows:
        return f"{measure.facts['rows']:g} rows, at least {limits.minimum_group_rows} are needed"
    if measure.facts["judged"] < limits.minimum_group_per_class:
        return f"{measure.facts['judged']:g} {judge.judged_rows}, at least {limits.minimum_group_per_class} are needed"
    return ""


def judge_champion(
    challenger: TrainedModel,
    champion: TrainedModel,
    frame: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    required: Requirements,
    gates: Gates,
    context: GateContext,
    *,
    versions: tuple[str, str],
) -> GateResult:
    """Compare ``challenger`` with ``champion``; ``versions`` are theirs, in this order, and must differ.

    Two versions may hold the same files, where training was repeated on the same data: then nothing differs.
    """
    evidence = {
        "data": data_digest(frame),
        "model": str(challenger.digest),
        "champion": str(champion.digest),
        CHAMPION_VERSION: sha256_hex(versions[1]),
    }
    told = f"version {versions[0]} against version {versions[1]}"
    same = at_least(SAME_VERSION, float(versions[0] != versions[1]), 1, detail=told)
    if not same.passed:
        return context.result(GATE.name, evidence, [same])
    absent = [name for name in champion.signature.column_names if name not in frame.columns]
    if champion.signature.label.names != challenger.signature.label.names:
        absent.append(f"what it predicts: {champion.signature.label.rule}")
    unproven = "the champion cannot score these rows" if absent else ""
    comparable = at_most(COMPARABLE, len(absent), 0, unproven=unproven, detail=", ".join(absent))
    if absent:
        return context.result(GATE.name, evidence, [same, comparable])
    measures = measure_difference(challenger, champion, frame, attributes, resamples=gates.resamples)
    return context.result(GATE.name, evidence, [same, comparable, *judge_measures(measures, gates, required)], measures)


def no_champion(digest: str, frame: pd.DataFrame, context: GateContext) -> GateResult:
    """Return the result where nothing is in production: there is nothing to lose against."""
    check = at_least(NO_BASELINE, 0, 0, detail="no baseline: no version is in production")
    return context.result(GATE.name, {"data": data_digest(frame), "model": digest}, [check])


def unreadable_champion(
    digest: str, champion: ChampionRelease, frame: pd.DataFrame, context: GateContext, why: str
) -> GateResult:
    """Return the result where libraries have moved on so far that the champion cannot be read: nothing is shown.

    People may override it. Else no newer model could ever take such a champion's place.
    """
    evidence = {
        "data": data_digest(frame),
        "model": digest,
        "champion": champion.digest,
        CHAMPION_VERSION: sha256_hex(champion.version),
    }
    return context.result(GATE.name, evidence, [at_least(READABLE, 0, 1, unproven=why)])


@step(enable_cache=False)
def validate_against_champion(
    release: Path,
    digest: str,
    champion_release: Path,
    champion: ChampionRelease,
    version: str,
    validation_data: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    required: Requirements,
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "champion_gate"]:
    """Stop the run unless the release is shown to be no worse than the champion's.

    Raises:
        GateFailedError: a difference is beyond its margin, or cannot be shown to be within.
        ModelTamperedError: a folder's digest is not the one recorded.
    """
    challenger = read_model(release, digest)
    try:
        old = read_model(champion_release, champion.digest)
    except ModelLibrariesError as error:
        result = unreadable_champion(digest, champion, validation_data, context, f"it was {error.said}")
    else:
        versions = (version, champion.version)
        result = judge_champion(
            challenger, old, validation_data, attributes, required, gates, context, versions=versions
        )
    return record(result, context).require()


@step(enable_cache=False)
def validate_without_champion(
    digest: str, validation_data: pd.DataFrame, context: GateContext
) -> Annotated[GateResult, "champion_gate"]:
    """Record that there was no champion to compare with."""
    return record(no_champion(digest, validation_data, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    rows = found[VALIDATION_DATA]
    # While a pipeline is compiled, ZenML's client answers with promises; the champion is looked up outside of that.
    champion = contextvars.Context().run(_champion_of, context)
    if champion is None:
        digest = context.parameters["digest"]
        validate_without_champion(digest=digest, validation_data=rows, context=context.gate_context)
        return
    validate_against_champion(
        **context.release,
        champion_release=Client().get_artifact_version(champion.release_id),
        champion=champion,
        version=str(context.version),
        validation_data=rows,
        attributes=context.config.attributes,
        required=context.target.thresholds,
        **context.common,
    )


def _champion_of(context: AttachContext) -> ChampionRelease | None:
    """Return the release in the run's environment of the version that production's log says is in use."""
    production = context.target.in_environment(ORDER[-1])
    history = read_elsewhere(production)
    if history is None:
        # ZenML's word is good enough to choose what to compare with: a promotion holds that against production's log.
        version = staged_version(production)
    else:
        version = None if history.current is None else named_version(production, history.current.version)
    if version is None:
        return None
    release = trusted_release(version, context.target, context.journal)
    return ChampionRelease(version=release.version, release_id=str(release.artifact_id), digest=release.digest)


def _judge_again(result: GateResult, target: Target) -> list[Check]:
    if "champion" not in result.evidence:
        return list(result.checks)
    kept = [check for check in result.checks if check.name in (SAME_VERSION, COMPARABLE, READABLE)]
    return [*kept, *judge_measures(result.measures, target.environment.gates, target.thresholds)]


def _of_an_earlier_champion(result: GateResult, promotion: PromotionContext) -> str:
    in_use = read_history(promotion.target).current
    compared = result.evidence.get("champion")
    used = None if in_use is None else in_use.digest.removeprefix("sha256:")
    version = None if in_use is None else sha256_hex(in_use.version)
    if (compared, result.evidence.get(CHAMPION_VERSION)) == (used, version):
        return ""
    then = "no champion" if compared is None else f"a champion with digest {compared}"
    other = ", and it is another version" if compared is not None and compared == used else ""
    now_there = "no version" if in_use is None else f"version {in_use.version} with digest {used}{other}"
    return (
        f"Run {promotion.run.name} compared with {then}, and {promotion.target.environment.environment} now uses "
        f"{now_there}: validate again."
    )


def _controls(context: ControlContext) -> list[Control]:
    gates, people = context.gates, context.synthetic
    models = people.models

    def judge(challenger: str, champion: str, versions: tuple[str, str] = ("2", "1")) -> GateResult:
        given = (models[challenger], models[champion], people.held_out, people.config.attributes, required)
        return judge_champion(*given, gates, context.gate_context, versions=versions)

    required = Requirements.of(context.environment, people.config)
    margin, in_group = next(iter(required.margins)) + DIFFERENCE, group_judge(required.task).change
    return [
        Control("a challenger as good", None, lambda: judge("retrained", "good")),
        Control("an inferior challenger", margin, lambda: judge("inferior", "good")),
        Control("a challenger worse in one group", f"{in_group}sex=b", lambda: judge("biased", "good")),
        Control("a version compared with itself", SAME_VERSION, lambda: judge("good", "good", ("1", "1"))),
        Control("a champion trained on the held-out rows", UNSEEN, lambda: judge("retrained", "leaked")),
    ]


GATE = PipelineGate(
    name="champion and challenger",
    result="champion_gate",
    pipelines=("judges a release",),
    environments=ORDER[-2:-1],
    needs=(VALIDATION_DATA,),
    judges_model=True,
    attach=_attach,
    judge_again=_judge_again,
    refusal=_of_an_earlier_champion,
    controls=_controls,
)
