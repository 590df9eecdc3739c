"""Moving a team's models from one place to another: what would move, the move, the comparison, the record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from environments import Team
from governance.audit.events import Migration
from governance.audit.layout import MIGRATIONS
from governance.audit.store import Object
from governance.core.digests import content_digest
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.migration.contents import Contents, Key, Watch, facts_of, read_contents
from governance.migration.copying import Copier
from governance.migration.places import Place
from governance.records.journal import Journal

NOT_KEPT = (
    "owners and the dates at which things were made: the server's own, of the move",
    "identifiers: the map in the log says what became of each",
    "of metadata that was written more than once, all but the last value",
    "schedules, builds and code repositories: make deploy and make schedules make them again",
)
"""What ZenML's interface takes from nobody, or what must not go on in two places."""

_OF_ONE_MAKING = {"artifact version": ("place", "type"), "run": ("began", "pipeline"), "step": ("began",)}
"""By kind: what two things of one name cannot differ in, if one is the other's copy."""


class DifferentThingsError(RefusedError):
    """The target holds something else under the same name; nothing was copied."""


@dataclass(frozen=True)
class Move:
    """What a move did, or would do."""

    team: str
    source: str
    destination: str
    counts: dict[str, int]
    """What the source holds, by kind."""
    made: dict[str, int]
    """What was made now, by kind."""
    left: tuple[str, ...]
    """Runs that have not ended."""
    differences: tuple[str, ...]
    """Where the two places say different things now."""
    map_digest: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether all that the source holds is in the target, the same."""
        return not self.differences


def plan(source: Place, target: Place, team: Team, watch: Watch = lambda _: None) -> Move:
    """Say what of ``team`` would move; nothing is written.

    Raises:
        DifferentThingsError: the target holds something else under the same name.
        RegistrationError: ZenML refuses to be read.
    """
    here, there = _read(source, target, team, watch)
    return _move(source, target, team, here, {}, differences(here, there))


def migrate(source: Place, target: Place, team: Team, targets: Iterable[Target], watch: Watch = lambda _: None) -> Move:
    """Copy all of ``team``'s models, runs and lineage to ``target``, compare both, and record the map of identifiers.

    What is there already is left as it is, so that a move that was killed goes on, and a second one makes nothing.
    Nothing is deleted in ``source``. Files of artifacts stay where they are.

    Args:
        source: where the team's models are.
        target: where they are to be.
        team: whose.
        targets: one for each environment whose log is to say so.
        watch: is told what is being done.

    Raises:
        DifferentThingsError: the target holds something else under the same name; nothing was copied.
        MigrationError: something cannot be made there.
        NotRecordedError: a log was not written; run it again.
    """
    here, there = _read(source, target, team, watch)
    copier = Copier(source, target, here, there, watch)
    copier.copy()
    watch("comparing")
    left = differences(here, read_contents(target, team.models, watch))
    move = _move(source, target, team, here, copier.made, left)
    return _record(move, copier, targets)


def _read(source: Place, target: Place, team: Team, watch: Watch) -> tuple[Contents, Contents]:
    if source.store is target.store and source.project_id == target.project_id:
        raise RefusedError(f"{source.address} and {target.address} are the same project.")
    here = read_contents(source, team.models, watch)
    if not here.models:
        raise RefusedError(
            f"Nothing to move: {source.address} holds none of {team.team}'s models ({', '.join(team.models)})."
        )
    there = read_contents(target, team.models, watch)
    ours, theirs = facts_of(here), facts_of(there)
    wrong = [
        f"{_spell(key)}: {part} is {theirs[key][part]!r} there and {ours[key][part]!r} here"
        for key in sorted(set(ours) & set(theirs))
        for part in _OF_ONE_MAKING.get(key[0], ())
        if ours[key][part] != theirs[key][part]
    ]
    if wrong:
        raise DifferentThingsError(
            f"{target.address} holds other things under the same names; nothing was copied. " + "; ".join(wrong[:5])
        )
    return here, there


def differences(here: Contents, there: Contents) -> tuple[str, ...]:
    """Say where what ``here`` holds is missing ``there`` or said differently; more may be there."""
    ours, theirs = facts_of(here), facts_of(there)
    found = []
    for key, facts in sorted(ours.items()):
        if key not in theirs:
            found.append(f"{_spell(key)} is missing")
            continue
        found += [f"{_spell(key)}: {part} differs" for part in facts if facts[part] != theirs[key][part]]
    return tuple(found)


def _spell(key: Key) -> str:
    return " ".join([key[0], ":".join(key[1:])])


def _move(
    source: Place, target: Place, team: Team, here: Contents, made: dict[str, int], left: tuple[str, ...]
) -> Move:
    return Move(team.team, source.address, target.address, here.counts, made, tuple(here.unfinished), left)


def _record(move: Move, copier: Copier, targets: Iterable[Target]) -> Move:
    document: dict[str, Any] = {
        "from": move.source,
        "to": move.destination,
        "team": move.team,
        "ids": {kind: {str(old): str(new) for old, new in ids.items()} for kind, ids in copier.ids.items()},
    }
    data = json.dumps(document, sort_keys=True, indent=1).encode()
    name = content_digest(data)
    for target in targets:
        journal = Journal(target)
        # First: an entry must never name a map that is not there.
        journal.store.create_if_absent(Object(f"{MIGRATIONS}{name.removeprefix('sha256:')}.json", data))
        journal.write(
            journal.event(
                Migration,
                model=None,
                outcome="succeeded" if move.agrees else "failed",
                source=move.source,
                destination=move.destination,
                made=dict(sorted(move.made.items())),
                differences=len(move.differences),
                map_digest=name,
            )
        )
    return replace(move, map_digest=name)
