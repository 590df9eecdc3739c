"""Drift as a picture, by Evidently. It decides nothing: the verdict stands before it is drawn."""

import html
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from zenml import step
from zenml.types import HTMLString

from governance.gates.result import GateResult
from pipelines.artifacts import ALL_PREDICTIONS
from pipelines.model import read_model
from pipelines.reference import Reference

PSI = "psi of "
DISTANCE = "distance of "
"""What the names of drift's measures and checks begin with; a column's name follows."""

MOST_COLUMNS = 10
_ROWS = 500


def sample_reference(reference: Reference, columns: list[str], seed: int = 0) -> pd.DataFrame:
    """Make rows whose columns are distributed as in training, each by itself: no row is one that training saw."""
    random = np.random.default_rng(seed)
    sample = {}
    for name in columns:
        if name in reference.numeric:
            values = np.quantile(reference.numeric[name].values, (np.arange(_ROWS) + 0.5) / _ROWS)
            sample[name] = random.permutation(values)
        else:
            counts = reference.categorical[name].counts
            shares = np.array(list(counts.values()), dtype=float)
            sample[name] = random.choice(list(counts), size=_ROWS, p=shares / shares.sum())
    return pd.DataFrame(sample)


def moved_most(result: GateResult) -> list[str]:
    """Return the columns by stability index, the largest first; at most :data:`MOST_COLUMNS`."""
    indices = {m.name.removeprefix(PSI): m.value for m in result.measures if m.name.startswith(PSI)}
    present = {name: value for name, value in indices.items() if value is not None and name != ALL_PREDICTIONS}
    return sorted(present, key=lambda name: -present[name])[:MOST_COLUMNS]


def render_drift(reference: Reference, frame: pd.DataFrame, result: GateResult) -> str:
    """Draw Evidently's report on the columns that moved most, as one HTML page."""
    os.environ["DO_NOT_TRACK"] = "1"  # Evidently reports its use to its makers unless told not to, when imported
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]

    columns = moved_most(result)
    numeric = [name for name in columns if name in reference.numeric]
    categorical = [name for name in columns if name not in numeric]
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
    current = frame[columns].assign(**{name: frame[name].astype(str) for name in categorical})
    snapshot = Report([DataDriftPreset(method="psi")]).run(
        Dataset.from_pandas(current, definition),
        Dataset.from_pandas(sample_reference(reference, columns), definition),
    )
    page: str = snapshot.get_html_str(as_iframe=False)
    return page


def describe(result: GateResult) -> str:
    """Write the figures as a plain page, for where the picture cannot be drawn."""
    rows = "".join(
        f"<li>{html.escape(str(check))}</li>" for check in result.checks if check.name.startswith((PSI, DISTANCE))
    )
    return f"<!doctype html><title>Drift</title><ul>{rows}</ul>"


@step(enable_cache=False)
def draw_drift(
    release: Path, digest: str, validation_data: pd.DataFrame, result: GateResult
) -> Annotated[HTMLString, "drift_report"]:
    """Draw what the gate decided on. Where that fails the figures are written instead, and the run goes on."""
    try:
        page = render_drift(read_model(release, digest).reference, validation_data, result)
    except Exception as error:  # noqa: BLE001 - a picture may fail in any way, and must not fail the run
        page = describe(result) + f"<p>Evidently could not draw this: {html.escape(type(error).__name__)}</p>"
    return HTMLString(page)
