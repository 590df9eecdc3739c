"""Plots as SVG to put inside a page: the page's own CSS colours them, and its reader can select their text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from governance.rendering.figures import ACCENT, FAINT, INK, MUTED, SURFACE, as_svg, new_figure
from governance.report.data import CalibrationBin, EvaluationEvidence, HistogramBin
from pipelines.config import Task
from pipelines.tasks.shapes import RegressionShape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CALIBRATION = {
    "binary": (
        "predicted risk (mean of bin)", "share that was a risk", "observed share of risk against predicted risk"
    ),
    "multiclass": (
        "probability of the predicted class (mean of bin)", "share called right",
        "share called right against the predicted class's probability",
    ),
}  # fmt: skip
"""Both axes and the title, by task."""

_PREDICTED = {
    "binary": "predicted risk",
    "multiclass": "probability of the predicted class",
    "regression": "predicted values",
}


def draw_roc(evidence: EvaluationEvidence) -> str:
    """Draw the ROC curve of a model of risk, with the point at which it decides."""
    confusion = evidence.confusion
    assert confusion is not None, "a model of risk has these"
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    if evidence.roc:
        false_rate, true_rate = zip(*evidence.roc, strict=True)
        axes.fill_between(false_rate, true_rate, color=FAINT, linewidth=0, alpha=0.6)
        axes.plot(false_rate, true_rate, color=ACCENT, linewidth=1.6, solid_joinstyle="round", clip_on=False)
    at = (confusion.false_positive_rate, confusion.recall)
    axes.plot(*at, "o", markersize=7, color=ACCENT, markeredgecolor=SURFACE, markeredgewidth=1.5, clip_on=False)
    right = at[0] < 0.5
    axes.annotate(
        f"decides at {evidence.decision_threshold:g}",
        at,
        xytext=(10 if right else -10, -14),
        textcoords="offset points",
        ha="left" if right else "right",
        color=INK,
        fontsize=10,
        parse_math=False,
    )
    _unit_square(axes)
    axes.set_xlabel("share of other rows flagged (false positive rate)")
    axes.set_ylabel("share of risk rows flagged (recall)")
    return as_svg(figure, "roc", "ROC curve: share of risk rows flagged against share of other rows flagged")


def draw_calibration(bins: Sequence[CalibrationBin], task: Task = "binary") -> str:
    """Draw observed shares against predicted probabilities, one dot a bin, with the bin's rows beside it."""
    x, y, title = _CALIBRATION[task]
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    if bins:
        predicted, observed = [dot.predicted for dot in bins], [dot.observed for dot in bins]
        axes.plot(predicted, observed, color=ACCENT, linewidth=1.2, alpha=0.45)
        axes.plot(
            predicted,
            observed,
            "o",
            markersize=6,
            color=ACCENT,
            markeredgecolor=SURFACE,
            markeredgewidth=1,
            clip_on=False,
        )
    for dot in _apart(bins):
        # Towards the middle, where the diagonal and the frame leave room.
        left = dot.predicted > 0.5
        axes.annotate(
            f"{dot.rows}",
            (dot.predicted, dot.observed),
            xytext=(-7 if left else 7, 5 if left else -10),
            textcoords="offset points",
            ha="right" if left else "left",
            color=MUTED,
            fontsize=9,
            parse_math=False,
        )
    _unit_square(axes)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return as_svg(figure, "calibration", f"Calibration: {title}, with rows per bin")


def draw_observed(shape: RegressionShape) -> str:
    """Draw observed against predicted numbers, one dot a group of rows, with a bar over four rows in five."""
    figure, axes = new_figure(fit=True)
    ends = [min((*shape.predicted, *shape.low)), max((*shape.predicted, *shape.high))]
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.vlines(shape.predicted, shape.low, shape.high, color=ACCENT, alpha=0.35, linewidth=3)
    axes.plot(
        shape.predicted, shape.observed, "o", markersize=6, color=ACCENT, markeredgecolor=SURFACE, markeredgewidth=1
    )
    unit = f" ({shape.unit})" if shape.unit else ""
    axes.set_xlabel(f"predicted{unit}", parse_math=False)
    axes.set_ylabel(f"observed{unit}", parse_math=False)
    return as_svg(figure, "observed", "Observed against predicted values, in groups of rows")


def draw_residuals(shape: RegressionShape) -> str:
    """Draw rows by observed less predicted number."""
    figure, axes = new_figure(fit=True)
    edges = shape.residual_edges
    widths = [high - low for low, high in pairwise(edges)]
    axes.bar(
        edges[:-1], shape.residual_counts, width=widths, align="edge", color=FAINT, edgecolor=ACCENT, linewidth=0.6
    )
    axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_xlabel(f"observed less predicted{f' ({shape.unit})' if shape.unit else ''}", parse_math=False)
    axes.set_ylabel("rows")
    return as_svg(figure, "residuals", "Histogram of residuals: observed less predicted")


def draw_histogram(
    bins: Sequence[HistogramBin], task: Task, decision_threshold: float | None = None, unit: str = ""
) -> str:
    """Draw rows by predicted value, those right of a decision threshold in the stronger colour."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure(fit=True)  # the counts may be of any length
    for part in bins:
        # A bin that the threshold cuts is drawn in two, so that colour never says more than is known.
        cut = part.high if decision_threshold is None else min(max(decision_threshold, part.low), part.high)
        for low, high, colour in ((part.low, cut, FAINT), (cut, part.high, ACCENT)):
            if high > low:
                axes.bar(low, part.rows, width=high - low, align="edge", color=colour, edgecolor=ACCENT, linewidth=0.6)
    top = max((part.rows for part in bins), default=1) or 1
    if decision_threshold is not None:
        axes.axvline(decision_threshold, color=INK, linewidth=1, linestyle=(0, (3, 2)))
        axes.annotate(
            f"flagged from {decision_threshold:g}",
            (decision_threshold, top * 1.08),
            xytext=(5, 0),
            textcoords="offset points",
            color=INK,
            fontsize=10,
            parse_math=False,
        )
    axes.set_ylim(0, top * 1.18)
    if task != "regression":
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    what = _PREDICTED[task]
    axes.set_xlabel(f"{what}{f' ({unit})' if unit else ''}", parse_math=False)
    axes.set_ylabel("rows")
    threshold = "" if decision_threshold is None else ", with the decision threshold"
    return as_svg(figure, "histogram", f"Histogram of {what}{threshold}")


def _apart(bins: Sequence[CalibrationBin]) -> list[CalibrationBin]:
    """Return the bins that can carry a label without it covering another's."""
    labelled: list[CalibrationBin] = []
    for dot in bins:
        if all(
            abs(dot.predicted - near.predicted) > 0.08 or abs(dot.observed - near.observed) > 0.08 for near in labelled
        ):
            labelled.append(dot)
    return labelled


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
