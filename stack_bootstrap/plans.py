"""What a plan would do, in a form that people review and that ``apply`` holds itself to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from environments.errors import ExpectedError
from environments.files import file_sha256, replace_file, sha256_hex
from stack_bootstrap.workspace import Workspace


class PlanFileError(ExpectedError):
    """A plan file is not the reviewed plan of this environment; the message says why."""


@dataclass(frozen=True)
class Changes:
    """Addresses of resources by what happens to them."""

    add: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    heal: tuple[str, ...] = ()
    """Made anew because the thing itself is gone; nothing that exists is lost."""
    outputs: tuple[str, ...] = ()
    """Names of outputs whose value changes."""

    def __str__(self) -> str:
        parts = [
            f"{len(addresses)} to {what}"
            for what in ("add", "change", "replace", "delete", "heal")
            if (addresses := getattr(self, what))
        ]
        if not parts and self.outputs:
            return f"only outputs change ({', '.join(self.outputs)})"
        return ", ".join(parts) or "no changes"

    def summary(self) -> str:
        """Return what happens in a few lines: how many of each type, and by name what exists and would be lost."""
        lines = [f"{self}."]
        for what in ("add", "change", "heal"):
            types = Counter(_type_of(address) for address in getattr(self, what))
            if types:
                counted = (f"{count} {kind}" for kind, count in sorted(types.items()))
                lines.append(f"  {what}: {', '.join(counted)}")
        lines += [f"  {what}: {address}" for what in ("replace", "delete") for address in getattr(self, what)]
        return "\n".join(lines)

    def joined(self, other: Changes) -> Changes:
        """Return these changes and ``other``."""
        return Changes(**{what: (*addresses, *getattr(other, what)) for what, addresses in vars(self).items()})

    @property
    def destructive(self) -> tuple[str, ...]:
        """What exists and would be deleted, for good or to be made anew."""
        return (*self.delete, *self.replace)


def _type_of(address: str) -> str:
    """Return the type in a resource's address, such as ``module.a["b"].aws_s3_bucket.c[0]``."""
    return re.sub(r"\[[^]]*\]", "", address).split(".")[-2]


def read_changes(plan: Mapping[str, Any], vanished: Collection[str] = ()) -> Changes:
    """Read the changes in a plan of ``terraform show -json``. No value of any resource is kept.

    Args:
        plan: the plan as Terraform's JSON (developer.hashicorp.com/terraform/internals/json-format).
        vanished: addresses of resources whose thing is gone, which are healed by being replaced.
    """
    found: dict[str, list[str]] = {"add": [], "change": [], "replace": [], "delete": [], "heal": []}
    for resource in plan.get("resource_changes", []):
        actions, address = resource["change"]["actions"], resource["address"]
        if {"create", "delete"} <= set(actions):
            found["heal" if address in vanished else "replace"].append(address)
        elif actions == ["create"]:
            found["add"].append(address)
        elif actions == ["delete"]:
            found["delete"].append(address)
        elif actions in (["update"], ["forget"]) or "previous_address" in resource or "importing" in resource["change"]:
            found["change"].append(address)
    outputs = [name for name, change in plan.get("output_changes", {}).items() if change["actions"] != ["no-op"]]
    return Changes(**{what: tuple(sorted(addresses)) for what, addresses in found.items()}, outputs=tuple(outputs))


@dataclass(frozen=True)
class Review:
    """What stands beside a plan file: which environment and settings it was made for, and what it does."""

    environment: str
    cloud: str
    settings_sha256: str
    plan_sha256: str
    changes: Changes
    simulated: bool = False
    cluster_digest: str = ""
    """Over what would change inside the cluster; empty where nothing would."""


def review_file(plan_file: Path) -> Path:
    """Return the file that holds the review of ``plan_file``."""
    return plan_file.with_suffix(".json")


def write_review(plan_file: Path, workspace: Workspace, changes: Changes, cluster_digest: str = "") -> None:
    """Write the review of a plan that was just made in ``workspace``, and of what changes in its cluster."""
    review = Review(
        environment=workspace.environment,
        cloud=workspace.cloud,
        settings_sha256=_settings_digest(workspace),
        plan_sha256=file_sha256(plan_file),
        changes=changes,
        simulated=workspace.simulated,
        cluster_digest=cluster_digest,
    )
    replace_file(review_file(plan_file), json.dumps(asdict(review), indent=2) + "\n")


def check_review(plan_file: Path, workspace: Workspace) -> Review:
    """Return the review of ``plan_file``, if it is a plan for this workspace and its settings as they are now.

    Terraform reads the settings again when it applies a plan, so a plan made from other settings is refused here.

    Raises:
        PlanFileError: there is no such plan, or it is another one than was reviewed, or not for these settings.
    """
    beside = review_file(plan_file)
    for file in (plan_file, beside):
        if not file.is_file():
            raise PlanFileError(
                f"{file} does not exist. `plan` writes a plan ({plan_file.name}) and its review ({beside.name}); "
                "keep both together."
            )
    try:
        raw = json.loads(beside.read_text(encoding="utf-8"))
        changes = Changes(**{what: tuple(addresses) for what, addresses in raw.pop("changes").items()})
        review = Review(**raw, changes=changes)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanFileError(f"{beside} is no review of a plan ({error}). Plan again.") from error
    if (review.environment, review.cloud) != (workspace.environment, workspace.cloud):
        raise PlanFileError(
            f"{plan_file} is a plan for {review.environment} on {review.cloud}, not for {workspace}. "
            "Name the environment that it was made for."
        )
    if review.simulated != workspace.simulated:
        made, wanted = ("offline", "a real") if review.simulated else ("for real", "an offline")
        raise PlanFileError(f"{plan_file} was made {made} and cannot be used in {wanted} run. Plan again.")
    if review.plan_sha256 != file_sha256(plan_file):
        raise PlanFileError(f"{plan_file} is not the plan that {beside.name} describes. Plan again, and review that.")
    if review.settings_sha256 != _settings_digest(workspace):
        raise PlanFileError(
            f"The settings of {workspace.environment} in {workspace.settings} have changed since {plan_file} was "
            "made. Plan again, and review that."
        )
    return review


def _settings_digest(workspace: Workspace) -> str:
    """Return a digest over the settings that this environment's root reads."""
    names = dict.fromkeys((f"{workspace.environment}.yaml", f"{workspace.place}.yaml", "names.yaml"))
    files = [*(workspace.settings / name for name in names), *sorted((workspace.settings / "teams").glob("*.yaml"))]
    return sha256_hex(
        b"".join(f"{file.relative_to(workspace.settings)}\0".encode() + file.read_bytes() + b"\0" for file in files)
    )
