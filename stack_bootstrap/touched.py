"""Which environments and models a change of files concerns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from environments import CHECKOUT, Platform
from environments.git import GitError, run_git
from stack_bootstrap.infrastructure import InfrastructureError

_INFRASTRUCTURE = ("environments", "infra", "stack_bootstrap")
_MODELS = ("pipelines", "requirements.lock", "locks")
_CONFIGS = PurePosixPath("pipelines/configs")
_WITHOUT_EFFECT = frozenset({".md", ".hcl"})
"""Documents, and Terraform's tests; a provider lock (also .hcl) comes with a change of versions.tf."""


@dataclass(frozen=True)
class Touched:
    """Names, in the order of the settings."""

    environments: tuple[str, ...]
    models: tuple[str, ...]


def touched(paths: Iterable[str], platform: Platform) -> Touched:
    """Return what a change of ``paths`` concerns.

    An environment's own file concerns that environment, everything else that Terraform reads concerns all of them. A
    model's configuration concerns that model, any other code of pipelines concerns all models.

    Args:
        paths: changed files, relative to the checkout, with forward slashes.
        platform: the settings as they are after the change.
    """
    every_model = [model for team in platform.teams.values() for model in team.models]
    environments: set[str] = set()
    models: set[str] = set()
    for path in map(PurePosixPath, paths):
        if path.suffix in _WITHOUT_EFFECT and path.name != ".terraform.lock.hcl":
            continue
        if path.parts[0] in _INFRASTRUCTURE:
            own = path.parent == PurePosixPath("environments") and path.stem in platform.environments
            environments.update([path.stem] if own and path.suffix == ".yaml" else platform.environments)
        if path.parts[0] in _MODELS:
            own = path.parent == _CONFIGS and path.stem in every_model
            models.update([path.stem] if own else every_model)
    return Touched(
        tuple(name for name in platform.environments if name in environments),
        tuple(name for name in every_model if name in models),
    )


def changed_files(base: str, checkout: Path = CHECKOUT) -> list[str]:
    """Return the files that differ between ``HEAD`` and where it left ``base``, old names of moved ones included.

    Raises:
        InfrastructureError: git does not know ``base``, or this is no checkout of git.
    """
    options = ("--name-only", "--no-renames", "-z", "--end-of-options")
    try:
        names = run_git(checkout, "diff", *options, f"{base}...HEAD")
    except GitError as error:
        raise InfrastructureError(
            f"git cannot say what changed since {base!r}: {error.said}. Name a commit that this checkout has, "
            "with its history (fetch-depth: 0)."
        ) from error
    return [name for name in names.split("\0") if name]
