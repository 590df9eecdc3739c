"""The folders of the local cloud, and what of them the demo made."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from environments import Platform, local_root
from environments.files import replace_file
from governance.core.errors import RefusedError
from stack_bootstrap.registration.running_server import SWITCH

MANIFEST = "demo.json"
"""File in the local root that lists what the demo made."""


_BESIDE = ("anchors", "applied", "cost", "evidence", "keys", "locks", "people", "reports", "runs", "spool", "zenml")
"""Folders of the local root that all its environments share."""


class WorkspaceDirError(RefusedError):
    """The local root cannot be used or removed as asked."""


def workspace_dir(platform: Platform) -> Path:
    """Return the one folder below which every environment of the local cloud lives.

    Raises:
        WorkspaceDirError: the environments' ``local.root`` differ.
    """
    roots = {local_root(environment) for environment in platform.environments.values()}
    if len(roots) != 1:
        raise WorkspaceDirError(
            f"The demo needs one local.root for all environments in {platform.directory}; found: "
            f"{', '.join(sorted(map(str, roots)))}."
        )
    return roots.pop()


def use_local_store(root: Path) -> None:
    """Point ZenML at the store in ``root``, whatever server the user is connected to. Call before importing zenml."""
    os.environ["ZENML_CONFIG_PATH"] = str(root / "zenml")
    os.environ[SWITCH] = "off"
    for name in ("ZENML_STORE_URL", "ZENML_STORE_API_KEY", "ZENML_ACTIVE_STACK_ID", "ZENML_ACTIVE_PROJECT_ID"):
        os.environ.pop(name, None)


def parts(platform: Platform, root: Path) -> list[Path]:
    """Return the folders that the local cloud consists of."""
    return [
        *(root / "environments" / name for name in platform.environments),
        *(root / "terraform" / "local" / name for name in platform.environments),
        *(root / name for name in _BESIDE),
    ]


def claim(platform: Platform, root: Path) -> None:
    """Note, once, which parts of the root are not there yet: those are the demo's to remove later."""
    manifest = root / MANIFEST
    if manifest.exists():
        return
    made = [str(part.relative_to(root)) for part in parts(platform, root) if not part.exists()]
    replace_file(manifest, json.dumps({"made": made}, indent=2))


def remove_claimed(platform: Platform, root: Path, *, dry_run: bool = False) -> list[Path]:
    """Remove what the demo made; what was in the root before it stays.

    Returns:
        The folders that were removed (or would be).

    Raises:
        WorkspaceDirError: the manifest names something that is no part of the root.
    """
    manifest = root / MANIFEST
    if not manifest.exists():
        return []
    known = set(parts(platform, root))
    claimed = [root / name for name in json.loads(manifest.read_text(encoding="utf-8"))["made"]]
    strange = [path for path in claimed if path not in known]
    if strange:
        raise WorkspaceDirError(
            f"{manifest} names {', '.join(map(str, strange))}, which the demo does not make. Nothing was removed."
        )
    present = [path for path in claimed if path.exists()]
    if dry_run:
        return present
    for path in present:
        shutil.rmtree(path)
    manifest.unlink()
    for empty in (root / "terraform" / "local", root / "terraform", root / "environments", root):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()
    return present
