"""The demo's last part: logs, evidence and reports, checked as an outsider would check them."""

from __future__ import annotations

from pathlib import Path

from environments import ORDER, Platform
from governance.core.errors import RefusedError
from governance.core.target import target_for
from governance.demo.config import Place
from governance.demo.progress import DemoProgress


class DamagedError(RefusedError):
    """An audit log or an evidence pack is not as it was signed."""


def verify_logs(platform: Platform, progress: DemoProgress, place: Place) -> None:
    """Check every entry, signature and anchor of every environment's log.

    Raises:
        DamagedError: one does not hold.
    """
    from governance.audit import locate, open_reader
    from governance.audit.integrity import verify_log

    for name in platform.environments:
        with progress.doing(f"verify the audit log of {name}") as tell_outcome:
            where = locate(platform, name, cloud=place.cloud)
            keys = open_reader(platform, name, cloud=place.cloud).keys
            report = verify_log(where.store(), keys, where.open_anchors(), where.origin)
            if not report.ok:
                raise DamagedError(f"The audit log of {name} is damaged, first at entry {report.first_bad}.")
            tell_outcome(f"intact, {report.entries} entries")


def write_evidence(platform: Platform, model: str, progress: DemoProgress, place: Place) -> Path:
    """Write the evidence pack of the version in production, and check it as an auditor would.

    Raises:
        DamagedError: the pack does not hold.
    """
    from governance.audit.verify_pack import check_pack
    from governance.evidence_pack.facts import number_of
    from governance.evidence_pack.pack import default_file, write_pack

    production = target_for(platform, model, ORDER[-1], place.cloud)
    version = number_of(production, None)
    with progress.doing(f"evidence pack of {model} version {version}") as tell_outcome:
        written = write_pack(production, default_file(production, version), version=version)
        if not check_pack(str(written.file), None, [])["ok"]:
            raise DamagedError(f"The evidence pack {written.file} does not hold.")
        tell_outcome(f"checked, {written.entries} entries of the log: {written.file}")
    return written.file


def write_reports(platform: Platform, progress: DemoProgress, place: Place) -> Path:
    """Write the report of each team's first model and their index, and return the index."""
    from governance.report.write import default_folder, write_report

    folder = default_folder(platform)
    for team in platform.teams.values():
        model = team.models[0]
        with progress.doing(f"report of {model}"):
            write_report(target_for(platform, model, ORDER[-1], place.cloud), folder)
    return folder / "index.html"
