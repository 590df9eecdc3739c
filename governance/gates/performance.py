"""Does the model reach what the environment asks for, on rows it has not seen, and is that certain enough?"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step

from environments import LOWER_IS_BETTER, Gates, Thresholds
from governance.gates.bootstrap import Scorer, count_resamples, intervals, resample, seed_from
from governance.gates.context import GateContext
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure
from governance.gates.scored import Scored, score_release, score_rows
from pipelines.evaluation import Evaluation
from pipelines.model import TrainedModel

NAME = "model performance"

OVERLAP = "share of held-out rows trained on"
AGREEMENT = "differences from the pipeline's evaluation"
_TOLERANCE = 1e-9
"""Two ways to add up the same terms differ by rounding, and by no more."""


def measure_performance(scored: Scored, *, resamples: int) -> tuple[Measure, ...]:
    """ROC AUC, average precision, recall, precision and Brier score with their bootstrap intervals.

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
        lower, upper = measure.intervals.get(str(gates.confidence), (None, None))
        checks.append(
            Check(
                name=metric,
                value=measure.value,
                lower=lower,
                upper=upper,
                confidence=None if lower is None else gates.confidence,
                bound="at most" if metric in LOWER_IS_BETTER else "at least",
                threshold=threshold,
                unproven=too_few(measure, gates) if lower is not None else measure.detail or "has no interval",
            )
        )
    seen = by_name.get(OVERLAP, Measure(name=OVERLAP, value=None))
    return [*checks, Check(name=OVERLAP, value=seen.value, bound="at most", threshold=overlap)]


def too_few(measure: Measure, gates: Gates) -> str:
    """Why the rows behind ``measure`` do not suffice; nothing where they do."""
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
    scored: Scored, evaluation: Evaluation, thresholds: Thresholds, gates: Gates, terms: GateContext, *, overlap: float
) -> GateResult:
    """Measure anew, judge, and refuse an evaluation of the pipeline's that says something else."""
    measures = measure_performance(scored, resamples=gates.resamples)
    checks = [*judge_measures(measures, thresholds, gates, overlap=overlap), _agreement(scored, evaluation, measures)]
    return terms.result(NAME, scored.evidence, checks, measures)


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
    return Check(name=AGREEMENT, value=len(differences), bound="at most", threshold=0, detail=", ".join(differences))


@step(enable_cache=False)
def validate_model_performance(
    model: TrainedModel,
    validation_data: pd.DataFrame,
    evaluation: Evaluation,
    thresholds: Thresholds,
    overlap: float,
    gates: Gates,
    terms: GateContext,
) -> Annotated[GateResult, "performance_gate"]:
    """Stop the run unless the model that was just trained is shown to reach the environment's thresholds.

    Raises:
        GateFailedError: a metric misses its threshold, or cannot be shown to reach it.
    """
    scored = score_rows(model, validation_data)
    return record(judge_performance(scored, evaluation, thresholds, gates, terms, overlap=overlap), terms).require()


@step(enable_cache=False)
def validate_release_performance(
    release: Path,
    digest: str,
    validation_data: pd.DataFrame,
    evaluation: Evaluation,
    thresholds: Thresholds,
    overlap: float,
    gates: Gates,
    terms: GateContext,
) -> Annotated[GateResult, "performance_gate"]:
    """The same for the released model in the folder ``release``.

    Raises:
        GateFailedError: a metric misses its threshold, or cannot be shown to reach it.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    scored = score_release(release, digest, validation_data)
    return record(judge_performance(scored, evaluation, thresholds, gates, terms, overlap=overlap), terms).require()
