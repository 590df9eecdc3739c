"""The server, and the two environments that are applied once for all tests of AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from stack_bootstrap import infrastructure
from stack_bootstrap.infrastructure import ApplyResult
from tests.conftest import copy_settings, edit_yaml
from tests.infra.aws.cloud import Cloud, Ground, break_ground, require_provider, running_server

SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_server(tmp_path_factory.mktemp("aws-server")) as running:
        yield running


@dataclass(frozen=True)
class Applied:
    """An environment that was applied, the plan it was applied with and how long that took."""

    ground: Ground
    plan: dict[str, Any]
    result: ApplyResult
    seconds: float


@pytest.fixture(scope="session")
def applied(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Applied]]:
    """``dev`` and ``production`` with two teams, a repository and a secret, applied by the real provider."""
    require_provider()
    with pytest.MonkeyPatch.context() as patch:
        values = {team: {"registry-token": SECRET} for team in ("diabetes-care", "oncology", "platform")}
        patch.setenv("TF_VAR_secret_values", json.dumps(values))
        grounds = []
        for name in ("dev", "production"):
            folder = tmp_path_factory.mktemp(f"aws-{name}")
            settings = copy_settings(folder)
            for environment in ("dev", "staging", "production"):
                edit_yaml(settings / f"{environment}.yaml", _describe)
            grounds.append(break_ground(cloud, folder, settings, name))
        with ThreadPoolExecutor(len(grounds)) as pool:
            made = {
                ground.environment: result for ground, result in zip(grounds, pool.map(_apply, grounds), strict=True)
            }
        yield made


def _describe(raw: dict[str, Any]) -> None:
    raw["aws"].update(
        alert_emails=["platform@example.com"],
        github={"owner": "acme", "name": "groundwork"},
        secrets={"registry-token": 1},
    )


def _apply(ground: Ground) -> Applied:
    began = time.monotonic()
    planned = infrastructure.plan(ground.where)
    plan = ground.terraform.show(planned.plan_file)
    result = infrastructure.apply(ground.where, plan_file=planned.plan_file)
    return Applied(ground, plan, result, time.monotonic() - began)
