"""Plots show the data's own points, in the page's colours, and say in words what they are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from governance.report.data import CalibrationBin, Confusion, HistogramBin
from governance.report.plots import draw_calibration, draw_histogram, draw_roc
from tests.governance.report.examples import report_data

EVIDENCE = report_data().evaluation
assert EVIDENCE is not None
PREDICTIONS = report_data().predictions
assert PREDICTIONS is not None
PLOTS = {
    "roc": draw_roc(EVIDENCE),
    "calibration": draw_calibration(EVIDENCE.calibration),
    "histogram": draw_histogram(PREDICTIONS.histogram, "binary", 0.4),
}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_has_a_title_and_takes_colours_and_fonts_from_the_page(name: str) -> None:
    svg = PLOTS[name]
    root = ElementTree.fromstring(svg)
    title = root[0]
    assert title.tag.endswith("title")
    assert title.text
    assert root.get("aria-labelledby") == title.get("id")
    assert not re.search(r"#[0-9a-fA-F]{6}\b", svg)
    assert "var(--accent)" in svg
    assert "font-family" not in svg
    assert all(element.get("id", name).startswith(name) for element in root.iter())


def test_the_operating_point_is_where_the_confusion_matrix_says() -> None:
    """Axes run from 0 to 1, so a point's place among the ticks is its value."""
    svg = draw_roc(
        EVIDENCE.model_copy(
            update={"confusion": Confusion(true_positive=3, false_negative=1, false_positive=1, true_negative=3)}
        )
    )
    assert f"decides at {EVIDENCE.decision_threshold:g}" in texts(svg)
    ticks = {float(x) for x in re.findall(r'use xlink:href="#roc-m[^"]+" x="([\d.]+)"', svg)}
    (point,) = [
        (float(x), float(y))
        for x, y in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)" style="fill: var\(--accent\)', svg)
    ]
    across = sorted(x for x in ticks)
    assert across
    root = ElementTree.fromstring(svg)
    frame = next(e for e in root.iter() if e.get("id") == "roc-patch_2")
    corners = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", frame[0].get("d", ""))]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    assert (point[0] - left) / (right - left) == pytest.approx(0.25, abs=0.01)
    assert (bottom - point[1]) / (bottom - top) == pytest.approx(0.75, abs=0.01)


def test_calibration_shows_how_many_rows_stand_behind_a_dot() -> None:
    assert {"99", "8", "5", "4", "6", "49"} <= set(texts(PLOTS["calibration"]))


def test_labels_of_dots_that_lie_together_do_not_cover_each_other() -> None:
    together = [CalibrationBin(predicted=0.01 * i, observed=0, rows=100 + i) for i in range(5)]
    assert {text for text in texts(draw_calibration(together)) if text.startswith("10")} == {"100"}


def test_a_bar_that_the_threshold_cuts_is_drawn_in_two() -> None:
    one = draw_histogram([HistogramBin(low=0.3, high=0.35, rows=5)], "binary", 0.32)
    whole = draw_histogram([HistogramBin(low=0.3, high=0.35, rows=5)], "binary", 0.3)
    faint, strong = "fill: var(--accent-faint)", "fill: var(--accent);"
    assert one.count(faint) == 1
    assert whole.count(faint) == 0
    assert one.count(strong) == whole.count(strong) == 1


def test_nothing_to_draw_is_no_error() -> None:
    empty = EVIDENCE.model_copy(
        update={
            "roc": (),
            "confusion": Confusion(true_positive=0, false_negative=0, false_positive=0, true_negative=0),
        }
    )
    for svg in (draw_roc(empty), draw_calibration(()), draw_histogram((), "binary", 0.5)):
        ElementTree.fromstring(svg)
