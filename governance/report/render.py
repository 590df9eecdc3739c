"""A report as one HTML page that needs nothing but itself: no network, no script, no other file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from governance.rendering import numbers
from governance.rendering.pages import Pages, drawn
from governance.report import wording
from governance.report.data import EvaluationEvidence, ReportData
from governance.report.plots import draw_calibration, draw_histogram, draw_observed, draw_residuals, draw_roc


def render(data: ReportData) -> str:
    """Render the page that shows ``data``."""
    plots: dict[str, Markup | None] = dict.fromkeys(("roc", "calibration", "observed", "residuals", "histogram"))
    evaluation, subject = data.evaluation, data.subject
    if evaluation is not None:
        if evaluation.confusion is not None:
            plots["roc"] = drawn(draw_roc(evaluation))
        if evaluation.numbers is not None:
            plots["observed"] = drawn(draw_observed(evaluation.numbers))
            plots["residuals"] = drawn(draw_residuals(evaluation.numbers))
        else:
            plots["calibration"] = drawn(draw_calibration(evaluation.calibration, subject.task))
    if data.predictions is not None and data.predictions.histogram:
        bins = data.predictions.histogram
        plots["histogram"] = drawn(draw_histogram(bins, subject.task, subject.decision_threshold, subject.unit))
    return PAGES.fill("report.html", data=data, plots=plots)


@dataclass(frozen=True)
class _Cell:
    rows: int
    words: str
    share: float
    """Of its row of the matrix, in percent."""


@dataclass(frozen=True)
class _MatrixRow:
    truth: str
    cells: tuple[_Cell, ...]


def _matrix(data: ReportData) -> list[_MatrixRow]:
    """Say the confusion matrix in words: what rows were, and what they were called."""
    assert data.evaluation is not None
    assert data.evaluation.confusion is not None
    confusion, risk = data.evaluation.confusion, data.subject.meaning

    def row(truth: str, flagged: tuple[int, str], passed_over: tuple[int, str]) -> _MatrixRow:
        total = flagged[0] + passed_over[0]

        def cell(rows: int, word: str) -> _Cell:
            return _Cell(rows, f"{truth}, {word}", 100 * rows / total if total else 0)

        return _MatrixRow(truth, (cell(*flagged), cell(*passed_over)))

    return [
        row(risk, (confusion.true_positive, "flagged"), (confusion.false_negative, "missed")),
        row("other", (confusion.false_positive, "flagged"), (confusion.true_negative, "not flagged")),
    ]


def _class_matrix(data: ReportData) -> list[_MatrixRow]:
    """Return the confusion matrix of classes, row by true class."""
    assert data.evaluation is not None
    assert data.evaluation.classes is not None
    shape, rows = data.evaluation.classes, []
    for truth, counts in zip(shape.classes, shape.confusion, strict=True):
        total = sum(counts)
        shares = [100 * count / total if total else 0.0 for count in counts]
        cells = (_Cell(count, f"{share:.0f} %", share) for count, share in zip(counts, shares, strict=True))
        rows.append(_MatrixRow(truth, tuple(cells)))
    return rows


def _most_confused(data: ReportData) -> str:
    """Say which mistake is made most often."""
    assert data.evaluation is not None
    assert data.evaluation.classes is not None
    shape = data.evaluation.classes
    mistakes = {
        (truth, called): count
        for truth, counts in zip(shape.classes, shape.confusion, strict=True)
        for called, count in zip(shape.classes, counts, strict=True)
        if truth != called
    }
    (truth, called), rows = max(mistakes.items(), key=lambda item: item[1])
    return f"Most often {truth} is called {called}: {numbers.count(rows)} rows." if rows else "No row is called wrong."


@dataclass(frozen=True)
class _Compared:
    name: str
    before: float | None
    now: float | None
    change: str
    word: str
    better: bool | None


def _comparison(data: ReportData) -> list[_Compared]:
    """Compare each metric of this version with the previous one's."""
    assert data.previous is not None
    rows = []
    for metric in data.metrics:
        before, now = data.previous.metrics.get(metric.name), metric.value
        if before is None or now is None or math.isnan(before) or math.isnan(now):
            rows.append(_Compared(metric.name, before, now, "", "cannot be compared", None))
            continue
        change = numbers.difference(now, before)
        if change == numbers.NO_CHANGE:
            rows.append(_Compared(metric.name, before, now, change, "the same", None))
            continue
        better = now < before if metric.bound == "at most" else now > before
        rows.append(_Compared(metric.name, before, now, change, "better" if better else "worse", better))
    return rows


def _calibration_note(evaluation: EvaluationEvidence) -> str:
    rows = [group.rows for group in evaluation.calibration]
    if not rows:
        return ""
    least, most = min(rows), max(rows)
    size = f"{least}" if least == most else f"{least} to {most}"
    return f"{len(rows)} groups of {size} rows."


PAGES = Pages(
    Path(__file__).resolve().parent / "templates",
    {
        "metric_title": wording.metric_title,
        "metric_meaning": wording.metric_meaning,
        "direction": wording.direction,
        "quantile_name": wording.quantile_name,
    },
    {
        "headline": wording.headline,
        "verdicts": wording.verdicts,
        "mismatches": wording.mismatches,
        "found_and_missed": wording.found_and_missed,
        "labelled": wording.labelled,
        "matrix": _matrix,
        "class_matrix": _class_matrix,
        "most_confused": _most_confused,
        "comparison": _comparison,
        "calibration_note": _calibration_note,
    },
)
