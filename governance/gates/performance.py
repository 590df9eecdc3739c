"""Does the model reach what the environment asks for, on rows it has not seen, and is that certain enough?"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step

from environments import LOWER_IS_BETTER, Gates, Thresholds
from governance.core.target import Target
from governance.gates.bootstrap import Scorer, count_resamples, intervals, resample, seed_from
from governance.gates.context import GateContext
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import Bound, Check, GateResult, Measure, at_most, find_measure
from governance.gates.scored import Scored, score_release, score_rows
from pipelines.artifacts import EVALUATION, MODEL, VALIDATION_DATA
from pipelines.evaluation import Evaluation, evaluate
from pipelines.model import TrainedModel

OVERLAP = "share of held-out rows trained on"
AGREEMENT = "differences from the pipeline's evaluation"
_TOLERANCE = 1e-9
"""Two ways to add up the same context differ by rounding, and by no more."""


def measure_performance(scored: Scored, *, resamples: int) -> tuple[Measure, ...]:
    """Measure ROC AUC, average precision, recall, precision and Brier score with their bootstrap intervals.

    Without both outcomes nothing can be measured, and the values are missing.
    """
    counts = scored.counts
    overlap = Measure(name=OVERLAP, value=scored.trained_on / max(len(scored.truth), 1), facts=counts)
    scorer = Scorer(scored.truth, scored.probability, scored.decision_threshold)
    rarer = int(min(counts["positives"], counts["negatives"]))
    if not rarer:
        nothing = [
            Measure(name=name, value=None, facts=counts, detail="only one outcome occurs")
            for name in Thresholds.model_fields
        ]
        return (*nothing, overlap)
    drawn = count_resamples(len(scored.truth), resamples)
    values = scorer.figures(np.ones((1, len(scored.truth))))
    pieces = [scorer.figures(w) for w in resample(scored.truth, drawn, seed_from(scored.data_digest))]
    measured = [
        Measure(
            name=name,
            value=float(value[0]),
            intervals=intervals(np.concatenate([piece[name] for piece in pieces]), float(value[0]), rarer),
            facts={**counts, "resamples": drawn},
        )
        for name, value in values.items()
    ]
    return (*measured, overlap)


def judge_measures(
    measures: tuple[Measure, ...], thresholds: Thresholds, gates: Gates, *, overlap: float
) -> list[Check]:
    """Compare each required metric with its threshold; a metric that was not measured concludes nothing.

    ``overlap`` is the largest share of rows that may have been trained on. It is not 0, since two people may have the
    same values.
    """
    by_name = {measure.name: measure for measure in measures}
    checks = []
    for metric, threshold in thresholds.required().items():
        measure = by_name.get(metric, Measure(name=metric, value=None))
        unproven = too_few(measure, gates) if str(gates.confidence) in measure.intervals else measure.detail
        bound: Bound = "at most" if metric in LOWER_IS_BETTER else "at least"
        checks.append(measure.check(bound, threshold, gates.confidence, unproven, detail=""))
    return [*checks, at_most(OVERLAP, find_measure(measures, OVERLAP).value, overlap)]


def too_few(measure: Measure, gates: Gates) -> str:
    """Say why the rows behind ``measure`` do not suffice; nothing where they do."""
    for fact, least, what in (
        ("rows", gates.minimum_rows, "held-out rows"),
        ("positives", gates.minimum_per_class, "held-out rows at risk"),
        ("negatives", gates.minimum_per_class, "held-out rows not at risk"),
    ):
        found = int(measure.facts.get(fact, 0))
        if found < least:
            return f"{found} {what}, at least {least} are needed"
    return ""


def judge_performance(
    scored: Scored,
    evaluation: Evaluation,
    thresholds: Thresholds,
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
    told = evaluation.metrics.model_dump()
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
    thresholds: Thresholds,
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
    thresholds: Thresholds,
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

    def judge(frame: pd.DataFrame, model: str = "good", flattering: bool = False) -> GateResult:
        evaluation = evaluate(context.synthetic.models[model], frame)
        if flattering:
            better = evaluation.metrics.model_copy(update={"recall": 1.0})
            evaluation = evaluation.model_copy(update={"metrics": better})
        given = (context.synthetic.scored(model, frame), evaluation, context.environment.thresholds, context.gates)
        overlap = context.environment.data_quality.duplicate_share
        return judge_performance(*given, context.gate_context, overlap=overlap)

    metric = next(iter(context.environment.thresholds.required()))
    return [
        Control("a good model", None, lambda: judge(held_out)),
        Control("a model trained on shuffled labels", metric, lambda: judge(held_out, "shuffled")),
        Control("too few rows", metric, lambda: judge(few)),
        Control("an evaluation that flatters", AGREEMENT, lambda: judge(held_out, flattering=True)),
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
