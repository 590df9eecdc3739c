"""What Terraform cannot see of the local cloud: folders that vanished, and a state file that was cut off.

The builtin provider has nothing to refresh, so these are read from the state file before a plan is made.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

MARKER = ".groundwork"
"""File that ``infra/modules/local/team-folders`` puts into each folder it owns."""


class CopiedStateError(Exception):
    """The state describes folders of another checkout, which still exist."""


def vanished_folders(state_file: Path, ground: Path) -> tuple[str, ...]:
    """Return addresses of the folders that the state records and that carry no marker, or were never finished.

    To make such a folder anew loses nothing: without the marker nothing is removed, and what Terraform did not finish
    (it calls that tainted) it replaces without running what removes a folder.

    Args:
        state_file: Terraform's state; no file is an empty state.
        ground: folder that holds everything of the local cloud.

    Raises:
        CopiedStateError: the state records folders outside ``ground`` that still carry their marker. Planning would
            move the environment here and delete them there.
    """
    gone = []
    for address, (folder, finished) in _recorded_folders(state_file).items():
        marked = (folder / MARKER).is_file()
        if not (marked and finished):
            gone.append(address)
        if marked and not folder.is_relative_to(ground):
            raise CopiedStateError(
                f"{state_file} describes folders outside {ground}, such as {folder}, which still exists: this state "
                f"was copied from there. Nothing was changed. Work where it came from, or delete {state_file} to "
                "start anew here; folders and data below are kept and taken over."
            )
    return tuple(gone)


def repair_state(state_file: Path) -> str | None:
    """Set a state file aside that was cut off when Terraform was killed, and go back to Terraform's own backup.

    A folder that the backup does not know is taken over by the next apply, with what it holds. Returns what was done,
    or ``None`` when the file is sound.
    """
    if not state_file.is_file():
        return None
    with state_file.open("r+b") as held:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the lock that Terraform itself takes
        except OSError:
            return None  # Terraform is at work, so the file may be half-written for good reason
        if _is_sound(state_file):
            return None
        aside = state_file.with_suffix(".damaged")
        state_file.replace(aside)
        backup = state_file.with_name(state_file.name + ".backup")
        cut_off = f"{state_file} was cut off, probably by a kill. It is kept as {aside.name}"
        if backup.is_file() and _is_sound(backup):
            state_file.write_bytes(backup.read_bytes())
            return f"{cut_off}; {backup.name} took its place."
        return f"{cut_off}; the state starts anew."


def _is_sound(state_file: Path) -> bool:
    """Return whether Terraform can read the file; it takes an empty one for an empty state."""
    return state_file.stat().st_size == 0 or _load(state_file) is not None


def _load(state_file: Path) -> dict[str, Any] | None:
    """Load the state, or None when the file is cut off, or missing."""
    try:
        state = json.loads(state_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def _recorded_folders(state_file: Path) -> dict[str, tuple[Path, bool]]:
    """Return folder, and whether it was finished, by the address of its resource in the module ``team-folders``."""
    folders = {}
    for resource in (_load(state_file) or {}).get("resources", []):
        if (resource["mode"], resource["type"], resource["name"]) != ("managed", "terraform_data", "folder"):
            continue
        for instance in resource["instances"]:
            module = f"{resource['module']}." if "module" in resource else ""
            address = f"{module}terraform_data.folder[{json.dumps(instance['index_key'])}]"
            folder = Path(instance["attributes"]["triggers_replace"]["value"]["folder"])
            folders[address] = (folder, instance.get("status") != "tainted")
    return folders
