"""``python -m governance.cli.infrastructure``: what ``python -m stack_bootstrap`` does, on record in the audit log."""

from __future__ import annotations

from governance.audit.errors import AuditError
from governance.infrastructure.recorder import AuditRecorder
from stack_bootstrap.__main__ import app
from stack_bootstrap.command_line import EXPECTED_ERRORS, run_command_line
from stack_bootstrap.recorders import attached


def main() -> None:
    """Run the command line. Exit status 1 also when something was changed and the log could not be written."""
    with attached(AuditRecorder()):
        run_command_line(app, (*EXPECTED_ERRORS, AuditError))


if __name__ == "__main__":
    main()
