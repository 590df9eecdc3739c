"""What the plan of an environment does because of a change of the settings, and whether that stays with one team."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from environments import Platform, SettingsError, load_platform
from stack_bootstrap import infrastructure
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import Workspace, workspace

Planned = Mapping[str, tuple[tuple[str, ...], Any]]
"""Per address the actions of a plan and the change in full, which is compared and never shown."""


@dataclass(frozen=True)
class Preview:
    """What a team's file adds to, or its removal takes from, one environment."""

    environment: str
    cloud: str
    addresses: tuple[str, ...]
    """Resources that are created, or deleted, for the team."""
    unrelated_changes: tuple[str, ...] = field(default=())
    """Anything else that the change does. There should be none."""
    pending: int = 0
    """Changes that the plan holds with and without the team's file."""


@contextmanager
def settings_with(
    platform: Platform, *, add: Mapping[str, str] | None = None, without: str | None = None
) -> Iterator[Platform]:
    """Copy the settings of ``platform`` to a temporary folder, with team files added (name to text) or one left out."""
    with TemporaryDirectory(prefix="groundwork-settings-") as folder:
        directory = Path(folder) / "environments"
        (directory / "teams").mkdir(parents=True)
        for file in [*platform.directory.glob("*.yaml"), *platform.directory.glob("teams/*.yaml")]:
            shutil.copy(file, directory / file.relative_to(platform.directory))
        for team, text in (add or {}).items():
            (directory / "teams" / f"{team}.yaml").write_text(text, encoding="utf-8")
        if without is not None:
            (directory / "teams" / f"{without}.yaml").unlink()
        try:
            changed = load_platform(directory)
        except SettingsError as error:
            raise SettingsError(str(error).replace(str(directory), str(platform.directory))) from error
        yield changed


def preview(before: Platform, after: Platform, environment: str, cloud: str | None, *, team: str) -> Preview:
    """Plan ``environment`` and hold what the change from ``before`` to ``after`` does against what it may do.

    Args:
        before: The settings without the change.
        after: The settings with it.
        environment: Which environment.
        cloud: Which cloud (default: the environment's own choice).
        team: The team that is added or removed.

    Raises:
        TerraformError, InfrastructureError, WorkspaceError: the environment cannot be planned.
    """
    adds = team in after.teams
    allowed = ("create",) if adds else ("delete",)
    where = workspace(after, environment, cloud)
    planned, outputs = _plan(where)
    own = {a for a, (actions, _) in planned.items() if actions == allowed and belongs(a, team)}
    rest = {address: change for address, change in planned.items() if address not in own}
    unexplained, pending = set(rest), 0
    if rest:
        # An environment that is behind the settings anyway has changes that are not this team's.
        known, _ = _plan(workspace(before, environment, cloud))
        unexplained = {a for a, change in rest.items() if known.get(a) != change} | (set(known) - set(planned))
        pending = len(set(rest) - unexplained)
    unrelated_changes = [
        f"{address} ({'/'.join(planned[address][0]) if address in planned else 'kept'})" for address in unexplained
    ]
    return Preview(
        environment=environment,
        cloud=where.cloud,
        addresses=tuple(sorted(own)),
        unrelated_changes=tuple(sorted([*unrelated_changes, *_other_contracts(outputs, team)])),
        pending=pending,
    )


def belongs(address: str, team: str) -> bool:
    """Return whether a resource is called after ``team``."""
    return bool(re.search(rf'\["{re.escape(team)}["/-]', address))


def _plan(where: Workspace) -> tuple[Planned, Mapping[str, Any]]:
    with TemporaryDirectory(prefix="groundwork-plan-") as folder:
        result = infrastructure.plan(where, plan_file=Path(folder) / "plan.tfplan")
        if not result.differs:
            return {}, {}
        shown = Terraform(where).show(result.plan_file)
    planned = {
        change["address"]: (tuple(change["change"]["actions"]), change["change"])
        for change in shown.get("resource_changes", [])
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }
    return planned, shown.get("output_changes", {})


def _other_contracts(outputs: Mapping[str, Any], team: str) -> Iterator[str]:
    """List the stacks of other teams whose contract the plan changes."""
    stacks = outputs.get("stacks", {})
    before, after = stacks.get("before"), stacks.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        for other, contract in before.items():
            if other != team and after.get(other) != contract:
                yield f'output.stacks["{other}"]'
