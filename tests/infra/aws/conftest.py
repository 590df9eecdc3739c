"""The server, and the two environments that are applied once for all tests of AWS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap import infrastructure
from stack_bootstrap.infrastructure import ApplyResult
from tests.conftest import copy_settings, edit_yaml
from tests.infra.aws.cloud import Cloud, Ground, break_ground, require_provider, running_server

SANDBOX = "sandbox"
SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_server(tmp_path_factory.mktemp("aws-server")) as running:
        yield running


@dataclass(frozen=True)
class Applied:
    """An environment that was applied, and the plan it was applied with."""

    ground: Ground
    plan: dict[str, Any]
    result: ApplyResult


@pytest.fixture(scope="session")
def applied(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Applied]]:
    """``dev``, ``production`` and a sandbox with two teams, a repository and a secret, applied by the real provider.

    Pipelines run in the sandbox, with a local orchestrator; ``dev`` is the one that is destroyed in the end, which an
    environment whose audit log holds events cannot be.
    """
    require_provider()
    with pytest.MonkeyPatch.context() as patch:
        values = {team: {"registry-token": SECRET} for team in ("diabetes-care", "oncology", "platform")}
        patch.setenv("TF_VAR_secret_values", json.dumps(values))
        grounds = []
        for name in ("dev", SANDBOX, "production"):
            folder = tmp_path_factory.mktemp(f"aws-{name}")
            settings = copy_settings(folder)
            for environment in ("dev", "staging", "production"):
                edit_yaml(settings / f"{environment}.yaml", _describe)
            _add_sandbox(settings)
            grounds.append(break_ground(cloud, folder, settings, name))
        with ThreadPoolExecutor(len(grounds)) as pool:
            done = list(pool.map(_apply, grounds))
        yield {ground.environment: Applied(ground, *it) for ground, it in zip(grounds, done, strict=True)}


def _describe(raw: dict[str, Any]) -> None:
    if raw["environment"] == "production":
        raw["aws"].update(audit_key="alias/audit")  # of a key made outside
    raw["aws"].update(
        alert_emails=["platform@example.com"],
        github={"owner": "acme", "name": "groundwork"},
        secrets={"registry-token": 1},
    )


def _add_sandbox(settings: Path) -> None:
    """An environment like ``dev``, in an account of its own."""
    file = settings / f"{SANDBOX}.yaml"
    shutil.copy(settings / "dev.yaml", file)
    edit_yaml(file, lambda raw: raw.update(environment=SANDBOX))
    edit_yaml(file, lambda raw: raw["aws"].update(account_id="444444444444", orchestrator="local"))
    for team in (settings / "teams").glob("*.yaml"):
        edit_yaml(team, lambda raw: raw["environments"].update({SANDBOX: raw["environments"]["dev"]}))


def _apply(ground: Ground) -> tuple[dict[str, Any], ApplyResult]:
    planned = infrastructure.plan(ground.where)
    plan = ground.terraform.show(planned.plan_file)
    return plan, infrastructure.apply(ground.where, plan_file=planned.plan_file)
