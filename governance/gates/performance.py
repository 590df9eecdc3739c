"""Does the model reach what the environment asks for, on rows it has not seen, and is that certain enough?"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step

from environments import Gates
from governance.core.requirements import Requirements
from governance.core.target import Target
from governance.gates.bootstrap import count_resamples, intervals, resample, seed_from
from governance.gates.context import GateContext
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.own_draws import own_draws
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure, at_most, find_measure
from governance.gates.scored import Scored, score_release, score_rows
from pipelines.artifacts import EVALUATION, MODEL, VALIDATION_DATA
from pipelines.config import MetricRules
from pipelines.evaluation import Evaluation, evaluate
from pipelines.model import TrainedModel
from pipelines.own_metrics import own_rules
from pipelines.tasks.metrics import METRICS, metric_of

OVERLAP = "share of held-out rows trained on"
AGREEMENT = "differences from the pipeline's evaluation"
OWN_FAILED = "own metrics that fail"
_COUNTS = {
    "binary": {
        "rows": "held-out rows",
        "positives": "held-out rows at risk",
        "negatives": "held-out rows not at risk",
    },
    "multiclass": {"rows": "held-out rows", "rarest_class": "held-out rows of the rarest class"},
    "regression": {"rows": "held-out rows"},
}
"""What must be many enough, by task: all rows, and rows of each class."""
_TOLERANCE = 1e-9
"""Two ways to add up the same context differ by rounding, and by no more."""


def measure_performance(scored: Scored, *, resamples: int) -> tuple[Measure, ...]:
    """Measure every metric of the model's task, and the team's own, with their bootstrap intervals.

    Where a class does not occur, or all numbers are the same, nothing can be measured, and the values are missing.
    """
    scorer, counts = scored.scorer, scored.scorer.facts
    overlap = Measure(name=OVERLAP, value=scored.trained_on / max(len(scored.truth), 1), facts=counts)
    if scorer.obstacle:
        names = (*(metric.name for metric in METRICS[scored.task]), *own_rules(scored.own))
        nothing = [Measure(name=name, value=None, facts=counts, detail=scorer.obstacle) for name in names]
        return (*nothing, overlap)
    drawn = count_resamples(len(scored.truth), resamples)
    facts = {**counts, "resamples": drawn}
    values = scorer.figures(np.ones((1, len(scored.truth))))
    own = own_draws(scored.own, scorer)
    figures = []
    for weights in resample(scorer.strata, drawn, seed_from(scored.data_digest)):
        figures.append(scorer.figures(weights))
        for one in own.values():
            one.draw(weights)
    measured = []
    for name, value in values.items():
        metric, draws = metric_of(scored.task, name), np.concatenate([piece[name] for piece in figures])
        assert metric is not None, f"the scorer of {scored.task} computes {name}, which is not listed"
        found = intervals(draws, float(value[0]), scorer.rarest, share=metric.share)
        measured.append(Measure(name=name, value=float(value[0]), intervals=found, facts=facts))
    measured += [one.measure(name, facts) for name, one in own.items()]
    if own:
        problems = [f"{name}: {one.problem}" for name, one in own.items() if one.problem]
        measured.append(Measure(name=OWN_FAILED, value=len(problems), detail="; ".join(problems)))
    return (*measured, overlap)


def judge_measures(
    measures: tuple[Measure, ...], required: Requirements, gates: Gates, *, overlap: float
) -> list[Check]:
    """Compare each required metric with its threshold; a metric that was not measured concludes nothing.

    ``overlap`` is the largest share of rows that may have been trained on. It is not 0, since two people may have the
    same values.
    """
    by_name = {measure.name: measure for measure in measures}
    checks = []
    for metric, asked in required.thresholds.items():
        measure = by_name.get(metric, Measure(name=metric, value=None))
        unproven = too_few(measure, gates, required.task)
        if str(gates.confidence) not in measure.intervals:
            unproven = measure.detail
        checks.append(measure.check(asked.bound, asked.limit, gates.confidence, unproven, detail=asked.unit))
    if required.own:
        failed = find_measure(measures, OWN_FAILED)
        checks.append(at_most(OWN_FAILED, failed.value, 0, detail=failed.detail))
    return [*checks, at_most(OVERLAP, find_measure(measures, OVERLAP).value, overlap)]


def too_few(measure: Measure, gates: Gates, task: str) -> str:
    """Say why the rows behind ``measure`` do not suffice for a model of ``task``; nothing where they do."""
    for fact, what in _COUNTS[task].items():
        least = gates.minimum_rows if fact == "rows" else gates.minimum_per_class
        found = int(measure.facts.get(fact, 0))
        if found < least:
            return f"{found} {what}, at least {least} are needed"
    return ""


def judge_performance(
    scored: Scored,
    evaluation: Evaluation,
    thresholds: Requirements,
    gates: Gates,
    context: GateContext,
    *,
    overlap: float,
) -> GateResult:
    """Measure anew, judge, and refuse an evaluation of the pipeline's that says something else."""
    measures = measure_performance(scored, resamples=gates.resamples)
    checks = [*judge_measures(measures, thresholds, gates, overlap=overlap), _agreement(scored, evaluation, measures)]
    return context.result(GATE.name, scored.evidence, checks, measures)


