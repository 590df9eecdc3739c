"""Writing to an environment's audit log what governance does, in the name of whoever does it."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from governance.audit import AuditError, AuditLog, Identity, current_identity, locate, open_log
from governance.audit.events import Actor, Event
from governance.audit.store import Store
from governance.audit.subjects import Subjects
from governance.core.errors import RefusedError
from governance.core.provenance import Provenance, collect, require_commit
from governance.core.target import Target
from governance.records.settings import Settings, require_applied, settings_at

_Event = TypeVar("_Event", bound=Event)

_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


class NotRecordedError(RefusedError):
    """The audit log could not be written, so what depends on the record was not done."""


class Journal:
    """The audit log of one environment, and what every event of one model's says.

    Args:
        target: the model and environment.
        actor: who acts, if that was established otherwise; by default who runs this process.
    """

    def __init__(self, target: Target, actor: Identity | None = None) -> None:
        self._target = target
        self._where = locate(target.platform, target.environment.environment, cloud=target.cloud)
        self._identity = actor or current_identity()

    @cached_property
    def log(self) -> AuditLog:
        """The log, opened when it is first needed."""
        try:
            return open_log(self._target.platform, self._target.environment.environment, cloud=self._target.cloud)
        except AuditError as error:
            raise NotRecordedError(
                f"The audit log of {self._target.environment.environment} cannot be used: {error}"
            ) from error

    @property
    def store(self) -> Store:
        """Where the log is, and what is kept beside it."""
        try:
            return self._where.store()
        except AuditError as error:
            raise NotRecordedError(
                f"What {self._target.environment.environment} keeps cannot be used: {error}"
            ) from error

    @property
    def subjects(self) -> Subjects:
        """The people behind the log's pseudonyms."""
        return self._where.subjects()

    @cached_property
    def provenance(self) -> Provenance:
        """What this process runs from."""
        return collect(self._target.platform.directory)

    @cached_property
    def settings(self) -> Settings:
        """What the environment requires by the settings at hand."""
        return settings_at(self._target)

    def require_origin(self) -> None:
        """Go on only with code that a commit describes and under the settings last applied here, where that matters.

        Raises:
            CommitUnknownError, UncommittedError: no commit describes the code, or the settings at hand.
            SettingsNotAppliedError: the settings are others than were applied, or none are on record.
            NotRecordedError: the log cannot be used.
        """
        name, settings = self._target.environment.environment, self._target.platform.directory
        require_commit(name, self.provenance, guarded=self._target.guarded, settings=settings)
        require_applied(self._target, self.log, self.settings)

    @cached_property
    def actor(self) -> Actor:
        """Who acts, under the pseudonym that the log knows."""
        return self._where.subjects().actor(self._identity)

    def person(self, identity: Identity) -> Actor:
        """Return the pseudonymous actor for somebody else who has a part in it."""
        return self._where.subjects().actor(identity)

    def event(self, kind: type[_Event], **fields: object) -> _Event:
        """Return an event of ``kind`` about this target, made from this checkout.

        Raises:
            NotRecordedError: a field holds what must not enter the log, such as an e-mail address.
        """
        common = {
            "actor": self.actor,
            "environment": self._target.environment.environment,
            "cloud": self._target.cloud,
            "team": self._target.team.team,
            "model": self._target.model,
            "settings_digest": self.settings.digest,
            **self.provenance.in_log(),
        }
        try:
            return kind.model_validate({**common, **fields})
        except ValidationError as error:
            reasons = "; ".join(str(problem["msg"]) for problem in error.errors())
            raise NotRecordedError(f"This cannot be recorded as {kind.__name__}: {reasons}") from error

    def write(self, *events: Event) -> None:
        """Append ``events``; they are durable, signed for and anchored when this returns.

        Raises:
            NotRecordedError: the log could not be written. Whatever depends on the record must not go ahead.
        """
        try:
            self.log.append_many(events)
        except AuditError as error:
            raise NotRecordedError(
                f"The audit log of {self._target.environment.environment} was not written: {error}"
            ) from error


def without_people(text: str, longest: int = 500) -> str:
    """Return ``text`` without e-mail addresses, at most as long as the log takes: people stand in it by pseudonym."""
    return _EMAIL.sub("(somebody)", text)[:longest]
