"""Has what a released model says of a batch moved away from what it said of its reference rows?

It is judged before anything is published, from counts that were made while the batch was scored: however many rows or
shards there are, the distance of the scores is the exact one. The statistics are those by which columns drift, with the
same limits; but a large index stops a batch only if chance does not explain it, since batches may be small, and a
distance between decisions is that of two groups of equal size, since batches may be large.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from zenml import step

from environments import Drift, Gates
from governance.gates.context import GateContext
from governance.gates.drift import holm, population_stability_index
from governance.gates.drift_report import DISTANCE, PSI
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure, at_least, at_most
from pipelines.artifacts import PREDICTIONS
from pipelines.model import read_reference
from pipelines.prediction_summary import PredictionSummary
from pipelines.score_reference import ScoreReference

COUNTED = "share of rows that the scoring step compared"
SCORES = "the scores"
DECISIONS = "the decisions"
"""What stands in place of a column's name: the probability of risk, that of the predicted class, or the number; and
the rows by decision, of a model that decides."""

NOT_KEPT = "not judged: this version was trained before scores of held-out rows were kept; train a new one"


def measure_prediction_drift(
    reference: ScoreReference | None, predictions: PredictionSummary, *, bins: int
) -> tuple[Measure, ...]:
    """Measure how far scores and decisions moved, in two views each; without a ``reference`` no value has one."""
    if reference is None:
        return tuple(Measure(name=f"{kind}{SCORES}", value=None, detail=NOT_KEPT) for kind in (PSI, DISTANCE))
    found = {}
    if _places_fit(reference, predictions):
        found[SCORES] = _compare_scores(reference, np.array(predictions.score_places), bins)
    if reference.decisions and predictions.outcomes:
        found[DECISIONS] = _compare_decisions(reference.decisions, predictions.outcomes)
    every = [(f"{view}{name}", *said) for name, compared in found.items() for view, said in compared.items()]
    adjusted = holm([p_value for *_, p_value in every])
    return tuple(
        Measure(name=name, value=value, facts={"rows": float(predictions.rows), "p_value": p, "p_adjusted": p_adjusted})
        for (name, value, p), p_adjusted in zip(every, adjusted, strict=True)
    )


def _places_fit(reference: ScoreReference, predictions: PredictionSummary) -> bool:
    return len(predictions.score_places) == 2 * len(reference.edges) + 1 and sum(predictions.score_places) > 0


def _compare_scores(reference: ScoreReference, places: np.ndarray, bins: int) -> dict[str, tuple[float, float]]:
    """Return value and p-value by view: over quantile bins of the reference, and Kolmogorov and Smirnov's."""
    from scipy.stats import kstwo  # type: ignore[import-untyped]

    edges, scores = reference.edges, np.array(reference.scores, dtype="float32")
    upto, total = np.cumsum(places), places.sum()
    # Of the reference too: rows before and at each edge.
    known_before, known_at = (np.searchsorted(scores, edges, side) for side in ("left", "right"))
    # Quantiles by whole numbers: 0.6 of 100 as a fraction is a little more than 60.
    inner = np.unique(scores[-(-np.arange(1, bins) * len(scores) // bins) - 1])
    ends = np.searchsorted(edges, inner)
    expected = np.diff(known_at[ends], prepend=0, append=len(scores)) * (reference.rows / len(scores))
    counted = np.diff(upto[2 * ends + 1], prepend=0, append=total)
    apart = max(
        np.abs(known_before / len(scores) - upto[0:-1:2] / total).max(),
        np.abs(known_at / len(scores) - upto[1::2] / total).max(),
    )
    pairs = len(scores) * total / (len(scores) + total)
    return {
        PSI: (population_stability_index(expected, counted), _p_value(expected, counted)),
        DISTANCE: (float(apart), float(kstwo.sf(apart, max(1, round(pairs))))),
    }


def _compare_decisions(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Return value and p-value by view: over the decisions, and Cramer's V as of two groups of equal size."""
    names = sorted({*before, *after})
    expected, counted = (np.array([counts.get(name, 0) for name in names], dtype=float) for counts in (before, after))
    occurs = (expected + counted) > 0
    expected, counted = expected[occurs], counted[occurs]
    old, new = expected / expected.sum(), counted / counted.sum()
    p_value = _p_value(expected, counted)
    return {
        PSI: (population_stability_index(expected, counted), p_value),
        DISTANCE: (float(np.sqrt(((new - old) ** 2 / (new + old)).sum() / 2)), p_value),
    }


def _p_value(expected: np.ndarray, counted: np.ndarray) -> float:
    """Return how often chance alone parts two groups as far: the chi-squared test's p-value."""
    from scipy.stats import chi2_contingency

    table = np.stack([expected, counted])
    table = table[:, table.sum(axis=0) > 0]
    return 1.0 if table.shape[1] < 2 else float(chi2_contingency(table, correction=False).pvalue)


def judge_measures(measures: tuple[Measure, ...], limits: Drift) -> list[Check]:
    """Hold scores and decisions against the limits; one beyond its limit fails when it is significant."""
    checks = []
    for measure in measures:
        threshold = limits.distance if measure.name.startswith(DISTANCE) else limits.psi
        rows, p_value = int(measure.facts.get("rows", 0)), measure.facts.get("p_adjusted", 1.0)
        unproven, detail = "", f"adjusted p {p_value:.3g}"
        if measure.value is None:
            unproven, detail = measure.detail, ""
        elif rows < limits.minimum_rows:
            unproven = f"not judged: {rows} rows, at least {limits.minimum_rows} are needed"
        elif measure.value > threshold and p_value >= limits.significance:
            unproven = "too few rows to tell it from chance"
        checks.append(at_most(measure.name, measure.value, threshold, unproven=unproven, detail=detail))
    return checks


def judge_prediction_drift(
    reference: ScoreReference | None, predictions: PredictionSummary, digest: str, gates: Gates, context: GateContext
) -> GateResult:
    """Measure and judge what the model with this ``digest`` says of a batch."""
    measures = measure_prediction_drift(reference, predictions, bins=gates.drift.bins)
    checks = judge_measures(measures, gates.drift)
    if reference is not None:
        fits = predictions.model_digest == digest and _places_fit(reference, predictions)
        decided = sum(predictions.outcomes.values()) if reference.decisions else predictions.rows
        compared = min(sum(predictions.score_places), decided) / max(predictions.rows, 1)
        checks.insert(0, at_least(COUNTED, compared if fits else 0.0, 1.0))
    return context.result(GATE.name, {"data": predictions.input.data_digest, "model": digest}, checks, measures)


@step(enable_cache=False)
def validate_prediction_drift(
    release: Path, digest: str, predictions: PredictionSummary, gates: Gates, context: GateContext
) -> Annotated[GateResult, "prediction_drift_gate"]:
    """Stop the run before anything is published when what the model says of the batch moved too far.

    Raises:
        GateFailedError: a limit is missed. What cannot be judged is written down and stops nothing.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    reference = read_reference(release, digest).scored
    return GATE.require(record(judge_prediction_drift(reference, predictions, digest, gates, context), context))


def _attach(context: AttachContext, found: Artifacts) -> None:
    validate_prediction_drift(**context.release, predictions=found[PREDICTIONS], **context.common)


def _controls(context: ControlContext) -> list[Control]:
    model, gates = context.synthetic.models["good"], context.gates
    reference = model.reference.scored

    def judge(batch: str, rows: int | None = None, *, known: bool = True, counted: bool = True) -> GateResult:
        predictions = context.synthetic.predictions(batch, rows)
        if not counted:
            predictions = predictions.model_copy(update={"score_places": ()})
        return judge_prediction_drift(
            reference if known else None, predictions, str(model.digest), gates, context.gate_context
        )

    few = gates.drift.minimum_rows - 1
    moved = [Control("a batch whose scores moved", f"{DISTANCE}{SCORES}", lambda: judge("moved"))]
    if reference is not None and reference.decisions:
        moved.append(Control("a batch with another mix of decisions", f"{PSI}{DECISIONS}", lambda: judge("moved")))
    return [
        Control("a batch scored like the reference rows", None, lambda: judge("good")),
        *moved,
        Control("a batch whose scores were not compared", COUNTED, lambda: judge("good", counted=False)),
        Control("too few rows to judge, moved or not", None, lambda: judge("moved", few)),
        Control("a version that keeps no scores", None, lambda: judge("moved", known=False)),
    ]


GATE = PipelineGate(
    name="prediction drift",
    overridable=False,
    result="prediction_drift_gate",
    pipelines=("scores",),
    needs=(PREDICTIONS,),
    guards=(PREDICTIONS,),
    stops_unproven=False,
    judges_model=True,
    attach=_attach,
    controls=_controls,
    control_rows=lambda environment: environment.gates.drift.minimum_rows,
)
