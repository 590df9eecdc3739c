"""Settings: what is read, what is refused, and in which words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from environments import DIRECTORY, LOWER_IS_BETTER, ORDER, SettingsError, load_platform, pick_cloud
from environments.__main__ import app
from environments.schema import rendered
from tests.conftest import edit_yaml

Change = Callable[[dict[str, Any]], object]


def test_the_committed_settings_are_valid() -> None:
    platform = load_platform()
    assert tuple(platform.environments) == ORDER
    assert set(platform.teams) == {"oncology", "diabetes-care"}


def test_every_model_must_reach_something_real_in_production() -> None:
    """A production threshold at 0, or none, would let any model through."""
    platform = load_platform()
    for team in platform.teams.values():
        for model in team.models:
            required = platform.environments["production"].thresholds_for(model).required()
            assert {"roc_auc", "recall", "brier_score", "log_loss_skill", "squared_error_skill"} <= set(required)
            assert required["roc_auc"] > 0.7
            assert required["recall"] > 0.5
            assert required["brier_score"] < 0.25
            assert min(required["log_loss_skill"], required["squared_error_skill"]) > 0.1


def test_thresholds_rise_from_dev_to_production() -> None:
    platform = load_platform()
    for model in ("breast_cancer_classifier", "diabetes_progression_classifier"):
        chain = [platform.environments[name].thresholds_for(model).required() for name in ORDER]
        for metric in chain[0]:
            values = [step[metric] for step in chain]
            assert values == sorted(values, reverse=metric in LOWER_IS_BETTER)
            assert values[0] != values[-1], f"{metric} does not rise"


def _set_gate(part: str, **values: Any) -> Change:
    return lambda raw: raw["gates"][part].update(values)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("production.yaml", lambda raw: raw["thresholds"].update(roc_auc=0), ["production.yaml", "roc_auc"]),
        ("production.yaml", lambda raw: raw["thresholds"].update(roc_auc=0.5), ["production.yaml", "roc_auc"]),
        ("production.yaml", lambda raw: raw["thresholds"].update(brier_score=0.9), ["brier_score"]),
        ("production.yaml", lambda raw: raw["thresholds"].update(roc_auc=0.71), ["roc_auc", "rise"]),
        ("production.yaml", lambda raw: raw["thresholds"].pop("recall"), ["recall", "rise"]),
        ("production.yaml", lambda raw: raw.update(thresholds={}), ["production.yaml", "thresholds"]),
        ("production.yaml", lambda raw: raw.pop("gates"), ["production.yaml", "gates", "is required"]),
        ("production.yaml", lambda raw: raw["gates"].update(confidence=50), ["gates.confidence", "50"]),
        ("production.yaml", lambda raw: raw["gates"].update(confidence=80), ["gates: confidence", "stricter"]),
        ("production.yaml", lambda raw: raw["gates"].update(resamples=1), ["gates.resamples"]),
        ("production.yaml", lambda raw: raw["gates"].update(minimum_rows=10), ["gates.minimum_rows"]),
        ("production.yaml", lambda raw: raw["gates"].update(minimum_per_class=0), ["gates.minimum_per_class"]),
        *(
            ("production.yaml", _set_gate(part, **{key: value}), [f"gates.{part}.{key}"])
            for part, key, value in (
                ("fairness", "equalized_odds_difference", 1),
                ("fairness", "demographic_parity_ratio", 0),
                ("fairness", "minimum_group_rows", 1),
                ("fairness", "minimum_group_per_class", 1),
                ("champion", "group_recall_margin", 1),
                ("champion", "margins", {"roc_auc": 0.5}),
                ("drift", "psi", 5),
                ("drift", "distance", 1),
                ("drift", "significance", 1e-9),
                ("drift", "minimum_rows", 1),
            )
        ),
        *(
            ("production.yaml", _set_gate(part, **{key: value}), [f"{part}.{key}", "stricter towards production"])
            for part, key, value in (
                ("fairness", "equalized_odds_difference", 0.46),
                ("fairness", "demographic_parity_ratio", 0.44),
                ("fairness", "minimum_group_rows", 39),
                ("fairness", "minimum_group_per_class", 7),
                ("drift", "psi", 0.26),
                ("drift", "distance", 0.26),
                ("drift", "significance", 0.009),
                ("drift", "minimum_rows", 99),
            )
        ),
        ("production.yaml", _set_gate("champion", margins={}), ["gates.champion", "at least one metric"]),
        (
            "production.yaml",
            _set_gate("champion", margins={"roc_auc": 0.04, "average_precision": 0.05, "recall": 0.1}),
            ["champion.margins.roc_auc", "champion.margins.brier_score", "stricter"],
        ),
        (
            "dev.yaml",
            lambda raw: raw["gates"]["fairness"]["exemptions"][0].update(reason="because"),
            ["gates.fairness.exemptions.0.reason"],
        ),
        (
            "dev.yaml",
            lambda raw: raw["gates"]["fairness"]["exemptions"][0].update(model="another_model"),
            ["gates.fairness", "no team owns another_model"],
        ),
        (
            "dev.yaml",
            lambda raw: raw["model_thresholds"]["breast_cancer_classifier"].update(roc_auc=0.6),
            ["breast_cancer_classifier", "roc_auc", "stricter"],
        ),
        ("dev.yaml", lambda raw: raw.update(tresholds={}), ["tresholds", "did you mean 'thresholds'", "allowed"]),
        (
            "dev.yaml",
            lambda raw: raw["budget"].update(limit=3),
            ["budget.limit", "allowed: alert_at, amount, currency"],
        ),
        ("dev.yaml", lambda raw: raw["budget"].update(currency="euro"), ["budget.currency", "euro"]),
        ("dev.yaml", lambda raw: raw.pop("retention"), ["retention", "is required"]),
        ("dev.yaml", lambda raw: raw.update(cloud="aws", aws=None), ["aws"]),
        ("dev.yaml", lambda raw: raw["labels"].pop("cost_center"), ["labels", "cost_center"]),
        ("dev.yaml", lambda raw: raw["labels"].update(team="x"), ["labels", "team", "computed"]),
        ("dev.yaml", lambda raw: raw["aws"].update(account_id="12"), ["aws.account_id", "12"]),
        ("dev.yaml", lambda raw: raw["gcp"].update(orchestrator="cron"), ["gcp.orchestrator", "cron", "vertex"]),
        ("dev.yaml", lambda raw: raw.update(environment="develop"), ["develop", "rename"]),
        ("teams/oncology.yaml", lambda raw: raw.update(team="platform"), ["team", "reserved"]),
        ("teams/oncology.yaml", lambda raw: raw.update(owners=["nobody"]), ["owners.0", "nobody"]),
        ("teams/oncology.yaml", lambda raw: raw.update(owners=[]), ["owners"]),
        ("teams/oncology.yaml", lambda raw: raw["environments"].update(qa={"budget": 1}), ["qa", "does not exist"]),
        (
            "teams/oncology.yaml",
            lambda raw: raw.update(models=["diabetes_progression_classifier"]),
            ["already belongs", "diabetes-care"],
        ),
        ("teams/oncology.yaml", lambda raw: raw.update(models=["Classifier"]), ["models.0", "Classifier"]),
        ("teams/oncology.yaml", lambda raw: raw.update(team="a" * 17), ["team"]),
    ],
)
def test_bad_settings_are_refused_by_file_key_and_reason(
    settings_directory: Path, file: str, change: Change, words: list[str]
) -> None:
    edit_yaml(settings_directory / file, change)
    with pytest.raises(SettingsError) as refused:
        load_platform(settings_directory)
    for word in words:
        assert word in str(refused.value)
    assert str(settings_directory) in str(refused.value)


def test_a_key_given_twice_is_refused(settings_directory: Path) -> None:
    file = settings_directory / "dev.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\napprovals: 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"'approvals' is given twice"):
        load_platform(settings_directory)


@pytest.mark.parametrize("text", ["[1, 2]", "", "a: [", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(settings_directory: Path, text: str) -> None:
    (settings_directory / "dev.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"dev\.yaml"):
        load_platform(settings_directory)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no environment"):
        load_platform(tmp_path)


def test_an_unknown_environment_cloud_or_model_is_named_with_the_known_ones(settings_directory: Path) -> None:
    platform = load_platform(settings_directory)
    with pytest.raises(SettingsError, match=r"'prod'.*dev, staging, production"):
        platform.environment("prod")
    with pytest.raises(SettingsError, match=r"Did you mean 'breast_cancer_classifier'"):
        platform.team_of("breast_cancer_clasifier")
    with pytest.raises(SettingsError, match=r"CLOUD=ibm.*local, kubernetes, gcp, aws, azure"):
        pick_cloud(platform.environment("dev"), "ibm")
    without = platform.environment("dev").model_copy(update={"azure": None})
    with pytest.raises(SettingsError, match="no 'azure' section"):
        pick_cloud(without, "azure")


def test_adding_a_team_is_adding_its_file(settings_directory: Path) -> None:
    source = settings_directory / "teams" / "oncology.yaml"
    added = settings_directory / "teams" / "fraud-detection.yaml"
    shutil.copy(source, added)
    edit_yaml(added, lambda raw: raw.update(team="fraud-detection", models=["transaction_classifier"]))
    before, after = load_platform(), load_platform(settings_directory)
    assert set(after.teams) - set(before.teams) == {"fraud-detection"}
    assert after.team_of("transaction_classifier").team == "fraud-detection"


def test_every_cost_center_is_a_known_one(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "teams" / "oncology.yaml", lambda raw: raw.update(cost_center="cc-oncologie"))
    with pytest.raises(SettingsError, match=r"teams/oncology.yaml: cost_center: 'cc-oncologie' is not a cost centre"):
        load_platform(settings_directory)
    edit_yaml(settings_directory / "platform.yaml", lambda raw: raw["cost_centers"].update({"cc-oncologie": "new"}))
    assert load_platform(settings_directory).teams["oncology"].cost_center == "cc-oncologie"
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["labels"].update(cost_center="nobody"))
    with pytest.raises(SettingsError, match=r"dev.yaml: labels.cost_center: 'nobody' .* Known: ml-platform, "):
        load_platform(settings_directory)
    (settings_directory / "platform.yaml").unlink()
    assert load_platform(settings_directory).settings.cost_centers is None


def test_the_committed_schemas_and_defaults_are_fresh() -> None:
    for file, text in rendered().items():
        assert file.read_text(encoding="utf-8") == text, "run `make schema`"


SETTINGS_FILES = sorted(file for file in DIRECTORY.glob("**/*.yaml") if file.name != "names.yaml")


@pytest.mark.parametrize("file", SETTINGS_FILES, ids=lambda file: file.name)
def test_every_settings_file_leads_editors_to_its_schema(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / schema).is_file()


def test_check_reports_the_first_fault_and_fails(settings_directory: Path) -> None:
    good = CliRunner().invoke(app, ["check", "--directory", str(settings_directory)])
    assert good.exit_code == 0
    assert "3 environments: dev, staging, production" in good.output
    as_json = CliRunner().invoke(app, ["check", "--json", "--directory", str(settings_directory)])
    assert '"oncology"' in as_json.output
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw.update(budget={"amount": -1, "currency": "USD"}))
    bad = CliRunner().invoke(app, ["check", "--directory", str(settings_directory)])
    assert bad.exit_code == 1
    assert "budget.amount" in bad.output


def test_the_committed_production_is_protected_and_takes_somebody_elses_word() -> None:
    production = load_platform().environment("production")
    assert production.protected
    assert production.approvals >= 1
