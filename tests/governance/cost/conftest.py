"""An environment's audit log with runs in it, without Terraform and ZenML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import PLATFORM, Platform, load_platform, local_root, names_for
from governance.audit import open_log
from governance.audit.events import Actor, Event, RunFinished, RunStarted, RunUsage, StepUsage
from governance.core.target import Target, target_for
from tests.conftest import copy_settings
from tests.governance.conftest import CANCER

ACTOR = Actor(id="subject-" + "0" * 32, source="operating-system")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Logged:
    """Settings whose environments have empty audit logs."""

    settings: Path

    @property
    def platform(self) -> Platform:
        return load_platform(self.settings)

    def target(self, environment: str = "dev", model: str = CANCER) -> Target:
        return target_for(self.platform, model, environment)

    def write(self, environment: str, events: Sequence[Event]) -> None:
        open_log(self.platform, environment).append_many(events)


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return prepare(copy_settings(tmp_path))


def prepare(settings: Path) -> Logged:
    """Make the folders of the audit logs, as ``make apply`` does."""
    made = Logged(settings)
    for environment in made.platform.environments.values():
        names = names_for(PLATFORM, environment.environment, "local", environment.prefix)
        (local_root(environment) / "environments" / names.folder / "audit").mkdir(parents=True)
    return made


def a_run(
    number: int,
    cost: str | None,
    *,
    at: datetime = NOW,
    team: str = "oncology",
    model: str = CANCER,
    environment: str = "dev",
    currency: str = "USD",
    pipeline: str = "training_pipeline",
    missing: tuple[str, ...] = (),
) -> list[Event]:
    """The events of one run that took a minute; with no cost it left no usage."""
    common: dict[str, Any] = {
        "actor": ACTOR,
        "environment": environment,
        "cloud": "local",
        "team": team,
        "model": model,
        "pipeline": pipeline,
        "run": f"{pipeline}-{environment}-{number:012x}",
    }
    ended = at + timedelta(minutes=1)
    events: list[Event] = [RunStarted(time=at, **common)]
    if cost is not None:
        step = StepUsage(step="fit", wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1, executor="local", cost=cost)
        events.append(RunUsage(time=ended, currency=currency, cost=cost, steps=(step,), missing=missing, **common))
    events.append(RunFinished(time=ended, **common))
    return events


def many_teams(folder: Path, count: int) -> Path:
    """Settings with ``count`` teams of one model each, all in every environment."""
    settings = copy_settings(folder)
    for file in (settings / "teams").glob("*.yaml"):
        file.unlink()
    for environment in ("dev", "staging", "production"):
        file = settings / f"{environment}.yaml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw.pop("model_thresholds", None)
        raw["gates"]["fairness"].update(exemptions=[], no_attributes={})
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    center = yaml.safe_load((settings / "platform.yaml").read_text(encoding="utf-8"))["cost_centers"]
    for number in range(count):
        raw = {
            "team": f"team-{number}",
            "owners": [f"team-{number}@example.com"],
            "cost_center": next(iter(center)),
            "models": [f"model_{number}"],
            "environments": {name: {"budget": 100} for name in ("dev", "staging", "production")},
        }
        (settings / "teams" / f"team-{number}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return settings
