"""The index lists every team's models, leads to the newest reports, and loses none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from environments import load_platform
from governance.report.index import Entry, describe, entry_file, render_index
from tests.governance.report.examples import NOON, report_data, subject
from tests.governance.report.test_render import Reading


def put(folder: Path, version: str, environment: str = "production", hours: float = 0) -> Entry:
    """A report in ``folder``, as it is after one was written."""
    data = report_data(
        subject=subject(version=version, environment=environment), written=NOON + timedelta(hours=hours), history=()
    )
    entry = describe(data)
    (folder / entry.file).write_text("a page", encoding="utf-8")
    (folder / entry_file(entry)).write_text(entry.model_dump_json(), encoding="utf-8")
    return entry


def index(settings: Path, folder: Path) -> Reading:
    return Reading(render_index(load_platform(settings), folder))


def links(page: Reading) -> list[str]:
    return [link for link in page.attributes("href") if link != "data:,"]


def test_models_of_every_team_are_listed_before_there_is_any_report(settings_directory: Path, tmp_path: Path) -> None:
    page = index(settings_directory, tmp_path)
    assert not page.unbalanced
    for said in ("oncology", "breast_cancer_classifier", "diabetes-care", "diabetes_progression_classifier"):
        assert said in page.text
    assert "make report MODEL=breast_cancer_classifier" in page.text
    assert links(page) == []


def test_the_newest_report_of_each_environment_leads_and_earlier_ones_stay(
    settings_directory: Path, tmp_path: Path
) -> None:
    put(tmp_path, "1", hours=0)
    put(tmp_path, "3", hours=2)
    put(tmp_path, "2", hours=1)
    put(tmp_path, "4", environment="staging", hours=3)
    page = index(settings_directory, tmp_path)
    order = [
        "breast_cancer_classifier-production-3.html",
        "breast_cancer_classifier-production-3.html",
        "breast_cancer_classifier-staging-4.html",
        "breast_cancer_classifier-production-2.html",
        "breast_cancer_classifier-production-1.html",
    ]
    assert links(page) == order
    assert "2 earlier reports" in page.text
    assert "Meets all 4 production thresholds." in page.text
    assert "38.8% flagged" in page.text


def test_after_a_rollback_the_version_that_is_back_leads(settings_directory: Path, tmp_path: Path) -> None:
    put(tmp_path, "2", hours=1)
    put(tmp_path, "1", hours=2)
    assert links(index(settings_directory, tmp_path))[0] == "breast_cancer_classifier-production-1.html"


def test_what_is_no_report_is_left_alone(settings_directory: Path, tmp_path: Path) -> None:
    gone = put(tmp_path, "7")
    (tmp_path / gone.file).unlink()
    (tmp_path / "package.json").write_text('{"name": "other"}', encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    put(tmp_path, "8")
    assert set(links(index(settings_directory, tmp_path))) == {"breast_cancer_classifier-production-8.html"}
    assert (tmp_path / "package.json").exists()
