"""Few teams and many, in three environments: what planning and registering cost, and that it stays in proportion.

Fifty take a minute or two, so the suite takes fewer. The figures of fifty:
``SCALE_TEAMS=50 .venv/bin/python -m pytest tests/governance/teams/test_scale.py -s``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from environments import ORDER, load_platform
from governance.teams.request import NewTeam
from governance.teams.team_file import render
from stack_bootstrap.contract import StackContract
from stack_bootstrap.infrastructure import apply, plan
from stack_bootstrap.registration import merge, open_client, register
from stack_bootstrap.workspace import workspace
from tests.conftest import copy_settings

pytestmark = pytest.mark.slow

_T = TypeVar("_T")
FEW, MANY = 5, int(os.environ.get("SCALE_TEAMS", "15"))
TEAM = NewTeam("team-00", "owner@example.com", "cc-risk", approvers=("second@example.com",))


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    began = time.monotonic()
    done = work()
    return done, time.monotonic() - began


def lay(settings: Path, count: int) -> tuple[dict[str, float], dict[str, StackContract]]:
    """Bring the settings to ``count`` teams and apply; seconds of a plan that adds and of one that changes nothing."""
    before = load_platform(settings)
    for index in range(len(before.teams), count):
        request = replace(TEAM, name=f"team-{index:02}", models=(f"purpose_{index:02}_classifier",))
        text = render(request, before)
        (settings / "teams" / f"{request.name}.yaml").write_text(text, encoding="utf-8")
    platform = load_platform(settings)
    wheres = [workspace(platform, name, "local") for name in ORDER]
    _, adding = timed(lambda: [plan(where) for where in wheres])
    applied, applying = timed(lambda: [apply(where) for where in wheres])
    _, nothing = timed(lambda: [plan(where) for where in wheres])
    contracts = merge({name: done.stacks for name, done in zip(ORDER, applied, strict=True)})
    return {"plan, adds": adding, "apply": applying, "plan, no change": nothing}, contracts


def start_client() -> None:
    """What every command pays that talks to ZenML at all."""
    subprocess.run(
        [sys.executable, "-c", "from zenml.client import Client; Client().active_stack_model"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )


def test_many_teams_in_three_environments(zenml_store: Path, tmp_path: Path) -> None:
    assert zenml_store
    settings = copy_settings(tmp_path)
    client = open_client()
    figures: dict[int, dict[str, float]] = {}
    for count in (FEW, MANY):
        seconds, contracts = lay(settings, count)
        _, seconds["register"] = timed(lambda: register(contracts, client=client))  # noqa: B023 - called at once
        again, seconds["register, no change"] = timed(lambda: register(contracts, client=client))  # noqa: B023
        assert not list(again)
        assert len(contracts) == 3 * (count + 1), "the teams' stacks and the platform's"
        figures[count] = seconds
    _, start = timed(start_client)
    sys.stdout.write(f"\n{'seconds':20}{f'{FEW} teams':>10}{f'{MANY} teams':>10}\n")
    for what, few in figures[FEW].items():
        sys.stdout.write(f"{what:20}{few:10.2f}{figures[MANY][what]:10.2f}\n")
    sys.stdout.write(f"{'start of a client':20}{start:10.2f}{start:10.2f}\n")
    assert figures[MANY]["register, no change"] < start, "with the start itself at most twice one start"
    for what in ("plan, adds", "plan, no change", "register, no change"):
        assert figures[MANY][what] < 1.5 * MANY / FEW * max(figures[FEW][what], 0.5), (
            f"{what} grows faster than the teams"
        )
