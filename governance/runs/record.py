"""A run in the audit log: that it began, what it left, and that nothing of it was lost."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from zenml.client import Client

from governance.audit import AuditError, locate
from governance.audit.events import EVENT, Event, RunFailed, RunStarted
from governance.core.store_files import path_in
from governance.core.target import Target
from governance.gates.record import gate_label
from governance.records.journal import Journal, NotRecordedError
from governance.records.run_outbox import FOLDER


class RunRecord:
    """The record of one run, kept by the process that submits it, on the run's active stack."""

    def __init__(self, target: Target, journal: Journal, run: str, pipeline: str) -> None:
        self._target, self._journal, self._run, self._pipeline = target, journal, run, pipeline
        self._spool = locate(target.platform, target.environment.environment, cloud=target.cloud).spool()

    def begin(self, gates: Sequence[str]) -> None:
        """Say that the run begins and what it must leave, before it does.

        Raises:
            NotRecordedError: the log cannot be written, so the run must not begin.
        """
        expects = ("run_finished", *(gate_label(gate) for gate in gates))
        self._journal.write(self._event(RunStarted, stack=self._target.stack, expects=expects))

    def end(self, ended: BaseException | None = None) -> None:
        """Bring into the log what the run's steps left.

        Args:
            ended: what the run ended with, if not well. A run that broke off before its hooks could say so is said to
                have failed; its error goes on to the caller either way.

        Raises:
            NotRecordedError: the log cannot be written, or a run that ended well lacks an event that it should have
                left.
        """
        left = self._collect()
        if ended is not None and not any(isinstance(event, RunFailed) for event in left):
            self._spool.put(self._event(RunFailed, error_type=type(ended).__name__))
        try:
            drained = self._spool.drain(self._journal.log, self._run)
        except AuditError as error:
            raise NotRecordedError(f"What run {self._run} left could not be recorded: {error}") from error
        if ended is None and not drained.complete:
            lost = ", ".join((*drained.missing, *drained.damaged))
            raise NotRecordedError(
                f"Run {self._run} ended well but its record is incomplete: {lost} never arrived. It counts as no "
                "evidence; run it again."
            )

    def _collect(self) -> list[Event]:
        """Take the events that steps left in the artifact store into the spool of this machine."""
        store, found = Client().active_stack.artifact_store, list[Event]()
        folder = path_in(store, FOLDER, self._run)
        if not store.exists(folder):
            return []
        for name in sorted(str(entry) for entry in store.listdir(folder)):
            if not name.endswith(".json") or name.startswith("."):
                continue
            with store.open(f"{folder}/{name}", "rb") as file:
                content = file.read()
            try:
                event = EVENT.validate_json(content)
            except ValidationError as error:
                raise NotRecordedError(f"{folder}/{name} holds no event; find out who wrote there.") from error
            self._spool.put(event)
            found.append(event)
        store.rmtree(folder)
        return found

    def _event(self, kind: type[Event], **fields: object) -> Event:
        return self._journal.event(kind, run=self._run, pipeline=self._pipeline, **fields)
