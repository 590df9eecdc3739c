"""Have the data changed since training, in any column, or what the model says of them?

Two views of each column, both with explicit limits: the population stability index over the training rows' quantile
bins (a missing value is a bin of its own), and the Kolmogorov-Smirnov distance of a number or Cramer's V of a category,
which counts when its test is significant after Holm's correction (S. Holm, 1979) for the number of columns.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step

from environments import Drift, Gates
from governance.gates.context import GateContext
from governance.gates.drift_report import DISTANCE, PSI, draw_drift
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure, at_most
from pipelines.artifacts import ALL_PREDICTIONS, VALIDATION_DATA
from pipelines.digests import data_digest
from pipelines.model import TrainedModel, read_model
from pipelines.reference import CategoricalReference, NumericReference, Reference
from pipelines.tasks import task_of


def population_stability_index(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the sum of (found share - expected share) * ln(found share / expected share) over bins, from counts.

    Half a row is added to each bin, so that an empty one does not make it infinite.
    """
    before = (expected + 0.5) / (expected.sum() + 0.5 * len(expected))
    after = (found + 0.5) / (found.sum() + 0.5 * len(found))
    return float(((after - before) * np.log(after / before)).sum())


def holm(p_values: list[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    adjusted, largest = np.empty(len(p_values)), 0.0
    for rank, position in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return [float(value) for value in adjusted]


def measure_drift(
    reference: Reference, frame: pd.DataFrame, *, bins: int, predictions: np.ndarray | None = None
) -> tuple[Measure, ...]:
    """Measure how far every column of ``reference`` moved, in both views; both are missing for one not in ``frame``.

    ``predictions`` are what the model says of ``frame``, of shape ``(rows,)``; they are compared with what it said of
    the training rows.
    """
    columns: dict[str, tuple[float, float, float] | None] = {}
    for name, numeric in reference.numeric.items():
        known = reference.rows - numeric.missing
        columns[name] = _compare_numbers(numeric, known, frame[name], bins) if name in frame else None
    for name, categorical in reference.categorical.items():
        columns[name] = _compare_categories(categorical, frame[name]) if name in frame else None
    if predictions is not None:
        said, found_now = reference.predictions, pd.Series(predictions)
        if said is None:
            columns[ALL_PREDICTIONS] = None
        elif isinstance(said, NumericReference):
            columns[ALL_PREDICTIONS] = _compare_numbers(said, reference.rows, found_now, bins)
        else:
            columns[ALL_PREDICTIONS] = _compare_categories(said, found_now)
    present = [name for name, found in columns.items() if found is not None]
    adjusted = dict(zip(present, holm([columns[name][2] for name in present]), strict=True))  # type: ignore[index]
    measures, rows = [], float(len(frame))
    for name, found in columns.items():
        if found is None:
            measures += [
                Measure(name=f"{kind}{name}", value=None, detail="no such column, or training kept none")
                for kind in (PSI, DISTANCE)
            ]
            continue
        index, distance, p_value = found
        facts = {"rows": rows, "p_value": p_value, "p_adjusted": adjusted[name]}
        measures.append(Measure(name=f"{PSI}{name}", value=index, facts={"rows": rows}))
        measures.append(Measure(name=f"{DISTANCE}{name}", value=distance, facts=facts))
    return tuple(measures)


def _compare_numbers(
    reference: NumericReference, known: int, column: pd.Series, bins: int
) -> tuple[float, float, float]:
    """Compare with training's ``known`` values, of which the reference keeps quantiles only."""
    from scipy.stats import ks_2samp  # type: ignore[import-untyped]

    before, after = np.array(reference.values), column.dropna().to_numpy(dtype="float64")
    inner = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1])) if len(before) else before

    def count(values: np.ndarray, known: int, missing: int) -> np.ndarray:
        found = np.bincount(np.searchsorted(inner, values, side="left"), minlength=len(inner) + 1)
        return np.append(found * (known / max(len(values), 1)), missing)

    index = population_stability_index(
        count(before, known, reference.missing), count(after, len(after), int(column.isna().sum()))
    )
    if not (len(before) and len(after)):
        return index, float(len(before) != len(after)), float(len(before) == len(after))
    test = ks_2samp(before, after, method="asymp")
    return index, float(test.statistic), float(test.pvalue)


