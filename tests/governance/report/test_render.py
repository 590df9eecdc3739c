"""The page says what the data says, all of it, and nothing that the data's text could smuggle in."""

from __future__ import annotations

import functools
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from governance.report.data import HistoryEntry, Metric, Node, ReportData
from governance.report.render import render
from tests.governance.report.examples import NOON, report_data, subject

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&amp; {{ 7 * 7 }} {% raw %}"
VOID = {"meta", "link", "br", "wbr", "img"}


class Reading(HTMLParser):
    """Elements, attributes and text of a page, and whether every element that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.unbalanced += self._open

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.pieces))

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements for key, value in attributes.items() if key == name and value]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.pieces.append(data)


def read(**changes: Any) -> Reading:
    return Reading(render(report_data(**changes)))


@functools.cache
def example() -> Reading:
    """The page of the example; drawing its plots once is enough."""
    return read()


def without_parts() -> ReportData:
    return report_data(
        evaluation=None,
        metrics=tuple(metric.model_copy(update={"value": None}) for metric in report_data().metrics),
        gates=(),
        lineage=(),
        runs=(),
        history=(),
        predictions=None,
        previous=None,
    )


def poisoned() -> ReportData:
    """The example with every free text hostile."""
    names = {
        "name",
        "bound",
        "kind",
        "purpose",
        "environment",
        "environments",
        "gate",
        "task",
    }  # these choose what is shown

    def spoil(value: Any) -> Any:
        match value:
            case dict():
                told = {key: item for key, item in value.items() if key != "verdict"}  # it follows from the figures
                return {key: item if key in names else spoil(item) for key, item in told.items()}
            case list():
                return [spoil(item) for item in value]
            case str() if not re.match(r"\d{4}-\d\d-\d\dT|-?P", value):  # neither a time nor a duration
                return HOSTILE
            case _:
                return value

    return ReportData.model_validate(spoil(report_data().model_dump(mode="json")))


def test_text_from_elsewhere_stays_text() -> None:
    page = Reading(render(poisoned()))
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7 * 7 }}" in page.text
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert not page.unbalanced


def test_a_link_to_a_run_is_the_only_way_out() -> None:
    page = example()
    outside = [link for link in page.attributes("href") if not link.startswith(("#", "data:"))]
    assert sorted(outside) == ["https://zenml.example.com/runs/2f7e1c3a", "index.html"]
    assert not page.attributes("src")
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", render(report_data()))


def test_the_page_is_well_formed_with_and_without_its_parts() -> None:
    for data in (report_data(), without_parts()):
        page = Reading(render(data))
        assert not page.unbalanced
        identifiers = page.attributes("id")
        assert len(set(identifiers)) == len(identifiers)
        wanted = [link[1:] for name in ("href", "xlink:href") for link in page.attributes(name) if link.startswith("#")]
        wanted += page.attributes("aria-labelledby")
        wanted += re.findall(r"url\(#([\w-]+)\)", render(data))
        assert set(wanted) <= set(identifiers)


def test_the_same_data_makes_the_same_page() -> None:
    assert render(report_data()) == render(report_data())


@pytest.mark.parametrize(
    "shown",
    [
        "breast_cancer_classifier version 3",
        "Meets all 4 production thresholds.",
        "malignant tumour (target is 0)",
        "oncology-ml@example.com",
        "171 held-out rows, 64 of them at risk",
        "0.996",
        "0.994",
        "0.953",
        "0.022",
        "Precision0.968",
        "≥ 0.97",
        "≤ 0.06",
        "61malignant tumour, flagged",
        "3malignant tumour, missed",
        "2other, flagged",
        "105other, not flagged",
        "Of 64 with malignant tumour, 61 were flagged and 3 missed. Of 107 others, 2 were flagged.",
        "At 0.4 the model flags 95.3% of risk rows and 1.9% of the others.",
        "6 groups of 4 to 99 rows",
        "0.5500.7504",  # a bin of the calibration
        "12\N{NARROW NO-BREAK SPACE}569 rows",
        "38.8%",
        "Median0.036",
        "s3://clinic/november.parquet",
        "Average precision0.9800.994+0.014✓ better",
        "Brier score0.0340.022\N{MINUS SIGN}0.012✓ better",
        "no change",
        "398 rows",
        "9f2c4e7a" * 8,
        "03ab77d1" * 8,
        "training_pipeline-dev-1f0a9b8c7d6e",
        "2f7e1c3a-8f5b-4a43-9d39-0a6f1d6b6f11",
        "b7d4a1c29e0f4c5db7d4a1c29e0f4c5d",
        "4be1a09c4be1",
        "77aa10ff77aa",
        "8.4 s",
        "rows 398 is at least 50",
        "largest share missing 0 is at most 0.2 (column 'mean radius')",
        "2026-11-03 10:54 UTC",
        "grace@example.com",
        "edsger@example.com",
        "Written 2026-11-03 14:00 UTC",
    ],
)
def test_what_is_known_is_shown(shown: str) -> None:
    assert shown in re.sub(r"\s*\n\s*", "", "".join(example().pieces)) or shown in example().text


def test_a_shortened_digest_has_the_whole_one_in_its_title() -> None:
    page = example()
    titles = page.attributes("title")
    for whole in ("9f2c4e7a" * 8, "77aa10ff" * 8, "4be1a09c" * 5):
        assert whole in titles


def test_what_is_missing_is_said() -> None:
    text = Reading(render(without_parts())).text
    for said in (
        "Not evaluated, so not shown to meet any production threshold.",
        "No run evaluated this version.",
        "not measured",
        "make infer ENV=production MODEL=breast_cancer_classifier makes them",
        "No run of this version is recorded.",
        "No gate recorded a verdict.",
        "✗ not checked",
        "✗ none recorded",
        "✗ unknown",
        "Nothing is recorded.",
    ):
        assert said in text
    assert "Beside version" not in text
    assert "pass" not in re.findall(r"\b(pass|fail)\b", text)


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_metric_that_is_not_a_number_fails(value: float | None) -> None:
    asked = Metric(name="recall", value=value, bound="at least", thresholds={"dev": None, "production": 0.9})
    page = read(metrics=(asked,), environments=("dev", "production"))
    assert "Misses 1 of 1 production thresholds: Recall." in page.text
    assert "not measured" in page.text
    assert not re.search(r"\bnan\b", page.text, re.IGNORECASE)


def test_a_value_is_shown_with_the_digits_that_tell_it_from_its_threshold() -> None:
    close = Metric(name="roc_auc", value=0.96996, bound="at least", thresholds={"production": 0.97})
    page = read(metrics=(close,), environments=("production",))
    assert "0.96996" in page.text
    assert "fail" in page.text


def test_a_model_that_no_environment_judges_gets_no_verdict() -> None:
    free = Metric(name="recall", value=0.5, bound="at least", thresholds={"production": None})
    page = read(metrics=(free,), environments=("production",))
    assert "Production sets no threshold for this model." in page.text
    assert "No environment sets a threshold for this model." in page.text
    assert not re.search(r"Meets|Misses", page.text)


def test_a_model_that_is_not_the_one_trained_is_an_alarm() -> None:
    assert "not the model that training saved" not in example().text
    lanes = list(report_data().lineage)
    strange = Node(kind="release", title="Release", digest="ff" * 32)
    lanes[1] = lanes[1].model_copy(update={"nodes": (strange,)})
    assert f"validation in staging used {'ff' * 32}: not the model that training saved" in read(lineage=lanes).text


def test_uncommitted_changes_and_failed_runs_stand_out() -> None:
    runs = [run.model_copy(update={"git_dirty": True, "status": "failed"}) for run in report_data().runs]
    text = read(runs=runs).text
    assert "trained with uncommitted changes" in text
    assert text.count("with uncommitted changes") == 1 + len(runs)
    assert text.count("✗ failed") == len(runs)
    unknown = [run.model_copy(update={"git_dirty": None}) for run in report_data().runs]
    assert "not under git" in read(runs=unknown).text


def test_promotion_without_the_approval_it_needs_stands_out() -> None:
    entry = HistoryEntry(
        time=NOON,
        environment="production",
        kind="promotion completed",
        version="3",
        actor="ada@example.com",
        approvers=(),
        reason="",
    )
    assert "✗ no approval" in read(history=(entry,)).text
    assert "✓ no approval needed" in read(history=(entry,), approvals_needed=0).text
    assert "✗ none recorded" in read(history=()).text


def test_the_stage_dates_from_the_newest_entry_into_it() -> None:
    back = HistoryEntry(
        time=NOON,
        environment="production",
        kind="rollback completed",
        version="3",
        actor="ada@example.com",
        approvers=(),
        reason="recall fell",
    )
    page = read(history=(*report_data().history, back))
    assert "production since 2026-11-03 12:00 UTC" in page.text
    assert "recall fell" in page.text


def test_a_failed_gate_shows_which_check_failed() -> None:
    gates = list(report_data().gates)
    checks = gates[1].result.checks
    failed = gates[1].result.model_copy(update={"checks": (checks[0].model_copy(update={"value": 0.9}), *checks[1:])})
    gates[1] = gates[1].model_copy(update={"result": failed})
    text = read(gates=gates).text
    assert "✗ failed" in text
    assert "roc_auc 0.9 must be at least 0.96" in text


def test_versions_measured_on_different_rows_are_not_passed_off_as_comparable() -> None:
    assert "Both were measured on the same rows." in example().text
    other = report_data().previous
    assert other is not None
    text = read(previous=other.model_copy(update={"data_digest": "aa" * 32, "metrics": {"roc_auc": 0.999}})).text
    assert "measured on different rows" in text
    assert "✗ worse" in text
    assert "cannot be compared" in text


def test_a_cloud_is_named_where_it_is_not_this_machine() -> None:
    assert "on gcp" in read(subject=subject(cloud="gcp")).text
    assert "on local" not in example().text
