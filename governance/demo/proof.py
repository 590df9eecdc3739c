"""The last chapter: what can be shown to somebody who trusts nobody here."""

from __future__ import annotations

from pathlib import Path

from environments import ORDER, Platform
from governance.demo.setting import CLOUD
from governance.demo.story import Story
from governance.errors import Refused
from governance.target import target_for


class Damaged(Refused):
    """An audit log is not as it was signed."""


def verify_logs(platform: Platform, story: Story) -> None:
    """Check every entry, signature and anchor of every environment's log.

    Raises:
        Damaged: one does not hold.
    """
    from governance.audit import locate, open_reader
    from governance.audit.integrity import verify_log

    for name in platform.environments:
        with story.doing(f"verify the audit log of {name}") as tell_outcome:
            where = locate(platform, name, cloud=CLOUD)
            keys = open_reader(platform, name, cloud=CLOUD).keys
            report = verify_log(where.store(), keys, where.open_anchors(), where.origin)
            if not report.ok:
                raise Damaged(f"The audit log of {name} is damaged, first at entry {report.first_bad}.")
            tell_outcome(f"intact, {report.entries} entries")


def write_reports(platform: Platform, story: Story) -> Path:
    """Write every model's report and their index, and return the index."""
    from governance.report.write import default_folder, write_report

    folder = default_folder(platform)
    for team in platform.teams.values():
        for model in team.models:
            with story.doing(f"report of {model}"):
                write_report(target_for(platform, model, ORDER[-1], CLOUD), folder)
    return folder / "index.html"
