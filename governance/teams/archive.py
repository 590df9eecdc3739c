"""The archive of a removed team: its files and the list of its models, in one zip below the local root."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from environments import Platform, ground_of, pick_cloud
from governance.core import clock
from pipelines.local_paths import local_paths

if TYPE_CHECKING:
    from governance.teams.remove import TeamRemoval

INVENTORY = "inventory.json"


def write(removal: TeamRemoval, platform: Platform) -> Path:
    """Archive the team's files and its inventory; whoever may read the local root may read the archive.

    Returns:
        ``<local root>/archive/teams/<team>-<time in UTC>.zip``, complete and readable by its owner only.

    Raises:
        UnsafeNameError: the team's folders hold a link, which could lead to anybody's files.
    """
    first = next(iter(platform.environments.values()))
    folder = ground_of(first, pick_cloud(first, None)) / "archive" / "teams"
    folder.mkdir(parents=True, exist_ok=True)
    now = clock.now()
    members = list(_members(removal, platform))
    file = folder / f"{removal.team.team}-{now:%Y%m%dT%H%M%S%fZ}.zip"
    unfinished = file.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, name in members:
                packed.write(path, name)
            packed.writestr(INVENTORY, json.dumps(_inventory(removal, platform, now), indent=2))
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(file)
    return file


def _members(removal: TeamRemoval, platform: Platform) -> Iterator[tuple[Path, str]]:
    for top in removal.files:
        base = removal.checkout if top.is_relative_to(removal.checkout) else platform.directory.parent
        files = (
            [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file() or path.is_symlink())
        )
        names = [path.relative_to(base).as_posix() for path in files if "__pycache__" not in path.parts]
        yield from ((path, name) for name, path in local_paths(base, names).items())


def _inventory(removal: TeamRemoval, platform: Platform, now: datetime) -> dict[str, object]:
    from governance.registry.inventory import list_versions

    return {
        "team": removal.team.team,
        "archived": now.isoformat(),
        "registered": removal.objects,
        "infrastructure": {preview.environment: preview.addresses for preview in removal.previews},
        "models": [row.model_dump(mode="json") for row in list_versions(platform) if row.team == removal.team.team],
    }
