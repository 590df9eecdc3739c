"""Every version at a glance: what the logs say of its training, and where it is in use."""

from __future__ import annotations

from environments import ORDER, Platform, SettingsError
from governance.audit import AuditError, LogReader, locate, open_reader
from governance.core.digests import digest
from governance.core.target import Target, target_for
from governance.gates.performance import GATE
from governance.gates.record import as_reference
from governance.records.history import read_history
from governance.records.trainings import Outcome, Training, trainings
from governance.registry.inventory import VersionRow, list_versions
from governance.signing.people import known_people
from pipelines.training import training_pipeline

DIFFERS = "another model by that number"

_Used = dict[tuple[str, str, str], list[str]]
"""Environments by the model, version and digest that the log says is in use there."""


class JudgedVersion(VersionRow):
    """A model version with what the logs say of it."""

    verdict: Outcome
    """``not judged`` also where the log's version has another digest: its verdict is of another model."""
    note: str = ""
    """Which gate stopped it, or why the log says nothing."""
    metric: str | None = None
    value: float | None = None
    trainer: str | None = None
    """The person's address; their pseudonym where nobody who is declared is behind it."""
    in_use: tuple[str, ...] = ()
    """Environments in which the log says that it is in use."""


def judged_versions(
    platform: Platform, model: str | None = None, cloud: str | None = None
) -> tuple[list[JudgedVersion], list[str]]:
    """Return every version of every team's models, or of one, as the logs judge it, and which logs cannot be read."""
    rows = list_versions(platform, model)
    unread: list[str] = []
    trained: dict[tuple[str, str], tuple[Training, str | None]] = {}
    used: _Used = {}
    for name in platform.environments if rows else ():
        try:
            log = open_reader(platform, name, cloud=cloud)
            if name == ORDER[0]:
                trained = _trained(platform, log, cloud)
            else:
                _add_used(used, name, log, [_target(platform, one, name, cloud) for one in {row.model for row in rows}])
        except AuditError as error:
            unread.append(f"The log of {name} cannot be read: {error}")
    return [_judged(row, trained.get((row.model, row.version)), used) for row in rows], unread


def _trained(
    platform: Platform, log: LogReader, cloud: str | None
) -> dict[tuple[str, str], tuple[Training, str | None]]:
    """Return the training of each version, and who trained it: the person's address, or their pseudonym."""
    where = locate(platform, ORDER[0], cloud=cloud)
    people, subjects = known_people(platform, where.environment, where.cloud), where.subjects()
    found = {}
    for version, training in trainings(log, training_pipeline.name, as_reference(GATE.name)).items():
        pseudonym = training.trainer.id if training.trainer else None
        person = people.behind(pseudonym, subjects) if pseudonym else None
        found[version] = training, person.email if person else pseudonym
    return found


def _target(platform: Platform, model: str, environment: str, cloud: str | None) -> Target | None:
    try:
        return target_for(platform, model, environment, cloud)
    except SettingsError:
        return None  # the team is not in that environment


def _add_used(used: _Used, name: str, log: LogReader, targets: list[Target | None]) -> None:
    for target in targets:
        found = read_history(target, log).current if target is not None else None
        if found is not None:
            used.setdefault((found.model, found.version, found.digest), []).append(name)


def _judged(row: VersionRow, found: tuple[Training, str | None] | None, used: _Used) -> JudgedVersion:
    own = digest(row.digest) if row.digest else None
    facts = row.model_dump() | {"in_use": tuple(used.get((row.model, row.version, own or ""), ()))}
    if found is None:
        return JudgedVersion(verdict="not judged", note="not in the log", **facts)
    training, trainer = found
    if training.digests - {own}:
        return JudgedVersion(verdict="not judged", note=DIFFERS, **facts)
    metric, value = training.metric or (None, None)
    stopped_by = (training.stopped_by or "").replace("_", " ")
    return JudgedVersion(
        verdict=training.outcome, note=stopped_by, metric=metric, value=value, trainer=trainer, **facts
    )