def _agreement(scored: Scored, evaluation: Evaluation, measures: tuple[Measure, ...]) -> Check:
    told = evaluation.metrics
    differences = [
        f"{measure.name} {told[measure.name]:.4g} for {measure.value:.4g}"
        for measure in measures
        if measure.name in told
        and measure.value is not None
        and not abs(told[measure.name] - measure.value) <= _TOLERANCE
    ]
    if evaluation.data_digest != scored.data_digest:
        differences.append("another data digest")
    if evaluation.model_digest is not None and evaluation.model_digest != scored.model_digest:
        differences.append("another model digest")
    return at_most(AGREEMENT, len(differences), 0, detail=", ".join(differences))


@step(enable_cache=False)
def validate_model_performance(
    model: TrainedModel,
    validation_data: pd.DataFrame,
    evaluation: Evaluation,
    thresholds: Requirements,
    overlap: float,
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "performance_gate"]:
    """Stop the run unless the model that was just trained is shown to reach the environment's thresholds.

    Raises:
        GateFailedError: a metric misses its threshold, or cannot be shown to reach it.
    """
    scored = score_rows(model, validation_data)
    return record(judge_performance(scored, evaluation, thresholds, gates, context, overlap=overlap), context).require()


@step(enable_cache=False)
def validate_release_performance(
    release: Path,
    digest: str,
    validation_data: pd.DataFrame,
    evaluation: Evaluation,
    thresholds: Requirements,
    overlap: float,
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "performance_gate"]:
    """Stop the run unless the released model in the folder ``release`` is shown to reach the thresholds.

    Raises:
        GateFailedError: a metric misses its threshold, or cannot be shown to reach it.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    scored = score_release(release, digest, validation_data)
    return record(judge_performance(scored, evaluation, thresholds, gates, context, overlap=overlap), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    given = {
        "validation_data": found[VALIDATION_DATA],
        "evaluation": found[EVALUATION],
        "thresholds": context.target.thresholds,
        "overlap": context.target.environment.data_quality.duplicate_share,
        **context.common,
    }
    if MODEL in found:
        validate_model_performance(model=found[MODEL], **given)
    else:
        validate_release_performance(**context.release, **given)


def _judge_again(result: GateResult, target: Target) -> list[Check]:
    environment = target.environment
    overlap = environment.data_quality.duplicate_share
    checks = judge_measures(result.measures, target.thresholds, environment.gates, overlap=overlap)
    return [*checks, *(check for check in result.checks if check.name == AGREEMENT)]


def _controls(context: ControlContext) -> list[Control]:
    held_out, few = context.synthetic.held_out, context.synthetic.few(context.gates.minimum_rows - 1)
    required = Requirements.of(context.environment, context.synthetic.config)
    metric = next(iter(required.thresholds))

    failing = {"costs": MetricRules(function="pipelines.own_metrics:no_such_metric", better="lower")}

    def judge(
        frame: pd.DataFrame, model: str = "good", flattering: bool = False, own: dict[str, MetricRules] | None = None
    ) -> GateResult:
        evaluation = evaluate(context.synthetic.models[model], frame)
        if flattering:
            evaluation = evaluation.model_copy(update={"metrics": {**evaluation.metrics, metric: 0.999}})
        scored = replace(context.synthetic.scored(model, frame), own=own or {})
        asked = required.model_copy(update={"own": tuple(own or ())})
        given = (scored, evaluation, asked, context.gates)
        overlap = context.environment.data_quality.duplicate_share
        return judge_performance(*given, context.gate_context, overlap=overlap)

    return [
        Control("a good model", None, lambda: judge(held_out)),
        Control("a model trained on shuffled labels", metric, lambda: judge(held_out, "shuffled")),
        Control("too few rows", metric, lambda: judge(few)),
        Control("an evaluation that flatters", AGREEMENT, lambda: judge(held_out, flattering=True)),
        Control("an own metric that fails", OWN_FAILED, lambda: judge(held_out, own=failing)),
        Control("rows it was trained on", OVERLAP, lambda: judge(context.synthetic.training)),
    ]


GATE = PipelineGate(
    name="model performance",
    result="performance_gate",
    pipelines=("trains", "judges a release"),
    needs=(VALIDATION_DATA, EVALUATION),
    guards=(EVALUATION,),
    judges_model=True,
    attach=_attach,
    judge_again=_judge_again,
    controls=_controls,
    control_rows=lambda environment: max(environment.gates.minimum_rows, 2 * environment.gates.minimum_per_class),
)
