"""Plots as SVG to put inside a page: the page's own CSS colours them, and its reader can select their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from governance.rendering.figures import ACCENT, FAINT, INK, MUTED, SURFACE, as_svg, new_figure
from governance.report.data import CalibrationBin, EvaluationEvidence, HistogramBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_roc(evidence: EvaluationEvidence) -> str:
    """Draw the ROC curve, with the point at which the model decides."""
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    if evidence.roc:
        false_rate, true_rate = zip(*evidence.roc, strict=True)
        axes.fill_between(false_rate, true_rate, color=FAINT, linewidth=0, alpha=0.6)
        axes.plot(false_rate, true_rate, color=ACCENT, linewidth=1.6, solid_joinstyle="round", clip_on=False)
    at = (evidence.confusion.false_positive_rate, evidence.confusion.recall)
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


def draw_calibration(bins: Sequence[CalibrationBin]) -> str:
    """Draw observed against predicted risk, one dot a bin, with the bin's rows beside it."""
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
    axes.set_xlabel("predicted risk (mean of bin)")
    axes.set_ylabel("share that was a risk")
    return as_svg(
        figure, "calibration", "Calibration: observed share of risk against predicted risk, with rows per bin"
    )


def draw_histogram(bins: Sequence[HistogramBin], decision_threshold: float) -> str:
    """Draw rows by predicted risk, those right of the decision threshold in the stronger colour."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure(fit=True)  # the counts may be of any length
    for part in bins:
        # A bin that the threshold cuts is drawn in two, so that colour never says more than is known.
        cut = min(max(decision_threshold, part.low), part.high)
        for low, high, colour in ((part.low, cut, FAINT), (cut, part.high, ACCENT)):
            if high > low:
                axes.bar(low, part.rows, width=high - low, align="edge", color=colour, edgecolor=ACCENT, linewidth=0.6)
    top = max((part.rows for part in bins), default=1) or 1
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
    axes.set_xlim(0, 1)
    axes.set_ylim(0, top * 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("predicted risk")
    axes.set_ylabel("rows")
    return as_svg(figure, "histogram", "Histogram of predicted risk, with the decision threshold")


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
