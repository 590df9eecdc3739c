"""What production holds of a team, for which the team must stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from environments import ORDER, Platform, Team, local_root, names_for, stack_name

_SHOWN = 5
"""Names of a kind that are listed; the rest is counted."""


def held_by_production(team: Team, platform: Platform, clouds: Mapping[str, str]) -> list[str]:
    """List why ``team`` is needed: its models in production, and what its stores of protected environments hold.

    Args:
        team: The team.
        platform: The settings.
        clouds: The cloud by environment.
    """
    found = list(_production_models(team, platform))
    for name, cloud in clouds.items():
        if platform.environments[name].protected or name == ORDER[-1]:
            found += _artifacts(team, name, cloud, platform.project_of(team.team))
            if cloud == "local":
                found += _files(team, platform, name)
    return found


def _production_models(team: Team, platform: Platform) -> Iterator[str]:
    from governance.registry.inventory import list_versions

    for row in list_versions(platform):
        if row.team == team.team and row.stage == ORDER[-1]:
            yield (
                f"Version {row.version} of {row.model} is in production. Retire it first: set its stage to archived in "
                "ZenML, once nothing asks it any more."
            )


def _artifacts(team: Team, environment: str, cloud: str, project: str | None) -> Iterator[str]:
    """List what ZenML knows to lie in the artifact store of the team's stack."""
    from zenml.client import Client
    from zenml.enums import StackComponentType

    try:
        stack = Client().get_stack(stack_name(team.team, environment, cloud), allow_name_prefix_match=False)
    except KeyError:
        return
    for store in stack.components[StackComponentType.ARTIFACT_STORE]:
        page = Client().list_artifact_versions(artifact_store_id=store.id, size=_SHOWN, project=project)
        if page.total:
            names = ", ".join(f"{artifact.artifact.name} {artifact.version}" for artifact in page.items)
            yield f"The store of {environment} holds {page.total} artifacts ({_some(names, page.total)}); {_HOW}"


def _files(team: Team, platform: Platform, environment: str) -> Iterator[str]:
    """List what lies in the team's local folders, whatever ZenML knows."""
    settings = platform.environments[environment]
    names = names_for(team.team, environment, "local", settings.prefix)
    folder: Path = local_root(settings) / "environments" / names.folder
    held = [
        path
        for kind in ("artifacts", "data")
        for path in (folder / kind).rglob("*")
        if path.is_file() and path.name != ".groundwork"
    ]
    if held:
        shown = ", ".join(str(path.relative_to(folder)) for path in sorted(held)[:_SHOWN])
        yield f"{folder} holds {len(held)} files ({_some(shown, len(held))}); {_HOW}"


_HOW = "keep what must be kept elsewhere, and delete them once their retention is over."


def _some(names: str, total: int) -> str:
    return names if total <= _SHOWN else f"{names} and {total - _SHOWN} more"
