"""Recordings hold what the .tf files use, are refreshed by one command, and are what the real provider says."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from offline_provider import record
from offline_provider.rules import read_rules
from offline_provider.schema import RECORDINGS, read_recording

from tests.conftest import REPOSITORY

PROVIDERS = ("aws", "azurerm", "google")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_everything_that_a_module_uses_is_recorded_and_nothing_else(provider: str) -> None:
    wanted = record.used(provider) | set(record.pins()[provider].keep)
    missing, idle = sorted(wanted - record.recorded(provider)), sorted(record.recorded(provider) - wanted)
    assert not missing, f"not recorded: {missing}; run: PYTHONPATH=infra/offline python -m offline_provider.record"
    assert not idle, f"recorded and used nowhere: {idle}; record again"


def test_use_is_found_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text('resource "google_kms_key_ring" "x" {}\n', encoding="utf-8")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.tf").write_text('  data "google_project" "x" {}\n# resource "aws_vpc"\n', encoding="utf-8")
    cache = tmp_path / ".terraform"
    cache.mkdir()
    (cache / "c.tf").write_text('resource "google_sql_user" "x" {}\n', encoding="utf-8")
    assert record.used("google", tmp_path) == {"resource google_kms_key_ring", "data google_project"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_rules_speak_of_what_is_recorded(provider: str) -> None:
    recording, rules = read_recording(provider), read_rules(provider)
    for kind, found in (("resource_schemas", rules.resources), ("data_source_schemas", rules.data)):
        for name, rule in found.items():
            assert name in recording[kind], f"{provider}: a rule for {name}, which is not recorded"
            block = recording[kind][name]["block"]
            paths = [
                *rule.check,
                *rule.force_new,
                *rule.derive,
                *rule.destroy_needs,
                *rule.requires,
                *rule.create_needs,
            ]
            paths += [
                path for groups in (rule.conflicts, rule.exactly_one, rule.at_least_one) for g in groups for path in g
            ]
            paths += [path for needed in rule.requires.values() for path in needed]
            for path in paths:
                assert _leads_somewhere(block, path), f"{name}: {path} is no argument"


@pytest.mark.parametrize("provider", ("aws", "google"))
def test_every_resource_in_use_has_a_rule(provider: str) -> None:
    rules = read_rules(provider)
    used = record.used(provider)
    without = [item for item in used if item.startswith("resource ") and item.split()[1] not in rules.resources]
    assert not without, f"say what forces a new one, and the form of its id: {sorted(without)}"


def _leads_somewhere(block: dict[str, object], path: str) -> bool:
    here: object = block
    for step in path.split("."):
        assert isinstance(here, dict)
        nested = here.get("block_types", {}).get(step)
        if nested is not None:
            here = nested["block"]
        elif step in here.get("attributes", {}):
            here = {}
        else:
            return False
    return True


def full_schema(tmp_path: Path) -> Path:
    """What ``terraform providers schema -json`` writes, with descriptions and with more than we use."""
    block = {
        "attributes": {
            "name": {"type": "string", "required": True, "description": "A name.", "description_kind": "plain"},
            "value_wo": {"type": "string", "optional": True, "write_only": True},
            "nested": {
                "nested_type": {"nesting_mode": "list", "attributes": {"a": {"type": "bool", "optional": True}}},
                "computed": True,
            },
        },
        "block_types": {"rule": {"nesting_mode": "list", "min_items": 1, "block": {"description_kind": "plain"}}},
        "description_kind": "plain",
    }
    names = [item.split()[1] for item in sorted(record.used("google")) if item.startswith("resource")]
    data = [item.split()[1] for item in sorted(record.used("google")) if item.startswith("data")]
    schema = {"version": 0, "block": block}
    provider = {
        "provider": schema,
        "resource_schemas": dict.fromkeys([*names, "google_never_used"], schema),
        "data_source_schemas": dict.fromkeys(data, schema),
    }
    file = tmp_path / "schema.json.gz"
    source = record.pins()["google"].source
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        json.dump({"format_version": "1.0", "provider_schemas": {source: provider}}, stream)
    return file


def test_recording_keeps_what_plans_need_and_drops_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["google", "--from", str(full_schema(tmp_path)), "--to", str(tmp_path)]) == 0
    assert "recorded" in capsys.readouterr().out
    text = (tmp_path / "google.json").read_text(encoding="utf-8")
    assert "google_never_used" not in text
    assert "description" not in text
    block = json.loads(text)["resource_schemas"]["google_project"]["block"]
    assert block["attributes"]["value_wo"] == {"optional": True, "type": "string", "write_only": True}
    assert block["attributes"]["nested"]["nested_type"]["attributes"]["a"] == {"optional": True, "type": "bool"}
    assert block["block_types"]["rule"] == {"nesting_mode": "list", "min_items": 1, "block": {}}


def test_a_type_that_the_provider_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = full_schema(tmp_path)
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        loaded = json.load(stream)
    for provider in loaded["provider_schemas"].values():
        del provider["resource_schemas"]["google_kms_key_ring"]
    (tmp_path / "less.json").write_text(json.dumps(loaded), encoding="utf-8")
    assert record.main(["google", "--from", str(tmp_path / "less.json"), "--to", str(tmp_path)]) == 1
    assert "has no resource 'google_kms_key_ring'" in capsys.readouterr().err


def test_another_providers_schema_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["aws", "--from", str(full_schema(tmp_path)), "--to", str(tmp_path)]) == 1
    assert "holds no schemas of registry.terraform.io/hashicorp/aws" in capsys.readouterr().err


def test_the_aws_recording_is_what_the_real_provider_says(tmp_path: Path) -> None:
    mirror = os.environ.get("TF_PLUGIN_MIRROR")
    if not mirror:
        pytest.skip("the real AWS provider is not at hand: TF_PLUGIN_MIRROR names no mirror")
    assert record.main(["aws", "--mirror", mirror, "--to", str(tmp_path)]) == 0
    assert (tmp_path / "aws.json").read_text(encoding="utf-8") == (RECORDINGS / "aws.json").read_text(encoding="utf-8")


def test_no_recording_names_a_machine() -> None:
    for file in [*RECORDINGS.glob("*.json"), *(REPOSITORY / "infra/offline/rules").glob("*.toml")]:
        assert "/home/" not in file.read_text(encoding="utf-8")
