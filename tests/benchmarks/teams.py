"""Fifty teams in three environments: what planning and registering them costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from environments import ORDER, load_platform
from governance.teams.request import NewTeam
from governance.teams.team_file import render
from stack_bootstrap.infrastructure import apply, plan
from stack_bootstrap.registration import make_projects, merge, missing_projects, open_client, register
from stack_bootstrap.workspace import workspace
from tests.benchmarks import Figure, timed
from tests.conftest import copy_settings, use_zenml_home

TEAMS = 50
TEAM = NewTeam("team-00", "owner@example.com", "cc-risk", approvers=("second@example.com",))


def add_teams(settings: Path, count: int) -> None:
    """Write files of teams until the settings hold ``count``."""
    before = load_platform(settings)
    for index in range(len(before.teams), count):
        request = replace(TEAM, name=f"team-{index:02}", models=(f"purpose_{index:02}_classifier",))
        (settings / "teams" / f"{request.name}.yaml").write_text(render(request, before), encoding="utf-8")


def measure(folder: Path, count: int = TEAMS) -> Iterator[Figure]:
    """Plan, apply and register ``count`` teams, then plan and register with nothing to change."""
    settings = copy_settings(folder)
    add_teams(settings, count)
    wheres = [workspace(load_platform(settings), name, "local") for name in ORDER]
    applied, seconds = timed(lambda: [apply(where) for where in wheres])
    yield Figure(f"teams: apply, {count} teams", seconds, "s")
    _, seconds = timed(lambda: [plan(where) for where in wheres])
    yield Figure(f"teams: plan, no change, {count} teams", seconds, "s")
    with pytest.MonkeyPatch.context() as patch:
        use_zenml_home(patch, folder / "zenml")
        start = "from zenml.client import Client; Client().active_stack_model"
        _, starting = timed(lambda: subprocess.run([sys.executable, "-c", start], check=True, env={**os.environ}))
        client = open_client()
        contracts = merge({name: done.stacks for name, done in zip(ORDER, applied, strict=True)})
        _, seconds = timed(lambda: list(register(contracts, client=client)))
        yield Figure(f"teams: register, {count} teams", seconds, "s")
        again, seconds = timed(lambda: list(register(contracts, client=client)))
        # With the start itself at most twice one start.
        yield Figure(f"teams: register, no change, {count} teams", seconds, "s", starting, baseline=starting)
        platform = load_platform(settings)
        per_team = replace(platform, settings=platform.settings.model_copy(update={"projects": "per-team"}))
        _, more = timed(lambda: make_projects(missing_projects(per_team, client=client), client=client))
        yield Figure(f"teams: a project each adds to register, {count} teams", more, "s", baseline=seconds)
        missing, more = timed(lambda: missing_projects(per_team, client=client))
        yield Figure(f"teams: a project each adds to register, no change, {count} teams", more, "s", baseline=seconds)
    assert not again
    assert not missing
