"""checkov over a plan, run from an environment of its own so that its pins touch nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from environments import CHECKOUT
from stack_bootstrap.policy.exceptions import PolicyError
from stack_bootstrap.policy.rules import Violation
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment

LOCK = CHECKOUT / "infra" / "policy" / "requirements.lock"
TOOLS = CHECKOUT / ".tools"

_FRAMEWORK = "terraform_plan"


def checkov_violations(plan: Mapping[str, Any], *, tools: Path = TOOLS) -> list[Violation]:
    """Return what checkov holds against a plan of ``terraform show -json``. Needs no network once it is installed.

    Raises:
        PolicyError: checkov cannot be installed or failed.
    """
    try:
        home = tool_environment("checkov", LOCK, tools)
    except ToolEnvironmentError as error:
        raise PolicyError(str(error)) from error
    # A plan holds sensitive values in clear, so it is on disk only while checkov reads it, and for this user only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(_with_keys_to_come(plan)), encoding="utf-8")
        # Unset, checkov would look its rules' texts up on its maker's site.
        environment = {**os.environ, "BC_SKIP_MAPPING": "TRUE"}
        done = subprocess.run(
            [
                *(str(home / "bin" / "python"), "-m", "checkov.main", "--file", str(file), "--framework", _FRAMEWORK),
                *("--output", "json", "--quiet", "--compact", "--skip-download", "--soft-fail"),
            ],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.strip().splitlines()[-5:]
        raise PolicyError("checkov failed:\n" + "\n".join(said or [done.stdout[:500]])) from error
    return [
        Violation(found["check_id"], str(found["resource_address"] or found["resource"]), found["check_name"])
        for part in (report if isinstance(report, list) else [report])
        for found in part.get("results", {}).get("failed_checks", [])
    ]


def _with_keys_to_come(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of ``plan`` in which a key that it makes itself, and so has no ARN yet, is there by a name.

    checkov takes an attribute that is not known yet for one that is not set, and would report every use of such a key.
    """
    copy: dict[str, Any] = json.loads(json.dumps(plan))
    unknown = {}
    for resource in copy.get("resource_changes", []):
        change = resource["change"]
        unknown[resource["address"]] = change.get("after_unknown") or {}
        if change.get("after") is not None:
            _name_keys(change["after"], unknown[resource["address"]])
    modules = [copy.get("planned_values", {}).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for resource in module.get("resources", []):
            _name_keys(resource.get("values", {}), unknown.get(resource["address"], {}))
    return copy


def _name_keys(values: Any, unknown: Any) -> None:
    if isinstance(values, list) and isinstance(unknown, list):
        for value, part in zip(values, unknown, strict=False):
            _name_keys(value, part)
    elif isinstance(values, dict) and isinstance(unknown, dict):
        for name, part in unknown.items():
            if part is True and "kms" in name:
                values[name] = "known-after-apply"
            elif name in values:
                _name_keys(values[name], part)
