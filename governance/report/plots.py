"""Plots as SVG to put inside a page: the page's own CSS colours them, and its reader can select their text."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from governance.report.data import CalibrationBin, EvaluationEvidence, HistogramBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib knows no CSS. It draws in these colours, and they are then replaced by the page's variables.
_INK, _MUTED, _LINE, _ACCENT, _FAINT, _SURFACE = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _FAINT: "var(--accent-faint)",
    _SURFACE: "var(--surface)",
}
_SIZE = (4.0, 3.4)
"""Inches; at 72 points an inch it is 288 units wide, so that a phone shows the text larger than it was set."""


def draw_roc(evidence: EvaluationEvidence) -> str:
    """The ROC curve, with the point at which the model decides."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    if evidence.roc:
        false_rate, true_rate = zip(*evidence.roc, strict=True)
        axes.fill_between(false_rate, true_rate, color=_FAINT, linewidth=0, alpha=0.6)
        axes.plot(false_rate, true_rate, color=_ACCENT, linewidth=1.6, solid_joinstyle="round", clip_on=False)
    at = (evidence.confusion.false_positive_rate, evidence.confusion.recall)
    axes.plot(*at, "o", markersize=7, color=_ACCENT, markeredgecolor=_SURFACE, markeredgewidth=1.5, clip_on=False)
    right = at[0] < 0.5
    axes.annotate(
        f"decides at {evidence.decision_threshold:g}",
        at,
        xytext=(10 if right else -10, -14),
        textcoords="offset points",
        ha="left" if right else "right",
        color=_INK,
        fontsize=10,
        parse_math=False,
    )
    _unit_square(axes)
    axes.set_xlabel("share of other rows flagged (false positive rate)")
    axes.set_ylabel("share of risk rows flagged (recall)")
    return _svg(figure, "roc", "ROC curve: share of risk rows flagged against share of other rows flagged")


def draw_calibration(bins: Sequence[CalibrationBin]) -> str:
    """Observed against predicted risk, one dot a bin, with the bin's rows beside it."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    if bins:
        predicted, observed = [one.predicted for one in bins], [one.observed for one in bins]
        axes.plot(predicted, observed, color=_ACCENT, linewidth=1.2, alpha=0.45)
        axes.plot(
            predicted,
            observed,
            "o",
            markersize=6,
            color=_ACCENT,
            markeredgecolor=_SURFACE,
            markeredgewidth=1,
            clip_on=False,
        )
    for one in _apart(bins):
        # Towards the middle, where the diagonal and the frame leave room.
        left = one.predicted > 0.5
        axes.annotate(
            f"{one.rows}",
            (one.predicted, one.observed),
            xytext=(-7 if left else 7, 5 if left else -10),
            textcoords="offset points",
            ha="right" if left else "left",
            color=_MUTED,
            fontsize=9,
            parse_math=False,
        )
    _unit_square(axes)
    axes.set_xlabel("predicted risk (mean of bin)")
    axes.set_ylabel("share that was a risk")
    return _svg(figure, "calibration", "Calibration: observed share of risk against predicted risk, with rows per bin")


def draw_histogram(bins: Sequence[HistogramBin], decision_threshold: float) -> str:
    """Rows by predicted risk, those right of the decision threshold in the stronger colour."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(fit=True)  # the counts may be of any length
    for one in bins:
        # A bin that the threshold cuts is drawn in two, so that colour never says more than is known.
        cut = min(max(decision_threshold, one.low), one.high)
        for low, high, colour in ((one.low, cut, _FAINT), (cut, one.high, _ACCENT)):
            if high > low:
                axes.bar(low, one.rows, width=high - low, align="edge", color=colour, edgecolor=_ACCENT, linewidth=0.6)
    top = max((one.rows for one in bins), default=1) or 1
    axes.axvline(decision_threshold, color=_INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(
        f"flagged from {decision_threshold:g}",
        (decision_threshold, top * 1.08),
        xytext=(5, 0),
        textcoords="offset points",
        color=_INK,
        fontsize=10,
        parse_math=False,
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, top * 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("predicted risk")
    axes.set_ylabel("rows")
    return _svg(figure, "histogram", "Histogram of predicted risk, with the decision threshold")


def _apart(bins: Sequence[CalibrationBin]) -> list[CalibrationBin]:
    """The bins that can carry a label without it covering another's."""
    labelled: list[CalibrationBin] = []
    for one in bins:
        if all(abs(one.predicted - it.predicted) > 0.08 or abs(one.observed - it.observed) > 0.08 for it in labelled):
            labelled.append(one)
    return labelled


def _figure(*, fit: bool = False) -> tuple[Figure, Axes]:
    """An empty plot; ``fit`` measures the labels first, which takes as long as drawing."""
    # The object interface: pyplot would keep the figure alive and pick a window system.
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained" if fit else None)
    if not fit:
        figure.subplots_adjust(left=0.165, right=0.97, bottom=0.15, top=0.95)
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.grid(visible=True, color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_MUTED, labelsize=9.5, length=0, pad=4)
    axes.xaxis.label.set(color=_MUTED, fontsize=10)
    axes.yaxis.label.set(color=_MUTED, fontsize=10)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=_MUTED, linewidth=0.8)
    return figure, axes


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])


def _svg(figure: Figure, name: str, title: str) -> str:
    """``figure`` as an SVG element with an accessible title, whose ids start with ``name``."""
    import matplotlib as mpl

    out = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # Text stays text; the salt makes the same plot the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata=nothing)
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :].strip()
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, variable)
    # Several plots share one page, and Matplotlib numbers each from one.
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    drawn = re.sub(r'href="#', f'href="#{name}-', drawn).replace("url(#", f"url(#{name}-")
    drawn = re.sub(r"font-family: [^;\"]+; ?", "", drawn)
    opening = re.match(r"<svg [^>]*>", drawn)
    assert opening is not None
    box = re.search(r'viewBox="[^"]+"', opening[0])
    assert box is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0]} role="img" '
        f'aria-labelledby="{name}-title"><title id="{name}-title">{title}</title>'
    )
    return head + drawn[opening.end() :]
