"""Workflows and composite actions as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY

WORKFLOWS = REPOSITORY / ".github" / "workflows"
ACTIONS = REPOSITORY / ".github" / "actions"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: in 1.1 the key ``on`` would be true."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Step:
    """A step, and the variables that its shell sees besides GitHub's own."""

    raw: dict[str, Any]
    env: dict[str, str]

    @property
    def run(self) -> str:
        return str(self.raw.get("run", ""))

    @property
    def uses(self) -> str:
        return str(self.raw.get("uses", ""))


@dataclass(frozen=True)
class Job:
    name: str
    raw: dict[str, Any]
    workflow_env: dict[str, str]

    @property
    def env(self) -> dict[str, str]:
        return {**self.workflow_env, **self.raw.get("env", {})}

    @property
    def steps(self) -> list[Step]:
        return [Step(raw, {**self.env, **raw.get("env", {})}) for raw in self.raw.get("steps", [])]

    @property
    def condition(self) -> str:
        return str(self.raw.get("if", ""))

    @property
    def environment(self) -> str | None:
        found = self.raw.get("environment")
        return found["name"] if isinstance(found, dict) else found

    @property
    def needs(self) -> list[str]:
        found = self.raw.get("needs", [])
        return [found] if isinstance(found, str) else found

    @property
    def checks_out(self) -> bool:
        return any(step.uses.startswith("actions/checkout@") for step in self.steps)

    @property
    def secrets(self) -> str:
        """The job's text, as far as it may name secrets."""
        return yaml.safe_dump(self.raw)


@dataclass(frozen=True)
class Workflow:
    """A workflow, or a composite action, whose steps count as one job's."""

    name: str
    text: str

    @cached_property
    def raw(self) -> dict[str, Any]:
        return yaml.load(self.text, _Loader)

    @property
    def is_action(self) -> bool:
        return "runs" in self.raw

    @property
    def triggers(self) -> dict[str, Any]:
        found = self.raw.get("on", {})
        if isinstance(found, str):
            return {found: None}
        return dict.fromkeys(found) if isinstance(found, list) else found

    @property
    def jobs(self) -> list[Job]:
        if self.is_action:
            return [Job("runs", {"steps": self.raw["runs"]["steps"]}, {})]
        return [Job(name, raw, self.raw.get("env", {})) for name, raw in self.raw["jobs"].items()]

    def job(self, name: str) -> Job:
        return next(job for job in self.jobs if job.name == name)

    def steps(self) -> Iterator[tuple[Job, Step]]:
        for job in self.jobs:
            for step in job.steps:
                yield job, step


def read(file: Path) -> Workflow:
    name = file.parent.name if file.name == "action.yml" else file.stem
    return Workflow(name, file.read_text(encoding="utf-8"))


def all_workflows() -> list[Workflow]:
    return [read(file) for file in sorted(WORKFLOWS.glob("*.yml"))]


def everything() -> list[Workflow]:
    return [*all_workflows(), *(read(file) for file in sorted(ACTIONS.glob("*/action.yml")))]
