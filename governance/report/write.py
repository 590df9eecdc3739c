"""Writes a report and the index of all reports, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from environments import CHECKOUT, Platform
from environments.files import replace_file
from governance.core.target import Target
from governance.report.index import describe, entry_file, render_index
from governance.report.render import render


def default_folder(platform: Platform) -> Path:
    """Return ``reports`` in the local root where there is one, else below the checkout's ``.groundwork``."""
    from governance.core.workspace import workspace_dir

    if all(environment.local is not None for environment in platform.environments.values()):
        return workspace_dir(platform) / "reports"
    return CHECKOUT / ".groundwork" / "reports"


def write_report(target: Target, folder: Path) -> Path:
    """Write the report of the version in use in ``target``'s environment into ``folder``, and refresh its index.

    Returns:
        The page. A report of another version or environment has another name, so none is overwritten by it.

    Raises:
        NothingToReportError: no version is in use there; nothing was written.
        OSError: ``folder`` cannot be written to.
    """
    from governance.report.collect import collect

    data = collect(target)
    entry = describe(data)
    page = folder / entry.file
    replace_file(page, render(data))
    replace_file(folder / entry_file(entry), entry.model_dump_json(indent=2))
    replace_file(folder / "index.html", render_index(target.platform, folder))
    return page
