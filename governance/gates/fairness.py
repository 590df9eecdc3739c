"""Does the model treat the groups of each sensitive attribute alike?

Measures as fairlearn defines them: the equalized odds difference is the larger of the greatest differences between
groups in true and in false positive rate (Hardt et al., 2016); the demographic parity ratio is the smallest share
flagged in a group, divided by the largest.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step

from environments import Environment, Fairness, Gates
from governance.core.target import Target
from governance.gates.bootstrap import count_resamples, intervals, seed_from
from governance.gates.context import GateContext
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.groups import Groups, group_rows
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure, at_least, at_most, find_measure
from governance.gates.scored import Scored, score_rows
from pipelines.artifacts import MODEL, VALIDATION_DATA
from pipelines.config import SensitiveAttribute, read_config
from pipelines.model import TrainedModel, read_model
from pipelines.reference import Reference

EQUALIZED_ODDS = "equalized_odds_difference"
DEMOGRAPHIC_PARITY = "demographic_parity_ratio"
NO_ATTRIBUTE = "attributes judged"


def measure_fairness(
    scored: Scored, attributes: tuple[SensitiveAttribute, ...], reference: Reference, *, resamples: int
) -> tuple[Measure, ...]:
    """Return both measures of each attribute with bootstrap intervals, and what each group of it reaches."""
    found: list[Measure] = []
    for attribute in attributes:
        groups = group_rows(scored.frame, attribute, reference)
        found += [*_measure_attribute(scored, groups, resamples), *_describe_groups(scored, groups)]
    return tuple(found)


def measure_name(measure: str, attribute: str) -> str:
    """Return the name of ``measure`` for ``attribute``, as checks carry it."""
    return f"{measure.replace('_', ' ')} by {attribute}"


def _measure_attribute(scored: Scored, groups: Groups, resamples: int) -> list[Measure]:
    from fairlearn.metrics import demographic_parity_ratio, equalized_odds_difference  # type: ignore[import-untyped]

    sizes = {name: _sizes(scored, groups, name) for name in groups.names}
    smallest = min(sizes, key=lambda name: sizes[name][0])
    rarest = min(sizes, key=lambda name: min(sizes[name][1:]))
    facts = {"groups": len(sizes), "smallest_group": sizes[smallest][0], "fewest_of_a_class": min(sizes[rarest][1:])}
    detail = f"smallest group {smallest!r}, fewest of an outcome in {rarest!r}"
    names = {measure: measure_name(measure, groups.attribute) for measure in (EQUALIZED_ODDS, DEMOGRAPHIC_PARITY)}
    if len(sizes) < 2 or not facts["fewest_of_a_class"]:
        return [Measure(name=name, value=None, facts=facts, detail=detail) for name in names.values()]
    given = {"y_true": scored.truth, "y_pred": scored.flagged.astype(int), "sensitive_features": groups.of_row}
    values = {EQUALIZED_ODDS: equalized_odds_difference(**given), DEMOGRAPHIC_PARITY: demographic_parity_ratio(**given)}
    draws = _resample(scored, groups, count_resamples(len(scored.truth), resamples))
    return [
        Measure(
            name=name,
            value=_number(values[measure]),
            intervals=intervals(draws[measure], _number(values[measure]), int(facts["fewest_of_a_class"])),
            facts=facts,
            detail=detail,
        )
        for measure, name in names.items()
    ]


def _number(value: float) -> float:
    """Return ``value``, or 1 for NaN: where nobody is flagged fairlearn divides 0 by 0, yet all groups fare alike."""
    return 1.0 if np.isnan(value) else float(value)


def _sizes(scored: Scored, groups: Groups, name: str) -> tuple[int, int, int]:
    """Return the rows of a group, at risk and not."""
    truth = scored.truth[groups.of_row == name]
    return len(truth), int(truth.sum()), int(len(truth) - truth.sum())


def _resample(scored: Scored, groups: Groups, resamples: int) -> dict[str, np.ndarray]:
    """Resample both measures, stratified by group and outcome.

    Of a group's rows with one outcome a resample flags a binomial number: that is what drawing them anew amounts to.
    """
    random = np.random.default_rng(seed_from(scored.data_digest))
    rates: dict[int, list[np.ndarray]] = {0: [], 1: []}
    selected = []
    for name in groups.names:
        inside, flagged_there = groups.of_row == name, np.zeros(resamples)
        for outcome in (0, 1):
            flags = scored.flagged[inside & (scored.truth == outcome)]
            drawn = random.binomial(len(flags), flags.mean(), resamples)
            rates[outcome].append(drawn / len(flags))
            flagged_there = flagged_there + drawn
        selected.append(flagged_there / inside.sum())
    odds = np.maximum(*(np.ptp(np.stack(rates[outcome]), axis=0) for outcome in (0, 1)))
    least, most = np.min(selected, axis=0), np.max(selected, axis=0)
    return {EQUALIZED_ODDS: odds, DEMOGRAPHIC_PARITY: np.divide(least, most, out=np.ones(resamples), where=most > 0)}


def _describe_groups(scored: Scored, groups: Groups) -> list[Measure]:
    """Share flagged, true and false positive rate and rows of each group, for people to read; no limit is set."""
    from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate, true_positive_rate

    by_group = MetricFrame(
        metrics={"selected": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate, "rows": count},
        y_true=scored.truth,
        y_pred=scored.flagged.astype(int),
        sensitive_features=groups.of_row,
    ).by_group
    return [
        Measure(
            name=f"group {groups.attribute}={name}",
            value=float(row["selected"]),
            facts={
                "true_positive_rate": float(row["tpr"]),
                "false_positive_rate": float(row["fpr"]),
                "rows": row["rows"],
            },
            detail="share flagged",
        )
        for name, row in by_group.iterrows()
    ]


def judge_measures(measures: tuple[Measure, ...], attributes: tuple[str, ...], gates: Gates, model: str) -> list[Check]:
    """Compare both measures of each attribute with the limits; one that the environment exempts passes, with why."""
    limits, checks = gates.fairness, []
    for attribute in attributes:
        for measure in (EQUALIZED_ODDS, DEMOGRAPHIC_PARITY):
            found = find_measure(measures, measure_name(measure, attribute))
            checks.append(_check(found, measure, gates, limits.reason_for(model, attribute, measure)))
    if not attributes:
        reason = limits.no_attributes.get(model)
        unproven = "" if reason else "the model's configuration names no sensitive attribute"
        advice = "name one, or give the reason under gates.fairness.no_attributes of the environment"
        checks.append(at_least(NO_ATTRIBUTE, 0, 0 if reason else 1, unproven=unproven, detail=reason or advice))
    return checks


def _check(found: Measure, measure: str, gates: Gates, exempt: str | None) -> Check:
    limits, odds = gates.fairness, measure == EQUALIZED_ODDS
    if exempt is not None:
        # Nothing is asked of it: the bound is the worst value there is, and the reason is shown.
        worst, bound = (1.0, at_most) if odds else (0.0, at_least)
        return bound(found.name, worst if found.value is None else found.value, worst, detail=f"exempt: {exempt}")
    unproven = _too_small(found, limits)
    if odds:
        return found.check("at most", limits.equalized_odds_difference, gates.confidence, unproven)
    return found.check("at least", limits.demographic_parity_ratio, gates.confidence, unproven)


def _too_small(found: Measure, limits: Fairness) -> str:
    if found.facts.get("groups", 0) < 2:
        return "fewer than two groups occur"
    group, outcome = found.facts["smallest_group"], found.facts["fewest_of_a_class"]
    if group < limits.minimum_group_rows:
        return f"a group has {group:g} rows, at least {limits.minimum_group_rows} are needed"
    if outcome < limits.minimum_group_per_class:
        return f"a group has {outcome:g} rows of an outcome, at least {limits.minimum_group_per_class} are needed"
    return ""


def judge_fairness(
    scored: Scored,
    attributes: tuple[SensitiveAttribute, ...],
    reference: Reference,
    gates: Gates,
    context: GateContext,
) -> GateResult:
    """Measure and judge every attribute."""
    measures = measure_fairness(scored, attributes, reference, resamples=gates.resamples) if attributes else ()
    names = tuple(attribute.column for attribute in attributes)
    return context.result(GATE.name, scored.evidence, judge_measures(measures, names, gates, context.model), measures)


@step(enable_cache=False)
def validate_fairness(
    model: TrainedModel,
    validation_data: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "fairness_gate"]:
    """Stop the run unless the model that was just trained is shown to treat groups alike.

    Raises:
        GateFailedError: a limit is missed, or cannot be shown to be kept.
    """
    scored = score_rows(model, validation_data)
    return record(judge_fairness(scored, attributes, model.reference, gates, context), context).require()


@step(enable_cache=False)
def validate_release_fairness(
    release: Path,
    digest: str,
    validation_data: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "fairness_gate"]:
    """Stop the run unless the released model in the folder ``release`` is shown to treat groups alike.

    Raises:
        GateFailedError: a limit is missed, or cannot be shown to be kept.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    model = read_model(release, digest)
    scored = score_rows(model, validation_data)
    return record(judge_fairness(scored, attributes, model.reference, gates, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    given = {"validation_data": found[VALIDATION_DATA], "attributes": context.config.attributes, **context.common}
    if MODEL in found:
        validate_fairness(model=found[MODEL], **given)
    else:
        validate_release_fairness(**context.release, **given)


def _judge_again(result: GateResult, target: Target) -> list[Check]:
    names = read_config(target.model).sensitive_columns
    return judge_measures(result.measures, names, target.environment.gates, target.model)


def _controls(context: ControlContext) -> list[Control]:
    gates, everybody = context.gates, context.synthetic.held_out
    few = context.synthetic.few(2 * gates.fairness.minimum_group_rows - 2)

    def judge(frame: pd.DataFrame, model: str = "good", named: bool = True) -> GateResult:
        attributes = context.synthetic.config.attributes if named else ()
        scored, reference = context.synthetic.scored(model, frame), context.synthetic.models[model].reference
        return judge_fairness(scored, attributes, reference, gates, context.gate_context)

    odds = measure_name(EQUALIZED_ODDS, "sex")
    return [
        Control("a model that treats groups alike", None, lambda: judge(everybody)),
        Control("a model that overlooks one group", odds, lambda: judge(everybody, "biased")),
        Control("groups too small", odds, lambda: judge(few)),
        Control("no attribute named", NO_ATTRIBUTE, lambda: judge(everybody, named=False)),
    ]


def _control_rows(environment: Environment) -> int:
    limits = environment.gates.fairness
    return max(2 * limits.minimum_group_rows, 4 * limits.minimum_group_per_class)


GATE = PipelineGate(
    name="fairness",
    result="fairness_gate",
    pipelines=("trains", "judges a release"),
    needs=(VALIDATION_DATA,),
    judges_model=True,
    attach=_attach,
    judge_again=_judge_again,
    controls=_controls,
    control_rows=_control_rows,
)