def _compare_categories(reference: CategoricalReference, column: pd.Series) -> tuple[float, float, float]:
    from scipy.stats import chi2_contingency

    found = column.dropna().astype(str).value_counts()
    named = list(reference.counts)
    new = int(found.sum() - found.reindex(named, fill_value=0).sum())
    before = np.array([*reference.counts.values(), reference.others, reference.missing], dtype=float)
    after = np.array([*found.reindex(named, fill_value=0), new, int(column.isna().sum())], dtype=float)
    occurs = (before + after) > 0
    before, after = before[occurs], after[occurs]
    index = population_stability_index(before, after)
    if len(before) < 2 or not after.sum():
        return index, 0.0, 1.0
    test = chi2_contingency(np.stack([before, after]), correction=False)
    return index, float(np.sqrt(test.statistic / (before.sum() + after.sum()))), float(test.pvalue)


def judge_measures(measures: tuple[Measure, ...], limits: Drift) -> list[Check]:
    """Hold every column against the limits.

    A distance beyond its limit fails when it is significant. When it is not, the rows are too few to tell, and nothing
    is concluded.
    """
    checks = []
    for measure in measures:
        distance = measure.name.startswith(DISTANCE)
        threshold = limits.distance if distance else limits.psi
        rows, p_value = int(measure.facts.get("rows", 0)), measure.facts.get("p_adjusted", 1.0)
        unproven = ""
        if measure.value is None:
            unproven = measure.detail
        elif rows < limits.minimum_rows:
            unproven = f"{rows} rows, at least {limits.minimum_rows} are needed"
        elif distance and measure.value > threshold and p_value >= limits.significance:
            unproven = "too few rows to tell it from chance"
        detail = f"adjusted p {p_value:.3g}" if distance and measure.value is not None else ""
        checks.append(at_most(measure.name, measure.value, threshold, unproven=unproven, detail=detail))
    return checks


def predict_rows(model: TrainedModel, frame: pd.DataFrame) -> np.ndarray | None:
    """Return what ``model`` says of each row, as drift compares it; None where an input column is gone."""
    if not len(frame) or not set(model.signature.column_names) <= set(frame):
        return None
    return task_of(model.signature.task).reference(model.predict(frame), model.signature)


def judge_drift(
    reference: Reference,
    frame: pd.DataFrame,
    model_digest: str,
    gates: Gates,
    context: GateContext,
    predictions: np.ndarray | None = None,
) -> GateResult:
    """Measure and judge every column that training saw and, if given, the model's ``predictions`` of ``frame``."""
    measures = measure_drift(reference, frame, bins=gates.drift.bins, predictions=predictions)
    evidence = {"data": data_digest(frame), "model": model_digest}
    return context.result(GATE.name, evidence, judge_measures(measures, gates.drift), measures)


@step(enable_cache=False)
def validate_drift(
    release: Path, digest: str, validation_data: pd.DataFrame, gates: Gates, context: GateContext
) -> Annotated[GateResult, "drift_gate"]:
    """Stop the run when a column of the validation data, or what the model says of it, is too far from training.

    Raises:
        GateFailedError: a limit is missed, or nothing can be concluded.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    model = read_model(release, digest)
    said = predict_rows(model, validation_data)
    result = judge_drift(model.reference, validation_data, digest, gates, context, said)
    return record(result, context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    given = {**context.release, "validation_data": found[VALIDATION_DATA]}
    draw_drift(**given, result=validate_drift(**given, **context.common))


def _controls(context: ControlContext) -> list[Control]:
    gates, model, rows, dose = context.gates, context.synthetic.models["good"], context.synthetic.held_out, f"{PSI}dose"

    def judge(frame: pd.DataFrame) -> GateResult:
        said = predict_rows(model, frame)
        return judge_drift(model.reference, frame, str(model.digest), gates, context.gate_context, said)

    moved = rows.assign(dose=rows["dose"] + 0.8 * rows["dose"].std())
    both = moved.assign(pressure=rows["pressure"] + 0.8 * rows["pressure"].std())
    mixed = rows.assign(ward=rows["ward"].replace("C", "A"))
    missing = rows.assign(dose=rows["dose"].where(rows.index % 3 > 0))
    return [
        Control("data as in training", None, lambda: judge(rows)),
        Control("a number that moved", dose, lambda: judge(moved)),
        Control("another mix of categories", f"{DISTANCE}ward", lambda: judge(mixed)),
        Control("predictions that moved", f"{PSI}{ALL_PREDICTIONS}", lambda: judge(both)),
        Control("values gone missing", dose, lambda: judge(missing)),
        Control("too few rows", dose, lambda: judge(rows.head(gates.drift.minimum_rows - 1))),
    ]


GATE = PipelineGate(
    name="drift",
    result="drift_gate",
    pipelines=("judges a release",),
    needs=(VALIDATION_DATA,),
    judges_model=True,
    attach=_attach,
    judge_again=lambda result, target: judge_measures(result.measures, target.environment.gates.drift),
    controls=_controls,
    control_rows=lambda environment: environment.gates.drift.minimum_rows,
)
