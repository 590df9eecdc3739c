"""A run in the audit log: that it began, what it left, and that nothing of it was lost."""

from __future__ import annotations

from collections.abc import Sequence

from requests import RequestException
from zenml.client import Client
from zenml.logger import get_logger

from environments.errors import one_line
from governance.audit import AuditError, locate
from governance.audit.events import Event, RunFailed, RunStarted
from governance.audit.outbox import Outbox, Recorded, record_run
from governance.core.machine_lock import machine_lock
from governance.core.store_files import failures_of
from governance.core.target import Target
from governance.gates.record import gate_label
from governance.records import run_outbox
from governance.records.journal import Journal, NotRecordedError
from governance.runs.errors import RunBrokenError
from governance.runs.liveness import Attention

_logger = get_logger(__name__)


class RunRecord:
    """The record of one run, kept by the process that submits it, on the run's active stack."""

    def __init__(self, target: Target, journal: Journal, run: str, pipeline: str) -> None:
        self._target, self._journal, self._run, self._pipeline = target, journal, run, pipeline
        self._attention: Attention | None = None

    def begin(self, gates: Sequence[str], snapshot: str | None = None) -> None:
        """Say that the run begins and what it must leave, before it does.

        Args:
            gates: what it must pass.
            snapshot: digest of the frozen snapshot that it is started from.

        Raises:
            NotRecordedError: the log cannot be written, so the run must not begin.
        """
        self._attention = Attention(self._target, self._run)
        expects = ("run_finished", *(gate_label(gate) for gate in gates))
        self._journal.write(self._event(RunStarted, stack=self._target.stack, expects=expects, snapshot=snapshot))

    def end(self, ended: BaseException | None = None) -> None:
        """Bring into the log what the run's steps left.

        Args:
            ended: what the run ended with, if not well. A run that broke off before its hooks could say so is said to
                have failed; its error goes on to the caller either way.

        Raises:
            NotRecordedError: the log cannot be written, or a run that ended well lacks an event that it should have
                left.
        """
        try:
            self._end(ended)
        except BaseException:
            if self._attention is not None:
                self._attention.give_up()
            raise
        if self._attention is not None:
            self._attention.end()

    def _end(self, ended: BaseException | None) -> None:
        try:
            if ended is not None:
                reason = ended.reason if isinstance(ended, RunBrokenError) else type(ended).__name__
                step = ended.step if isinstance(ended, RunBrokenError) else None
                run_outbox.enqueue(self._event(RunFailed, error_type=reason, step=step))  # unless its hooks did so
            recorded = self._record()
        except AuditError as error:
            raise self._not_recorded(ended, f"{error}") from error
        except RequestException as error:  # an OSError too, and of no artifact store
            raise self._not_recorded(ended, f"ZenML's server does not answer: {one_line(error)}") from error
        except failures_of(Client().active_stack.artifact_store.path) as error:
            raise self._not_recorded(ended, f"the artifact store does not answer: {one_line(error)}") from error
        self._record_earlier()
        if ended is None and (recorded.missing or not recorded.declared):
            lost = ", ".join(recorded.missing)
            raise NotRecordedError(
                f"Run {self._run} ended well but its record is incomplete: {lost} never arrived. It counts as no "
                "evidence; run it again."
            )

    def _not_recorded(self, ended: BaseException | None, why: str) -> NotRecordedError:
        said = f"{ended or type(ended).__name__}\n" if ended is not None else ""
        again = f"`make collect ENV={self._target.environment.environment} MODEL={self._target.model}`"
        return NotRecordedError(
            f"{said}What run {self._run} left could not be recorded: {why}. Nothing of it is public before it is: once "
            f"that is mended, {again} enters it."
        )

    def _record(self) -> Recorded:
        # What is in the log already is found by reading it: two processes that read at once would both write the rest.
        with machine_lock(self._target, "recording"):
            return record_run(run_outbox.pending(self._run), self._journal.log, self._run)

    def _record_earlier(self) -> None:
        """Record what runs of an earlier release left on this machine when they were killed."""
        where = locate(self._target.platform, self._target.environment.environment, cloud=self._target.cloud)
        for folder in sorted(path for path in where.spool.glob("[!.]*") if path.is_dir()):
            try:
                with Outbox(folder).pending() as left:
                    record_run(left, self._journal.log, folder.name)
                folder.rmdir()
            except (AuditError, OSError) as error:
                _logger.warning("What run %s left in %s could not be recorded: %s", folder.name, folder, error)

    def _event(self, kind: type[Event], **fields: object) -> Event:
        return self._journal.event(kind, run=self._run, pipeline=self._pipeline, **fields)
