"""Whatever legal names teams, environments and prefixes have, no name of Google Cloud breaks a limit."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from environments import load_platform
from environments.names import (
    ENVIRONMENT_MAX,
    ENVIRONMENT_PATTERN,
    PREFIX_MAX,
    PREFIX_PATTERN,
    RESERVED_TEAMS,
    TEAM_MAX,
    TEAM_PATTERN,
)
from tests.conftest import copy_settings, edit_yaml
from tests.infra.gcp.settings import COMPLETE
from tests.infra.managed_cluster import managed_cluster
from tests.infra.offline.simulated import plan_root, resources

LONGEST_TEAM, LONGEST_ENVIRONMENT, LONGEST_PREFIX = "a" * TEAM_MAX, "e" * ENVIRONMENT_MAX, "p" * PREFIX_MAX


def _fits(name: str) -> bool:
    return "google" not in name and not name.startswith(("goog", "xn--", "sthree-"))


def names(pattern: str, maximum: int) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True).filter(lambda name: len(name) <= maximum and _fits(name))


teams = st.lists(
    names(TEAM_PATTERN, TEAM_MAX).filter(lambda name: name not in RESERVED_TEAMS), min_size=1, max_size=4, unique=True
)


def layout(folder: Path, found: Sequence[str], environment: str, prefix: str) -> Path:
    """Settings with one environment of that name and these teams."""
    directory = copy_settings(folder)
    raw = yaml.safe_load((directory / "production.yaml").read_text(encoding="utf-8"))
    raw.update(environment=environment, prefix=prefix, model_thresholds={})
    raw["gates"]["fairness"].update(exemptions=[], no_attributes={})  # of models that these teams do not own
    raw["gcp"].update(COMPLETE, orchestrator="kubernetes", kubernetes=managed_cluster(raw))
    for file in [*directory.glob("*.yaml"), *(directory / "teams").glob("*.yaml")]:
        if file.name not in {"names.yaml", "platform.yaml"}:
            file.unlink()
    centres = {f"cc-{index}": "a team" for index in range(len(found))}
    edit_yaml(directory / "platform.yaml", lambda it: it["cost_centers"].update(centres))
    (directory / f"{environment}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    for index, team in enumerate(found):
        about = {
            "team": team,
            "owners": [f"owner{index}@example.com"],
            "cost_center": f"cc-{index}",
            "models": [f"model{index}_classifier"],
            "environments": {environment: {"budget": 10 + index}},
        }
        (directory / "teams" / f"{team}.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    return directory


# Each example is a whole plan, hence few; the plan itself refuses names that the provider's rules refuse.
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(found=teams, environment=names(ENVIRONMENT_PATTERN, ENVIRONMENT_MAX), prefix=names(PREFIX_PATTERN, PREFIX_MAX))
@example(found=[LONGEST_TEAM, "b" * TEAM_MAX], environment=LONGEST_ENVIRONMENT, prefix=LONGEST_PREFIX)
@example(found=["aa", "a-b"], environment="ee", prefix="pp")
@example(found=["gcp"], environment="gcp", prefix="gcp")
def test_every_name_is_legal_and_nobody_elses(found: list[str], environment: str, prefix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = layout(Path(folder), found, environment, prefix)
        load_platform(directory)
        planned = resources(plan_root(directory, environment))
    accounts = _values(planned, "google_service_account", "account_id")
    buckets = _values(planned, "google_storage_bucket", "name")
    secrets = _values(planned, "google_secret_manager_secret", "secret_id")
    repositories = _values(planned, "google_artifact_registry_repository", "repository_id")
    stacks = len(found) + 1
    assert len(set(accounts)) == len(accounts) == 2 * stacks + 3
    assert len(set(buckets)) == len(buckets) == stacks + 1
    assert len(set(secrets)) == len(secrets) == stacks
    assert len(set(repositories)) == len(repositories) == stacks
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", name) for name in accounts)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name) for name in buckets)
    assert all(name.startswith(f"{prefix}-") for name in buckets)
    for resource in planned.values():
        for key, value in (resource["values"].get("effective_labels") or {}).items():
            assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key), key
            assert re.fullmatch(r"[a-z0-9_-]{0,63}", value), value


def _values(planned: dict[str, dict[str, dict[str, str]]], kind: str, attribute: str) -> list[str]:
    return [str(one["values"][attribute]) for one in planned.values() if one["type"] == kind]
